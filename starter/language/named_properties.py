"""What the fields of a step name: properties, of which type they are, outputs, and what else must be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.action import (
    Action,
    NameOf,
    OutputName,
    OwnProperty,
    PropertiesOf,
    Refused,
    ValueOf,
    Wants,
    fields_of,
    marked,
    properties_of,
)
from activities.effects import PropertyDefinition
from activities.new_values import DATES, MOMENT
from activities.properties import fitting, may_copy, read
from starter.language.flow_file import Path
from starter.language.references import Reference
from starter.language.sketch import Sketch, Step
from starter.language.wording import meant, said

_OPENS = "{{"


def check_names(sketch: Sketch, step: Step, action: type[Action], own: Mapping[str, JsonValue]) -> None:
    """Check what the fields of a step name against what is defined; outputs are checked when all steps stand."""
    fields = _Fields(sketch, step, action, own)
    fields.check_names()
    fields.check_properties()
    fields.check_types()


@dataclass
class _Fields:
    """The fields of one step, and the definitions of the properties that they name, by field."""

    sketch: Sketch
    step: Step
    action: type[Action]
    own: Mapping[str, JsonValue]
    defined: dict[str, PropertyDefinition] = field(default_factory=dict)

    def path(self, key: str) -> Path:
        return (*self.step.path, key)

    def wrong(self, key: str, code: str, message: str) -> None:
        self.sketch.file.wrong(self.path(key), code, message)

    def check_names(self) -> None:
        for key, mark in marked(self.action, NameOf).items():
            if mark.under and self.sketch.catalogue.is_moved_outside(self.action):
                continue  # what it names is in the other CRM
            for path, name in _named(self.path(key), self.own.get(key), mark.under):
                self.sketch.names.check(Reference(path, mark.kind, name.partition("/")[0], self.sketch.object))
        for key in marked(self.action, OutputName):
            if isinstance(output := self.own.get(key), str):
                self.sketch.outputs.append((self.path(key), output, self.step.id))

    def check_properties(self) -> None:
        for key, mark in properties_of(self.action).items():
            for path, name in _named(self.path(key), self.own.get(key)):
                definition = self.sketch.names.property(path, name, self.object_of(mark))
                if definition and definition.read_only and mark.edits:
                    self.wrong(key, "read_only_property", f"{name} is read-only; no flow can set it")
                elif definition:
                    self.defined[key] = definition

    def object_of(self, mark: OwnProperty) -> str:
        """Give the type of the records whose property is named."""
        of = [name for _, name in _named((), self.own.get(mark.of))] if mark.of else []
        return of[0].partition("/")[0] if of else self.sketch.object

    def check_types(self) -> None:
        for key, mark in properties_of(self.action).items():
            if key in self.defined and mark.into in self.defined:
                self._may_copy(key, mark.into)
        for key, wants in marked(self.action, Wants).items():
            default = fields_of(self.action)[key].default
            if self.own.get(key, default) != default and wants.property in self.defined:
                self._is_one_of(key, wants)
        for key, value in marked(self.action, ValueOf).items():
            if self.own.get(key) is not None and value.property in self.defined:
                name = str(self.own[value.property])
                self._fits(self.path(key), name, self.own[key], self.defined[value.property])
        for key, of in marked(self.action, PropertiesOf).items():
            if isinstance(given := self.own.get(key), dict) and isinstance(type_ := self.own.get(of.type), str):
                for name, each in given.items():
                    self._new_value((*self.path(key), name), name, each, type_)

    def _new_value(self, path: Path, name: str, value: JsonValue, type_: str) -> None:
        """Check a property that a new record is to have, and where its value comes from."""
        definition = self.sketch.names.property(path, name, type_)
        if definition and definition.read_only:
            self.sketch.file.wrong(path, "read_only_property", f"{name} is read-only; no flow can set it")
        elif not isinstance(value, dict):
            if definition:
                self._fits(path, name, value, definition)
        elif isinstance(output := value.get("from_output"), str):
            self.sketch.outputs.append(((*path, "from_output"), output, self.step.id))
        elif isinstance(from_ := value.get("from"), str):
            given = self.sketch.names.property((*path, "from"), from_, self.sketch.object)
            if given and definition and not may_copy(given.type, definition.type):
                message = f"{from_} is a {given.type}, which is not copied into {name}, a {definition.type}"
                self.sketch.file.wrong((*path, "from"), "wrong_property_type", message)
        elif definition and definition.type not in DATES and MOMENT & value.keys():
            message = f"a moment is for properties of the type {' or '.join(DATES)}, and {name} is a {definition.type}"
            self.sketch.file.wrong(path, "wrong_property_type", message)

    def _may_copy(self, key: str, into: str) -> None:
        given, wanted = self.defined[key].type, self.defined[into].type
        if not may_copy(given, wanted):
            message = f"{self.own[key]} is a {given}, which is not copied into {self.own[into]}, a {wanted}"
            self.wrong(key, "wrong_property_type", message)

    def _is_one_of(self, key: str, wants: Wants) -> None:
        type_ = self.defined[wants.property].type
        if type_ not in wants.types:
            kinds = " or ".join(wants.types)
            message = f"`{key}` is for properties of the type {kinds}, and {self.own[wants.property]} is a {type_}"
            self.wrong(key, "wrong_property_type", message)

    def _fits(self, path: Path, name: str, value: JsonValue, definition: PropertyDefinition) -> None:
        """Refuse a value that its property does not take; what a text with tokens comes to, nobody knows."""
        if isinstance(value, str) and _OPENS in value:
            return
        try:
            fitting(name, read(value, definition.type), definition)
        except Refused as refused:
            message = f"{name} is a {definition.type}, which does not take {said(value)}"
            if refused.code == "unknown_option" and isinstance(value, str):
                message = f"{name} has no option {said(value)}; {meant(value, definition.options)}"
            self.sketch.file.wrong(path, refused.code, message)


def _named(path: Path, given: JsonValue, under: str = "") -> Iterator[tuple[Path, str]]:
    """Give the name that a field holds, or each of several, with its place; what tokens come to, nobody knows."""
    if under:
        inner = given.get(under) if isinstance(given, dict) else None
        if isinstance(inner, str) and _OPENS not in inner:
            yield (*path, under), inner
    elif isinstance(given, str):
        yield path, given
    elif isinstance(given, dict):
        yield from _named((*path, "type"), given.get("type"))
    elif isinstance(given, list):
        for n, one in enumerate(given):
            yield from _named((*path, n), one)
