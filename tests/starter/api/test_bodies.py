from __future__ import annotations

import json

from tests.starter.api.conftest import Api

EVENT = json.dumps({"id": "1", "type": "paid", "record": "contact:1"})


ODD_JSON = {
    "": "Expecting value",
    "{": "Expecting property name",
    '{"id": "1", "id": "2"}': "'id' stands twice",
    '{"properties": {"sum": NaN}}': "NaN is no number",
    "[" * 100_000: "nested too deep",
    "\udcff": "can't decode",
    EVENT.replace('"paid"', '"paid", "properties": {"a": "\\ud800"}'): "Invalid JSON",
    EVENT.replace('"paid"', '"paid", "properties": {"a": "\\u0000"}'): "NUL",
    EVENT.replace('"paid"', '"paid", "properties": ' + '{"a":' * 400 + "1" + "}" * 400): "recursion",
}

NO_JSON = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
]


async def test_json_that_readers_disagree_about_is_refused(api: Api) -> None:
    """Broken, doubled, endless or unstorable JSON is the caller's mistake, in words."""
    await api.world.record("contact:1")
    for body, told in ODD_JSON.items():
        sent = body.encode(errors="surrogateescape")
        refused = await api.caller.post("/v1/events", content=sent, headers={"Content-Type": "application/json"})
        assert refused.status_code == 400, body
        assert told in refused.json()["error"]["message"]
    assert await api.events() == []


async def test_only_json_is_read(api: Api) -> None:
    """One parser a route: what calls itself something else, or is packed, is not looked into."""
    answered = [await api.caller.post("/v1/events", content=EVENT, headers=each) for each in NO_JSON]
    assert [each.status_code for each in answered] == [415] * 4


async def test_what_looks_like_a_file_is_data(api: Api) -> None:
    """A body that names a file is refused like any other unknown field; nothing is opened."""
    refused = await api.caller.post("/v1/events", json={"files": {"x": {"filepath": "/etc/passwd"}}})
    assert refused.status_code == 400
    assert "files: Extra inputs are not permitted" in refused.json()["error"]["message"]


async def test_many_mistakes_are_counted(api: Api) -> None:
    """The first ten are told."""
    refused = await api.caller.post("/v1/events", json=[{"id": str(n)} for n in range(20)])
    assert refused.json()["error"]["message"].endswith("; and 30 more")
