"""Texts and references inside the values of a step, as in the body of a request: found, and put in place.

`{property: NAME}` and `{output: STEP.KEY}` stand for a value as it is, a number for a number; a text takes tokens. The
field's own mapping is never such a reference, for a header may be called `property`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pydantic import JsonValue

REFERENCES = ("property", "output")

DEEPEST = 100
"""Levels that are looked through; no value that may be published has as many."""


class Found(NamedTuple):
    """A text or a reference: where it stands, `text` or the kind of the reference, and what it says."""

    place: tuple[str | int, ...]
    kind: str
    text: str


def found_in(value: object, place: tuple[str | int, ...] = ()) -> Iterator[Found]:
    """Find the texts and references in the value of a field, in order."""
    if isinstance(value, str):
        yield Found(place, "text", value)
    elif place and (reference := _reference(value)):
        yield Found((*place, reference[0]), *reference)
    elif isinstance(value, Mapping | list) and len(place) < DEEPEST:
        for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from found_in(each, (*place, key))


def put_in(value: JsonValue, fill: Callable[[str], str], look: Callable[[str, str], JsonValue]) -> JsonValue:
    """Give the value of a field with each text filled, and each reference looked up; in the order of `found_in`."""
    if isinstance(value, str):
        return fill(value)

    def inside(each: JsonValue) -> JsonValue:
        reference = _reference(each)
        return look(*reference) if reference else put_in(each, fill, look)

    if isinstance(value, dict):
        return {key: inside(each) for key, each in value.items()}
    return [inside(each) for each in value] if isinstance(value, list) else value


def looking(
    properties: Mapping[str, JsonValue], outputs: Mapping[str, Mapping[str, JsonValue]]
) -> Callable[[str, str], JsonValue]:
    """Give what looks references up; null for what is not there."""

    def look(kind: str, name: str) -> JsonValue:
        step, _, key = name.partition(".")
        return properties.get(name) if kind == "property" else outputs.get(step, {}).get(key)

    return look


def _reference(value: object) -> tuple[str, str] | None:
    """Give the kind and the name of a reference, None for what is none."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, name),) = value.items()
        if kind in REFERENCES and isinstance(name, str):
            return kind, name
    return None
