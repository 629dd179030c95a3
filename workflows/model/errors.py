"""The exception tree. Every error says whose fault it is.

PerdureError
├── FlowError            the author of the flow: a mistake in the drawing
│   └── UnknownRevision  a revision hash that no source knows
├── RecordError          the record: a value is missing or refused
├── ProviderError        an outside system: it refused, or did not answer
├── CallerError          the caller of our API or CLI: a malformed event, a wrong option
│   ├── NotThere         what the request names does not exist
│   └── Conflict         it contradicts what is there already
└── EngineError          us: a bug, or our own database away
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["flow", "record", "provider", "caller", "us"]


class PerdureError(Exception):
    """Root of all errors; `fault` names the party who can mend it."""

    fault: ClassVar[Fault] = "us"


class FlowError(PerdureError):
    """The flow is wrong; the message names the place, as `steps[2].for: ...`."""

    fault: ClassVar[Fault] = "flow"


class UnknownRevision(FlowError):
    """No revision with this hash is published here; publish the flow to the database that this worker reads."""


class RecordError(PerdureError):
    """The record lacks a value, or a value is not acceptable."""

    fault: ClassVar[Fault] = "record"


class ProviderError(PerdureError):
    """An outside system refused, failed or did not answer."""

    fault: ClassVar[Fault] = "provider"


class CallerError(PerdureError):
    """The request to Perdure is wrong: an unknown flow or record, a malformed event."""

    fault: ClassVar[Fault] = "caller"


class NotThere(CallerError):
    """What the request names does not exist: a flow, a record, an enrollment."""


class Conflict(CallerError):
    """The request contradicts what is there already: another event under the same id."""


class EngineError(PerdureError):
    """Our own fault: a bug, or a part of ours that is away."""
