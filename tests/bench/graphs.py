"""What all ways walk: the journey of five nodes, and the graph of ten."""

from __future__ import annotations

from typing import Any

from tests.flows import branch, delay, end, flow, send_email, set_property, wait
from workflows.model.nodes import AnyNode, Perform
from workflows.model.revision import Revision

DELAY = 0.5
"""Seconds: so long that a busy worker has registered the sleep before it is over, so short that it hides nothing."""

JOURNEY, GRAPH = "journey", "graph"
NAMES = (JOURNEY, GRAPH)
SLEEPERS = "sleepers"

SUBJECT = "Hello {{ contact.firstname }}"
LEAD = {"property": "stage", "is": "lead"}
HAS_PHONE = {"property": "phone", "is_known": True}
EDITS: dict[str, str | int] = {"owner": "7", "stage": "mql", "score": 5}
PROPERTIES = {
    "email": "text",
    "firstname": "text",
    "stage": "text",
    "phone": "text",
    "owner": "text",
    "score": "number",
}


def person(number: int) -> dict[str, Any]:
    """Give the properties of a contact who takes the long way through both graphs."""
    return {"email": f"anna{number}@example.com", "firstname": "Anna", "stage": "lead", "phone": "+358401234567"}


def hook(url: str) -> Perform:
    """Build the step that tells a web server."""
    config: dict[str, Any] = {"url": url, "body": {"email": "{{ contact.email }}"}}
    return Perform(id="tell", name="Tell the ERP", edges={}, kind="call_webhook", config=config, place="outside")


def journey(key: str) -> Revision:
    """Enter, delay, e-mail, branch, e-mail: the customer gets the second e-mail, too."""
    return _of(
        key,
        delay("pause", f"{DELAY} seconds"),
        send_email("welcome", SUBJECT),
        branch("is-lead", None, Lead=(LEAD, "reminder")),
        send_email("reminder", SUBJECT),
    )


def graph(key: str, url: str) -> Revision:
    """Enter, delay, branch, three edits in a row, e-mail, branch, webhook, end."""
    return _of(
        key,
        delay("pause", f"{DELAY} seconds"),
        branch("is-lead", "end", Lead=(LEAD, "set-owner")),
        *(set_property(f"set-{name}", name, value) for name, value in EDITS.items()),
        send_email("welcome", SUBJECT),
        branch("has-phone", "tell", Phone=(HAS_PHONE, "tell")),
        hook(url),
        end("end"),
    )


def sleepers(key: str) -> Revision:
    """Wait thirty days for a reply, and then note it."""
    return _of(key, wait("reply", "replied", at_most="30 days"), set_property("note", "stage", "replied"))


def _of(key: str, *nodes: AnyNode) -> Revision:
    return flow(key, *nodes)
