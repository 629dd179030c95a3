"""The examples on a virtual clock: their flows, e-mails and records as the files say, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import starter
from activities.catalogue import Catalogue
from activities.effects import EmailContent
from starter.crm.association_file import Pair, open_pairs, pairs
from starter.crm.users import Put, read_users
from starter.language.flow_files import CheckedFile, check_files, find, sources
from starter.loading.cells import Column, Guess
from starter.loading.rows import Row, open_rows
from starter.simulate import Simulation
from workflows.host import Left
from workflows.model.journal import Ending
from workflows.model.records import RecordRef
from workflows.model.revision import Revision

EXAMPLES = Path(starter.__file__).parent / "examples"
RECORDS = EXAMPLES / "records"
TYPES = {"contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets"}


def checked() -> list[CheckedFile]:
    """Check every flow and e-mail of the examples."""
    return check_files(sources(find([EXAMPLES])), Catalogue.load())


def rows(name: str) -> list[dict[str, Any]]:
    """Read a file of records as `load --infer` does; a cell that is empty is not there."""
    file = open_rows(RECORDS / f"{name}.csv")
    found = list(file.rows())
    assert all(isinstance(row, Row) for row in found), found
    good = [row for row in found if isinstance(row, Row)]
    columns = {title: Column(title, _type(title, good)) for title in file.titles}
    return [{title: columns[title].read(cell) for title, cell in row.cells.items()} for row in good]


def _type(title: str, found: list[Row]) -> str:
    if title == "id":
        return "text"
    guess = Guess(reads_texts=True)
    for row in found:
        if (cell := row.cells.get(title)) is not None:
            guess.see(cell)
    return guess.type or "text"


@dataclass
class Walked:
    """What became of a record: how it left, the path, when each step began, and the simulated world behind it."""

    ending: Ending
    path: list[str]
    lines: dict[str, str]
    took: timedelta
    world: Simulation
    ref: RecordRef
    enrollment: str

    @property
    def mails(self) -> list[str]:
        """The subjects of the e-mails sent."""
        return [mail.subject for _, mail in self.world.mailer.sent]

    @property
    def tasks(self) -> list[tuple[str, str | None]]:
        """The tasks made, each with the user whom it was given to."""
        return [(task.subject, task.assignee) for task in self.world.ledger.crm.tasks.values()]

    @property
    def properties(self) -> dict[str, Any]:
        """What the record is now."""
        return self.world.ledger.crm.records[self.ref]


@dataclass
class Happening:
    """Something that happens so long after a record entered: an event, or an edit that lets it reach the goal."""

    after: timedelta
    event: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    goal: dict[str, Any] = field(default_factory=dict)


class Examples:
    """The examples, loaded anew for each walk."""

    def __init__(self, files: list[CheckedFile]) -> None:
        """Take the checked files."""
        flows = [file.found.flow for file in files if file.found.flow is not None]
        self.flows = {flow.key: Revision.of(flow) for flow in flows}
        contents = [file.found.content for file in files]
        self.emails = {each.key: each for each in contents if isinstance(each, EmailContent)}

    def world(self) -> Simulation:
        """Give a world with everybody in it."""
        world = Simulation(Catalogue.load())
        world.secrets.secrets["marketing_token"] = "t"
        crm = world.ledger.crm
        crm.emails.update(self.emails)
        for type_, name in TYPES.items():
            for row in rows(name):
                world.record(f"{type_}:{row.pop('id')}", **row)
        for put in read_users(RECORDS / "users.csv"):
            assert isinstance(put, Put), put
            crm.users[put.user.id] = {**vars(put.user)}
            world.ledger.store.people.everyone[put.user.id] = put.user
        for pair in pairs(open_pairs(RECORDS / "associations.csv")):
            assert isinstance(pair, Pair), pair
            at = 0 if pair.primary else len(crm.associations)
            crm.associations.insert(at, (pair.record, pair.other, pair.label))
        for revision in self.flows.values():
            world.publish(revision)
        return world

    async def walk(
        self, flow: str, record: str, *happenings: Happening, cause: Mapping[str, Any] = MappingProxyType({})
    ) -> Walked:
        """Walk a record through a flow to its end, while these things happen; `cause` says what enrolled it."""
        world, ref = self.world(), RecordRef.parse(record)
        began = world.clock
        for each in happenings:
            world.plan(each.after, lambda each=each: _happen(world, ref, each))  # type: ignore[misc]
        enrollment, ending = await world.walk(self.flows[flow], ref, **cause)
        visits = [each for (of, _), each in sorted(world.ledger.visits.items()) if of == enrollment]
        lines = {each.node: each.visit.answer.line for each in visits if each.visit.answer}
        return Walked(ending, [each.node for each in visits], lines, world.clock - began, world, ref, enrollment)


def _happen(world: Simulation, ref: RecordRef, what: Happening) -> Left | None:
    world.ledger.crm.records[ref].update(what.goal)
    if what.event:
        world.happens(what.event, ref, **what.properties)
    return Left("goal") if what.goal else None


@pytest.fixture(scope="session")
def examples() -> Examples:
    """The examples as their files say."""
    return Examples(checked())
