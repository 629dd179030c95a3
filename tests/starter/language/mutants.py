"""Good flow files made bad, each known by its number, and the question whether each gets a proper answer.

`python -m tests.starter.language.mutants 10000` asks for so many, and prints what went wrong and how long it took.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import yaml

from activities.catalogue import Catalogue
from activities.effects import PropertyDefinition
from starter.language.compile import Checked, check_flow
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowMistakes, Mistake, read, read_file
from workflows.model.revision import Revision, canonical

SECONDS = 2.0
LONGEST = 1000
GOOD = """
flow: demo-request
name: Follow up demo requests
object: contact
enroll:
  on: [{event: form_submitted, where: {form: demo-request, score: {greater_than: 3}}}]
  again: on_trigger
goal: {all: [{property: stage, is: customer}, {not: {list: competitors}}]}
settings: {revisions: pin, timezone: {property: timezone, otherwise: Europe/Helsinki}}
steps:
  - do: send_email
    id: hello
    subject: "Hi {{ contact.firstname | default('there') }}"
    text: |
      Dear {{ contact.firstname }},

      your stage is {{ contact.stage | upper }}.
    on_failure: {go_to: last}
    retry: {first: 2 seconds, growth: 3, within: 2 hours}
    timeout: 20 seconds
  - {do: delay, id: two-days, for: 2 days}
  - {do: delay_until, id: tuesday, on: [tue, thu], at: "11:00"}
  - {do: delay_until, id: eve, date: 2026-12-24, at: "09:00", days: -1, if_past: end}
  - {do: delay_until, id: renewal, property: renewal, days: 3, if_past: go_on, if_empty: end}
  - {do: wait_for_event, id: opened, any_of: [{event: email_opened, where: {email: demo}}], at_most: 7 days}
  - do: branch
    id: was-it-opened
    branches:
      - name: Opened
        when: {output: opened.happened, is: true}
        steps:
          - {do: set_property, id: mark, property: stage, value: "{{ outputs.hello.to }}"}
          - {do: go_to, id: again, to: two-days}
      - name: Known
        when: {any: [{property: firstname, is_known: true}, {property: stage, is_any_of: [lead, customer]}]}
        steps: [{do: end, id: out}]
    otherwise:
      - do: split
        id: halves
        branches:
          - {name: A, percent: 50, steps: [{do: delay, id: rest, for: 1 day}]}
          - {name: B, percent: 50}
  - do: branch_on_value
    id: by-stage
    property: stage
    branches: [{is: lead, steps: [{do: end, id: later}]}, {name: C, is_any_of: [customer]}]
    otherwise: []
  - {do: set_property, id: last, property: stage, value: lead}
"""
DRAFT = GOOD.replace("{do: end, id: later}", "{do: placeholder, id: later, note: call them}")
DEFINITIONS = Definitions(
    {
        "contact": {
            "firstname": PropertyDefinition("text"),
            "timezone": PropertyDefinition("text"),
            "stage": PropertyDefinition("option", ("lead", "customer")),
            "renewal": PropertyDefinition("date"),
        }
    },
    lists=frozenset({"competitors"}),
    flows=frozenset({"welcome"}),
)
CATALOGUE = Catalogue.load()

Tree = Any
Dice = random.Random

_ODD: list[Tree] = [
    *("", "x", "2 days", "-1 day", "1e400 days", "é", "{{", "{{ x }}", "{{ contact.nme }}", "{{ outputs.last.value }}"),
    *("'", '"', "\n", "\0", "\u202e", "\ud800", "../../etc/passwd", "Europe/Helsinki", "tue", "11:00", "25:61"),
    *("2026-02-30", "opened.happened", "last", "next", "otherwise", "a" * 5000, 10**17, 10**400, 1e308, 2.5, 3, 0, -1),
    *(None, True, False, [], {}, [[]], [{}], {"": ""}, {"a": {"a": {"a": 1}}}, ["tue", "tue"], [None], {"event": "x"}),
]
_FRAGMENTS = [
    *(each.encode() for each in ("\t", "\r", "\0", "\ufeff", "\x85", "\u2028", "\x07", "\U0001f600", "{{", "}}")),
    *(b"{", b"}", b"[", b"]", b",", b"'", b"#", b"@", b"`", b"|", b">"),
    *(b"\xff", b"\xed\xa0\x80", b"\r\n", b"\n\n", b"&a ", b"*a", b"!!python/object:os.system ", b"<<: ", b"---\n"),
    *(b"...\n", b"%YAML 1.1\n", b"? ", b"- ", b": ", b'"', b"\\u0000", b"\\ud800", b"NaN", b"//", b".inf", b"1e999"),
    *(b"9" * 5000, b"[" * 5000, b"{a: " * 3000, b"- " * 2000, b"a:\n" * 1000),
]


class Mutant(NamedTuple):
    """A file that is, most likely, bad."""

    name: str
    raw: bytes
    draft: bool
    definitions: Definitions | None


def mutant(number: int) -> Mutant:
    """Make the mutant of a number: it is the same on every machine."""
    dice = Dice(number)
    tree = json.loads(dice.choice(_TREES))
    name = dice.choice(["a.yaml", "a.json"])
    times = dice.choice([0, 1, 1, 1, 2, 3, 8])
    for _ in range(times):
        tree = dice.choice(_BREEDS)(dice, tree)
    raw = _written(tree, name, dice)
    for _ in range(dice.choice([0, 0, 0, 1, 2]) or (times == 0)):
        raw = dice.choice(_BITES)(dice, raw)
    return Mutant(name, raw, dice.random() < 0.3, DEFINITIONS if dice.random() < 0.5 else None)


def _written(tree: Tree, name: str, dice: Dice) -> bytes:
    if name == "a.yaml" and dice.random() < 0.2:
        return GOOD.encode()
    if name == "a.json":
        text = json.dumps(tree, indent=dice.choice([None, 1, "\t"]), ensure_ascii=dice.random() < 0.5)
    else:
        style = dice.choice([True, False, None])
        try:
            text = yaml.dump(
                tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, default_flow_style=style
            )
        except (RecursionError, UnicodeEncodeError):  # the library can write less than we can refuse
            text = json.dumps(tree)
    return text.encode("utf-8", "surrogatepass")


def _places(tree: Tree) -> list[tuple[Tree, Any]]:
    """Give all containers of a tree with each of their keys."""
    found: list[tuple[Tree, Any]] = []
    ahead = [tree]
    while ahead:
        here = ahead.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ()
        for key in keys:
            found.append((here, key))
            ahead.append(here[key])
    return found


def _drop(dice: Dice, tree: Tree) -> Tree:
    if places := _places(tree):
        here, key = dice.choice(places)
        del here[key]
    return tree


def _replace(dice: Dice, tree: Tree) -> Tree:
    if not (places := _places(tree)) or dice.random() < 0.01:
        return _copy(dice.choice(_ODD))
    here, key = dice.choice(places)
    here[key] = _copy(dice.choice(_ODD))
    return tree


def _rename(dice: Dice, tree: Tree) -> Tree:
    places = [(here, key) for here, key in _places(tree) if isinstance(here, dict)]
    if places:
        here, key = dice.choice(places)
        others = [other for _, other in places]
        here[dice.choice([f"{key}s", key[1:], dice.choice(others), dice.choice(["", "é", "\x00", "steps"])])] = (
            here.pop(key)
        )
    return tree


def _misspell(dice: Dice, tree: Tree) -> Tree:
    places = [(here, key) for here, key in _places(tree) if isinstance(here[key], str) and here[key]]
    if places:
        here, key = dice.choice(places)
        text, at = here[key], dice.randrange(len(here[key]))
        here[key] = text[:at] + dice.choice(["", "x", " ", "-", ".", "{{"]) + text[at + 1 :]
    return tree


def _repeat(dice: Dice, tree: Tree) -> Tree:
    lists = [here[key] for here, key in _places(tree) if isinstance(here[key], list) and here[key]]
    if lists:
        chosen = dice.choice(lists)
        chosen += [_copy(dice.choice(chosen)) for _ in range(dice.choice([1, 1, 1, 2, 2, 30, 30, 300]))]
    return tree


def _move(dice: Dice, tree: Tree) -> Tree:
    if len(places := _places(tree)) > 1:
        (here, key), (there, other) = dice.choice(places), dice.choice(places)
        there[other] = _copy(here[key])
    return tree


def _deepen(dice: Dice, tree: Tree) -> Tree:
    if places := _places(tree):
        here, key = dice.choice(places)
        wrap: Callable[[Tree], Tree] = dice.choice(
            [
                lambda inner: [inner],
                lambda inner: {"not": inner},
                lambda inner: {"all": [inner]},
                lambda inner: [{"do": "branch", "id": "b", "branches": [{"name": "A", "when": {}, "steps": inner}]}],
            ]
        )
        for _ in range(dice.choice([1, 2, 25, 70])):
            here[key] = wrap(here[key])
    return tree


def _copy(tree: Tree) -> Tree:
    return json.loads(json.dumps(tree)) if isinstance(tree, dict | list) else tree


def _flip(dice: Dice, raw: bytes) -> bytes:
    at = dice.randrange(len(raw)) if raw else 0
    return raw[:at] + bytes([dice.randrange(256)]) + raw[at + 1 :]


def _insert(dice: Dice, raw: bytes) -> bytes:
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + dice.choice(_FRAGMENTS) + raw[at:]


def _cut(dice: Dice, raw: bytes) -> bytes:
    begin, end = sorted(dice.randrange(len(raw) + 1) for _ in range(2))
    return raw[:begin] if dice.random() < 0.1 else raw[:begin] + raw[min(end, begin + 60) :]


def _double(dice: Dice, raw: bytes) -> bytes:
    begin, end = sorted(dice.randrange(len(raw) + 1) for _ in range(2))
    return raw[:end] + raw[begin:end] * dice.choice([1, 1, 20]) + raw[end:]


_TREES = [json.dumps(read(text, "a.yaml").data) for text in (GOOD, GOOD, DRAFT)]
_BREEDS = [_drop, _replace, _replace, _rename, _misspell, _repeat, _move, _deepen]
_BITES = [_flip, _insert, _insert, _cut, _double]


class Answer(NamedTuple):
    """What came of a mutant: what is wrong with the answer, if anything, how long it took, and the codes told."""

    trouble: str
    seconds: float
    codes: tuple[str, ...]


def ask(number: int, folder: Path) -> Answer:
    """Check a mutant; an answer is proper when it came soon, was no exception, and names places in the file."""
    made = mutant(number)
    begin = process_time()
    try:
        text, checked = _checked(made, folder)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return Answer(f"{type(error).__name__}: {str(error)[:200]}", process_time() - begin, ())
    seconds = process_time() - begin
    told = [*checked.mistakes, *checked.warnings, *checked.missing]
    trouble = next(_troubles(text, checked), "") or (f"took {seconds:.1f} s" if seconds > SECONDS else "")
    return Answer(trouble, seconds, tuple(mistake.code for mistake in told))


def _checked(made: Mutant, folder: Path) -> tuple[str, Checked]:
    file = folder / made.name
    file.write_bytes(made.raw)
    try:
        text = read_file(file)
    except FlowMistakes as error:
        return made.raw.decode(errors="replace"), Checked(None, "", "", error.mistakes, (), ())
    return text, check_flow(text, CATALOGUE, str(file), definitions=made.definitions, draft=made.draft)


def _troubles(text: str, checked: Checked) -> Iterator[str]:
    lines = re.split("\r\n|\r|\n", text)
    for mistake in (*checked.mistakes, *checked.warnings, *checked.missing):
        if not _is_in(mistake, lines):
            yield f"no such place: {mistake}"
        if not mistake.code or not mistake.message or len(mistake.message) > LONGEST or not str(mistake).isprintable():
            yield f"no plain sentence: {str(mistake)[:200]}"
    if checked.flow is None and not checked.mistakes and not checked.missing:
        yield "no flow, and nobody knows why"
    if checked.flow is not None:
        stored = canonical(checked.flow)
        if checked.mistakes or canonical(Revision.read(stored).flow) != stored:
            yield "what is stored is not what was checked"


def _is_in(mistake: Mistake, lines: list[str]) -> bool:
    return 1 <= mistake.line <= len(lines) and 1 <= mistake.column <= len(lines[mistake.line - 1]) + 1


def main(count: int) -> int:
    """Ask for many mutants; print what went wrong, and figures. Return how many went wrong."""
    codes, slowest, wrong, good = Counter[str](), 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            answer = ask(number, Path(folder))
            codes.update({*answer.codes})
            slowest, good = max(slowest, answer.seconds), good + (not answer.codes)
            if answer.trouble:
                wrong += 1
                print(f"{number}: {answer.trouble}")
    print(f"{count} mutants, {wrong} wrongly answered, {good} without a mistake, slowest {slowest:.2f} s")
    print(", ".join(f"{code} {times}" for code, times in codes.most_common()))
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000) else 0)
