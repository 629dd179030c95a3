"""The page of an action, made of its class: what it does, its settings, what it puts out, how it fails and repeats."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from activities.action import Action, tokens_of
from workflows.model.phrases import length
from workflows.model.policy import Retry

_CODE = re.compile(r"\(((?:`[a-z][a-z0-9_]*`(?:, | and | or )?)+)\)")
_SENTENCE = re.compile(r"(?<=[.:])\s+(?=[A-Z`])")
_WORDS = {"string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false"}
_REPEATS = {
    "at_least_once": "it is done again under the same key; with `repeat: at_most_once` it is not, and the line says so",
    "at_most_once": "it is not done again, and the line says so; with `repeat: at_least_once` it is",
}


@dataclass(frozen=True)
class Setting:
    """A field of an action; one within a mapping is named as `due.after`. `default` is None where there is none."""

    name: str
    type: str
    description: str
    required: bool
    default: JsonValue
    tokens: bool


@dataclass(frozen=True)
class Page:
    """All that is to be said of an action. `codes` gives each code of a failure with the sentence that explains it."""

    kind: str
    locked: bool
    summary: str
    manual: str
    objects: tuple[str, ...] | None
    place: str
    repeat: str
    timeout: timedelta
    retry: Retry
    settings: tuple[Setting, ...]
    outputs: Mapping[str, str]
    codes: Mapping[str, str]
    examples: tuple[str, ...]


def page(action: type[Action], *, locked: bool = False) -> Page:
    """Make the page of an action."""
    summary, _, manual = (inspect.getdoc(action) or "").partition("\n\n")
    return Page(
        kind=action.kind,
        locked=locked,
        summary=" ".join(summary.split()),
        manual=manual,
        objects=action.objects,
        place=action.place,
        repeat="exactly_once" if action.place == "store" else action.repeat,
        timeout=action.timeout,
        retry=action.retry,
        settings=tuple(_settings(action)),
        outputs=action.outputs,
        codes=codes(manual),
        examples=action.examples,
    )


def codes(manual: str) -> dict[str, str]:
    """Give the codes of failures that a manual names, each in backticks and brackets, with the sentence around it."""
    found: dict[str, str] = {}
    for paragraph in manual.split("\n\n"):
        for sentence in _SENTENCE.split(" ".join(paragraph.split())):
            for code in (code for group in _CODE.findall(sentence) for code in re.findall(r"`(\w+)`", group)):
                found.setdefault(code, sentence)
    return found


def _settings(action: type[Action]) -> Iterator[Setting]:
    schema = action.model_json_schema()
    defs, tokens = schema.get("$defs", {}), tokens_of(action)
    yield from _of_mapping(schema, defs, "", tokens)


def _of_mapping(
    schema: Mapping[str, Any], defs: Mapping[str, Any], prefix: str, tokens: Iterable[str]
) -> Iterator[Setting]:
    for name, each in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        default = None if required else each.get("default")
        said = each.get("description", "")
        yield Setting(prefix + name, _type(each, defs), said, required, default, not prefix and name in tokens)
        for inner in _mappings(each, defs):
            yield from _of_mapping(inner, defs, f"{prefix}{name}.", ())


def _mappings(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the mappings with fields of their own that a setting may be."""
    for arm in schema.get("anyOf", [schema]):
        found = defs[arm["$ref"].rpartition("/")[2]] if "$ref" in arm else arm
        if found.get("properties"):
            yield found


def _type(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """Say in words what a setting takes."""
    arms = [arm for arm in schema.get("anyOf", [schema]) if arm.get("type") != "null"]
    return " or ".join(dict.fromkeys(_arm(arm, defs) for arm in arms))


def _arm(arm: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    found: Mapping[str, Any] = defs[arm["$ref"].rpartition("/")[2]] if "$ref" in arm else arm
    if "const" in found:
        return f"`{found['const']}`"
    if "enum" in found:
        return "one of " + ", ".join(f"`{each}`" for each in found["enum"])
    match found.get("type"):
        case "array":
            return "a list of " + (_type(found["items"], defs) if "items" in found else "values")
        case "object":
            inner = found.get("additionalProperties")
            return f"names, each with {_type(inner, defs)}" if isinstance(inner, dict) and inner else "a mapping"
        case list() as types:
            return " or ".join(_WORDS.get(str(each), str(each)) for each in types if each != "null")
        case str() as name:
            return _WORDS.get(name, name)
        case _:
            return "any value"


def markdown(found: Page) -> str:
    """Write a page as Markdown."""
    blocks = [f"## {found.kind}", found.summary, found.manual]
    blocks.append("\n".join(f"- **{name}**: {said}" for name, said in _facts(found)))
    blocks += ["| Setting | Takes | Default | |\n| --- | --- | --- | --- |\n" + "\n".join(map(_row, found.settings))]
    if found.outputs:
        blocks.append(
            "Later steps may read:\n\n" + "\n".join(f"- `{key}`: {said}" for key, said in found.outputs.items())
        )
    if found.codes:
        blocks.append("It fails, or is skipped, with: " + ", ".join(f"`{code}`" for code in found.codes) + ".")
    blocks += [f"```yaml\n{example.strip()}\n```" for example in found.examples]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _facts(found: Page) -> Iterator[tuple[str, str]]:
    if found.locked:
        yield "Locked", "by the operator of this installation; no flow with it can be turned on"
    yield "Records", "of any type" if found.objects is None else "of the type " + " or ".join(found.objects)
    if found.place == "store":
        yield "Done", "exactly once, in one transaction with the visit"
    else:
        yield "Done", f"outside; where a crash leaves open whether it was done, {_REPEATS[found.repeat]}"
        retry = found.retry
        spans = f"growing by {retry.growth:g} up to {length(retry.most)}, for {length(retry.within)}"
        yield "Tried again", f"after {length(retry.first)}, {spans}"
    yield "An attempt takes", f"at most {length(found.timeout)}"


def _row(setting: Setting) -> str:
    if setting.required:
        default = "needed"
    else:
        default = "" if setting.default in (None, "", []) else f"`{_plain(setting.default)}`"
    takes = setting.type + (", with tokens" if setting.tokens else "")
    return f"| `{setting.name}` | {takes} | {default} | {setting.description} |".replace("\n", " ")


def _plain(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


INTRODUCTION = """\
# The actions

What the steps of a flow can do. `perdure actions` lists them, those of your own as well, and `perdure actions KIND`
prints the page of one; this file is all pages of the shipped ones: `perdure actions --markdown > docs/actions.md`.

Every step that does an action also takes `on_failure` (`continue`, `stop`, `park`, `go_to: STEP`), `retry`, `timeout`
and `repeat`. Beside the codes on its page, each may fail with `bad_template`, `template_too_large`, `bad_value` (the
settings are not valid once the tokens are replaced) and `gave_up` (all tries are used up).
"""


def book(actions: Iterable[type[Action]]) -> str:
    """Write the pages of all actions as one Markdown file."""
    return "\n".join([INTRODUCTION, *(markdown(page(action)) for action in actions)])
