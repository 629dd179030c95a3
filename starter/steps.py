"""From nested steps to nodes with edges. Where a step is wrong, a stand-in keeps the graph whole for further checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from activities.action import Action, tokens_of
from activities.catalogue import Catalogue, complete
from starter.checks import event_matches, known, listed, mapping, meant, outputs, refused, validated
from starter.flow_file import FlowFile, Path, written
from starter.texts import check_tokens
from workflows.model.nodes import (
    FAILED,
    NEXT,
    OTHERWISE,
    AnyNode,
    Arm,
    Branch,
    Delay,
    End,
    EventMatch,
    GoTo,
    NodeId,
    Perform,
    WaitForEvent,
)
from workflows.model.when import Duration

_COMMON = ("do", "id", "name")
_CONTROL = ("delay", "wait_for_event", "branch", "go_to", "end")
_POLICY = ("on_failure", "retry", "timeout", "repeat")
_POLICIES = ("continue", "stop", "park")
_ID = TypeAdapter(NodeId)
_NODES = {kind: TypeAdapter[Any](kind) for kind in (Delay, WaitForEvent, Branch, GoTo, End, Perform)}
_ARM = TypeAdapter(Arm)

Step = dict[str, JsonValue]


class RetryGiven(BaseModel):
    """What a step may say of its retries; the action decides what it does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Duration | None = None
    growth: float | None = Field(None, ge=1, le=10)
    most: Duration | None = None
    within: Duration | None = None


_RETRY = TypeAdapter(RetryGiven)


class Steps:
    """Compiles the steps of one flow; what it finds wrong stands in the file's mistakes."""

    def __init__(self, file: FlowFile, catalogue: Catalogue, object_: str) -> None:
        """Compile steps of `file` for records of the type `object_`, with the actions of `catalogue`."""
        self.file, self.catalogue, self.object = file, catalogue, object_
        self.nodes: dict[str, AnyNode] = {}
        self.paths: dict[str, Path] = {}
        self._ids: dict[Path, str] = {}
        self._targets: list[tuple[Path, str]] = []
        self._outputs: list[tuple[Path, str]] = []
        self._texts: list[tuple[Path, str]] = []

    def compile(self, data: JsonValue, path: Path) -> str | None:
        """Compile all steps; give the id of the first, None when there is none."""
        self._name(data, path)
        start = self._walk(data, path, None)
        for place, target in self._targets:
            if target not in self.paths:
                self.file.wrong(place, f"there is no step {target!r}; {meant(target, list(self.paths))}")
        for place, named in self._outputs:
            self._check_output(place, *named.partition(".")[::2])
        for place, text in self._texts:
            check_tokens(self.file, place, text, self.object, list(self.paths))
        return start

    def _name(self, data: JsonValue, path: Path) -> None:
        """Give every step its id, in a pass of its own: a step must know what follows it."""
        for number, step in enumerate(data if isinstance(data, list) else ()):
            if not isinstance(step, dict):
                continue
            here = (*path, number)
            self._ids[here] = id_ = self._id(step, here)
            self.paths[id_] = here
            branches = step.get("branches")
            for arm_number, arm in enumerate(branches if isinstance(branches, list) else ()):
                if isinstance(arm, dict):
                    self._name(arm.get("steps"), (*here, "branches", arm_number, "steps"))
            self._name(step.get("otherwise"), (*here, "otherwise"))

    def _id(self, step: Step, here: Path) -> str:
        stand_in = f"step-{len(self.paths)}"
        if "id" not in step:
            self.file.wrong(here, "`id` is missing; a step keeps its id for the life of the flow, as `id: welcome`")
            return stand_in
        id_ = validated(self.file, _ID, step["id"], (*here, "id"))
        if id_ is not None and id_ in self.paths:
            self.file.wrong((*here, "id"), f"the id {id_!r} is taken by {written(self.paths[id_])}")
            return stand_in
        return id_ or stand_in

    def _walk(self, data: JsonValue, path: Path, after: str | None) -> str | None:
        """Compile steps in a row, of which the last leads to `after`; give where the row begins."""
        steps: list[tuple[Path, Step]] = []
        for number, each in enumerate(listed(self.file, data, path, "steps")):
            if (step := mapping(self.file, each, (*path, number), "a step")) is not None:
                steps.append(((*path, number), step))
        begins = [self._ids[here] for here, _ in steps]
        for (here, step), following in zip(steps, [*begins[1:], after], strict=False):
            self.nodes[self._ids[here]] = self._node(here, step, following)
        return begins[0] if begins else after

    def _node(self, here: Path, step: Step, following: str | None) -> AnyNode:
        to = {NEXT: following}
        match step.get("do"):
            case "delay":
                node = self._control(Delay, here, step, to, "for")
            case "wait_for_event":
                node = self._wait(here, step, to)
            case "branch":
                return self._branch(here, step, following)
            case "go_to":
                node = self._control(GoTo, here, step, {NEXT: self._target(step.get("to"), (*here, "to"))}, "to")
            case "end":
                node = self._control(End, here, step, {})
            case str(kind):
                node = self._perform(kind, here, step, to)
            case _:
                self.file.wrong(here, "`do` is missing; it says what the step does, as `do: send_email`")
                node = None
        return node or _stand_in(self._ids[here], step.get("do"), to)

    def _control(
        self, model: type[Any], here: Path, step: Step, edges: dict[str, str | None], *keys: str
    ) -> AnyNode | None:
        known(self.file, step, here, (*_COMMON, *keys), keys)
        if any(key not in step for key in keys):
            return None
        fields = {key: step[key] for key in keys if key != "to"}
        self._spans_have_units(step, here, keys)
        return self._validated(model, here, step, edges, fields)

    def _spans_have_units(self, step: Step, here: Path, keys: tuple[str, ...]) -> None:
        """Refuse a bare number, which a stored revision means in seconds and a person in anything."""
        for key in keys:
            if isinstance(number := step.get(key), int | float) and not isinstance(number, bool):
                self.file.wrong(
                    (*here, key), f"{number} of what? Write a number and a unit, as '{number:g} days' or '2 hours'"
                )

    def _wait(self, here: Path, step: Step, edges: dict[str, str | None]) -> AnyNode | None:
        known(self.file, step, here, (*_COMMON, "any_of", "at_most"), ("any_of",))
        if "any_of" not in step:
            return None
        any_of = event_matches(self.file, step["any_of"], (*here, "any_of"))
        self._spans_have_units(step, here, ("at_most",))
        most = {"at_most": step["at_most"]} if "at_most" in step else {}
        return self._validated(WaitForEvent, here, step, edges, {"any_of": any_of, **most}) if any_of else None

    def _branch(self, here: Path, step: Step, following: str | None) -> AnyNode:
        known(self.file, step, here, (*_COMMON, "branches", "otherwise"), ("branches",))
        arms: list[Arm] = []
        edges: dict[str, str | None] = {}
        at = (*here, "branches")
        for number, data in enumerate(listed(self.file, step.get("branches", []), at, "branches")):
            if (drawn := mapping(self.file, data, (*at, number), "a branch")) is None:
                continue
            known(self.file, drawn, (*at, number), ("name", "when", "steps"), ("name", "when"))
            self._outputs += outputs(drawn.get("when"), (*at, number, "when"))
            name = str(drawn.get("name", number))
            if taken := name in edges or name in (OTHERWISE, NEXT, FAILED):
                self.file.wrong((*at, number, "name"), f"the name {name!r} is taken; each branch needs one of its own")
                name = f"{name} {number}"
            edges[name] = self._walk(drawn.get("steps", []), (*at, number, "steps"), following)
            if {"name", "when"} <= drawn.keys():
                told = {"name": name if taken else drawn["name"], "when": drawn["when"]}
                arms += filter(None, [validated(self.file, _ARM, told, (*at, number))])
        edges[OTHERWISE] = self._walk(step.get("otherwise", []), (*here, "otherwise"), following)
        if not edges.keys() - {OTHERWISE}:
            self.file.wrong(at, "a branch needs at least one of `{name: ..., when: ..., steps: [...]}`")
        whole = (
            self._validated(Branch, here, step, edges, {"arms": arms}) if len(arms) == len(edges) - 1 and arms else None
        )
        return whole or _stand_in(self._ids[here], "branch", edges)

    def _perform(self, kind: str, here: Path, step: Step, edges: dict[str, str | None]) -> AnyNode | None:
        action = self._action(kind, here)
        if action is None:
            return None
        own = {key: value for key, value in step.items() if key not in (*_COMMON, *_POLICY)}
        known(self.file, step, here, (*_COMMON, *action.model_fields, *_POLICY))
        marked = tokens_of(action)
        self._texts += [((*here, key), value) for key, value in own.items() if isinstance(value, str) and key in marked]
        config: Mapping[str, object] = {}
        try:
            config = complete(action, {key: value for key, value in own.items() if key in action.model_fields})
        except ValidationError as error:
            refused(self.file, error, here)
        self._spans_have_units(step, here, ("timeout",))
        policy = self._on_failure(step, here, edges)
        retry = self._retry(step, here)
        fields = {
            "kind": kind,
            "config": config,
            "place": action.place,
            "timeout": step.get("timeout", action.timeout),
            "retry": action.retry.model_copy(update=retry.model_dump(exclude_none=True) | _spans(retry)),
            "repeat": step.get("repeat", action.repeat),
            "on_failure": policy,
        }
        return self._validated(Perform, here, step, edges, fields)

    def _retry(self, step: Step, here: Path) -> RetryGiven:
        at = (*here, "retry")
        given = mapping(self.file, step.get("retry", {}), at, "`retry`") or {}
        known(self.file, given, at, RetryGiven.model_fields)
        named = {key: value for key, value in given.items() if key in RetryGiven.model_fields}
        return validated(self.file, _RETRY, named, at) or RetryGiven()

    def _action(self, kind: str, here: Path) -> type[Action] | None:
        kinds = list(self.catalogue)
        if kind not in kinds:
            self.file.wrong((*here, "do"), f"nothing is called {kind!r}; {meant(kind, (*_CONTROL, *kinds))}")
            return None
        action = self.catalogue[kind]
        if action.objects is not None and self.object not in action.objects:
            serves = " and ".join(action.objects)
            self.file.wrong(
                (*here, "do"), f"{kind} serves records of the type {serves}, and this flow is for {self.object}"
            )
        return action

    def _on_failure(self, step: Step, here: Path, edges: dict[str, str | None]) -> str:
        given, at = step.get("on_failure", "continue"), (*here, "on_failure")
        if isinstance(given, dict) and list(given) == ["go_to"]:
            edges[FAILED] = self._target(given["go_to"], (*at, "go_to"))
            return "go_to"
        if not isinstance(given, str) or given not in _POLICIES:
            self.file.wrong(at, f"must be {', '.join(_POLICIES)} or {{go_to: STEP}}")
            return "continue"
        return given

    def _target(self, given: JsonValue, at: Path) -> str | None:
        if isinstance(given, str):
            self._targets.append((at, given))
            return given
        if given is not None:
            self.file.wrong(at, "must be the id of a step")
        return None

    def _validated(
        self, model: type[Any], here: Path, step: Step, edges: dict[str, str | None], fields: Mapping[str, object]
    ) -> AnyNode | None:
        id_ = self._ids[here]
        name = step.get("name", id_.replace("-", " ").replace("_", " ").capitalize())
        node: AnyNode | None = validated(
            self.file, _NODES[model], {"id": id_, "name": name, "edges": edges, **fields}, here
        )
        return node

    def _check_output(self, place: Path, step: str, key: str) -> None:
        if step not in self.paths:
            self.file.wrong(place, f"there is no step {step!r}; {meant(step, list(self.paths))}")
            return
        node = self.nodes[step]
        if isinstance(node, Perform) and node.kind in list(self.catalogue):
            outputs_ = self.catalogue[node.kind].outputs
            if key not in outputs_:
                there_are = meant(key, list(outputs_)) if outputs_ else "it has none"
                self.file.wrong(place, f"{node.kind} has no output {key!r}; {there_are}")


def _spans(retry: RetryGiven) -> dict[str, timedelta]:
    """Give the lengths of time themselves; dumped, they are numbers of seconds."""
    spans = {"first": retry.first, "most": retry.most, "within": retry.within}
    return {name: span for name, span in spans.items() if span is not None}


def _stand_in(id_: str, do: object, edges: dict[str, str | None]) -> AnyNode:
    """Build a node for a step that is wrong: it sleeps where the step would, and leads where it would."""
    common = {"id": id_, "name": id_, "edges": edges}
    if do == "delay":
        return Delay.model_validate({**common, "for": 1})
    if do == "wait_for_event":
        return WaitForEvent.model_validate({**common, "any_of": [EventMatch(event="any")]})
    common["edges"] = {NEXT: None, **edges}  # a branch has none
    return Perform.model_validate({**common, "kind": "stand_in", "config": {}, "place": "store"})
