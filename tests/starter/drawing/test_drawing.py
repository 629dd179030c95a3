from __future__ import annotations

from typing import Any

import pytest

from starter.drawing.labels import Label, of_node
from starter.drawing.looks import ICONS, LOOKS, icon_of
from starter.drawing.picture import MOST_TRIGGERS, Picture, picture
from starter.drawing.text import MOST_READ, clean, width, without_braces, wrapped
from tests.starter.drawing.drawn import ODD_NAMES, chain, countries, flow, odd_names, perform, renewal, step
from workflows.model.nodes import Perform


def labels(drawn: Picture) -> dict[str, Label]:
    """Labels by the id of their box."""
    return {box.id: box.label for box in drawn.boxes}


def ways(drawn: Picture, start: str) -> dict[str, tuple[str, str]]:
    """Where the lines of a box lead, and in which style, by their labels."""
    return {line.label: (line.end, line.style) for line in drawn.lines if line.start == start}


@pytest.mark.parametrize(
    ("id_", "look", "icon", "details"),
    [
        (
            *("before", "sleep", "calendar"),
            ("Until 30 days before the day in renewal_date at 09:00", "If past, the record leaves"),
        ),
        ("tuesday", "sleep", "calendar", ("Until Tue or Thu at 11:00",)),
        ("two-days", "sleep", "clock", ("2 days 12 hours",)),
        (
            *("answered", "sleep", "bell"),
            ("For email_opened (email: remind) or form_submitted (form: renew)", "At most 7 days"),
        ),
        ("what-now", "decision", "fork", ()),
        ("plan", "decision", "fork", ("By plan",)),
        ("offer", "decision", "split", ()),
        ("again", "go_to", "arrow", ()),
        ("done", "exit", "stop", ()),
        ("ten", "outside", "letter", ("Send email: Ten percent off if you stay",)),
        ("thank", "outside", "bubble", ("Send SMS: Thank you, \u2039firstname\u203a! You will hear from us.",)),
        ("tag", "store", "pencil", ("Set property: lead_status = quiet",)),
        (
            *("call", "store", "check"),
            (
                "Create task: Call \u2039firstname\u203a about the renewal",
                "If it fails, the record is held for an operator",
            ),
        ),
    ],
)
def test_each_kind_has_its_look_and_says_what_it_does(id_: str, look: str, icon: str, details: tuple[str, ...]) -> None:
    """A step is recognised by colour, icon, name, and the lines that tell it from others of its kind."""
    label = of_node(renewal().nodes[id_])
    assert (label.look, label.icon, label.details) == (look, icon, details)


@pytest.mark.parametrize(
    ("kind", "config", "line"),
    [
        ("create_note", {"body": "<p>Wants a <b>demo</b></p>", "pinned": False}, "Create note: Wants a demo"),
        ("enroll_in_sequence", {"sequence": "chase", "sender": "owner"}, "Enroll in sequence: chase"),
        ("set_subscription", {"subscription": "news", "state": "opted_out"}, "Set subscription: news"),
        ("set_marketing_status", {"status": "non_marketing"}, "Set marketing status: non_marketing"),
        ("create_record", {"type": "deal", "properties": {}}, "Create record: deal"),
        ("create_task", {"title": "Call", "type": "call"}, "Create task: Call"),
    ],
)
def test_a_step_says_what_it_is_about(kind: str, config: dict[str, object], line: str) -> None:
    """A note by what it says, not by its tags; a sequence, a subscription, a status and a type by their names."""
    assert of_node(flow("f", perform("a", None, kind, config=config)).nodes["a"]).details == (line,)


def test_the_tooltip_tells_the_rest() -> None:
    """Id, kind, conditions of the arms and values of the ways are there for who asks."""
    nodes = renewal().nodes
    assert "branch what-now" in of_node(nodes["what-now"]).tooltip
    assert "Renewed: lifecycle stage is customer" in of_node(nodes["what-now"]).tooltip
    assert "Basic: basic, free" in of_node(nodes["plan"]).tooltip


def test_an_action_is_drawn_whatever_its_kind() -> None:
    """A kind that nobody foresaw gets the common icon, and its words."""
    label = of_node(flow("f", perform("brew", None, "make_coffee", config={"cups": 2})).nodes["brew"])
    assert (label.icon, label.details) == ("gear", ("Make coffee",))


def test_names_in_the_tables_of_looks_are_known() -> None:
    """Every icon that a kind's name may choose is drawn, and no look is called what Mermaid reserves."""
    kinds = ["send_email", "send_whatsapp", "post_to_slack", "call_webhook", "add_to_list", "enroll_in_flow", "x"]
    assert {icon_of(kind) for kind in kinds} <= ICONS.keys()
    assert not {"end", "default", "graph", "subgraph", "style", "click", "class"} & LOOKS.keys()


def test_the_flow_says_who_enters_and_when_they_leave() -> None:
    """Entry rule, goal and settings other than the usual stand on the flow's own box."""
    assert labels(picture(renewal()))["flow"].details == (
        "Each contact, again at each trigger",
        "Goal: lifecycle stage is evangelist",
        "Clock: the record's time_zone, else Europe/Helsinki",
        "Records stay on the revision that they entered",
    )
    assert labels(picture(flow("plain")))["flow"].details == ("Each contact, once ever",)
    leaving = flow("leaving", leave={"on": [{"event": "paid"}, {"event": "refunded"}]})
    assert labels(picture(leaving))["flow"].details[-1] == "Leaves on paid or refunded"


def test_a_picture_starts_with_the_triggers() -> None:
    """Each trigger is a box that leads to the flow's, and that to the first step."""
    drawn = picture(renewal())
    assert [label.title for label in labels(drawn).values()][:3] == [
        "Form submitted",
        "Property changed",
        "Renew yearly plans",
    ]
    assert [(line.start, line.end) for line in drawn.lines[:3]] == [
        ("trigger:0", "flow"),
        ("trigger:1", "flow"),
        ("flow", "step:before"),
    ]


def test_many_triggers_share_a_last_box() -> None:
    """What is too much for a row is counted, and named in the tooltip."""
    triggers = [label for id_, label in labels(picture(countries())).items() if id_.startswith("trigger:")]
    assert (len(triggers), triggers[-1].title) == (MOST_TRIGGERS, "and 4 more triggers")
    assert "event_8" in triggers[-1].tooltip


def test_a_flow_without_triggers_is_entered_by_hand() -> None:
    """So says its first box; a flow without steps leads straight to an end."""
    drawn = picture(flow("empty"))
    assert labels(drawn)["trigger:0"].title == "Enrolled by hand"
    assert [line.end for line in drawn.lines] == ["flow", "end:0"]


def test_lines_have_the_names_of_branches() -> None:
    """Arms, shares with their percentages and the way of failures, each in its style."""
    drawn = picture(renewal())
    assert ways(drawn, "step:what-now") == {
        "Renewed": ("step:thank", "plain"),
        "Opened it": ("step:plan", "plain"),
        "otherwise": ("step:tries", "plain"),
    }
    assert ways(drawn, "step:remind") == {"": ("step:answered", "plain"), "failed": ("step:call", "failed")}
    assert ways(drawn, "step:offer").keys() == {"10 % off (33.3 %)", "A month free (66.7 %)"}
    assert ways(drawn, "step:again") == {"": ("step:remind", "go_to")}


def test_branches_that_lead_to_one_place_share_a_line() -> None:
    """Twelve ways to nine places are ten lines, with the names on them."""
    assert ways(picture(renewal()), "step:plan")["Basic · otherwise"] == ("step:tag", "plain")
    assert len(ways(picture(countries()), "step:country")) == 10


def test_a_line_for_many_branches_counts_the_rest() -> None:
    """A label does not become longer than a person reads."""
    names = [f"V{number}" for number in range(250)]
    values = [{"name": name, "values": [name]} for name in names]
    edges = dict.fromkeys(names, "on") | {"otherwise": None}
    many = flow("f", step("b", "branch_on_value", "", edges, property="p", ways=values), perform("on", None))
    assert set(ways(picture(many), "step:b")) == {"V0 · V1 · V2 · V3 · V4 · V5 · 244 more", "otherwise"}


def test_boxes_stand_in_the_order_of_the_walk() -> None:
    """A branch comes before its arms, whatever order the steps are stored in."""
    order = [box.id for box in picture(renewal()).boxes]
    assert order.index("step:what-now") < order.index("step:thank") < order.index("step:plan")


def test_counts_stand_on_their_steps() -> None:
    """A step that nobody stands in has none."""
    counts = {box.id: box.count for box in picture(renewal(), {"two-days": 12}).boxes}
    assert (counts["step:two-days"], counts["step:ten"]) == (12, 0)


def test_a_walk_of_ten_thousand_steps_is_no_recursion() -> None:
    """The longest flow there may be becomes a picture."""
    assert sum(box.id.startswith("step:") for box in picture(chain(2_000)).boxes) == 10_000


def test_every_name_is_in_the_picture() -> None:
    """Whatever a step is called, its box is called the same, on one line."""
    titles = {label.title for label in labels(picture(odd_names())).values()}
    assert {clean(name) for name in ODD_NAMES} <= titles
    assert "tab newline null\ufffdbell\ufffd and reversed" in titles


def test_clean_keeps_what_joins_signs() -> None:
    """Families and accents stay whole; texts are looked at as far as a box could show them."""
    assert clean("👩\u200d👧  e\u0301\n") == "👩\u200d👧 e\u0301"
    assert clean("x" * 100_000) == "x" * MOST_READ + "…"
    assert clean("\ud800\ufffe") == "\ufffd\ufffd"


def test_tokens_are_shown_by_their_last_name() -> None:
    """Braces would hide what an e-mail is about."""
    text = "{{ contact.firstname | default('you') }}, {{event.form}} {{ not }} a {token}"
    assert without_braces(text) == "\u2039firstname\u203a, \u2039form\u203a \u2039not\u203a a {token}"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", ("",)),
        ("short", ("short",)),
        ("two words here", ("two words", "here")),
        ("abcdefghijklmnopqrstuvwxyz", ("abcdefghijkl", "mnopqrst…")),
        ("a b c d e f g h i j k l m n o p q r s t u v", ("a b c d e f g", "h i j k l m…")),
        ("感謝のメールを送信します。", ("感謝のメー", "ルを送信…")),
    ],
)
def test_wrapping(text: str, rows: tuple[str, ...]) -> None:
    """Words stay whole where they can, scripts without spaces break anywhere, and the last line says that more was."""
    assert wrapped(text, 6.0, 2) == rows


def test_no_line_is_wider_than_asked() -> None:
    """Whatever the script."""
    for name in ODD_NAMES:
        assert all(width(row) <= 10.0 for row in wrapped(clean(name), 10.0, 4))


def test_a_formula_is_told_where_no_property_is_picked() -> None:
    """A setting that is there and empty says nothing."""
    config: dict[str, Any] = {
        "property": None,
        "output": None,
        "text": None,
        "formula": "round(a / 2)",
        "inputs": {"a": 1},
    }
    half = Perform(id="half", name="Half", edges={}, kind="format_data", config=config, place="store")
    assert of_node(half).details == ("Format data: round(a / 2)",)
