"""What flows may call: a host's addresses, looked up once, and the verdict on each.

Nothing is sent from here; `dialing.py` connects to what was let through, and `perdure try url` prints it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, FilePath, field_validator

from workflows.model.address_ranges import Address
from workflows.model.web_addresses import Allowed, Blocked, blocked_address, literal, refuse_host, refuse_port

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Gives the addresses of a name, best first; raises OSError when it has none."""


class OutboundSettings(BaseModel):
    """What the operator lets flows call beside the public internet; a flow cannot say this of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: str = Field(
        "",
        description="Internal hosts and ranges of addresses that flows may call all the same: crm.internal,10.0.0.0/8.",
    )
    ca_file: FilePath | None = Field(
        None, description="A PEM file of certificates to trust beside the public ones, for hosts of your own."
    )

    @field_validator("allow")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        Allowed.read(value)
        return value

    @property
    def allowed(self) -> Allowed:
        """The list, read."""
        return Allowed.read(self.allow)


@dataclass(frozen=True)
class Judged:
    """An address of a host: why it is not dialled, or whether it is only because the operator has listed it."""

    address: Address
    refused: Blocked | None = None
    is_listed: bool = False


async def addresses_of(host: str, port: int) -> list[Address]:
    """Ask the system's resolver for the addresses of a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))


async def judged(host: str, port: int, allowed: Allowed, resolve: Resolver = addresses_of) -> list[Judged]:
    """Look up a host and judge each of its addresses.

    Raise Blocked when host or port are refused by themselves, and OSError when the name has no address.
    """
    refuse_port(port)
    refuse_host(host, allowed)
    address = literal(host)
    addresses = [address] if address is not None else await resolve(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    return [_judge(host, each, allowed) for each in addresses]


def _judge(host: str, address: Address, allowed: Allowed) -> Judged:
    blocked = blocked_address(address)
    is_listed = blocked is not None and allowed.has(host, address)
    return Judged(address, None if is_listed else blocked, is_listed=is_listed)
