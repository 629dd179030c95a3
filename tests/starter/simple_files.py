"""A small flow of seconds and twelve people with few properties: what tests of the commands work on."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "simple"
CONTACTS = _FOLDER / "contacts.csv"
FLOW = _FOLDER / "demo-request.yaml"
