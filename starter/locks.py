"""Kinds of action that an operator has locked: no flow with one is turned on, or published while it is on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from activities.sequences import is_sequence
from workflows.codec import Revisions
from workflows.model.errors import CallerError
from workflows.model.flow import Flow
from workflows.model.nodes import Perform

VARIABLE = "PERDURE_ALLOWED_ACTIONS"


def locked_steps(flow: Flow, allowed: Collection[str] | None) -> list[str]:
    """Name the steps of a flow whose action is locked, each with its kind; with no allow list none is."""
    performs = [node for node in flow.nodes.values() if isinstance(node, Perform)]
    return [f"{node.id} ({node.kind})" for node in performs if allowed is not None and node.kind not in allowed]


async def refuse_locked(
    pool: asyncpg.Pool[Any], revisions: Revisions, flow: str, allowed: Collection[str] | None
) -> None:
    """Raise CallerError where the current revision of a flow has a locked step; a flow that is not there has none."""
    if allowed is None:
        return
    current = await pool.fetchval("select current from flow where key = $1", flow)
    if current is not None and (steps := locked_steps((await revisions.get(current)).flow, allowed)):
        raise CallerError(f"{flow} cannot be turned on: {_said(steps)}")


async def refuse_locked_while_on(
    pool: asyncpg.Pool[Any], flows: Sequence[Flow], allowed: Collection[str] | None
) -> None:
    """Raise CallerError where a flow with a locked step is to be published while it is on."""
    locked = {flow.key: steps for flow in flows if (steps := locked_steps(flow, allowed))}
    rows = await pool.fetch("select key from flow where is_on and key = any ($1)", list(locked))
    on = sorted({*(row["key"] for row in rows), *filter(is_sequence, locked)})
    if wrong := [f"{key} is on, and cannot become this: {_said(locked[key])}" for key in on]:
        raise CallerError("nothing was published:\n" + "\n".join(wrong))


def _said(steps: Sequence[str]) -> str:
    return f"the operator has locked {', '.join(steps)}; {VARIABLE} lists what is allowed"
