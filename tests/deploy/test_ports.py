"""Ports: chosen once, remembered, given up only to a stranger."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.home import Home
from deploy.local.ports import Ports, is_free


@contextmanager
def taken(port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Listen on the port as another program would."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
        yield


@pytest.fixture
def said() -> list[str]:
    """What the user was told."""
    return []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A data folder."""
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_a_port_is_remembered(home: Home, said: list[str]) -> None:
    """A later start gets the port of the first one."""
    first = Ports(home, said.append, {}).take("postgres")
    assert Ports(home, said.append, {}).take("postgres") == first
    assert said == []


def test_any_name_may_have_a_port(home: Home, said: list[str]) -> None:
    """Different names get different ports, also names that the launcher does not know."""
    ports = Ports(home, said.append, {})
    names = ["postgres", "temporal", "temporal_ui", "smtp"]
    assert len({ports.take(name) for name in names}) == len(names)
    assert sorted(ports.remembered()) == sorted(names)


def test_a_taken_port_is_told_and_replaced(home: Home, said: list[str]) -> None:
    """A remembered port that another program took is named to the user in one line, and its successor remembered."""
    ports = Ports(home, said.append, {})
    before = ports.take("temporal")
    with taken(before):
        after = ports.take("temporal")
    assert after != before
    assert Ports(home, said.append, {}).take("temporal") == after
    assert said == [f"Port {before} (temporal) is taken by another program; temporal is on port {after} from now on."]


def test_the_familiar_port_is_the_first_choice(home: Home, said: list[str]) -> None:
    """The port that people expect is chosen where it is free."""
    free = Ports(home, said.append, {}).take("spare")
    home.ports.unlink()
    assert Ports(home, said.append, {"temporal": free}).take("temporal") == free


def test_a_taken_familiar_port_is_passed_over_in_silence(home: Home, said: list[str]) -> None:
    """On the first start nobody relies on a port yet, so nothing is told."""
    free = Ports(home, said.append, {}).take("spare")
    with taken(free):
        assert Ports(home, said.append, {"temporal": free}).take("temporal") != free
    assert said == []


@pytest.mark.parametrize("text", ["{", "[]", '{"postgres": "high"}', '{"postgres": 70000}'])
def test_a_broken_file_is_told(home: Home, said: list[str], text: str) -> None:
    """A file of ports that makes no sense is told and replaced."""
    home.ports.write_text(text)
    port = Ports(home, said.append, {}).take("postgres")
    assert json.loads(home.ports.read_text()) == {"postgres": port}
    assert said == [f"{home.ports} is not a list of ports; they are chosen anew."]


def test_a_listener_on_all_addresses_counts(home: Home, said: list[str]) -> None:
    """A port is taken also where another program listens on every address."""
    port = Ports(home, said.append, {}).take("postgres")
    with taken(port, "0.0.0.0"):
        assert not is_free(port)
    assert is_free(port)
