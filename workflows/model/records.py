"""Records: what a CRM holds, and how they are named."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, model_serializer, model_validator

from workflows.model.errors import CallerError

_REFERENCE = re.compile(r"(?P<type>[a-z][a-z0-9_]{0,39}):(?P<id>[^\s/]{1,200})")


def is_name(text: str) -> bool:
    """Tell whether a text names a record, as `contact:42` does."""
    return text.isprintable() and _REFERENCE.fullmatch(text) is not None


class RecordRef(BaseModel):
    """The name of a record, written `contact:42`: its object type and its id within the type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    id: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = _REFERENCE.fullmatch(value)
        if match is None:
            message = f"{value[:80]!r} names no record; write TYPE:ID, as contact:42"
            raise ValueError(message)
        return match.groupdict()

    @model_validator(mode="after")
    def _can_be_read_back(self) -> Self:
        if _REFERENCE.fullmatch(str(self)) is None:
            message = f"{str(self)[:80]!r} names no record; write TYPE:ID, as contact:42"
            raise ValueError(message)
        return self

    @model_serializer
    def _as_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `contact:42`; raise CallerError when it is no such name."""
        try:
            return cls.model_validate(text)
        except ValueError:
            message = f"{text[:80]!r} names no record; write TYPE:ID, as contact:42"
            raise CallerError(message) from None


class Record(BaseModel):
    """A frozen snapshot of a record's properties, taken at one moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: RecordRef
    properties: dict[str, JsonValue] = {}
    archived: bool = False


class Event(BaseModel):
    """Something that happened to a record. `at` is when our log took it, `occurred_at` when its source says it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    type: str
    record: RecordRef
    properties: dict[str, JsonValue] = {}
    at: datetime
    occurred_at: datetime | None = None
