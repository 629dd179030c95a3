"""Sequences, and the flows that they are: what belongs to one enrollment travels with the event that enrolled it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_PREFIX = "sequence-"

ENROLLED = "sequence_enrolled"
"""The event that lets a contact into a sequence. It has the sender, whose mails and tasks the steps are."""

ENDS_ON = ("email_replied", "meeting_booked")
"""The events of a contact that end the sequence that it is in."""

LONGEST_KEY = 71
"""Characters of a sequence's key: with what its flow's key begins with, it is that of a flow."""


class SequenceSettings(BaseModel):
    """What an installation lets its senders do."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    most_a_day: int = Field(500, ge=1, description="The most contacts that are enrolled in the name of a user in 24 h.")


def flow_of(sequence: str) -> str:
    """Give the key of the flow that a sequence is."""
    return f"{_PREFIX}{sequence}"


def is_sequence(flow: str) -> bool:
    """Tell whether the key of a flow is that of a sequence; no other flow may have such a one."""
    return flow.startswith(_PREFIX)


def sequence_of(flow: str) -> str:
    """Give the key of the sequence that a flow is."""
    return flow.removeprefix(_PREFIX)
