from __future__ import annotations

from uuid import uuid4

from tests.flows import delay, flow
from tests.starter.api.conftest import Api
from workflows.model.revision import Revision


async def published(api: Api, *contacts: int) -> str:
    """Publish a flow that is on, and make contacts; give the flow's key."""
    for number in contacts:
        await api.world.record(f"contact:{number}")
    return (await api.world.publish(_flow(api))).flow.key


def _flow(api: Api) -> Revision:
    return flow(api.world.key("welcome"), delay("rest", "1 day"))


async def test_a_record_is_let_in_and_found(api: Api) -> None:
    """What was let in is found by its id, and by flow and record."""
    key = await published(api, 1)
    entered = await api.caller.post(f"/v1/flows/{key}/enrollments", json={"record": "contact:1"})
    assert entered.status_code == 201
    enrollment = entered.json()["enrollment"]
    by_id = await api.caller.get(f"/v1/enrollments/{enrollment}")
    assert by_id.json() == (await api.caller.get(f"/v1/flows/{key}/enrollments/contact:1")).json()
    told = by_id.json()["enrollment"]
    assert (told["record"], told["standing"], by_id.json()["path"]) == ("contact:1", "accepted", [])


async def test_a_refusal_says_why(api: Api) -> None:
    """The entry rules' answer is the code, with a status that says that trying again will not help."""
    key = await published(api, 1)
    for _ in range(2):
        answered = await api.caller.post(f"/v1/flows/{key}/enrollments", json={"record": "contact:1"})
    assert answered.status_code == 409
    assert answered.json() == {"error": {"code": "inside", "message": f"contact:1 is in {key} already"}}


async def test_of_many_each_is_answered_for_itself(api: Api) -> None:
    """A record that may not enter keeps no other out."""
    key = await published(api, 1, 2)
    names = ["contact:2", "contact:3", "contact:1"]
    results = (await api.caller.post(f"/v1/flows/{key}/enrollments", json={"records": names})).json()["results"]
    assert [each.get("record") or each["error"]["code"] for each in results] == ["contact:2", "no_record", "contact:1"]


async def test_several_enrollments_of_one_record_have_keys(api: Api) -> None:
    """The key stands in the body, and in the query where there is none."""
    key = await published(api, 1)
    for name in ("spring", "autumn"):
        await api.caller.post(f"/v1/flows/{key}/enrollments", json={"record": "contact:1", "key": name})
    told = await api.caller.get(f"/v1/flows/{key}/enrollments/contact:1", params={"key": "spring"})
    assert told.json()["enrollment"]["key"] == "spring"


async def test_a_record_is_ordered_out(api: Api) -> None:
    """The order is accepted at once, with its reason kept."""
    key = await published(api, 1)
    entered = await api.caller.post(f"/v1/flows/{key}/enrollments", json={"record": "contact:1"})
    left = await api.caller.delete(f"/v1/flows/{key}/enrollments/contact:1", params={"reason": "asked to"})
    assert (left.status_code, left.json()) == (202, {"enrollment": entered.json()["enrollment"]})
    assert await api.world.pool.fetchval("select note from outbox where kind = 'leave'") == "asked to"


async def test_an_event_over_http_lets_a_record_in(api: Api) -> None:
    """What a CRM posts is what a flow's trigger waits for."""
    await api.world.record("contact:1")
    triggered = flow(api.world.key("welcome"), delay("rest", "1 day"), enroll={"on": [{"event": "form_submitted"}]})
    await api.world.publish(triggered)
    event = {"id": "1", "type": "form_submitted", "record": "contact:1"}
    assert (await api.caller.post("/v1/events", json=event)).status_code == 201
    await api.world.router.route_once()
    found = await api.caller.get(f"/v1/flows/{triggered.flow.key}/enrollments/contact:1")
    assert found.json()["enrollment"]["standing"] == "accepted"


async def test_what_is_not_there_is_404(api: Api) -> None:
    """A flow, an enrollment and a record that nobody knows."""
    key = await published(api, 1)
    asked = [
        await api.caller.post("/v1/flows/nope/enrollments", json={"record": "contact:1"}),
        await api.caller.get(f"/v1/flows/{key}/enrollments/contact:1"),
        await api.caller.delete(f"/v1/flows/{key}/enrollments/contact:1"),
        await api.caller.get(f"/v1/enrollments/{uuid4()}"),
        await api.caller.get("/v1/records/contact/9"),
    ]
    assert [(each.status_code, each.json()["error"]["code"]) for each in asked] == [(404, "not_found")] * 5


async def test_what_cannot_be_a_name_is_400(api: Api) -> None:
    """A record without a type, an id that is none, a question nobody answers."""
    key = await published(api, 1)
    asked = [
        await api.caller.post(f"/v1/flows/{key}/enrollments", json={}),
        await api.caller.post(f"/v1/flows/{key}/enrollments", json={"record": "contact:1", "key": "a b"}),
        await api.caller.get(f"/v1/flows/{key}/enrollments/contact"),
        await api.caller.get("/v1/enrollments/1"),
        await api.caller.get("/v1/records/Contact/9"),
        await api.caller.get("/v1/records/contact/1", params={"histroy": "5"}),
        await api.caller.get("/v1/records/contact/1?history=5&history=6"),
    ]
    assert [each.status_code for each in asked] == [400] * 7
