"""What conditions and steps name: properties, outputs of steps, lists and flows; each told where there is no such."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from pydantic import JsonValue

from activities.effects import PropertyDefinition
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile, Path
from starter.language.wording import meant, said, short

_NAMING = ("property", "output", "list", "flow")
_OPTIONS = ("is", "is_not", "is_any_of", "is_none_of")
"""Operators that compare with an option as a whole."""


class Reference(NamedTuple):
    """A name in a condition: where it stands, what it is a name of, and the type of the record that it is asked of.

    `values` are those that a property is compared with, each with its place.
    """

    path: Path
    kind: str
    name: str
    object: str
    values: tuple[tuple[Path, JsonValue], ...] = ()


def references(data: JsonValue, path: Path, object_: str) -> Iterator[Reference]:
    """Find all that a condition names, on a record of the type `object_` and on those associated with it."""
    ahead = [(data, path, object_)]
    while ahead:
        here, at, of = ahead.pop()
        if isinstance(here, dict):
            if isinstance(associated := here.get("associated"), str):
                of = associated.partition("/")[0]
                yield Reference((*at, "associated"), "associated", of, of)
            for kind in _NAMING:
                if isinstance(name := here.get(kind), str):
                    yield Reference((*at, kind), kind, name, of, tuple(_values(here, at)))
            # What stands in `where` are properties of an event, which nobody defines.
            ahead += [(value, (*at, key), of) for key, value in here.items() if key != "where" or "event" not in here]
        elif isinstance(here, list):
            ahead += [(value, (*at, number), of) for number, value in enumerate(here)]


def _values(leaf: dict[str, JsonValue], path: Path) -> Iterator[tuple[Path, JsonValue]]:
    for key in _OPTIONS:
        if isinstance(value := leaf.get(key), list):
            yield from (((*path, key, number), each) for number, each in enumerate(value))
        elif key in leaf:
            yield (*path, key), value


class Names:
    """Tells of names that nothing is defined under; of all that is not known here, nothing."""

    def __init__(self, file: FlowFile, definitions: Definitions | None) -> None:
        """Note what is wrong in `file`."""
        self.file, self.definitions = file, definitions

    def check(self, reference: Reference) -> None:
        """Check one name, other than that of an output."""
        definitions = self.definitions
        match reference.kind:
            case "property":
                self.property(reference.path, reference.name, reference.object)
                for path, value in reference.values:
                    self.option(path, reference.name, reference.object, value)
            case "associated":
                self.object(reference.path, reference.name)
            case "list":
                self._is_one_of(reference, definitions.lists if definitions else None)
            case "flow":
                self._is_one_of(reference, definitions.flows if definitions else None)
            case "email":
                self._is_one_of(reference, definitions.emails if definitions else None)
                self._may_be_sent(reference)
            case kind:
                self._is_one_of(reference, definitions.others.get(kind) if definitions else None)

    def object(self, path: Path, name: str) -> None:
        """Check the type of a record."""
        if self.definitions and name not in self.definitions.properties:
            known = list(self.definitions.properties)
            message = f"no property is defined for records of the type {said(name)}; {meant(name, known)}"
            self.file.wrong(path, "unknown_object", message)

    def property(self, path: Path, name: str, object_: str) -> PropertyDefinition | None:
        """Check the name of a property, and give its definition where there is one."""
        if self.definitions is None or object_ not in self.definitions.properties:
            return None  # of an unknown type, the type is told
        defined = self.definitions.properties[object_]
        if name not in defined:
            message = f"a {short(object_)} has no property {said(name)}; {meant(name, list(defined))}"
            self.file.refuse(path, "unknown_property", message)
        return defined.get(name)

    def option(self, path: Path, name: str, object_: str, value: JsonValue) -> None:
        """Doubt a text that is none of the options of a property, for nothing is ever equal to it."""
        of_type = self.definitions.properties.get(object_, {}) if self.definitions else {}
        options = of_type[name].options if name in of_type else ()
        if options and isinstance(value, str) and value.casefold() not in map(str.casefold, options):
            message = f"{name} has no option {said(value)}; {meant(value, options)}"
            self.file.doubt(path, "unknown_option", message)

    def _may_be_sent(self, reference: Reference) -> None:
        emails = self.definitions.emails if self.definitions else None
        if emails and not emails.get(reference.name, True):
            message = f"the e-mail {said(reference.name)} is not saved for automation, so no flow sends it"
            self.file.wrong(reference.path, "not_for_automation", message)

    def _is_one_of(self, reference: Reference, names: Collection[str] | None) -> None:
        kind, name = reference.kind, reference.name
        if names is not None and name not in names:
            message = f"there is no {kind.replace('_', ' ')} {said(name)}; {meant(name, sorted(names))}"
            self.file.wrong(reference.path, f"unknown_{kind}", message)
