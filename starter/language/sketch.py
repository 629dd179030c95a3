"""a flow while it is compiled: its nodes so far, and what can be checked only when all of them stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, get_args

from pydantic import JsonValue, TypeAdapter

from activities.action import Tokens
from activities.catalogue import Catalogue
from starter.language.checks import known, listed, mapping, required, validated
from starter.language.flow_file import FlowFile, Path
from starter.language.references import Names, references
from workflows.model.nodes import NEXT, AnyNode, Delay, Perform

COMMON = ("do", "id", "name")

_MODELS: tuple[type[Any], ...] = get_args(get_args(AnyNode)[0])
_ADAPTERS = {model: TypeAdapter[Any](model) for model in _MODELS}

UNNAMED = "0-no-id-"
"""Begins the ids of steps whose own is missing or wrong."""

Data = dict[str, JsonValue]
Edges = dict[str, str | None]


@dataclass(frozen=True)
class Step:
    """One step of a file: where it stands, its id, what is written, and the id of what comes after it."""

    path: Path
    id: str
    data: Data
    following: str | None

    @property
    def onward(self) -> Edges:
        """The edge of a step that simply leads on."""
        return {NEXT: self.following}


@dataclass(frozen=True)
class Filled:
    """A text with tokens: where it stands, in which step, and how the tokens are put in."""

    path: Path
    text: str
    step: str
    mark: Tokens


@dataclass
class Sketch:
    """Gathers the nodes of one flow, for records of the type `object`; `compile_step` makes one of a step."""

    file: FlowFile
    catalogue: Catalogue
    object: str
    names: Names
    draft: bool
    compile_step: Callable[[Sketch, Step], AnyNode]
    nodes: dict[str, AnyNode] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    ids: dict[Path, str] = field(default_factory=dict)
    targets: list[tuple[Path, str]] = field(default_factory=list)
    outputs: list[tuple[Path, str, str]] = field(default_factory=list)
    texts: list[Filled] = field(default_factory=list)

    @cached_property
    def known_ids(self) -> list[str]:
        """The ids that the file gives, in its order, once all steps have theirs."""
        return [id_ for id_ in self.paths if not id_.startswith(UNNAMED)]

    def row(self, data: JsonValue, path: Path, after: str | None) -> str | None:
        """Compile steps in a row, of which the last leads to `after`; give where the row begins."""
        steps: list[tuple[Path, Data]] = []
        for number, each in enumerate(listed(self.file, data, path, "steps")):
            if (step := mapping(self.file, each, (*path, number), "a step", "`{do: ..., id: ...}`")) is not None:
                steps.append(((*path, number), step))
        begins = [self.ids[here] for here, _ in steps]
        for (here, step), id_, following in zip(steps, begins, [*begins[1:], after], strict=False):
            self.nodes[id_] = self.compile_step(self, Step(here, id_, step, following))
        return begins[0] if begins else after

    def keys(self, step: Step, *keys: str) -> None:
        """Note the keys of a step that are not known."""
        known(self.file, step.data, step.path, (*COMMON, *keys))

    def has(self, path: Path, data: Mapping[str, JsonValue], *keys: str) -> bool:
        """Tell whether data has all of some keys; one that is missing is a mistake, and in a draft still to come."""
        if not self.draft:
            return required(self.file, data, path, keys)
        missing = [key for key in keys if key not in data]
        for key in missing:
            self.file.lacks(path, "missing_key", f"`{key}` is still missing")
        return not missing

    def incomplete(self, step: Step, message: str, *keys: str) -> None:
        """Note that a step lacks all of some keys, unless one is there in a wrong spelling; a draft may lack them."""
        if not any((step.path, key) in self.file.misspelt for key in keys):
            note = self.file.lacks if self.draft else self.file.wrong
            note(step.path, "missing_key", message)

    def check_names(self, step: Step, path: Path, data: JsonValue) -> None:
        """Check the names in a condition; those of outputs when all steps stand."""
        for each in references(data, path, self.object):
            if each.kind == "output":
                self.outputs.append((each.path, each.name, step.id))
            else:
                self.names.check(each)

    def target(self, given: JsonValue, path: Path) -> str | None:
        """Read the id of a step that is gone to; whether there is one is seen when all steps stand."""
        if isinstance(given, str):
            self.targets.append((path, given))
            return given if given in self.paths else None
        self.file.wrong(path, "wrong_type", "must be the id of a step")
        return None

    def node(self, model: type[Any], step: Step, edges: Edges, fields: Mapping[str, Any]) -> AnyNode | None:
        """Read the fields of a step as a node; None where they have mistakes, which are noted."""
        name = step.data.get("name", called(step.id))
        whole = {"id": step.id, "name": name, "edges": edges, **fields}
        node: AnyNode | None = validated(self.file, _ADAPTERS[model], whole, step.path)
        return node


def called(slug: str) -> str:
    """Make a name for people out of an id or a key."""
    return slug.replace("-", " ").replace("_", " ").capitalize()


def stand_in(step: Step, edges: Edges, *, rests: bool = True) -> AnyNode:
    """Make a node for a step that is wrong or not there yet, so that the graph around it can be checked."""
    whole: Edges = {NEXT: None, **edges}  # a branch has none; only a perform node may have more than it needs
    if rests and edges.keys() <= {NEXT}:
        return Delay.model_construct(id=step.id, name=step.id, edges=whole, for_=timedelta(days=1))
    return Perform.model_construct(id=step.id, name=step.id, edges=whole, kind="", config={}, place="store")
