from __future__ import annotations

import pytest
from pydantic import JsonValue

from starter.flow_file import MOST_BYTES, FlowMistakes, Mistake, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on: 1", {"on": 1}),
        ("at: 11:00", {"at": "11:00"}),
        ("a: NO", {"a": "NO"}),
        ("a: yes", {"a": "yes"}),
        ("a: 012", {"a": 12}),
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: true", {"a": True}),
        ("a: 'true'", {"a": "true"}),
        ("a: 1.50", {"a": 1.5}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: .", {"a": "."}),
        ("a: .inf", {"a": ".inf"}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("7: seven", {"7": "seven"}),
        ("a: 12345678901234567890", {"a": "12345678901234567890"}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: JsonValue) -> None:
    """Words, times and dates stay text; only true, false, null and numbers are more."""
    file = read(text, "a.yaml")
    assert (file.data, file.mistakes) == (value, [])


def test_every_value_and_key_has_its_place() -> None:
    """Lines and columns count from 1, for values and for keys."""
    file = read("flow: a\nsteps:\n  - do: delay\n    for: 2 days\n", "a.yaml")
    assert file.values["steps", 0, "for"] == (4, 10)
    assert file.keys["steps", 0, "for"] == (4, 5)
    assert file.values["steps", 0] == (3, 5)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: 1\na: 2", "f:2:1 a: this key stands here twice"),
        ("a: &x 1", "f:1:4 a: anchors as &x are not taken"),
        ("a: [*x]", "f:1:5 a[0]: write the value out: aliases as *x are not taken"),
        ("a: !!str 1", "f:1:4 a: tags as tag:yaml.org,2002:str are not taken"),
        ("? [a]\n: 1", "f:1:3 a key must be plain text"),
        ("a: 1\n---\nb: 2", "f:2:1 a second document begins here; a file holds one flow"),
        ("", "f:1:1 the file is empty"),
        ("a:\n\t- 1", "f:2:1 this is not YAML: a tab stands here; indent with spaces"),
        ("a: [1", "f:2:1 this is not YAML: did not find expected ',' or ']'"),
        ("a: \x07", "f:1:1 this is not YAML: unacceptable character #x0007: control characters are not allowed"),
        ("[" * 70 + "]" * 70, f"f:1:62 {'[0]' * 8}: this is nested more than 60 levels deep"),
        ("a" * (MOST_BYTES + 1), f"f:1:1 the file is larger than {MOST_BYTES} bytes"),
    ],
)
def test_what_would_mislead_is_refused(text: str, mistake: str) -> None:
    """Each is told with its place: duplicate keys, anchors, aliases, tags, and what is no YAML."""
    assert [str(each) for each in read(text, "f").mistakes] == [mistake]


def test_mistakes_are_told_in_the_order_of_lines() -> None:
    """The message has one mistake a line, first things first."""
    late, early = Mistake("f", 9, 1, "b", "late"), Mistake("f", 2, 1, "a", "early")
    assert str(FlowMistakes([late, early])) == "f:2:1 a: early\nf:9:1 b: late"
