"""The addresses that lead elsewhere than to the public internet, written out.

The standard library's `is_global` is not asked: it takes a NAT64 form of 127.0.0.1 and a cloud's metadata server for
public, and answers otherwise in each release of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_KINDS: dict[str, tuple[str, ...]] = {
    # Where the computers of a cloud fetch their own keys; these lie in some of the ranges below.
    "cloud metadata": (
        "169.254.169.254/32",
        "169.254.170.2/32",
        "169.254.170.23/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "100.100.100.200/32",
        "fd00:ec2::254/128",
        "fd00:ec2::23/128",
        "fd20:ce::254/128",
    ),
    "unspecified": ("0.0.0.0/8", "::/128"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "carrier-grade NAT": ("100.64.0.0/10",),
    "protocol-assignment": ("192.0.0.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    "documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
    "benchmarking": ("198.18.0.0/15", "2001:2::/48"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "reserved": ("240.0.0.0/4",),
    "discard-only": ("100::/64", "100:0:0:1::/64"),
    "segment-routing": ("5f00::/16",),
    "IPv4-mapped": ("::ffff:0:0/96",),
    "IPv4-translated": ("::ffff:0:0:0/96",),
    "IPv4-compatible": ("::/96",),
    "NAT64": ("64:ff9b::/96", "64:ff9b:1::/48"),
    "6to4": ("2002::/16",),
    "Teredo": ("2001::/32",),
    "IETF protocol": ("2001::/23",),
}
RANGES: tuple[tuple[str, Network], ...] = tuple(
    (kind, ip_network(each)) for kind, ranges in _KINDS.items() for each in ranges
)
"""What is refused, by kind; the first range that an address is in says why."""

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that anybody's public addresses are from."""

_WRAPPERS = frozenset({"IPv4-mapped", "IPv4-translated", "IPv4-compatible", "NAT64", "6to4", "Teredo"})
_ISATAP = (0x00005EFE, 0x02005EFE)
_WORD = 0xFFFFFFFF


def refusal(address: Address) -> str | None:
    """Give the kind of an address that is none of the public internet, None for one that is.

    An IPv6 address that wraps an IPv4 one is always refused, for the reason of the latter if there is one.
    """
    kind = next((kind for kind, network in RANGES if address in network), None)
    if isinstance(address, IPv4Address) or (kind and kind not in _WRAPPERS):
        return kind
    inner = _wrapped(address, kind)
    if inner is not None:
        return refusal(inner) or kind or "ISATAP"
    return kind or (None if address in _UNICAST else "reserved")


def _wrapped(address: IPv6Address, kind: str | None) -> IPv4Address | None:
    """Give the IPv4 address inside an IPv6 one, by its kind or by the mark of ISATAP."""
    bits = int(address)
    if kind == "6to4":
        return IPv4Address(bits >> 80 & _WORD)
    if kind == "Teredo":
        return IPv4Address(bits & _WORD ^ _WORD)
    if kind in _WRAPPERS or bits >> 32 & _WORD in _ISATAP:
        return IPv4Address(bits & _WORD)
    return None
