"""Trying a piece of a flow without running anything: on what (`subjects`), and each piece by a module of its own."""
