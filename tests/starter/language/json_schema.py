"""As much of JSON Schema as the schema of flow files uses. A keyword that is not here fails: it would check nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda data: isinstance(data, dict),
    "array": lambda data: isinstance(data, list),
    "string": lambda data: isinstance(data, str),
    "boolean": lambda data: isinstance(data, bool),
    "null": lambda data: data is None,
    "integer": lambda data: isinstance(data, int) and not isinstance(data, bool),
    "number": lambda data: isinstance(data, int | float) and not isinstance(data, bool),
}
_FOR_PEOPLE = {"$schema", "$defs", "description", "title", "default", "examples", "format"}


def refuses(schema: Any, data: Any, root: Mapping[str, Any], path: str = "") -> list[str]:
    """Say what of the data a schema does not allow, each with its path."""
    return [said for keyword in schema.keys() - _FOR_PEOPLE for said in _refused(keyword, schema, data, root, path)]


def _refused(keyword: str, schema: Mapping[str, Any], data: Any, root: Mapping[str, Any], path: str) -> Iterator[str]:
    value = schema[keyword]
    checks: dict[str, Callable[[], bool]] = {
        "const": lambda: data == value,
        "enum": lambda: data in value,
        "type": lambda: any(_TYPES[each](data) for each in ([value] if isinstance(value, str) else value)),
        "required": lambda: not isinstance(data, dict) or set(value) <= data.keys(),
        "pattern": lambda: not isinstance(data, str) or re.search(value, data) is not None,
        "minLength": lambda: not isinstance(data, str) or len(data) >= value,
        "maxLength": lambda: not isinstance(data, str) or len(data) <= value,
        "minItems": lambda: not isinstance(data, list) or len(data) >= value,
        "maxItems": lambda: not isinstance(data, list) or len(data) <= value,
        "minimum": lambda: not _TYPES["number"](data) or data >= value,
        "maximum": lambda: not _TYPES["number"](data) or data <= value,
        "exclusiveMinimum": lambda: not _TYPES["number"](data) or data > value,
        "anyOf": lambda: any(not refuses(each, data, root, path) for each in value),
        "oneOf": lambda: sum(not refuses(each, data, root, path) for each in value) == 1,
    }
    if keyword in checks:
        if not checks[keyword]():
            yield f"{path}: {keyword}"
        return
    for inner, each, where in _inside(keyword, schema, data, root):
        yield from refuses(inner, each, root, f"{path}{where}")


def _inside(
    keyword: str, schema: Mapping[str, Any], data: Any, root: Mapping[str, Any]
) -> Iterator[tuple[Any, Any, str]]:
    """Give the schemas that hold for parts of the data, or for the data itself."""
    value = schema[keyword]
    match keyword:
        case "$ref":
            yield root["$defs"][value.removeprefix("#/$defs/")], data, ""
        case "allOf":
            yield from ((each, data, "") for each in value)
        case "items":
            yield from ((value, each, f"[{n}]") for n, each in enumerate(data if isinstance(data, list) else ()))
        case "properties":
            given = data if isinstance(data, dict) else {}
            yield from ((value[name], each, f".{name}") for name, each in given.items() if name in value)
        case "propertyNames":
            yield from ((value, name, f".{name}") for name in (data if isinstance(data, dict) else ()))
        case "additionalProperties":
            known = schema.get("properties", {})
            for name, each in (data if isinstance(data, dict) else {}).items():
                if name not in known:
                    yield ({"enum": []} if value is False else value), each, f".{name}"
        case _:
            raise AssertionError(f"{keyword} is not known here")
