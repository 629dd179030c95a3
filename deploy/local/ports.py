"""Ports chosen once and remembered, so that an address copied yesterday works today."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Mapping

from deploy.local.errors import LocalServerError
from deploy.local.files import write_whole
from deploy.local.home import Home
from deploy.local.say import Say, to_stderr

LOOPBACK = "127.0.0.1"
# Below the range that Linux and macOS take outgoing connections from, which would occupy a remembered port at random.
LOWEST, HIGHEST = 15_000, 29_999
# What people expect to type; taken by the first stack that finds them free.
FAMILIAR: Mapping[str, int] = {"postgres": 15_432, "temporal": 7233, "temporal_ui": 8233}


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of the loopback address."""
    with socket.socket() as listener:
        # Without this, connections of a server that just ended would count as taken for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((LOOPBACK, port)) != 0


class Ports:
    """The ports of one data folder, by name. Hold the folder's lock while taking one."""

    def __init__(self, home: Home, say: Say = to_stderr, preferred: Mapping[str, int] = FAMILIAR) -> None:
        self._home = home
        self._say = say
        self._preferred = preferred

    def take(self, name: str) -> int:
        """Return the remembered port of `name`, or another where it is taken by now, or the first choice.

        The caller has already ended or adopted its own server, so a listener on the port is somebody else.

        Raises:
            LocalServerError: no port is free.
        """
        port = self.remembered().get(name)
        if port is None:
            return self._remember(name, self._choose(name, self._preferred.get(name)))
        return port if is_free(port) else self.move(name)

    def move(self, name: str) -> int:
        """Give up the remembered port of `name`, tell the user, and return the one that replaces it."""
        taken = self.remembered().get(name)
        port = self._remember(name, self._choose(name, None))
        self._say(f"Port {taken} ({name}) is taken by another program; {name} is on port {port} from now on.")
        return port

    def keep(self, name: str, port: int) -> None:
        """Remember the port of a server found running."""
        if self.remembered().get(name) != port:
            self._remember(name, port)

    def remembered(self) -> dict[str, int]:
        """Return the ports by name; a file that cannot be understood counts as empty and is told."""
        try:
            found = json.loads(self._home.ports.read_text(encoding="utf-8"))
            return {str(name): _checked(port) for name, port in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError):
            self._say(f"{self._home.ports} is not a list of ports; they are chosen anew.")
            self._home.ports.unlink(missing_ok=True)
            return {}

    def _remember(self, name: str, port: int) -> int:
        write_whole(self._home.ports, json.dumps(self.remembered() | {name: port}, indent=2) + "\n")
        return port

    def _choose(self, name: str, first: int | None) -> int:
        spoken_for = set(self.remembered().values())
        if first is not None and first not in spoken_for and is_free(first):
            return first
        # Each folder starts looking elsewhere, so stacks that start at the same moment rarely meet.
        width = HIGHEST - LOWEST + 1
        start = zlib.crc32(f"{self._home.path}\n{name}".encode()) % width
        for step in range(width):
            port = LOWEST + (start + step) % width
            if port not in spoken_for and is_free(port):
                return port
        message = f"No port between {LOWEST} and {HIGHEST} is free on {LOOPBACK} for {name}."
        raise LocalServerError(message)


def _checked(port: object) -> int:
    if isinstance(port, int) and 0 < port < 2**16:
        return port
    raise ValueError(port)
