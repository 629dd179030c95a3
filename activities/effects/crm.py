"""The CRM as an action sees it: records and their properties, tasks, users, and what e-mails say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import JsonValue

from workflows.model.records import Record, RecordRef


@dataclass(frozen=True)
class Provenance:
    """Where an edit comes from."""

    flow: str
    revision: str
    node: str
    enrollment: str


@dataclass(frozen=True)
class User:
    """A person who works with the CRM."""

    id: str
    email: str
    name: str = ""
    active: bool = True
    seat: bool = True
    phone: str = ""


@dataclass(frozen=True)
class NewTask:
    """A task to be made; `body` is HTML."""

    subject: str
    records: tuple[RecordRef, ...]
    source: Provenance
    kind: Literal["todo", "call", "email"] = "todo"
    body: str = ""
    priority: Literal["none", "low", "medium", "high"] = "none"
    assignee: str | None = None
    queue: str = ""
    due_at: datetime | None = None
    remind_at: datetime | None = None


@dataclass(frozen=True)
class NewNote:
    """A note to be made; `body` is HTML. One that is pinned stands above the others."""

    body: str
    records: tuple[RecordRef, ...]
    source: Provenance
    pinned: bool = False


@dataclass(frozen=True)
class EmailContent:
    """What an e-mail says, as it is published now; its texts hold tokens.

    `subscription` is the type that it is of, and it is for `marketing` or else a message of its own, as a receipt.
    """

    key: str
    name: str
    subject: str
    text: str
    html: str | None = None
    sender: str | None = None
    kind: Literal["automated", "regular", "membership"] = "automated"
    for_automation: bool = True
    subscription: str | None = None
    marketing: bool = False


@dataclass(frozen=True)
class ByHand:
    """An edit that no flow makes: by whom, or by what."""

    who: str


Source = Provenance | ByHand


@dataclass(frozen=True)
class SetTo:
    """Give a property a value; a text that is `written`, by a person or a token, is read as the property's type."""

    value: JsonValue
    written: bool = False


@dataclass(frozen=True)
class Fill:
    """Give a property a value where it has none."""

    value: JsonValue


@dataclass(frozen=True)
class Clear:
    """Take a property's value away."""


@dataclass(frozen=True)
class AddTo:
    """Add to a number, or take from it; an empty one counts as 0."""

    amount: float


@dataclass(frozen=True)
class Append:
    """Add options to those that a property has."""

    options: tuple[str, ...]


@dataclass(frozen=True)
class Remove:
    """Take options away from those that a property has."""

    options: tuple[str, ...]


Edit = SetTo | Fill | Clear | AddTo | Append | Remove


@dataclass(frozen=True)
class Edited:
    """What became of one record's properties that were edited: each before and after, None where there is no value."""

    record: RecordRef
    before: Mapping[str, JsonValue]
    after: Mapping[str, JsonValue]

    @property
    def changed(self) -> list[str]:
        """Name those that are another now."""
        return [name for name, value in self.after.items() if differ(value, self.before[name])]


@dataclass(frozen=True)
class PropertyDefinition:
    """What values a property takes, and whether flows may set it."""

    type: str
    options: tuple[str, ...] = ()
    read_only: bool = False
    is_unique: bool = False
    """Whether no two live records of the type have the same value."""


@dataclass(frozen=True)
class Link:
    """A record to associate another with, maybe under a label; a primary one becomes the first of its type."""

    record: RecordRef
    label: str = ""
    primary: bool = False


@dataclass(frozen=True)
class NewRecord:
    """A record to be made, with its properties and what it is associated with."""

    type: str
    properties: Mapping[str, Edit]
    source: Provenance
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Version:
    """A value that a property had, from a moment on, and who gave it; None where it was cleared."""

    value: JsonValue
    at: datetime
    source: Mapping[str, JsonValue] = field(default_factory=dict)


class Crm(Protocol):
    """The CRM, inside the transaction of the visit; or one outside, which may raise Retryable and Ambiguous as well."""

    async def edit(self, records: Sequence[RecordRef], edits: Mapping[str, Edit], source: Source) -> list[Edited]:
        """Edit properties of records, all or none, and log a `property_changed` event for each that changed.

        Every new value is computed under the record's lock. Give what became of each record, in their order. Raise
        Refused for a record that is not there, a property that is unknown or read-only, a value that its type does
        not take or that is unique and another's, and an object type whose own properties flows may not edit.
        """

    async def create(self, new: NewRecord, key: str) -> RecordRef:
        """Make a record, log its event `record_created`, and associate it; the same key gives the same record.

        Raise Refused as `edit` does, and for a type that nobody has defined.
        """

    async def archive(self, record: RecordRef, source: Source) -> bool:
        """Delete a record so that it can be restored for a while, with its event `record_deleted`.

        Whoever walks a flow with it leaves, when the router meets the event. Tell whether it was there.
        """

    async def flow_that_made(self, record: RecordRef) -> str | None:
        """Give the key of the flow that made a record, None where none did."""

    async def associate(self, record: RecordRef, links: Sequence[Link], source: Source) -> int:
        """Associate a record with others; both ends have an event `association_changed` for each that is new.

        Give how many are new. Raise Refused for a record that is not there.
        """

    async def matching(self, object_type: str, name: str, texts: Collection[str], most: int) -> list[RecordRef]:
        """Give at most so many live records of a type whose property is one of some texts, in whatever case.

        Raise Refused for a type or a property that nobody has defined.
        """

    async def read(self, record: RecordRef) -> Record | None:
        """Give a live record, None where there is none."""

    async def associated(self, record: RecordRef, object_type: str, label: str = "") -> list[Record]:
        """Give the live records of a type that are associated with one, the primary first.

        Raise Refused for a type that nobody has defined.
        """

    async def definitions(self, object_type: str, names: Collection[str]) -> Mapping[str, PropertyDefinition]:
        """Give the definitions of properties, by name, of those that are defined."""

    async def versions(self, record: RecordRef) -> dict[str, list[Version]]:
        """Give what the properties of a record have been, each with its newest value first."""

    async def create_task(self, task: NewTask, key: str) -> str:
        """Make a task; the same key gives the same task. Return its id."""

    async def create_note(self, note: NewNote, key: str) -> str:
        """Make a note; the same key gives the same note. Return its id."""

    async def user(self, user: str) -> User | None:
        """Give a user by id, None where there is none."""

    async def email_content(self, key: str) -> EmailContent | None:
        """Give an e-mail's content by its key, None where there is none."""


class OutsideCrm(Protocol):
    """A CRM that cannot join our transaction: an edit of it is an effect outside, done under the key of the effect."""

    def under(self, key: str) -> Crm:
        """Give the CRM for one effect. Every attempt has the same key, under which an edit is made once."""


def differ(value: JsonValue, other: JsonValue) -> bool:
    """Tell whether two values of a property are not the same; to Python, true is 1."""
    return value != other or isinstance(value, bool) != isinstance(other, bool)
