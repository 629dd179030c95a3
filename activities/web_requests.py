"""What goes into an HTTP request of a flow: headers that cannot smuggle, a query, and a body in fixed bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from activities.action import Preparing, Refused, Tokens
from activities.effects import Request, Version
from activities.values import found_in, looking, put_in
from workflows.model.records import Record
from workflows.model.templates import read
from workflows.model.web_addresses import Blocked
from workflows.model.web_addresses import read as read_url

BODY_BYTES = 1024 * 1024
"""The most that is sent."""

HEADER_BYTES = 8 * 1024
MOST_VERSIONS = 45
"""The newest values of each property that are sent."""

Method = Literal["POST", "GET", "PUT", "PATCH", "DELETE"]
BARE = ("GET", "DELETE")
"""Methods of requests without a body."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TO_FILL = re.compile(r"""\{\{((?:[^}'"]|'[^']*'|"[^"]*")*)\}\}""")
_QUOTED = re.compile(r"\|\s*urlencode\s*$")
_HOST = re.compile(r"[A-Za-z]+://[^/?#]+[/?#]")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_OF_CONNECTION = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect")
)
_OURS = ("accept-encoding", "idempotency-key", "webhook-", "x-hubspot-signature", "x-hubspot-request-timestamp")
_SECRET = frozenset(("authorization", "cookie"))


def auth_header(name: str) -> str:
    """Give the name of a header in which a flow may send a secret; raise ValueError for another."""
    folded = name.lower()
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no name of a header; it has letters, digits and -")
    if folded in _OF_CONNECTION or folded.startswith("proxy-"):
        raise ValueError(f"{name} is about the connection, and not for a flow to set")
    if folded.startswith(_OURS):
        raise ValueError(f"{name} is set by Perdure")
    return name


def _headers(headers: dict[str, Scalar]) -> dict[str, Scalar]:
    for name, value in headers.items():
        if auth_header(name).lower() in _SECRET:
            raise ValueError(f"{name} would hold a secret; name it in `auth`, as {{bearer: SECRET}}")
        _can_stand(str(value))
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("a header stands there twice, for capitals make no difference")
    return headers


def _can_stand(value: str) -> str:
    """Give the value of a header; raise ValueError for one that would begin another header, and for a very long one."""
    if _CONTROL.search(value):
        raise ValueError("a line break or another control character stands in the value of a header")
    if len(value.encode(errors="replace")) > HEADER_BYTES:
        raise ValueError(f"the value of a header has {HEADER_BYTES // 1024} KiB at most")
    return value.strip(" ")


def header_value(value: str, code: str = "invalid_header") -> str:
    """Give the value of a header; raise Refused with this code for one that cannot be sent."""
    try:
        return _can_stand(value)
    except ValueError as error:
        raise Refused(code, str(error)) from None


def _callable(url: str) -> str:
    """Refuse a URL that cannot be called whatever the values; what depends on them is seen at each call."""
    parts = read(url)[0].parts
    if parts and isinstance(parts[0], str) and (len(parts) == 1 or _HOST.match(parts[0])):
        read_url("".join(part if isinstance(part, str) else "x" for part in parts))
    return url


Scalar = str | int | float | bool
Url = Annotated[str, AfterValidator(_callable), Tokens()]
Query = Annotated[dict[str, Scalar], Tokens()]
Headers = Annotated[dict[str, Scalar], AfterValidator(_headers), Tokens()]
Body = Annotated[dict[str, JsonValue], Tokens()]


class Content(BaseModel):
    """What of a request is the same for every attempt. It stands in the ledger, and no secret is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""

    def request(self, method: Method, key: str) -> Request:
        """Give the request, under the key of its effect."""
        return Request(method, self.url, {**self.headers, "Idempotency-Key": key}, self.body.encode(errors="replace"))


async def frozen(preparing: Preparing, method: Method, given: Mapping[str, JsonValue]) -> Content:
    """Fill `url`, `query`, `headers` and `body`, and write down the last; raise Refused for what cannot be sent."""
    filled = await _filled(preparing, {**given, "url": _with_quoted_values(str(given["url"]))})
    try:
        address = str(read_url(with_query(str(filled["url"]), _texts(filled["query"]))))
    except Blocked as blocked:
        raise Refused(f"url_blocked: {blocked.kind}", str(blocked)) from None
    headers = {name: header_value(value) for name, value in _texts(filled["headers"]).items()}
    if method in BARE:
        return Content(url=address, headers=headers)
    text = _json(await _record(preparing) if filled["body"] is None else filled["body"])
    if len(text.encode(errors="replace")) > BODY_BYTES:
        raise Refused("body_too_large", f"a body has {BODY_BYTES // 1024 // 1024} MiB at most")
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    return Content(url=address, headers=headers, body=text)


async def _filled(preparing: Preparing, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    found = [each for value in values.values() for each in found_in(value) if each.kind == "text"]
    (texts,) = await preparing.texts.of_flow({str(n): each.text for n, each in enumerate(found)}, [preparing.record])
    ahead = (texts[str(n)] for n in range(len(found)))
    look = looking(preparing.record.properties, preparing.outputs)
    return {name: put_in(value, lambda _: next(ahead), look) for name, value in values.items()}


def _texts(values: JsonValue) -> dict[str, str]:
    """Give plain values as they stand in a URL or a header; true and false in lower case, as everywhere."""
    given = values if isinstance(values, dict) else {}
    return {name: value if isinstance(value, str) else _json(value) for name, value in given.items()}


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Add parameters to a URL, after those that it has, in the order of their names: it is the same every time."""
    if not query:
        return url
    address = url.partition("#")[0]
    begin = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return address + begin + "&".join(f"{_quoted(name)}={_quoted(query[name])}" for name in sorted(query))


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _with_quoted_values(url: str) -> str:
    """Have the values in a URL put in as parts of it: none can add a parameter or leave its folder.

    A value that begins the URL may be all of it, and is put in as it stands.
    """

    def quoted(found: re.Match[str]) -> str:
        is_done = not found.start() or _QUOTED.search(found[1])
        return found[0] if is_done else f"{{{{{found[1].rstrip()} | urlencode }}}}"

    return _TO_FILL.sub(quoted, url)


def _json(value: JsonValue) -> str:
    """Write JSON in one way, with sorted keys: the same value has the same bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def _record(preparing: Preparing) -> JsonValue:
    """Give the record as HubSpot's webhooks send it: a contact with the versions of its properties, newest first."""
    record = preparing.record
    id_: JsonValue = int(record.ref.id) if _NUMBER.fullmatch(record.ref.id) else record.ref.id
    if record.ref.type != "contact":
        current: dict[str, JsonValue] = {name: {"value": value} for name, value in record.properties.items()}
        return {"objectId": id_, "objectType": record.ref.type.upper(), "properties": current}
    return {"vid": id_, "properties": _with_versions(record, await preparing.crm.versions(record.ref))}


def _with_versions(record: Record, versions: Mapping[str, Sequence[Version]]) -> dict[str, JsonValue]:
    properties: dict[str, JsonValue] = {}
    for name in {*record.properties, *versions}:
        past: list[JsonValue] = [_version(each) for each in versions.get(name, ())[:MOST_VERSIONS]]
        properties[name] = {"value": record.properties.get(name), "versions": past}
    return properties


def _version(version: Version) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {"value": version.value, "timestamp": int(version.at.timestamp() * 1000)}
    if flow := version.source.get("flow"):
        return {**told, "source-type": "WORKFLOWS", "source-id": flow}
    who = version.source.get("who")
    return {**told, "source-type": "API", "source-id": who} if who else told
