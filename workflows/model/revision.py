"""A revision: a published flow, known by the hash of its content.

In history a revision is its hash alone. Reading one back needs the `Known` revisions as validation context: every
holder of the hash is handed the one shared, frozen, parsed object.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializationInfo,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from workflows.model.errors import UnknownRevision
from workflows.model.flow import Flow
from workflows.model.nodes import NEXT, Deciding, End

HASH_LENGTH = 16
"""Characters of SHA-256 kept: 64 bits, and a third of the history bytes of a whole one."""

NAMED = "revisions named"
"""Key of the serialization context under which the hashes met are collected, for the payload's metadata."""


class Revision(BaseModel):
    """A flow under the hash of its canonical JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hash: str
    flow: Flow

    @classmethod
    def of(cls, flow: Flow) -> Revision:
        """Freeze a flow into its revision."""
        return Revision.model_construct(hash=_hash(canonical(flow)), flow=flow)

    @classmethod
    def read(cls, text: str) -> Revision:
        """Read back the canonical JSON of a flow."""
        return Revision.model_construct(hash=_hash(text), flow=Flow.model_validate_json(text))

    @model_validator(mode="wrap")
    @classmethod
    def _known(cls, value: object, build: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(value, str) and isinstance(info.context, Known):
            return cast("Self", info.context[value])
        return build(value)

    @model_serializer
    def _as_hash(self, info: SerializationInfo) -> str:
        if info.context is not None:
            info.context[NAMED].add(self.hash)
        return self.hash


class Known(dict[str, Revision]):
    """The revisions that a process has loaded, by hash. They are never evicted: a replay may need any of them."""

    def __missing__(self, key: str) -> Revision:
        """Say which revision is missing."""
        raise UnknownRevision(key)


def canonical(flow: Flow) -> str:
    """Write a flow as the JSON text whose hash names it, with every default, so that no later release moves one."""
    return flow.model_dump_json(by_alias=True)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


class Landing(NamedTuple):
    """Where a walk goes on after an edit: `node` None ends it, `all_deleted` says because nothing ahead was left."""

    revision: Revision
    node: str | None
    all_deleted: bool = False


def onward(old: Revision, new: Revision, came: tuple[str, str] | None, target: str | None) -> Landing:
    """Follow the edge by which a record came to `target` in `old` once more, in the drawing of `new`.

    Where the new revision has the node it came from, with the same kind and edge, that edge is taken. Else the old
    target stands, and the old graph is walked until a node that the new one has: deleted steps are passed over, but a
    deleted branch is decided as it was drawn, for only its verdict tells which way leads on. A circle of deleted steps
    leads nowhere.
    """
    if came is None:
        return Landing(new, new.flow.start)
    node, edge = came
    drawn, before = new.flow.nodes.get(node), old.flow.nodes.get(node)
    if drawn is not None and (before is None or before.same_kind(drawn)) and edge in drawn.edges:
        return Landing(new, drawn.edges[edge])
    if target == node and before is not None:
        target = before.edges[edge]
    ended_as_drawn = target is None
    passed = set[str]()
    while target is not None and target not in passed:
        passed.add(target)
        here = old.flow.node(target)
        if here.same_kind(new.flow.nodes.get(target)):
            return Landing(new, target)
        if isinstance(here, Deciding):
            return Landing(old, target)
        target, ended_as_drawn = here.edges.get(NEXT), isinstance(here, End)
    return Landing(new, None, all_deleted=not ended_as_drawn)
