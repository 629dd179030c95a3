from __future__ import annotations

from tests.starter.api.conftest import Api
from workflows.model.records import RecordRef


async def test_a_record_is_shown_with_what_it_was(api: Api) -> None:
    """Its properties, and so many lines of its history as are asked for."""
    ref: RecordRef = await api.world.record("contact:1", city="Oslo")
    for city in ("Bergen", "Tromsø"):
        await api.world.client.set_properties(ref, {"city": city})
    page = (await api.caller.get("/v1/records/contact/1", params={"history": 1})).json()
    assert (page["record"], page["properties"]) == ("contact:1", {"city": "Tromsø"})
    assert [line["value"] for line in page["history"]] == ["Tromsø"]


async def test_an_id_may_hold_what_a_path_escapes(api: Api) -> None:
    """Ids are the CRM's: `ä%` is one."""
    await api.world.record("contact:ä%")
    assert (await api.caller.get("/v1/records/contact/%C3%A4%25")).json()["record"] == "contact:ä%"
