from __future__ import annotations

import re

import pytest

from starter.drawing.mermaid import escaped, mermaid, too_big
from starter.drawing.picture import picture
from starter.drawing.text import clean
from tests.starter.drawing.drawn import ODD_NAMES, chain, countries, flow, hundred, odd_names, perform, renewal, step
from workflows.model.flow import Flow

_BOX = re.compile(
    r'  (?P<id>[a-z]_?\w*)(?P<open>\(\[|\(\(|\{\{|\()"(?P<text>[^"]*)"(?:\]\)|\)\)|\}\}|\)):::(?P<look>\w+)'
)
_LINE = re.compile(r'  (?P<start>\w+) (?P<arrow>-->|-\.->)(?:\|"(?P<label>[^"]*)"\|)? (?P<end>\w+)')


def read(text: str) -> tuple[dict[str, re.Match[str]], list[re.Match[str]]]:
    """Boxes by id, and lines; every line of the text must be understood."""
    boxes, lines = {}, []
    for row in text.splitlines()[2:]:
        if box := _BOX.fullmatch(row):
            assert box["id"] not in boxes
            boxes[box["id"]] = box
        elif line := _LINE.fullmatch(row):
            lines.append(line)
        else:
            assert re.fullmatch(r"  (classDef \w+|linkStyle [\d,]+) [a-z0-9:#,-]+", row), row
    return boxes, lines


def shown(text: str) -> str:
    """What a reader of the picture sees, on one line."""
    plain = re.sub(r"</?b>", "", text.replace("<br/>", " "))
    assert "<" not in plain
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), plain)


@pytest.mark.parametrize("drawn", [renewal(), countries(), odd_names(), hundred(), flow("empty")], ids=lambda f: f.key)
def test_each_line_leads_from_a_box_to_a_box(drawn: Flow) -> None:
    """The text is a flowchart from top to bottom in which every box has a look, and nothing dangles."""
    text = mermaid(picture(drawn))
    assert text.splitlines()[1] == "flowchart TD"
    boxes, lines = read(text)
    assert {end for line in lines for end in (line["start"], line["end"])} == boxes.keys()
    assert {f"  classDef {box['look']} " for box in boxes.values()} == {
        row[: row.index(" ", 11) + 1] for row in text.splitlines() if row.startswith("  classDef")
    }


def test_names_are_shown_as_they_are() -> None:
    """No name ends a label, begins markup or an entity, or becomes a word of Mermaid's; only its line breaks change."""
    boxes, lines = read(mermaid(picture(odd_names())))
    seen = "\n".join(shown(box["text"]).replace(" ", "") for box in boxes.values())
    for name in ODD_NAMES:
        assert clean(name).replace(" ", "") in seen
    labels = [shown(line["label"]) for line in lines if line["label"]]
    assert "end" in labels
    assert "`**not bold**` [x](y) {{z}} |pipe| --> n1" in labels


def test_signs_with_a_meaning_are_numbers() -> None:
    """Quotes, brackets, backticks, entities: all that Mermaid, Markdown or HTML could take for their own."""
    assert escaped('a"#;<b>&`[]{}|*~$\\') == "a" + "".join(f"#{ord(char)};" for char in '"#;<b>&`[]{}|*~$\\').replace(
        "#98;", "b"
    )
    assert escaped("Grüße, 日本 (2 days) 9:00") == "Grüße, 日本 (2 days) 9:00"


def test_ids_that_differ_in_dashes_alone_stay_apart() -> None:
    """A dash cannot stand in an id of Mermaid's."""
    text = mermaid(picture(flow("f", perform("a-b", "a_b"), perform("a_b", None))))
    assert "  s_a_b --> s_a_b__2\n" in text


def test_shapes_by_kind() -> None:
    """What takes time is a pill, what decides a hexagon, what acts a card, the end a dot."""
    boxes, _ = read(mermaid(picture(renewal())))
    opens = {name: boxes[name]["open"] for name in ("s_two_days", "s_answered", "s_plan", "s_ten", "s_tag", "e_0", "f")}
    assert opens == {
        "s_two_days": "([",
        "s_answered": "([",
        "s_plan": "{{",
        "s_ten": "(",
        "s_tag": "(",
        "e_0": "((",
        "f": "(",
    }


def test_go_to_is_dashed_and_failure_is_red() -> None:
    """Both are told from the way on; a red line is styled by its number."""
    text = mermaid(picture(renewal()))
    _, lines = read(text)
    assert [(line["start"], line["end"]) for line in lines if line["arrow"] == "-.->"] == [("s_again", "s_remind")]
    failed = [number for number, line in enumerate(lines) if line["label"] == "failed"]
    assert f"  linkStyle {failed[0]} stroke:#b91c1c" in text
    assert "linkStyle" not in mermaid(picture(hundred()))


def test_counts_are_a_line_of_the_box() -> None:
    """Only where somebody stands."""
    boxes, _ = read(mermaid(picture(renewal(), {"two-days": 1_200})))
    assert shown(boxes["s_two_days"]["text"]).endswith("1,200 here now")
    assert "here now" not in boxes["s_ten"]["text"]


def test_the_same_flow_is_the_same_text() -> None:
    """Byte for byte, so that it can be kept beside the flow."""
    assert mermaid(picture(renewal())) == mermaid(picture(renewal()))


def test_an_edit_changes_the_lines_that_it_concerns() -> None:
    """A step more in the middle does not rename the others."""
    before = flow("f", perform("a", "b"), perform("b", None))
    after = flow("f", perform("a", "new"), step("new", "delay", "", {"next": "b"}, **{"for": 60}), perform("b", None))
    old, new = (set(mermaid(picture(each)).splitlines()) for each in (before, after))
    assert old - new == {"  s_a --> s_b"}


def test_what_mermaid_would_refuse_is_known() -> None:
    """By its number of lines or of characters."""
    small, large = picture(renewal()), picture(chain(200))
    assert not too_big(small, mermaid(small))
    assert too_big(large, mermaid(large))
