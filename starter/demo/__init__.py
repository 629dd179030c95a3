"""`perdure demo`: forty people ask for a demo, and the example flow follows each of them up, while you watch."""

from starter.demo.run import demo

__all__ = ["demo"]
