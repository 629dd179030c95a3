from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from starter.language.flow_file import MOST_BYTES, MOST_MISTAKES, FlowMistakes, Mistake, Place, read, read_file
from tests.computing import computes_within

TOO_LARGE = "is too large a number; if it is a text, as a telephone number, put it in quotes"
PLAIN = st.characters(exclude_characters="\u2028\u2029", exclude_categories=["Cs", "Cc", "Cn", "Co"])


def nested(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    return st.lists(inner) | st.dictionaries(st.text(PLAIN), inner)


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
        ("a: 123456789012345678", {"a": 123456789012345678}),
        ("a: '12345678901234567890'", {"a": "12345678901234567890"}),
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
    assert file.place(("steps", 0, "for")) == (4, 10)
    assert file.key_place(("steps", 0, "for")) == (4, 5)
    assert file.place(("steps", 0)) == (3, 5)


def told(text: str | bytes, name: str = "f") -> list[str]:
    return [str(each) for each in read(str(text), name).mistakes]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: 1\na: 2", "f:2:1 a: this key stands here twice; the first is in line 1"),
        ("a: &x 1", "f:1:4 a: anchors as &x are not taken"),
        ("a: [*x]", "f:1:5 a[0]: write the value out: aliases as *x are not taken"),
        ("a: !!str 1", "f:1:4 a: tags as tag:yaml.org,2002:str are not taken"),
        ("? [a]\n: 1", "f:1:3 a key must be plain text"),
        ("a: {{ b }}", "f:1:5 a: a text that begins with {{ must stand in quotes"),
        ("a: 1\n---\nb: 2", "f:2:1 a second document begins here; a file holds one flow"),
        ("", "f:1:1 the file is empty; a flow begins with `flow: its-key`"),
        ("a:\n\t- 1", "f:2:1 a tab stands here; indent with spaces"),
        ("a: [1", "f:1:6 a: this is not YAML: a list in brackets is not closed: a `,` or a `]` belongs here"),
        (
            "a: b: c",
            (
                "f:1:5 this is not YAML: a second `key: value` stands on this line; put it on a line of its own,"
                " or put a text that holds a colon in quotes"
            ),
        ),
        ("é: \x07", "f:1:4 the control character 0x07 stands here; take it out"),
        ("a: x\u2028y", "f:1:5 the odd line break U+2028 stands here; take it out, or write it as an escape in quotes"),
        ('a: "\\0"', "f:1:4 a: the character NUL stands in this text; take it out"),
        ("a: \ud800", "f:1:4 half of a surrogate pair stands in this text, which is no character; take it out"),
        ("a: 1e999", f"f:1:4 a: 1e999 {TOO_LARGE}"),
        ("a: 12345678901234567890", f"f:1:4 a: 12345678901234567890 {TOO_LARGE}"),
        ("a: " + "9" * 5000, f"f:1:4 a: 999999999999999999... (5000 characters) {TOO_LARGE}"),
        ("[" * 400 + "]" * 400, f"f:1:321 {'[0]' * 8}: this is nested more than 320 levels deep"),
        ("a" * (MOST_BYTES + 1), "f:1:1 the file is larger than 1048576 bytes (1 MiB); divide it into several flows"),
    ],
)
def test_what_would_mislead_is_refused(text: str, mistake: str) -> None:
    """Each is told with its place: duplicate keys, anchors, aliases, tags, and what is no YAML."""
    assert told(text) == [mistake]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('\t{"on":\t[1, -2.5e1, true, false, null, "x"]}\r\n', {"on": [1, -25.0, True, False, None, "x"]}),
        ('{"a": {}, "b": [[], {}]}', {"a": {}, "b": [[], {}]}),
        ('"\\ud83d\\ude00 \\u00e9\\n"', "\U0001f600 é\n"),
        ("3", 3),
    ],
)
def test_json_means_what_it_says(text: str, value: JsonValue) -> None:
    """A file whose name ends in .json is JSON, in which tabs are spaces."""
    file = read(text, "a.json")
    assert (file.data, file.mistakes) == (value, [])


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('{"a": 1,\n "a": 2}', "f.json:2:2 a: this key stands here twice; the first is in line 1"),
        ('{"a": NaN}', "f.json:1:7 this is not JSON: a value belongs here, and 'NaN' stands"),
        ('{"a": 01}', "f.json:1:7 this is not JSON: a value belongs here, and '01' stands"),
        ('{"a": [1 2]}', "f.json:1:10 a: this is not JSON: a `,` or the closing `]` belongs here, and '2' stands"),
        ('{"a": [1,]}', "f.json:1:10 a: a comma stands before the closing bracket; JSON has none there"),
        ("{'a': 1}", 'f.json:1:2 this is not JSON: a key in double quotes belongs here, and "\'" stands'),
        ("{} // done", "f.json:1:4 the flow has ended before; take out what stands here"),
        ('{"a": # no', "f.json:1:7 this is not JSON: a value belongs here, and a comment stands, and JSON has none"),
        ('{"a": [', "f.json:1:8 a: this is not JSON: a value belongs here, and the file ends"),
        ('{"a": 1e999}', f"f.json:1:7 a: 1e999 {TOO_LARGE}"),
        (
            '{"a": "\\udc00"}',
            "f.json:1:7 a: half of a surrogate pair stands in this text, which is no character; take it out",
        ),
        ('{"\\u0000": 1}', "f.json:1:2 \\x00: the character NUL stands in this text; take it out"),
        ("[" * 400, f"f.json:1:321 {'[0]' * 8}: this is nested more than 320 levels deep"),
        ("", 'f.json:1:1 the file is empty; a flow begins with {"flow": "its-key"'),
        (
            '{"a": "x\ty"}',
            (
                "f.json:1:7 this is not JSON: a value belongs here, and a text begins that is not closed on its line,"
                " or holds a control character or an unknown escape"
            ),
        ),
    ],
)
def test_json_is_strict(text: str, mistake: str) -> None:
    """What other readers of JSON let pass, or do not find the place of, is told with its place."""
    assert told(text, "f.json") == [mistake]


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 10**17) | st.text(PLAIN), nested, max_leaves=20))
def test_json_is_read_as_python_reads_it(data: JsonValue) -> None:
    """On random data, written in any layout, our reader and Python's agree; YAML, too, reads JSON so."""
    for text in (json.dumps(data), json.dumps(data, indent=1), json.dumps(data, ensure_ascii=False)):
        assert read(text, "a.json").data == data
    assert read(json.dumps(data, ensure_ascii=False), "a.yaml").data == data


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, "[[]," + "[]," * 300_000 + "1]"])
def test_a_bomb_is_refused_at_once(text: str, name: str) -> None:
    """What is nested without end, or made of hundreds of thousands of values, takes no two seconds of computing."""
    with computes_within(2):
        (mistake,) = read(text, name).mistakes
        assert mistake.code in ("too_deep", "flow_too_large")


def test_the_billion_laughs_are_refused_at_once() -> None:
    """Aliases are not followed, so a text of ten lines stays ten lines."""
    laughs = "a0: &a0 ha\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    with computes_within(0.1):
        codes = {mistake.code for mistake in read(laughs, "f").mistakes}
        assert codes == {"anchor", "alias"}


@pytest.mark.parametrize("text", ["a: 1\nb: 'é'\nc: x", "a: 1\r\nb: 'é'\r\nc: x", "\ufeffa: 1\nb: 'é'\nc: x"])
def test_places_are_those_of_an_editor(text: str) -> None:
    """Lines of Windows, letters of any alphabet and a byte order mark move no column."""
    file = read(text, "f")
    assert [file.place((key,)) for key in "abc"] == [(1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        (b"flow: a\nname: \xff\n", "not_utf8", (2, 7)),
        (b"x" * (MOST_BYTES + 1), "flow_too_large", (1, 1)),
        (None, "unreadable_file", (1, 1)),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, raw: bytes | None, code: str, place: Place) -> None:
    """Bytes that are no UTF-8, a file that is too large and one that is not there are mistakes as any other."""
    file = tmp_path / "a.yaml"
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(FlowMistakes) as refused:
        read_file(file)
    (mistake,) = refused.value.mistakes
    assert (mistake.file, mistake.code, (mistake.line, mistake.column)) == (str(file), code, place)


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    """Editors of Windows write one; it is left off."""
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfflow: a")
    assert read_file(file) == "flow: a"


def test_all_that_is_refused_is_told_with_what_is_wrong_besides() -> None:
    """A refused value is told once, and the rest of the file is read on."""
    assert [mistake.line for mistake in read("a: &x 1\na: 2\nb: *x\n", "f").mistakes] == [1, 2, 3]


def test_no_more_mistakes_are_told_than_anybody_reads() -> None:
    """A file made of nothing but mistakes is answered with five hundred of them."""
    file = read("a: 1\n" * 50_000, "f")
    assert (len(file.mistakes), file.untold) == (MOST_MISTAKES, 50_000 - 1 - MOST_MISTAKES)


def test_mistakes_are_told_in_the_order_of_lines() -> None:
    """The message has one mistake a line, first things first."""
    late, early = Mistake("f", 9, 1, "b", "x", "late"), Mistake("f", 2, 1, "a", "y", "early")
    assert str(FlowMistakes([late, early])) == "f:2:1 a: early\nf:9:1 b: late"
