"""What a load will do, settled before anything is written: which column is which property, of what type, and whose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import asyncpg
from pydantic import JsonValue

from starter.language.wording import meant
from starter.loading.cells import TYPES, Column, Guess
from starter.loading.rows import ID, BadRow, Row, RowFile, record_id, slug
from workflows.model.errors import CallerError
from workflows.model.operators import folded

_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,79}")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TELLING = ("text", "number", "user")

_KNOWN = "select name, type, options, read_only, is_unique from property where object = $1"


@dataclass(frozen=True)
class Wish:
    """What a load is asked to do.

    `names` says which column is which property, nothing where it is left out; `by` is the property that tells whose
    row it is, in place of the id. Types are given, or found in the values where `infer` is set, or else text.
    """

    object: str
    id_title: str | None = None
    by: str | None = None
    make_unique: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    infer: bool = False
    new_type: bool = False


class Incoming(NamedTuple):
    """A row as it will be stored, and as the file has it. Where a property tells whose it is, the id may be open."""

    row: Row
    id: str | None
    values: dict[str, JsonValue]


@dataclass(frozen=True)
class Plan:
    """How each row is read: the columns by their titles, the title of the id; and what must be defined for it."""

    object: str
    columns: Mapping[str, Column]
    id_title: str | None
    by: str | None = None
    defines: tuple[Column, ...] = ()
    defines_type: bool = False
    rows: int = 0

    @property
    def unique(self) -> list[str]:
        """The properties in the file whose values no two records share."""
        return [column.name for column in self.columns.values() if column.is_unique]

    def read(self, row: Row, seen: dict[tuple[str, str], int]) -> Incoming | BadRow:
        """Read one row. `seen` holds what told earlier rows apart, and their lines."""
        values: dict[str, JsonValue] = {}
        wrong: list[str] = []
        for title, cell in row.cells.items():
            if column := self.columns.get(title):
                try:
                    values[column.name] = column.read(cell)
                except ValueError as error:
                    wrong.append(str(error))
        id_ = self._id(row, values, wrong)
        if not wrong:
            wrong += self._again(row.line, id_, values, seen)
        return BadRow(row.line, "; ".join(wrong)) if wrong else Incoming(row, id_, values)

    def _id(self, row: Row, values: Mapping[str, JsonValue], wrong: list[str]) -> str | None:
        cell = row.cells.get(self.id_title) if self.id_title else None
        if self.by and self.by not in values and not wrong:
            wrong.append(f"has no {self.by}")
        if self.by and cell is None:
            return None
        try:
            return record_id(cell, self.object, self.id_title or ID)
        except ValueError as error:
            wrong.append(str(error))
            return None

    def _again(
        self, line: int, id_: str | None, values: Mapping[str, JsonValue], seen: dict[tuple[str, str], int]
    ) -> list[str]:
        marks = [] if id_ is None else [(ID, id_)]
        marks += [(name, folded(str(values[name]))) for name in self.unique if name in values]
        again = [f"{mark[1][:80]!r} was on line {seen[mark]} already" for mark in marks if mark in seen]
        if not again:
            seen.update(dict.fromkeys(marks, line))
        return again[:1]


async def plan(pool: asyncpg.Pool[Any], file: RowFile, wish: Wish) -> Plan:
    """Settle how a file is loaded, with one look through its rows.

    Raise CallerError for an object type or a column that there is not, a read-only column, two columns that are one
    property, a type that the property does not have, or a property that cannot tell records apart.
    """
    await _check_type(pool, wish)
    known = {row["name"]: row for row in await pool.fetch(_KNOWN, wish.object)}
    id_title, names = _named(file, wish)
    if refused := [name for name in names.values() if name in known and known[name]["read_only"]]:
        raise CallerError(f"{file.path}:1: {', '.join(refused)} is read-only; leave it out: --map {refused[0]}=")
    _check_types(wish, names, known)
    _check_by(file, wish, names, known)
    rows, found = _looked_through(file, wish, {title: name for title, name in names.items() if name not in known})
    columns = {title: _column(name, found.get(title), known.get(name), wish.by) for title, name in names.items()}
    return Plan(
        wish.object,
        columns,
        id_title,
        wish.by,
        defines=tuple(each for each in columns.values() if each.name not in known),
        defines_type=wish.new_type,
        rows=rows,
    )


async def _check_type(pool: asyncpg.Pool[Any], wish: Wish) -> None:
    if not _TYPE.fullmatch(wish.object):
        told = "write one as contact or deal: small letters, digits and _"
        raise CallerError(f"{wish.object!r} is no object type; {told}.")
    types = [row["key"] for row in await pool.fetch("select key from object_type order by built_in desc, key")]
    if wish.object not in types and not wish.new_type:
        told = f"{meant(wish.object, types)} (`--new-type` defines a new one)"
        raise CallerError(f"there is no object type {wish.object!r}; {told}")


def _named(file: RowFile, wish: Wish) -> tuple[str | None, dict[str, str]]:
    """Give the title that names the record, and the property of each column that is one, by its title."""
    given = {_title(file, title): name for title, name in wish.names.items()}
    if id_title := _title(file, wish.id_title) if wish.id_title else None:
        given.setdefault(id_title, slug(id_title))
    names: dict[str, str] = {}
    for title in file.titles:
        name = given.get(title, slug(title))
        if name == "" and title in given:
            continue
        if not _PROPERTY.fullmatch(name):
            raise CallerError(
                f"{file.path}:1: {_place(file, title)} gives no property name; name one: --map {title!r}=name"
            )
        if name in names.values():
            other = next(each for each, its in names.items() if its == name)
            raise CallerError(f"{file.path}:1: {_place(file, other)} and {_place(file, title)} are both {name!r}.")
        names[title] = name
    if id_title is None:
        id_title = next((title for title, name in names.items() if name == ID), None)
    if id_title is None and not wish.by:
        id_title = next(iter(names), None)
    if not names:
        raise CallerError(f"{file.path}:1: no column is left.")
    return id_title, {title: name for title, name in names.items() if title != id_title or name != ID}


def _title(file: RowFile, wanted: str) -> str:
    for title in file.titles:
        if wanted.strip() == title or slug(wanted) == slug(title) != "":
            return title
    raise CallerError(f"{file.path}:1: there is no column {wanted!r}; {meant(wanted, file.titles)}")


def _place(file: RowFile, title: str) -> str:
    return f"column {file.titles.index(title) + 1} ({title!r})"


def _check_types(wish: Wish, names: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]) -> None:
    for name, type_ in wish.types.items():
        if type_ not in TYPES:
            raise CallerError(f"--type {name}={type_}: {meant(type_, TYPES)}")
        if name not in names.values():
            raise CallerError(f"--type {name}={type_}: no column is {name!r}; {meant(name, list(names.values()))}")
        if name in known and known[name]["type"] != type_:
            raise CallerError(f"--type {name}={type_}: {name} is defined as {known[name]['type']} already")


def _check_by(file: RowFile, wish: Wish, names: Mapping[str, str], known: Mapping[str, Mapping[str, Any]]) -> None:
    by = wish.by
    if by is None:
        return
    if by not in names.values():
        raise CallerError(f"{file.path}:1: --by {by}: no column is {by!r}; {meant(by, list(names.values()))}")
    if by in known and known[by]["type"] not in _TELLING:
        raise CallerError(f"--by {by}: a {known[by]['type']} tells no records apart")
    if by in known and not known[by]["is_unique"] and not wish.make_unique:
        told = f"{by} is not unique, so it does not tell one {wish.object} from another; `--unique` makes it so"
        raise CallerError(f"--by {by}: {told}.")


def _looked_through(file: RowFile, wish: Wish, new: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Count the rows, and find the types of the columns that are new, by their titles."""
    found = {title: wish.types[name] for title, name in new.items() if name in wish.types}
    guesses = {
        title: Guess(reads_texts=wish.infer and name != wish.by) for title, name in new.items() if title not in found
    }
    rows = 0
    for rows, row in enumerate(file.rows(), 1):  # noqa: B007 - the last number is the count
        if isinstance(row, Row):
            _see(guesses, row)
    return rows, found | {title: guess.type or "text" for title, guess in guesses.items()}


def _see(guesses: Mapping[str, Guess], row: Row) -> None:
    for title, guess in guesses.items():
        if (cell := row.cells.get(title)) is not None:
            guess.see(cell)


def _column(name: str, found: str | None, known: Mapping[str, Any] | None, by: str | None) -> Column:
    if known is None:
        return Column(name, found or "text", is_unique=name == by)
    return Column(name, known["type"], tuple(known["options"] or ()), is_unique=known["is_unique"] or name == by)
