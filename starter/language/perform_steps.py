"""Steps that do an action: what the step says, completed by what the action decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from activities.action import Action, fields_of, tokens_of
from activities.catalogue import complete
from activities.values import found_in
from starter.language.checks import known, mapping, no_flags, refused, shallow, spans_have_units, validated
from starter.language.named_properties import check_names
from starter.language.sketch import Edges, Filled, Sketch, Step
from starter.language.wording import nearest, said, short
from workflows.model.durations import Duration
from workflows.model.nodes import FAILED, NEXT, AnyNode, Perform

_POLICY = ("on_failure", "retry", "timeout", "repeat")
_POLICIES = ("continue", "stop", "park")


class RetryGiven(BaseModel):
    """What a step may say of its retries; the action decides what it does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Duration | None = None
    growth: float | None = Field(None, ge=1, le=10)
    most: Duration | None = None
    within: Duration | None = None


_RETRY = TypeAdapter(RetryGiven)


def perform(sketch: Sketch, step: Step, action: type[Action]) -> AnyNode | None:
    """Compile a step that does an action."""
    _serves(sketch, step, action)
    sketch.keys(step, *fields_of(action), *_POLICY)
    own = {key: value for key, value in step.data.items() if key in fields_of(action)}
    _note_texts(sketch, step, action, own)
    check_names(sketch, step, action, own)
    config = _config(sketch, step, action, own)
    edges: Edges = {NEXT: None} if action.ending else step.onward
    moved = sketch.catalogue.is_moved_outside(action)
    retry = _retry(sketch, step)
    spans_have_units(sketch.file, step.data, step.path, ("timeout",))
    fields = {
        "kind": action.kind,
        "config": config,
        "place": "outside" if moved else action.place,
        "timeout": step.data.get("timeout", Action.timeout if moved else action.timeout),
        "retry": action.retry.model_copy(update=retry.model_dump(exclude_none=True) | _spans(retry)),
        "repeat": step.data.get("repeat", action.repeat),
        "on_failure": _on_failure(sketch, step, edges),
    }
    return sketch.node(Perform, step, edges, fields)


def _serves(sketch: Sketch, step: Step, action: type[Action]) -> None:
    if action.objects is not None and sketch.object not in action.objects:
        serves = " and ".join(action.objects)
        message = f"{action.kind} serves records of the type {serves}, and this flow is for {short(sketch.object)}"
        sketch.file.wrong((*step.path, "do"), "wrong_object", message)


def _note_texts(sketch: Sketch, step: Step, action: type[Action], own: Mapping[str, JsonValue]) -> None:
    """Note the texts with tokens, which are checked when all steps stand."""
    for key, mark in tokens_of(action).items():
        for place, kind, text in found_in(own.get(key)):
            path = (*step.path, key, *place)
            if kind == "text":
                sketch.texts.append(Filled(path, text, step.id, mark))
            elif kind == "output":
                sketch.outputs.append((path, text, step.id))
            else:
                sketch.names.property(path, text, sketch.object)


def _config(sketch: Sketch, step: Step, action: type[Action], own: Mapping[str, JsonValue]) -> Mapping[str, object]:
    """Complete the action's own settings; in a draft, those that are missing may come later."""
    no_flags(sketch.file, action, own, step.path)
    needed, fields = action.needed(own), fields_of(action)
    # Of the model itself those are told that it always wants, each at its place and with all else that is wrong.
    if not sketch.has(step.path, own, *(key for key in needed if sketch.draft or not fields[key].is_required())):
        return {}
    if len([key for key, value in own.items() if shallow(sketch.file, value, (*step.path, key))]) < len(own):
        return {}
    try:
        return complete(action, own)
    except ValidationError as error:
        refused(sketch.file, error, step.path)
    return {}


def _retry(sketch: Sketch, step: Step) -> RetryGiven:
    at = (*step.path, "retry")
    given = mapping(sketch.file, step.data.get("retry", {}), at, "`retry`") or {}
    known(sketch.file, given, at, RetryGiven.model_fields)
    spans_have_units(sketch.file, given, at, ("first", "most", "within"))
    no_flags(sketch.file, RetryGiven, given, at)
    named = {key: value for key, value in given.items() if key in RetryGiven.model_fields}
    return validated(sketch.file, _RETRY, named, at) or RetryGiven()


def _spans(retry: RetryGiven) -> dict[str, timedelta]:
    """Give the lengths of time themselves; dumped, they are numbers of seconds."""
    spans = {"first": retry.first, "most": retry.most, "within": retry.within}
    return {name: span for name, span in spans.items() if span is not None}


def _on_failure(sketch: Sketch, step: Step, edges: Edges) -> str:
    given, at = step.data.get("on_failure", "continue"), (*step.path, "on_failure")
    if isinstance(given, dict) and list(given) == ["go_to"]:
        edges[FAILED] = sketch.target(given["go_to"], (*at, "go_to"))
        return "go_to"
    if isinstance(given, str) and given in _POLICIES:
        return given
    near = nearest(given, _POLICIES) if isinstance(given, str) else None
    forms = f"it is {', '.join(_POLICIES)} or {{go_to: STEP}}"
    shown = said(given) if isinstance(given, str) else "this"
    hint = f"did you mean {near!r}?" if near else forms
    sketch.file.wrong(at, "unknown_value", f"{shown} is not known here; {hint}")
    return "continue"
