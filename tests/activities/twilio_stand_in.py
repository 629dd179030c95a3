"""A stand-in of Twilio's Messages API on loopback: it checks requests as the published API does, and keeps messages.

A test has it fail in one of the ways of `Fault`, tells what course its messages take, and lets it call back as Twilio
does, with a signature.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from twilio.request_validator import RequestValidator

ACCOUNT, TOKEN, SENDER = f"AC{'0' * 31}1", "token-of-the-stand-in", "+14155550100"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"

Fault = tuple[int, int] | Literal["dies_before", "dies_after", "stalls_after", "error_after"]
"""An HTTP status with Twilio's code; or the connection breaks before or after the message is taken, or is silent."""

PARAMETERS = {
    *("To", "StatusCallback", "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt", "ValidityPeriod"),
    *("ForceDelivery", "ContentRetention", "AddressRetention", "SmartEncoded", "PersistentAction", "TrafficType"),
    *("ShortenUrls", "ScheduleType", "SendAt", "SendAsMms", "ContentVariables", "MessageIntent", "RiskCheck", "From"),
    *("FallbackFrom", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid"),
}
"""Of the published API, of a message that is made."""

FILTERS = {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass
class TwilioStandIn:
    """The server: what it was asked, in short, and the messages that it took, by their ids."""

    faults: list[Fault] = field(default_factory=list)
    course: list[str] = field(default_factory=lambda: ["delivered"])
    """What a message is at each look at it; the last one stays."""
    prefix: str = ""
    """What an account on trial puts before each text."""
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Give what was taken, each as its recipient and what it says, in order."""
        return [(each["to"], each["body"]) for each in self.messages.values()]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, target, _ = head[0].split()
                status, answer = await self._answer(method, target, headers, body.decode(), reader)
                text = json.dumps(answer).encode()
                kind = "Content-Type: application/json"
                writer.write(f"HTTP/1.1 {status} X\r\n{kind}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: str, reader: asyncio.StreamReader
    ) -> tuple[int, Any]:
        parts = urlsplit(target)
        self.asked.append(f"{method} {parts.path.removeprefix(MESSAGES)}")
        if headers.get("authorization") != f"Basic {base64.b64encode(f'{ACCOUNT}:{TOKEN}'.encode()).decode()}":
            return _error(401, 20003)
        if method == "POST" and parts.path == f"{MESSAGES}.json":
            return await self._made(headers, body, reader)
        if method == "GET" and parts.path == f"{MESSAGES}.json":
            return self._listed(parse_qs(parts.query))
        if method == "GET" and (sid := parts.path.removeprefix(f"{MESSAGES}/").removesuffix(".json")) in self.messages:
            return 200, self._seen(sid)
        return _error(404, 20404)

    async def _made(self, headers: Mapping[str, str], body: str, reader: asyncio.StreamReader) -> tuple[int, Any]:
        fault = self.faults.pop(0) if self.faults else None
        if fault == "dies_before":
            raise ConnectionError
        if isinstance(fault, tuple):
            return _error(*fault)
        if headers.get("content-type") != "application/x-www-form-urlencoded":
            self.wrong.append(f"content-type {headers.get('content-type')}")
        given = parse_qsl(body, keep_blank_values=True, strict_parsing=True)
        if (code := self._mistake(given)) is not None:
            self.wrong.append(f"{code}: {given}")
            return _error(400, code)
        message = self._take(dict(given))
        if fault in ("dies_after", "error_after", "stalls_after"):
            if fault == "error_after":
                return _error(503, 20503)
            if fault == "stalls_after":
                await reader.read()
            raise ConnectionError
        return 201, message

    def _mistake(self, given: list[tuple[str, str]]) -> int | None:
        """Give Twilio's code of what is wrong with a request, None where nothing is."""
        names, form = [name for name, _ in given], dict(given)
        if len(names) != len(form) or not form.keys() <= PARAMETERS:
            return 20001
        if not _E164.fullmatch(form.get("To", "")):
            return 21211
        if ("From" in form) == ("MessagingServiceSid" in form):
            return 21603
        if not form.get("Body"):
            return 21602
        callback = urlsplit(form.get("StatusCallback", "https://example.com"))
        if callback.scheme not in ("http", "https") or "_" in (callback.hostname or "_"):
            return 21609
        return 21617 if len(form["Body"]) > 1600 else None

    def _take(self, form: Mapping[str, str]) -> dict[str, Any]:
        sid, now = f"SM{len(self.messages):032x}", format_datetime(datetime.now(UTC))
        self.messages[sid] = {
            "sid": sid,
            "account_sid": ACCOUNT,
            "api_version": "2010-04-01",
            "direction": "outbound-api",
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": f"{self.prefix}{form['Body']}",
            "status": "queued",
            "error_code": None,
            "error_message": None,
            "date_created": now,
            "date_updated": now,
            "date_sent": None,
            "price": None,
            "price_unit": "USD",
            "num_media": "0",
            "num_segments": str(len(form["Body"]) // 160 + 1),
            "subresource_uris": {},
            "uri": f"{MESSAGES}/{sid}.json",
            "callback": form.get("StatusCallback"),  # kept beside; the API does not tell it
        }
        return {name: value for name, value in self.messages[sid].items() if name != "callback"}

    def _listed(self, query: Mapping[str, list[str]]) -> tuple[int, Any]:
        if not query.keys() <= FILTERS:
            return _error(400, 20001)
        found = [each for each in self.messages.values() if [each["to"]] == query.get("To", [each["to"]])]
        newest = found[::-1][: int(query.get("PageSize", ["50"])[0])]
        page = {"page": 0, "page_size": len(newest), "start": 0, "end": len(newest), "uri": f"{MESSAGES}.json"}
        beside = {"first_page_uri": f"{MESSAGES}.json", "next_page_uri": None, "previous_page_uri": None}
        return 200, {**page, **beside, "messages": newest}

    def _seen(self, sid: str) -> dict[str, Any]:
        look = self.looks[sid] = self.looks.get(sid, 0) + 1
        status, _, code = self.course[min(look, len(self.course)) - 1].partition(" ")
        self.messages[sid] |= {"status": status, "error_code": int(code) if code else None}
        return self.messages[sid]


def _error(status: int, code: int) -> tuple[int, Any]:
    return status, {"code": code, "message": f"Twilio says {code}", "more_info": "https://x", "status": status}


@asynccontextmanager
async def twilio() -> AsyncIterator[TwilioStandIn]:
    """Run the stand-in for a block; what it was asked must have been right."""
    stand_in = TwilioStandIn()
    listener = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.port = listener.sockets[0].getsockname()[1]
    try:
        yield stand_in
    finally:
        listener.close()
    assert stand_in.wrong == []


async def call(api: httpx.AsyncClient, public_url: str, path: str, **form: str) -> httpx.Response:
    """Call our API as Twilio does: the signature is of the public URL, and of what the form holds."""
    signature = RequestValidator(TOKEN).compute_signature(f"{public_url}{path}", form)
    return await api.post(path, data=form, headers={"X-Twilio-Signature": signature})


def standing(stand_in: TwilioStandIn) -> dict[str, str]:
    """Give the settings that lead to the stand-in, each as its variable without prefix."""
    given = {"ACCOUNT_SID": ACCOUNT, "AUTH_TOKEN": TOKEN, "SENDER": SENDER, "BASE_URL": stand_in.url}
    return {f"TWILIO__{name}": value for name, value in given.items()}
