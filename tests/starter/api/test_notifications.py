from __future__ import annotations

from typing import Any

import pytest

from activities.effects import Notice, Provenance, User
from activities.gateways.postgres_inbox import PostgresInbox
from starter.crm.notifications import MOST_DEVICES, register
from tests.starter.api.conftest import Api
from workflows.model.records import RecordRef

NOTICE = Notice("Ding", "Dong", RecordRef.parse("contact:1"), Provenance("welcome", "r", "n", "e"))
SUBSCRIPTION = {
    "endpoint": "https://push.example/abc?d=1",
    "expirationTime": None,
    "keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22},
}


@pytest.fixture
async def api(api: Api) -> Api:
    """Users 7 and 8, of whom 7 was notified three times."""
    for id_ in ("7", "8"):
        await api.world.client.put_user(User(id_, f"{id_}@x.example"))
    for number in range(3):
        async with api.world.pool.acquire() as connection, connection.transaction():
            await PostgresInbox(connection).put(NOTICE, ["7"], f"k{number}")
    return api


async def listed(api: Api, user: str = "7", **query: Any) -> tuple[int, list[int]]:
    """Give how many notifications of a user are unread, and the ids of those on the page."""
    said = (await api.caller.get(f"/v1/users/{user}/notifications", params=query)).json()
    return said["unread"], [each["id"] for each in said["notifications"]]


async def test_notifications_are_read(api: Api) -> None:
    """One by one or all; of the newest first, a page goes on before the last id of the one before."""
    unread, ids = await listed(api)
    assert (unread, ids) == (3, sorted(ids, reverse=True))
    read = await api.caller.post(f"/v1/users/7/notifications/{ids[0]}/read")
    again = await api.caller.post(f"/v1/users/7/notifications/{ids[0]}/read")
    assert read.json() == again.json() == {"id": ids[0], "read_at": read.json()["read_at"]}
    assert await listed(api, unread="true") == (2, ids[1:])
    assert await listed(api, limit=1, before=ids[1]) == (2, ids[2:])
    assert (await api.caller.post("/v1/users/7/notifications/read")).json() == {"read": 2}
    assert await listed(api) == (0, ids)


async def test_a_notification_says_what_it_is_about(api: Api) -> None:
    """The record, and the flow that notified."""
    said = (await api.caller.get("/v1/users/7/notifications", params={"limit": 1})).json()["notifications"][0]
    assert (said["title"], said["body"], said["record"], said["flow"]) == ("Ding", "Dong", "contact:1", "welcome")
    assert (said["read_at"], "T" in said["created_at"]) == (None, True)


async def test_others_are_not_reached(api: Api) -> None:
    """Neither a notification of another user, nor a user who is not there, nor an id that is none."""
    _, ids = await listed(api)
    assert await listed(api, "8") == (0, [])
    for path in (f"8/notifications/{ids[0]}", "404/notifications/1", "7/notifications/x", f"7/notifications/{2**63}"):
        assert (await api.caller.post(f"/v1/users/{path}/read")).status_code == 404
    assert (await api.caller.get("/v1/users/%00/notifications")).status_code == 404
    assert await listed(api) == (3, ids)


async def test_a_device_is_registered_once(api: Api) -> None:
    """As the browser words it; it goes with the user who logs in last, comes back after it was gone, and may go."""
    first = await api.caller.post("/v1/users/7/devices", json=SUBSCRIPTION)
    await api.world.pool.execute("update device set gone_at = now(), failures = 3")
    second = await api.caller.post("/v1/users/8/devices", json=SUBSCRIPTION)
    assert (first.status_code, second.json()) == (201, first.json())
    [row] = await api.world.pool.fetch("select member, endpoint, failures, gone_at from device")
    assert tuple(row) == ("8", SUBSCRIPTION["endpoint"], 0, None)
    [told] = (await api.caller.get("/v1/users/8/devices")).json()["devices"]
    assert (told["service"], told["failures"], "abc" in str(told)) == ("push.example", 0, False)
    path = f"devices/{first.json()['id']}"
    answers = [(await api.caller.delete(f"/v1/users/{user}/{path}")).status_code for user in ("7", "8", "8")]
    assert answers == [404, 204, 404]


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "http://push.example/abc"},
        {"endpoint": "https://localhost/abc"},
        {"endpoint": "https://127.0.0.1/abc"},
        {"endpoint": "https://user@push.example/abc"},
        {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}},
        {"keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 21}},
        {"keys": {"p256dh": "B" + "A" * 86}},
        {"more": 1},
    ],
)
async def test_a_subscription_that_is_none_is_refused(api: Api, wrong: dict[str, Any]) -> None:
    """Plain HTTP, this machine, keys that are none, and what nobody reads."""
    refused = await api.caller.post("/v1/users/7/devices", json={**SUBSCRIPTION, **wrong})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_body")
    assert await api.world.pool.fetchval("select count(*) from device") == 0


async def test_a_user_has_so_many_devices(api: Api) -> None:
    """The oldest give way."""
    pool = api.world.pool
    ids = [await register(pool, "7", f"https://push.example/{n}", "p", "a") for n in range(MOST_DEVICES + 2)]
    assert [row["id"] for row in await pool.fetch("select id from device order by id")] == ids[2:]
