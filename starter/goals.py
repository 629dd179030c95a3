"""Who has reached the goal of a flow: judged here for many records at once, as the gate judges it for one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from asyncpg.pool import PoolConnectionProxy
from pydantic import JsonValue

from activities.gateways.postgres_facts import all_informed
from workflows.model.decisions import goal_met, needs_to_stay
from workflows.model.facts import EPOCH, Facts
from workflows.model.flow import Flow
from workflows.model.records import RecordRef

K = TypeVar("K", bound=Hashable)

_BLANK = Facts(now=EPOCH)
"""Copied for each record, for what comes from the database needs no check, which would take as long as the judging."""


class Runner(NamedTuple):
    """A record in a flow, or at its door, with its properties as they were at a moment."""

    flow: Flow
    record: RecordRef
    properties: Mapping[str, JsonValue]
    now: datetime


async def finished(connection: PoolConnectionProxy[Any], runners: Iterable[tuple[K, Runner]]) -> list[K]:
    """Give those, by whatever the caller knows them by, who have reached the goals of their flows."""
    by_flow: dict[int, list[tuple[K, Runner]]] = {}
    for key, runner in runners:
        if runner.flow.goal is not None:
            by_flow.setdefault(id(runner.flow), []).append((key, runner))
    return [key for group in by_flow.values() for key in await _finished(connection, group)]


async def _finished(connection: PoolConnectionProxy[Any], group: Sequence[tuple[K, Runner]]) -> list[K]:
    flow = group[0][1].flow
    refs = [runner.record for _, runner in group]
    plain = [_BLANK.model_copy(update={"properties": runner.properties, "now": runner.now}) for _, runner in group]
    facts = await all_informed(connection, refs, plain, needs_to_stay(flow))
    return [key for (key, _), each in zip(group, facts, strict=True) if goal_met(flow, each)]
