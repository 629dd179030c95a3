"""Drafts: flow files that are kept before they are complete, and never walked.

A draft is the text of its file. A flow that is published already goes on with its current revision beside its draft;
publishing the flow ends the draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from starter.language.flow_file import Mistake
from workflows.model.errors import CallerError

_SAVE = """
insert into flow_draft (key, name, file, source, missing) values ($1, $2, $3, $4, $5)
on conflict (key) do update
   set name = excluded.name, file = excluded.file, source = excluded.source, missing = excluded.missing,
       saved_at = clock_timestamp()
"""

_UNPUBLISHED = "select * from flow_draft d where key = $1 and not exists (select from flow f where f.key = d.key)"


@dataclass(frozen=True)
class Draft:
    """A flow's file as it was saved; `missing` is what it lacks, each with its place."""

    key: str
    name: str
    file: str
    source: str
    missing: tuple[Mistake, ...]


async def save(pool: asyncpg.Pool[Any], drafts: Sequence[Draft]) -> None:
    """Keep drafts, of all or of none, each in place of the earlier one of its flow."""
    rows = [(d.key, d.name, d.file, d.source, [asdict(each) for each in d.missing]) for d in drafts]
    async with pool.acquire() as connection, connection.transaction():
        await connection.executemany(_SAVE, rows)


async def refuse_draft(pool: asyncpg.Pool[Any], flow: str) -> None:
    """Raise CallerError, with all that is missing, where nothing but a draft is there of a flow."""
    row = await pool.fetchrow(_UNPUBLISHED, flow)
    if row is not None:
        raise CallerError(_said(_draft(row)))


def _draft(row: asyncpg.Record) -> Draft:
    missing = tuple(Mistake(**each) for each in row["missing"])
    return Draft(row["key"], row["name"], row["file"], row["source"], missing)


def _said(draft: Draft) -> str:
    said = f"{draft.key} is a draft and not published yet"
    if not draft.missing:
        return f"{said}; nothing is missing in it: `perdure publish {draft.file}` makes it revision 1"
    lines = "\n".join(map(str, draft.missing))
    return f"{said}; what is missing:\n{lines}\nWrite it, then `perdure publish {draft.file}`."
