"""What an action is: a class whose fields are its settings, whose docstring is its manual, whose `perform` does it.

An action sees the world through `Do` and its protocols only: no Temporal, no provider library. So it is cheap to
import anywhere, and its unit test is: build it, await it with the fakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, JsonValue

from activities.effects import Crm, Mailer, Provenance
from workflows.model.errors import ProviderError, RecordError
from workflows.model.policy import Repeat, Retry
from workflows.model.records import Record


@dataclass(frozen=True)
class Tokens:
    """Marks a text field in which `{{ tokens }}` are replaced; `html` escapes the values put in."""

    html: bool = False


@dataclass(frozen=True)
class OwnProperty:
    """Marks a field that names a property of the enrolled record; `edits` tells that the action changes it."""

    edits: bool = False


Text = Annotated[str, Tokens()]
Html = Annotated[str, Tokens(html=True)]


class Refused(ProviderError):
    """The effect cannot be done and trying again would not help: a bad address, an unknown property."""

    def __init__(self, code: str, note: str = "") -> None:
        """`code` enters history and holds nothing personal; `note` stays in the ledger and may quote a provider."""
        super().__init__(code)
        self.code, self.note = code, note


class Skipped(RecordError):
    """The effect is not for this record: it has no address, it opted out. The record moves on."""

    def __init__(self, code: str, note: str = "") -> None:
        """Take a code for history and a note for the ledger."""
        super().__init__(code)
        self.code, self.note = code, note


class Retryable(ProviderError):
    """The effect was surely not done, and may succeed later; `after` is how long the provider asks to be left alone."""

    def __init__(self, code: str, note: str = "", after: timedelta | None = None) -> None:
        """Take a code for history and a note for the ledger."""
        super().__init__(code)
        self.code, self.note, self.after = code, note, after


class Ambiguous(ProviderError):
    """The effect may or may not have been done: the connection broke before the answer came."""

    def __init__(self, code: str, note: str = "") -> None:
        """Take a code for history and a note for the ledger."""
        super().__init__(code)
        self.code, self.note = code, note


@dataclass(frozen=True)
class Do:
    """What an action is handed: who it is for, the key of this one effect, and the gateways."""

    key: str
    record: Record
    now: datetime
    source: Provenance
    crm: Crm
    mail: Mailer


@dataclass(frozen=True)
class Done:
    """What an action did: a line for the history, with nothing personal; outputs for later nodes; a note for people."""

    line: str = "done"
    output: dict[str, JsonValue] = field(default_factory=dict)
    note: str = ""


class Action(BaseModel):
    """The base of all actions. A subclass states its facts, declares its fields and implements `perform`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    """The name in flow files and in Temporal; it stands in histories, so it is for ever."""
    place: ClassVar[Literal["outside", "store"]]
    """Where the effect is: `store` is one short transaction in our database, all else is `outside`."""
    objects: ClassVar[tuple[str, ...] | None] = None
    """The object types it serves; None: all."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """What later nodes may read, each with a sentence that describes it."""
    examples: ClassVar[tuple[str, ...]]
    """Short YAML steps, run by the tests."""
    timeout: ClassVar[timedelta] = timedelta(seconds=60)
    retry: ClassVar[Retry] = Retry()
    repeat: ClassVar[Repeat] = "at_least_once"
    """What happens by default where an earlier attempt may have done it already; a node may say otherwise."""

    async def perform(self, do: Do) -> Done:
        """Do it, once: `do.key` is the same for every attempt. Raise Refused, Skipped, Retryable or Ambiguous."""
        raise NotImplementedError


def tokens_of(action: type[Action]) -> dict[str, Tokens]:
    """Give the fields of an action that take tokens, with how: on the field itself, or on an arm of its union."""
    return {name: mark for name, mark in _marks(action) if isinstance(mark, Tokens)}


def properties_of(action: type[Action]) -> dict[str, OwnProperty]:
    """Give the fields of an action that name properties of the enrolled record."""
    return {name: mark for name, mark in _marks(action) if isinstance(mark, OwnProperty)}


def _marks(action: type[Action]) -> Iterator[tuple[str, object]]:
    for name, info in action.model_fields.items():
        for mark in (*info.metadata, *(each for arm in get_args(info.annotation) for each in get_args(arm))):
            yield name, mark
