"""Control steps in a row: those that let records sleep, and those that end the walk or lead it elsewhere."""

from __future__ import annotations

from pydantic import JsonValue

from starter.language.checks import event_matches, no_flags, spans_have_units
from starter.language.flow_file import Path
from starter.language.sketch import Sketch, Step, stand_in
from starter.language.wording import meant, said
from workflows.model.nodes import NEXT, AnyNode, Delay, DelayUntil, End, GoTo, WaitForEvent

_KINDS = ("on", "date", "property")
_BESIDE = {"if_past": ("date", "property"), "if_empty": ("property",)}
_UNTIL = (*_KINDS, "at", "days", *_BESIDE)
_FORMS = '`on: [tue, thu]` and/or `at: "11:00"`; `date: 2026-12-24`; or `property: renewal_date`'


def delay(sketch: Sketch, step: Step) -> AnyNode | None:
    """Compile a delay of a length of time."""
    sketch.keys(step, "for")
    if not sketch.has(step.path, step.data, "for"):
        return None
    spans_have_units(sketch.file, step.data, step.path, ("for",))
    return sketch.node(Delay, step, step.onward, {"for": step.data["for"]})


def delay_until(sketch: Sketch, step: Step) -> AnyNode | None:
    """Compile a delay until the next of some weekdays and a time, a date, or a date property."""
    given, file = step.data, sketch.file
    sketch.keys(step, *_UNTIL)
    kinds = [key for key in _KINDS if key in given]
    if len(kinds) > 1:
        both = " and ".join(f"`{key}`" for key in kinds)
        message = f"{both} cannot stand together; give {_FORMS}"
        file.wrong((*step.path, kinds[1]), "unclear_moment", message, at_key=True)
        return None
    for key, beside in _BESIDE.items():
        if key in given and not {*kinds} & {*beside}:
            named = " or a ".join(f"`{each}`" for each in beside)
            file.wrong((*step.path, key), "unknown_key", f"`{key}` stands beside a {named} only", at_key=True)
    if not kinds and "at" not in given:
        sketch.incomplete(step, f"until when? Give {_FORMS}", *_KINDS, "at")
        return None
    no_flags(file, DelayUntil, given, step.path)
    if isinstance(name := given.get("property"), str):
        _is_date(sketch, step, name)
    if not _are_set(sketch, (*step.path, "on"), given.get("on")):
        return None
    return sketch.node(DelayUntil, step, step.onward, {key: given[key] for key in _UNTIL if key in given})


def _are_set(sketch: Sketch, path: Path, days: JsonValue) -> bool:
    """Tell whether weekdays are some, each once, where they are a list at all."""
    if not isinstance(days, list):
        return True
    twice = [number for number, day in enumerate(days) if day in days[:number]]
    for number in twice:
        sketch.file.wrong((*path, number), "duplicate_value", f"{said(days[number])} stands here twice")
    if not days:
        sketch.file.wrong(path, "too_few", "names no weekday; write some, as [tue, thu]")
    return bool(days) and not twice


def _is_date(sketch: Sketch, step: Step, name: str) -> None:
    definition = sketch.names.property((*step.path, "property"), name, sketch.object)
    if definition and definition.type not in ("date", "datetime"):
        message = f"{name} holds values of the type {definition.type}; only a date or a datetime can be waited for"
        sketch.file.wrong((*step.path, "property"), "wrong_property_type", message)


def wait_for_event(sketch: Sketch, step: Step) -> AnyNode | None:
    """Compile a wait."""
    sketch.keys(step, "any_of", "at_most")
    spans_have_units(sketch.file, step.data, step.path, ("at_most",))
    if not sketch.has(step.path, step.data, "any_of"):
        return None
    any_of = event_matches(sketch.file, step.data["any_of"], (*step.path, "any_of"))
    if "at_most" not in step.data and (step.path, "at_most") not in sketch.file.misspelt:
        message = "this waits for ever where the event never comes; say how long, as `at_most: 7 days`"
        sketch.file.doubt(step.path, "wait_without_limit", message)
    fields = {"any_of": any_of, "at_most": step.data.get("at_most")}
    told_already = not any_of and step.data["any_of"] != []
    return None if told_already else sketch.node(WaitForEvent, step, step.onward, fields)


def go_to(sketch: Sketch, step: Step) -> AnyNode | None:
    """Compile a step that leads to another one."""
    sketch.keys(step, "to")
    if not sketch.has(step.path, step.data, "to"):
        return None
    to = sketch.target(step.data["to"], (*step.path, "to"))
    return sketch.node(GoTo, step, {NEXT: to}, {})


def end(sketch: Sketch, step: Step) -> AnyNode | None:
    """Compile the end of a walk."""
    sketch.keys(step)
    return sketch.node(End, step, {}, {})


def placeholder(sketch: Sketch, step: Step) -> AnyNode:
    """Compile what is still to come: only a draft may hold it."""
    sketch.keys(step, "note")
    note = f": {step.data['note']}" if isinstance(step.data.get("note"), str) else ""
    if sketch.draft:
        sketch.file.lacks(step.path, "placeholder", f"a step is still to come here{note}")
    else:
        message = f"a placeholder stands here{note}; put the step in, or check it as a draft (--draft)"
        sketch.file.wrong(step.path, "placeholder", message)
    return stand_in(step, step.onward)


def unknown(sketch: Sketch, step: Step, kind: str, kinds: list[str]) -> None:
    """Tell of a kind that nothing has."""
    message = f"nothing is called {said(kind)}; {meant(kind, kinds)}"
    sketch.file.wrong((*step.path, "do"), "unknown_action", message)
