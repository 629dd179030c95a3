from __future__ import annotations

from typing import Any

from tests.starter.api.conftest import Api


def event(**other: Any) -> dict[str, Any]:
    """Write an event that is right but for what is given."""
    return {"id": "e-1", "type": "form_submitted", "record": "contact:1", **other}


async def test_an_event_is_taken_once(api: Api) -> None:
    """The same event sent again is answered as known, and stands once in the log."""
    await api.world.record("contact:1")
    first, again = [await api.caller.post("/v1/events", json=event(properties={"form": "demo"})) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == {"event": again.json()["event"], "new": True}
    assert await api.events() == [("contact:1", "form_submitted")]


async def test_another_event_under_an_id_is_refused(api: Api) -> None:
    """An event never changes: the second is a conflict."""
    await api.world.record("contact:1")
    await api.caller.post("/v1/events", json=event())
    refused = await api.caller.post("/v1/events", json=event(type="email_opened"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "conflict")


async def test_of_a_list_each_event_is_answered_for_itself(api: Api) -> None:
    """One that is refused keeps none of the others out, and their order is kept."""
    await api.world.record("contact:1")
    await api.world.record("contact:2")
    sent = [event(record="contact:2"), event(id="e-2", record="contact:3"), event(id="e-3")]
    results = (await api.caller.post("/v1/events", json=sent)).json()["results"]
    assert [each.get("new") for each in results] == [True, None, True]
    assert results[1]["error"]["code"] == "not_found"
    assert await api.events() == [("contact:2", "form_submitted"), ("contact:1", "form_submitted")]


MALFORMED: list[tuple[Any, str]] = [
    (event(id=None), "id: Input should be a valid string"),
    ({k: v for k, v in event().items() if k != "id"}, "id: Field required"),
    (event(recrod="contact:1"), "recrod: Extra inputs are not permitted"),
    (event(record="contact"), "record: 'contact' names no record; write TYPE:ID, as contact:42"),
    ([event(), event(type=3)], "[1].type: Input should be a valid string"),
    ([], "List should have at least 1 item after validation, not 0"),
    ([event()] * 1001, "List should have at most 1000 items after validation, not 1001"),
]


async def test_a_malformed_event_is_told_with_its_place(api: Api) -> None:
    """The answer names the field, in a list also which event; nothing is taken."""
    for body, told in MALFORMED:
        refused = await api.caller.post("/v1/events", json=body)
        assert refused.status_code == 400
        assert refused.json() == {"error": {"code": "bad_body", "message": told}}
    assert await api.events() == []


async def test_what_the_log_does_not_take_is_the_callers_mistake(api: Api) -> None:
    """An event type with a space is refused in words."""
    await api.world.record("contact:1")
    refused = await api.caller.post("/v1/events", json=event(type="Form submitted"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
