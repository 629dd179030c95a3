"""The URLs that a flow may call: read once, by strict rules, and judged by host, port and address.

A URL that two programs read differently is how a guard is fooled, so whatever has two readings is refused: numbers
that pass for addresses, a user before the host, backslashes, blanks, letters beyond ASCII in the host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Self

from workflows.model.address_ranges import Address, Network, refusal

MOST_CHARACTERS = 4096
"""Characters of a URL."""

DEFAULT_PORTS = {"http": 80, "https": 443}
LOWEST_PORT = 1024
"""The first port that is not reserved for the services of a system."""

_SERVICES: dict[str, tuple[int, ...]] = {
    "a printer": (9100,),
    "a SOCKS proxy": (1080,),
    "a web proxy": (3128,),
    "Amanda": (10_080,),
    "Apple's password server": (3659,),
    "Cassandra": (7000, 7001, 7199, 9042, 9160),
    "Consul": (8300, 8301, 8500, 8501, 8600),
    "CouchDB": (5984,),
    "Docker": (2375, 2376, 2377),
    "Elasticsearch": (9200, 9300),
    "Erlang's port mapper": (4369,),
    "etcd": (2379, 2380),
    "FastCGI": (9000,),
    "git": (9418,),
    "H.323": (1719, 1720),
    "InfluxDB": (8086,),
    "IRC": (6665, 6666, 6667, 6668, 6669, 6679, 6697),
    "iSCSI": (3260,),
    "Java RMI": (1099,),
    "Kafka": (9092,),
    "Kibana": (5601,),
    "Kubernetes": (6443, 10_250, 10_255, 10_257, 10_259),
    "ManageSieve": (4190,),
    "memcached": (11_211,),
    "Minecraft": (25_565,),
    "MongoDB": (27_017, 27_018, 27_019),
    "MQTT": (1883, 8883),
    "MySQL": (3306,),
    "NATS": (4222,),
    "Neo4j": (7474, 7687),
    "NFS": (2049, 4045),
    "Oracle Database": (1521,),
    "PgBouncer": (6432,),
    "PostgreSQL": (5432, 5433),
    "PPTP": (1723,),
    "Prometheus": (9090, 9091, 9093),
    "RabbitMQ": (5671, 5672, 15_672),
    "Redis": (6379, 6380, 26_379),
    "Remote Desktop": (3389,),
    "RethinkDB": (28_015,),
    "SANE": (6566,),
    "SIP": (5060, 5061),
    "SQL Server": (1433, 1434),
    "StatsD": (8125,),
    "Subversion": (3690,),
    "Temporal": (7233,),
    "Vault": (8200, 8201),
    "VNC": (5900, 5901),
    "Windows Remote Management": (5985, 5986),
    "X11": (6000,),
    "ZooKeeper": (2181,),
}
SERVICE_PORTS = {port: service for service, ports in _SERVICES.items() for port in ports}
"""Ports above the reserved ones that are known for a service that no URL of a flow is meant for."""

# Blanks and what cannot be seen, by Unicode; written out, for what Python calls printable differs by its release.
_UNSEEN = re.compile(
    "[\x00-\x20\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\udfff"
    "\ufeff\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_SHAPE = re.compile(r"(?P<scheme>(?i:https?))://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?", re.ASCII)
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?P<colon>:(?P<port>[^:]*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_HIGHEST_PORT = 65535

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_NAME_LENGTH = 253

INNER_NAMES = (
    "localhost",
    "internal",
    "intranet",
    "local",
    "localdomain",
    "lan",
    "home",
    "corp",
    "private",
    "home.arpa",
)
"""Ends of names that no public network has."""


class Blocked(ValueError):
    """A URL that is not called; `kind` says why in a word or two, as `loopback`, and holds nothing of the URL."""

    def __init__(self, kind: str, message: str) -> None:
        """Take the kind and a sentence."""
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class WebAddress:
    """A URL that has one reading. The host is a name in small letters, or an address without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def address(self) -> Address | None:
        """The address that the host is, None for a name."""
        return literal(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


@dataclass(frozen=True)
class Allowed:
    """What an operator lets flows call beside the public internet: hosts by their names, and ranges of addresses."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `crm.internal, 10.0.0.0/8`; raise ValueError for an entry that is neither a host nor a range."""
        hosts, networks = set[str](), list[Network]()
        for entry in re.split(r"[,\s]+", text.strip().lower()):
            if "/" in entry or ":" in entry or _IPV4.fullmatch(entry):
                networks.append(_network(entry))
            elif _NAME.fullmatch(entry) and not _NUMBER.fullmatch(entry):
                hosts.add(entry)
            elif entry:
                raise ValueError(f"{entry[:80]!r} is neither a host, as crm.internal, nor a range, as 10.0.0.0/8")
        return cls(frozenset(hosts), tuple(networks))

    def has(self, host: str, address: Address | None) -> bool:
        """Tell whether a host is listed by its name, or its address by a range."""
        return host in self.hosts or (address is not None and any(address in each for each in self.networks))


NOTHING_ELSE = Allowed()


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(f"{entry[:80]!r} is no range of addresses, as 10.0.0.0/8 ({error})") from None


def read(text: str) -> WebAddress:
    """Read a URL; raise Blocked for one that is none, has several readings, or names a port that is not called.

    A fragment is dropped, for it is never sent.
    """
    if len(text) > MOST_CHARACTERS:
        raise Blocked("too long", f"a URL has {MOST_CHARACTERS:,} characters at most, and this one {len(text):,}")
    if found := _UNSEEN.search(text):
        message = f"a blank or a character that cannot be seen stands in the URL (U+{ord(found[0]):04X})"
        raise Blocked("character", f"{message}; take it out, or write it as %20 and the like")
    if "\\" in text:
        raise Blocked("character", "a backslash stands in the URL; programs do not agree on what it means")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise Blocked("scheme", "a URL begins with https:// or http://")
    scheme = shape["scheme"].lower()
    host, port = _authority(shape["authority"], DEFAULT_PORTS[scheme])
    target = "".join(sign if sign.isascii() else _quoted(sign) for sign in shape["target"])
    return WebAddress(scheme, host, port, target if target.startswith("/") else f"/{target}")


def _quoted(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())


def _authority(text: str, default: int) -> tuple[str, int]:
    if "@" in text:
        raise Blocked("userinfo", "a user or a password stands before the host; a secret belongs into a header")
    parts = _HOST_AND_PORT.fullmatch(text)
    if parts is None:
        raise Blocked("host", f"{text[:80]!r} is no host; an IPv6 address stands in brackets, as [2600::1]")
    host = _host(parts["host"])
    return host, _port(parts["port"]) if parts["colon"] else default


def _host(text: str) -> str:
    if text.startswith("["):
        return str(_ipv6(text))
    if not text:
        raise Blocked("host", "the URL names no host; it reads as https://example.com/path")
    if not text.isascii():  # before it is put in small letters: that of the Kelvin sign is a plain k
        raise Blocked("host", f"{text[:80]!r}: a host with letters beyond ASCII is written in its xn-- form")
    host = text.lower()
    if _IPV4.fullmatch(host):
        return host
    if _NUMBER.fullmatch(host):
        raise Blocked(
            "number for a host", f"{text[:80]!r}: an address is written as four decimal numbers, as 192.0.2.1"
        )
    if host.endswith("."):
        raise Blocked("host", f"{text[:80]!r}: a host is written without a dot at its end")
    if len(host) > _NAME_LENGTH or not _NAME.fullmatch(host):
        raise Blocked("host", f"{text[:80]!r} is no host; it has letters, digits, - and dots, as hooks.example.com")
    return host


def _ipv6(text: str) -> IPv6Address:
    try:
        if found := _IPV6.fullmatch(text):
            return IPv6Address(found[1])
    except ValueError:
        pass
    raise Blocked("host", f"{text[:80]!r} is no IPv6 address; it reads as [2600::1], without a zone")


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > _HIGHEST_PORT:
        raise Blocked("port", f"{text[:80]!r} is no port; it is a number from 1 to {_HIGHEST_PORT}")
    refuse_port(int(text))
    return int(text)


def refuse_port(port: int) -> None:
    """Raise Blocked for a port that is not called: 80, 443 and those from 1024 are, but those of known services."""
    if service := SERVICE_PORTS.get(port):
        raise Blocked("port", f"port {port} is that of {service}; flows call 80, 443 and ports of no such service")
    if port < LOWEST_PORT and port not in DEFAULT_PORTS.values():
        raise Blocked("port", f"port {port} is reserved for a system's services; flows call 80, 443 and 1024 upwards")


def literal(host: str) -> Address | None:
    """Give the address that a host is, None for a name."""
    try:
        return ip_address(host) if _IPV4.fullmatch(host) or ":" in host else None
    except ValueError:
        return None


def refuse_host(host: str, allowed: Allowed = NOTHING_ELSE) -> None:
    """Raise Blocked for a host that shows by itself that it is none of the public internet's."""
    address = literal(host)
    if allowed.has(host, address):
        return
    if address is None and ("." not in host or host.endswith(tuple(f".{name}" for name in INNER_NAMES))):
        raise Blocked("internal name", f"{host} is a name of an internal network, not of the public internet")
    if address is not None and (blocked := blocked_address(address)):
        raise blocked


def blocked_address(address: Address) -> Blocked | None:
    """Say why an address is not called, None for one of the public internet."""
    kind = refusal(address)
    article = "an" if kind and kind[0] in "uI" else "a"
    message = f"{address} is {article} {kind} address, not one of the public internet"
    return Blocked(kind, message) if kind else None


def read_public(text: str, allowed: Allowed = NOTHING_ELSE) -> WebAddress:
    """Read a URL and look at its host as well; whether a name leads to a public address is known when it is dialled."""
    url = read(text)
    refuse_host(url.host, allowed)
    return url
