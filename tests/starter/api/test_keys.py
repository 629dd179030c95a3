from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from starter.api.application import BEHIND_A_KEY, OPEN
from tests.starter.api.conftest import KEY, Api, Serve
from workflows.model.errors import CallerError

OTHER = "o" * 40


WRONG = ["", "Bearer", f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", f"Basic {KEY}", KEY, f"Bearer {KEY},{OTHER}"]
FROM_ELSEWHERE = [
    {"X-Forwarded-For": "203.0.113.5"},
    {"Forwarded": "for=203.0.113.5"},
    {"Host": "evil.example"},
    {"Host": ""},
]


async def test_without_the_very_key_nothing_is_served(api: Api) -> None:
    """A wrong key and none are answered the same, before the path or the body is looked at."""
    async with httpx.AsyncClient(base_url=api.caller.base_url, trust_env=False) as caller:
        for headers in ({}, *({"Authorization": each} for each in WRONG)):
            path = "/v1/events" if headers else "/v1/no-such-path"
            refused = await caller.post(path, headers=headers, content=b"{")
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.json()["error"]["code"] == "unauthorized"


def test_every_route_is_told_to_be_open_or_not() -> None:
    """What needs no key is a short list, so that a new route without one is seen here."""
    health, signed = {"/healthz", "/readyz"}, {"/unsubscribe/{token}", "/twilio/inbound", "/twilio/status/{key}"}
    assert {route.path for route in OPEN} == health | signed
    assert not {route.path for route in OPEN} & {route.path for route in BEHIND_A_KEY}


async def test_keys_are_of_the_variable_and_of_the_file(serve: Serve, tmp_path: Path) -> None:
    """A key is replaced by setting both for a while; a file may end with a line break."""
    file = tmp_path / "keys"
    file.write_text(f"{OTHER}\n\n")
    async with serve(API__KEYS_FILE=str(file)) as caller:
        for key in (KEY, OTHER):
            answered = await caller.get("/v1/records/contact/1", headers={"Authorization": f"bearer {key}"})
            assert answered.status_code == 404


@pytest.mark.parametrize("keys", ["short", f"{KEY},{'k' * 31}", f"{KEY[:-1]} k"])
async def test_a_weak_key_is_refused_and_not_quoted(keys: str, serve: Serve) -> None:
    """A key has 32 characters at least."""
    with pytest.raises(CallerError) as refused:
        async with serve(API__KEYS=keys):
            pass
    assert str(refused.value).startswith("PERDURE_API__KEYS: each key takes 32")
    assert keys not in str(refused.value)


async def test_a_file_without_a_key_is_refused(serve: Serve, tmp_path: Path) -> None:
    """A file that was not filled yet does not make an API without keys."""
    (tmp_path / "keys").write_text("\n")
    with pytest.raises(CallerError, match="PERDURE_API__KEYS_FILE: it holds no key"):
        async with serve(API__KEYS="", API__KEYS_FILE=str(tmp_path / "keys")):
            pass


@pytest.mark.parametrize("given", [{"API__HOST": "0.0.0.0"}, {"PUBLIC_URL": "https://crm.example.com"}])
async def test_without_keys_the_network_is_not_served(given: dict[str, str], serve: Serve) -> None:
    """On an address that others reach, or behind a proxy that they do, a server without keys does not start."""
    with pytest.raises(CallerError, match=r"and no key is set\. Set PERDURE_API__KEYS"):
        async with serve(API__KEYS="", **given):
            pass


async def test_without_keys_this_machine_is_served(serve: Serve) -> None:
    """For a look at it, on loopback."""
    async with serve(key=None, API__KEYS="") as caller:
        assert (await caller.get("/v1/records/contact/1")).status_code == 404


async def test_without_keys_nothing_from_elsewhere_is_served(serve: Serve) -> None:
    """A proxy on this machine, and a web page whose name was made to lead here, also call from loopback."""
    async with serve(key=None, API__KEYS="") as caller:
        for headers in FROM_ELSEWHERE:
            refused = await caller.get("/v1/records/contact/1", headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_keys")
