"""What an action is: a class whose fields are its settings, whose docstring is its manual, whose `perform` does it.

An action sees the world through `Do` and its protocols only: no Temporal, no provider library. So it is cheap to
import anywhere, and its unit test is: build it, await it with the fakes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.fields import FieldInfo

from activities.effects import Crm, Http, Links, Mailer, Outside, Parts, Provenance, Secrets, Store, Texts
from workflows.model.errors import ProviderError, RecordError
from workflows.model.journal import Ending, Outcome
from workflows.model.policy import Repeat, Retry
from workflows.model.records import Record

M = TypeVar("M")


@dataclass(frozen=True)
class Tokens:
    """Marks a text field in which `{{ tokens }}` are replaced; `html` escapes the values put in."""

    html: bool = False


@dataclass(frozen=True)
class OwnProperty:
    """Marks a field that names a property of the enrolled record; `edits` tells that the action changes it.

    Where the field `of` is given, which names a type, it is one of the associated records of that type. `into` is the
    field of the property that it is copied into.
    """

    edits: bool = False
    of: str = ""
    into: str = ""


@dataclass(frozen=True)
class ValueOf:
    """Marks a field that holds a value for the property which the field `property` names."""

    property: str


@dataclass(frozen=True)
class PropertiesOf:
    """Marks a mapping whose keys are properties of the type that the field `type` names, each with its value."""

    type: str


@dataclass(frozen=True)
class Wants:
    """Marks a field that wants, unless it has its default, the property which `property` names to be of some types."""

    property: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class OutputName:
    """Marks a field that names an output of an earlier step."""


@dataclass(frozen=True)
class NameOf:
    """Marks a field that names what must be there at publish: a flow, a user, types of associated records."""

    kind: Literal["flow", "email", "associated", "static_list", "user", "team", "sequence", "subscription"]
    under: str = ""
    """Where the field is a mapping, the key that the name stands under."""


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


class NotBefore(ProviderError):
    """The effect has to wait until a moment, as for a quota: the record sleeps until then, and it is tried again.

    Only what is done in the store and what prepares an effect outside may raise it: nothing has been done yet.
    """

    def __init__(self, until: datetime, code: str, note: str = "") -> None:
        """Take the moment, a code for history and a note for the ledger."""
        super().__init__(code)
        self.until, self.code, self.note = until, code, note


class Ambiguous(ProviderError):
    """The effect may or may not have been done: the connection broke before the answer came."""

    def __init__(self, code: str, note: str = "") -> None:
        """Take a code for history and a note for the ledger."""
        super().__init__(code)
        self.code, self.note = code, note


@dataclass(frozen=True, kw_only=True)
class Do:
    """What an action is handed: who it is for, the key of this one effect, our store, and the gateways.

    `zone` is where the flow's days begin; `outputs` are those of the steps before, by the step's id. `since` is when it
    was first to be done, before it was put off by `NotBefore`. `crm` is that of the store, or the one outside.
    """

    key: str
    record: Record
    now: datetime
    zone: str = "UTC"
    outputs: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    source: Provenance
    since: datetime
    crm: Crm
    store: Store
    outside: Outside
    parts: Parts
    prepared: Mapping[str, JsonValue] = field(default_factory=dict)
    """What `prepare` gave, at the first attempt."""

    @property
    def mail(self) -> Mailer:
        """What sends e-mail."""
        return self.outside.mail

    @property
    def links(self) -> Links:
        """What makes links of ours."""
        return self.outside.links

    @property
    def http(self) -> Http:
        """What speaks HTTP."""
        return self.outside.http

    @property
    def secrets(self) -> Secrets:
        """What must not stand in a flow."""
        return self.outside.secrets


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """What an action is handed to prepare its effect, in the transaction in which the intent is written down."""

    key: str
    visit: int
    record: Record
    now: datetime
    since: datetime
    source: Provenance
    zone: str
    crm: Crm
    store: Store
    outside: Outside
    """For what its gateways know without asking anybody; nothing is done outside yet."""
    texts: Texts
    outputs: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)


PARTS = "parts"
"""Stands in what `prepare` gives where the effect has several recipients, which are done by `do.parts`."""


@dataclass(frozen=True)
class Done:
    """What an action did: a line for the history, with nothing personal; outputs for later nodes; a note for people.

    An effect of several parts may have come to something else as a whole, and still has outputs; then `line` says why.
    """

    line: str = "done"
    output: dict[str, JsonValue] = field(default_factory=dict)
    note: str = ""
    outcome: Outcome = "done"


class Action(BaseModel):
    """The base of all actions. A subclass states its facts, declares its fields and implements `perform`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    """The name in flow files and in Temporal; it stands in histories, so it is for ever."""
    place: ClassVar[Literal["outside", "store"]]
    """Where the effect is: `store` is one short transaction in our database, all else is `outside`."""
    in_crm: ClassVar[bool] = False
    """Whether it edits the CRM, so that it is outside, too, where the CRM cannot join our transaction."""
    objects: ClassVar[tuple[str, ...] | None] = None
    """The object types it serves; None: all."""
    ending: ClassVar[Ending | None] = None
    """How a walk ends once this is done; None: it goes on. No step follows one that ends the walk."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """What later nodes may read, each with a sentence that describes it."""
    examples: ClassVar[tuple[str, ...]]
    """Short YAML steps, run by the tests."""
    timeout: ClassVar[timedelta] = timedelta(seconds=60)
    retry: ClassVar[Retry] = Retry()
    repeat: ClassVar[Repeat] = "at_least_once"
    """What happens by default where an earlier attempt may have done it already; a node may say otherwise."""

    async def prepare(self, preparing: Preparing) -> dict[str, JsonValue]:
        """Fill the texts and find the recipients, for an action outside whose settings do not say all.

        The answer is written down with the intent, and every attempt has it in `do.prepared`. The texts among the
        settings are not filled then. Raise Refused, Skipped or NotBefore; nothing has been done.
        """
        del preparing
        raise NotImplementedError

    async def admit(self, preparing: Preparing, content: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Judge once more what was prepared, before every attempt outside, in the transaction of its intent.

        An effect may be tried for days, and who opts out meanwhile is not written to. Give what `do.prepared` is to be
        in this attempt. Raise Skipped or Refused where it may not be done any more.
        """
        del preparing
        return content

    async def perform(self, do: Do) -> Done:
        """Do it, once: `do.key` is the same for every attempt. Raise Refused, Skipped, Retryable or Ambiguous.

        In the store it may raise NotBefore as well.
        """
        raise NotImplementedError

    @classmethod
    def outputs_of(cls, config: Mapping[str, object]) -> Mapping[str, str]:
        """Describe what a step with these settings puts out, where that depends on them."""
        del config
        return cls.outputs

    @classmethod
    def needed(cls, given: Collection[str]) -> tuple[str, ...]:
        """Name the fields that a step must give which gives these."""
        del given
        return tuple(name for name, info in fields_of(cls).items() if info.is_required())


def prepares(action: type[Action]) -> bool:
    """Tell whether an action prepares its effect itself."""
    return action.prepare is not Action.prepare


def tokens_of(action: type[Action]) -> dict[str, Tokens]:
    """Give the fields of an action that take tokens, with how: on the field itself, or on an arm of its union."""
    return {name: mark for name, mark in _marks(action) if isinstance(mark, Tokens)}


def properties_of(action: type[Action]) -> dict[str, OwnProperty]:
    """Give the fields of an action that name properties of the enrolled record."""
    return {name: mark for name, mark in _marks(action) if isinstance(mark, OwnProperty)}


def marked(action: type[Action], mark: type[M]) -> dict[str, M]:
    """Give the fields of an action that bear a mark, on the field itself or on an arm of its union."""
    return {name: found for name, found in _marks(action) if isinstance(found, mark)}


def fields_of(action: type[Action]) -> dict[str, FieldInfo]:
    """Give the fields of an action by the names that a file has for them."""
    return {info.alias or name: info for name, info in action.model_fields.items()}


@cache
def _marks(action: type[Action]) -> Sequence[tuple[str, object]]:
    return tuple(
        (name, mark)
        for name, info in fields_of(action).items()
        for mark in (*info.metadata, *(each for arm in get_args(info.annotation) for each in get_args(arm)))
    )
