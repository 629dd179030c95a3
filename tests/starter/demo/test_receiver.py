from __future__ import annotations

import json
from pathlib import Path

from activities.effects import Request
from activities.gateways.http import WebGateway
from starter.demo.files import RECEIVER
from starter.demo.receiver import receiving
from workflows.model.web_addresses import Allowed


async def test_it_is_busy_once_and_keeps_the_rest(tmp_path: Path) -> None:
    """The first call is told when to come again; then each is a file, and the calls under one key are counted."""
    async with receiving(tmp_path, "http://127.0.0.1:0") as receiver:
        web = WebGateway(Allowed.read("127.0.0.1"))
        request = Request("POST", f"{receiver.url}/x", {"Idempotency-Key": "k"}, '{"name": "森"}'.encode())
        first, second = await web.send(request), await web.send(request)
        await web.close()
    assert (first.status, first.headers["retry-after"], second.status) == (503, "1", 200)
    assert (receiver.busy, receiver.calls, receiver.kept) == (1, {"k": 2}, {"k": 1})
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["body"] == {"name": "森"}


async def test_it_takes_another_port_where_its_own_is_taken(tmp_path: Path) -> None:
    """A program that has the port does not keep the demo from running."""
    async with receiving(tmp_path, RECEIVER) as first, receiving(tmp_path, first.url) as second:
        assert first.port != second.port
