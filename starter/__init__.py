"""The client side of Perdure: publishing flows, letting records in, taking events, and looking at what became of them.

A CRM application needs `connect_client`, and `compile_flow` and `publish` where it keeps flows itself. Router, relay
and reconciler run in the worker's process. Names are loaded when they are first used, so that commands start quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starter.admission import Admission, Admitted, Refusal
    from starter.client import Client
    from starter.compose import connect_client
    from starter.events import Receipt
    from starter.inspection import Description, Summary, Visited
    from starter.language.compile import compile_flow
    from starter.language.flow_file import FlowMistakes, Mistake
    from starter.publish import Published, publish

__all__ = [
    "Admission",
    "Admitted",
    "Client",
    "Description",
    "FlowMistakes",
    "Mistake",
    "Published",
    "Receipt",
    "Refusal",
    "Summary",
    "Visited",
    "compile_flow",
    "connect_client",
    "publish",
]

_HOMES = {
    "admission": ("Admission", "Admitted", "Refusal"),
    "client": ("Client",),
    "language.compile": ("compile_flow",),
    "compose": ("connect_client",),
    "events": ("Receipt",),
    "language.flow_file": ("FlowMistakes", "Mistake"),
    "inspection": ("Description", "Summary", "Visited"),
    "publish": ("Published", "publish"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"starter.{home}"), name)
    raise AttributeError(f"module 'starter' has no attribute {name!r}")
