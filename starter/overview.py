"""Looking at flows: how each stands, and the revisions it has had."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from activities.sequences import flow_of
from starter.drafts import refuse_draft
from starter.patience import PATIENCE
from workflows.codec import Revisions
from workflows.model.errors import NotThere
from workflows.model.flow import Flow

_FLOWS = """
select coalesce(f.key, d.key) as key, coalesce(r.body::jsonb->>'name', d.name) as name,
       r.body::jsonb->>'object' as object, r.number as revision, coalesce(f.is_on, false) as is_on,
       coalesce(f.paused, false) as paused, d.key is not null as has_draft, coalesce(e.inside, 0) as inside,
       coalesce(e.ever, 0) as ever, r.published_at
  from flow f
  full join flow_draft d on d.key = f.key
  left join revision r on r.hash = f.current
  left join (select flow, count(*) as ever, count(*) filter (where closed_at is null) as inside
               from enrollment group by flow) as e on e.flow = f.key
 where not starts_with(coalesce(f.key, d.key), $1)
 order by 1
"""

_REVISIONS = """
select r.number, r.hash, r.published_at, f.current = r.hash as is_current
  from revision r join flow f on f.key = r.flow where r.flow = $1 order by r.number desc
"""


@dataclass(frozen=True)
class Standing:
    """How a flow stands. One that is a draft only has no revision; `ever` counts all that ever entered."""

    key: str
    name: str
    object: str | None
    revision: int | None
    is_on: bool
    paused: bool
    has_draft: bool
    inside: int
    ever: int
    published_at: datetime | None

    @property
    def state(self) -> str:
        """The standing in a word or two."""
        if self.revision is None:
            return "draft"
        said = ("paused" if self.is_on else "off, paused") if self.paused else ("on" if self.is_on else "off")
        return f"{said}, draft saved" if self.has_draft else said


@dataclass(frozen=True)
class Published:
    """One revision of a flow; `is_current` marks that which records enter."""

    number: int
    hash: str
    published_at: datetime
    is_current: bool


async def standings(pool: asyncpg.Pool[Any]) -> list[Standing]:
    """Give all flows but sequences, and drafts that are none yet, by key."""
    return [Standing(**dict(row)) for row in await pool.fetch(_FLOWS, flow_of(""), timeout=PATIENCE)]


async def revisions_of(pool: asyncpg.Pool[Any], flow: str) -> list[Published]:
    """Give the revisions of a flow, the newest first."""
    return [Published(**dict(row)) for row in await pool.fetch(_REVISIONS, flow)]


async def current(pool: asyncpg.Pool[Any], revisions: Revisions, key: str) -> Flow:
    """Give the current revision of a flow; raise as `check_published` does."""
    found = await pool.fetchval("select current from flow where key = $1", key)
    if found is None:
        await check_published(pool, key)
    return (await revisions.get(found)).flow


async def check_published(pool: asyncpg.Pool[Any], key: str) -> None:
    """Raise CallerError when no such flow is published: with what its draft lacks, or the nearest name."""
    flows = [row["key"] for row in await pool.fetch("select key from flow order by key")]
    if key in flows:
        return
    await refuse_draft(pool, key)
    near = difflib.get_close_matches(key, flows, 1)
    there_are = f"there are {', '.join(flows[:20])}" if flows else "publish it first"
    raise NotThere(f"no flow is called {key!r}; " + (f"did you mean {near[0]!r}?" if near else there_are))
