from __future__ import annotations

from pydantic import JsonValue

from activities.values import DEEPEST, found_in, looking, put_in

BODY: JsonValue = {
    "who": "{{ contact.email }}",
    "deals": {"property": "num_deals"},
    "list": ["a", {"output": "score.value"}, 1, None, True],
    "kept": {"property": "x", "other": "y"},
    "literal": {"property": 5},
}


def test_texts_and_references_are_found_at_their_places() -> None:
    """Everything that is filled or checked is found, with where it stands."""
    assert [(each.place, each.kind, each.text) for each in found_in(BODY)] == [
        (("who",), "text", "{{ contact.email }}"),
        (("deals", "property"), "property", "num_deals"),
        (("list", 0), "text", "a"),
        (("list", 1, "output"), "output", "score.value"),
        (("kept", "property"), "text", "x"),
        (("kept", "other"), "text", "y"),
    ]


def test_the_mapping_of_a_field_is_no_reference() -> None:
    """A header may be called `property`."""
    assert [each.kind for each in found_in({"property": "x"})] == ["text"]
    assert put_in({"property": "x"}, str.upper, looking({"x": 1}, {})) == {"property": "X"}


def test_a_text_by_itself_is_found_and_filled() -> None:
    """A field that is one text is the smallest value."""
    assert [each.place for each in found_in("x")] == [()]
    assert put_in("x", str.upper, looking({}, {})) == "X"


def test_values_are_put_in_as_they_are() -> None:
    """A number stays a number; what is not there is null; what a value says is not read again."""
    look = looking({"num_deals": 3, "x": "{{ y }}"}, {"score": {"value": [1.5]}})
    filled = put_in(BODY, lambda text: f"<{text}>", look)
    assert filled == {
        "who": "<{{ contact.email }}>",
        "deals": 3,
        "list": ["<a>", [1.5], 1, None, True],
        "kept": {"property": "<x>", "other": "<y>"},
        "literal": {"property": 5},
    }
    assert put_in({"a": {"property": "x"}, "b": {"output": "gone.key"}}, str, look) == {"a": "{{ y }}", "b": None}


def test_the_depths_of_a_value_are_left_alone() -> None:
    """A value that no file may hold is not followed to where Python gives up."""
    deep: JsonValue = "x"
    for _ in range(5000):
        deep = [deep]
    assert list(found_in(deep)) == []
    assert DEEPEST < 1000
