"""The deterministic side: no I/O, no clock, no dice.

All that lives here may be replayed from a stored history years later, so it only follows recorded facts. What a later
release might compute differently (a verdict, a local time, a rendered token) is asked of an activity. The exceptions
are `plugin.py`, `converter.py` and `codec.py`, which the SDK runs around the workflow code, never inside it.
"""
