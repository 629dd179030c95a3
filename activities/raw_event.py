"""An event that a stranger's signal brings straight to an enrollment: read strictly, refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator
from pydantic_core import from_json

from workflows.model.when import in_utc

UNNAMED = "signal"
"""The source of an event that names none."""

_STORABLE = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""


class RawEvent(BaseModel):
    """An event as a stranger's signal brings it: JSON with `type`, and as it likes `id`, `source`, `properties`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    id: str | None = Field(None, min_length=1, max_length=200, pattern=_STORABLE)
    source: str = Field(UNNAMED, min_length=1, max_length=80, pattern=_STORABLE)
    properties: dict[str, JsonValue] = {}
    occurred_at: str | None = None

    def named(self, enrollment: str, number: JsonValue) -> RawEvent:
        """Give it a name of its own in the log: two strangers who name no source may both count from 1."""
        if self.id is None:
            return self.model_copy(update={"id": f"{enrollment}#{number}"})
        return self.model_copy(update={"id": f"{enrollment}/{self.id}"}) if self.source == UNNAMED else self

    @field_validator("occurred_at")
    @classmethod
    def _is_a_moment(cls, text: str | None) -> str | None:
        moment = None if text is None else datetime.fromisoformat(text)
        if moment is not None and moment.tzinfo is None:
            message = "occurred_at needs a time zone, as 2026-01-31T09:00:00+00:00"
            raise ValueError(message)
        return None if moment is None else in_utc(moment).isoformat()

    @classmethod
    def read(cls, raw: JsonValue) -> RawEvent:
        """Read the signal's one argument; raise ValueError when it is no event."""
        if not isinstance(raw, Mapping) or not isinstance(args := raw.get("args"), list) or len(args) != 1:
            message = "an event signal takes exactly one argument"
            raise ValueError(message)
        if raw.get("signal") != "event":
            message = f"there is no signal {str(raw.get('signal'))[:80]!r}"
            raise ValueError(message)
        return cls.model_validate(from_json(str(args[0])))


def number(raw: JsonValue) -> JsonValue:
    """Give the number that a signal had in its enrollment."""
    return raw.get("number") if isinstance(raw, Mapping) else None


def reason(error: ValueError) -> str:
    """Say why an event was refused, for a person to read."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return str(error)
