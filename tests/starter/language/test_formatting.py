from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starter.language.flow_file import FlowMistakes, read
from starter.language.formatting import slug, with_ids
from starter.language.steps import every_step
from tests.starter.simple_files import FLOW

HEAD = "flow: a\nobject: contact\nsteps:\n"


def formatted(steps: str, name: str = "flow.yaml") -> str:
    text, _ = with_ids(HEAD + steps, name)
    return text.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("  - do: delay\n    for: 1 day\n", "  - do: delay\n    id: delay\n    for: 1 day\n"),
        ("  - {do: end}\n", "  - {do: end, id: end}\n"),
        ("  - {do: end}", "  - {do: end, id: end}"),
        ("  - do: end", "  - do: end\n    id: end"),
        ("  - do: delay  # a rest\n    for: 1 day\n", "  - do: delay  # a rest\n    id: delay\n    for: 1 day\n"),
        ("  - do: 'end'\n", "  - do: 'end'\n    id: 'end'\n"),
        ('  - {"do": "end"}\n', '  - {"do": "end", "id": "end"}\n'),
        ("  - for: 1 day\n    do: delay\n", "  - for: 1 day\n    do: delay\n    id: delay\n"),
        ("-   do: delay\r\n    for: 1 day\r\n", "-   do: delay\r\n    id: delay\r\n    for: 1 day\r\n"),
        (
            "  - {\n    do: delay,\n    for: 1 day\n    }\n",
            "  - {\n    do: delay,\n    id: delay,\n    for: 1 day\n    }\n",
        ),
        ("  - name: Call Ängla!\n    do: end\n", "  - name: Call Ängla!\n    do: end\n    id: call-angla\n"),
        ("  - do: send_email\n    name: 2026\n", "  - do: send_email\n    id: send-email\n    name: 2026\n"),
        ("  - do: >-\n      end\n", "  - id: end\n    do: >-\n      end\n"),
        ("  - subject: Hello\n", "  - id: step\n    subject: Hello\n"),
        ("  - {}\n", '  - {"id": "step"}\n'),
    ],
)
def test_an_id_goes_behind_the_kind(steps: str, expected: str) -> None:
    """The id has the style of what stands beside it, and nothing else moves."""
    assert formatted(steps) == expected


def test_ids_are_unique_in_the_whole_file() -> None:
    """What is called alike is numbered, around the ids that stand in the file, before or after."""
    steps = "  - {do: end}\n  - {do: end}\n  - {do: end, id: end-2}\n"
    assert formatted(steps) == "  - {do: end, id: end}\n  - {do: end, id: end-3}\n  - {do: end, id: end-2}\n"


def test_steps_in_branches_are_given_ids() -> None:
    """Steps are looked for in branches and under otherwise, too."""
    steps = """\
  - do: branch
    branches:
      - name: Hot
        when: {property: stage, is: lead}
        steps: [{do: end}]
    otherwise:
      - do: end
"""
    assert (
        formatted(steps)
        == """\
  - do: branch
    id: branch
    branches:
      - name: Hot
        when: {property: stage, is: lead}
        steps: [{do: end, id: end}]
    otherwise:
      - do: end
        id: end-2
"""
    )


def test_json_stays_json() -> None:
    """In a JSON file an id is put on a line of its own where the others are."""
    text = json.dumps({"flow": "a", "steps": [{"do": "end"}, {"do": "end", "id": "stop"}]}, indent=2)
    made, _ = with_ids(text, "flow.json")
    assert json.loads(made)["steps"] == [{"do": "end", "id": "end"}, {"do": "end", "id": "stop"}]
    assert '      "do": "end",\n      "id": "end"\n' in made


def test_each_id_is_told_with_its_place() -> None:
    """What was given is told at the place of its step in the file as it was."""
    _, told = with_ids(f"{HEAD}  - {{do: end}}\n  - do: delay\n", "flow.yaml")
    assert [str(each) for each in told] == [
        "flow.yaml:4:5 steps[0]: id: end",
        "flow.yaml:5:5 steps[1]: id: delay",
    ]


def test_other_mistakes_are_left_alone() -> None:
    """A file with mistakes that can be read is given its ids all the same."""
    assert formatted("  - {do: fly, height: [}\n".replace("[}", "3}")) == "  - {do: fly, id: fly, height: 3}\n"


def test_what_cannot_be_read_is_refused() -> None:
    """A file that is no YAML stays as it is, and the place is told."""
    with pytest.raises(FlowMistakes, match=r"flow\.yaml:5:1 .*not YAML"):
        formatted("  - {do: end\n")


@pytest.mark.parametrize(("text", "word"), [("Straße 7!", "strasse-7"), ("  --  ", ""), ("日本", "")])
def test_a_slug_is_plain(text: str, word: str) -> None:
    """Letters lose their accents; what has no plain letter is left out."""
    assert slug(text) == word


STEP_KEYS = st.dictionaries(st.sampled_from(["do", "id", "name", "subject"]), st.text(max_size=8), max_size=4)
STEPS = st.recursive(
    st.lists(STEP_KEYS, max_size=3),
    lambda inner: st.lists(
        st.builds(
            lambda step, steps, other: {**step, "branches": [{"name": "A", "steps": steps}], "otherwise": other},
            STEP_KEYS,
            inner,
            inner,
        ),
        max_size=3,
    ),
    max_leaves=6,
)


@given(STEPS, st.sampled_from([None, 2]))
def test_after_it_every_step_has_an_id_of_its_own(steps: Any, indent: int | None) -> None:
    """Whatever is written, each step then has an id, all else reads as before, and a second time changes nothing."""
    text = json.dumps({"steps": steps}, indent=indent)
    had = [step["id"] for _, step in every_step({"steps": steps}) if "id" in step]
    made, given_ = with_ids(text, "flow.json")
    ids = [step["id"] for _, step in every_step(read(made, "flow.json").data)]
    assert len({*ids} - {*had}) == len(given_) == len(ids) - len(had)
    assert len(made) > len(text) or not given_
    assert with_ids(made, "flow.json") == (made, [])


WITHOUT_IDS = re.sub(r" *id: [\w-]+(\n|, )", "", FLOW.read_text())
SLIPS = st.lists(
    st.tuples(st.integers(0, len(WITHOUT_IDS)), st.integers(0, 5), st.text("{}[]:,-#'\"|> \n\tdoi", max_size=4)),
    max_size=4,
)


@given(SLIPS)
def test_no_slip_of_the_pen_is_made_worse(slips: list[tuple[int, int, str]]) -> None:
    """A file with whatever slips is given ids once and for all, or told where it cannot be read."""
    text = WITHOUT_IDS
    for at, gone, put in slips:
        text = text[:at] + put + text[at + gone :]
    made = text
    with suppress(FlowMistakes):
        made, _ = with_ids(text, "flow.yaml")
    assert made == text or with_ids(made, "flow.yaml") == (made, [])
