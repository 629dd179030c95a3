from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from starter.drawing import layout
from starter.drawing.layout import Link, laid_out
from starter.drawing.picture import picture
from starter.drawing.svg import svg
from starter.drawing.text import clean
from tests.starter.drawing.drawn import chain, countries, flow, hundred, odd_names, perform, renewal, step
from workflows.model.errors import CallerError, EngineError
from workflows.model.flow import Flow

SVG = "{http://www.w3.org/2000/svg}"


def titles(text: str) -> str:
    """All tooltips of a picture."""
    return "\n".join(title.text or "" for title in ET.fromstring(text).iter(f"{SVG}title"))


def again_and_again() -> Flow:
    """A step that leads to itself, and a branch that leads back without a go-to."""
    arms = [{"name": "Back", "when": {"property": "a", "is": 1}}]
    return flow(
        "loops",
        step("tick", "delay", "", {"next": "look"}, **{"for": 60}),
        step("look", "branch", "", {"Back": "tick", "otherwise": "tock"}, arms=arms),
        step("tock", "delay", "", {"next": "tock"}, **{"for": 60}),
    )


FLOWS = [renewal(), countries(), odd_names(), hundred(), flow("empty"), again_and_again()]


@pytest.mark.parametrize("drawn", FLOWS, ids=lambda f: f.key)
def test_it_is_well_formed_and_names_every_step(drawn: Flow) -> None:
    """Any XML reader takes it, whatever the names; what a box cannot hold, its tooltip does."""
    told = titles(svg(picture(drawn)))
    for node in drawn.nodes.values():
        assert clean(node.name) in told
        assert f" {node.id}" in told


def test_the_same_flow_is_the_same_picture() -> None:
    """Byte for byte."""
    assert svg(picture(renewal())) == svg(picture(renewal()))


def test_everything_is_inside_the_picture() -> None:
    """No box reaches over its border."""
    root = ET.fromstring(svg(picture(countries())))
    wide, tall = float(root.attrib["width"]), float(root.attrib["height"])
    inner = root.find(f"{SVG}g")
    assert inner is not None
    for box in inner.findall(f"{SVG}g"):
        x, y = map(float, box.attrib["transform"].removeprefix("translate(").removesuffix(")").split())
        assert 0 <= x < wide
        assert 0 <= y < tall


def test_lines_have_their_styles() -> None:
    """The way of failures is red and named, a go-to dashed by its class, and each line has the arrow of its style."""
    text = svg(picture(renewal()))
    paths = [path.attrib for path in ET.fromstring(text).iter(f"{SVG}path") if path.get("class", "").startswith("l ")]
    dashed = [path for path in paths if path["class"] == "l go_to"]
    failed = [path for path in paths if path["class"] == "l failed"]
    assert [path["marker-end"] for path in dashed] == ["url(#go_to)"]
    assert {path["stroke"] for path in failed} == {"#b91c1c"}
    assert ".go_to { stroke-dasharray" in text


def test_shapes_by_kind() -> None:
    """Decisions are hexagons, all else is rounded."""
    root = ET.fromstring(svg(picture(renewal())))
    decisions = sum(node.do in {"branch", "branch_on_value", "split"} for node in renewal().nodes.values())
    assert len(list(root.iter(f"{SVG}polygon"))) == decisions


def test_a_count_is_a_badge() -> None:
    """How many stand in a step is written on its corner."""
    text = svg(picture(renewal(), {"two-days": 1_200}))
    badges = [text.text for text in ET.fromstring(text).iter(f"{SVG}text") if text.get("class") == "c"]
    assert badges == ["1,200"]


def test_branches_keep_their_order() -> None:
    """The first arm is on the left, `otherwise` on the right."""
    link = [Link(0, number) for number in range(1, 6)]
    places = laid_out([(100.0, 40.0)] * 6, link).boxes
    assert all(left[0] < right[0] for left, right in pairwise(places[1:]))


def test_a_line_to_the_next_row_goes_down_alone() -> None:
    """It leaves at the bottom, arrives at the top, and never turns up."""
    found = laid_out([(100.0, 40.0), (100.0, 80.0), (60.0, 20.0)], [Link(0, 1), Link(0, 2)])
    for end, curve in zip((1, 2), found.curves, strict=True):
        assert curve[0] == (found.boxes[0][0], found.boxes[0][1] + 20)
        assert curve[-1][0] == found.boxes[end][0]
        assert all(upper[1] <= lower[1] for upper, lower in pairwise(curve))


def test_too_many_boxes_are_refused() -> None:
    """The largest flow there may be is refused at once, with what can be done instead."""
    with pytest.raises(CallerError, match=r"is too big; at most 3,000 are laid out\. Without --svg"):
        svg(picture(chain(2_000)))


def test_a_large_flow_is_laid_out_in_fewer_rounds() -> None:
    """Six hundred boxes are a picture still."""
    assert titles(svg(picture(chain(75)))).count("delay wait-") == 75


def test_without_graphviz_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user can mend it, so it is the user's mistake."""
    monkeypatch.setattr(layout, "PROGRAM", "graphviz-that-nobody-has")
    with pytest.raises(CallerError, match=r"pip install 'perdure\[draw\]'"):
        svg(picture(renewal()))


def test_a_layout_takes_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph on which Graphviz broods for minutes is given up, with a sentence."""
    monkeypatch.setattr(layout, "PATIENCE", 0.0001)
    with pytest.raises(CallerError, match="could not be laid out within"):
        svg(picture(perfectly_usual()))


def test_a_graphviz_that_fails_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said is told."""
    monkeypatch.setattr(layout, "PROGRAM", "false")
    with pytest.raises(EngineError, match="false failed with status 1"):
        svg(picture(perfectly_usual()))


def perfectly_usual() -> Flow:
    """A flow of one step."""
    return flow("usual", perform("hello", None))
