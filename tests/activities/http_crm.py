"""A CRM of somebody else's that is spoken to over HTTP: its server, on loopback, and the gateway that one would write.

The server makes an edit once for its key, and answers a repetition as it answered before. A test has it fail in one of
the ways in `Fault`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import httpx

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import (
    AddTo,
    Append,
    ByHand,
    Clear,
    Crm,
    Edit,
    Edited,
    EmailContent,
    Fill,
    Link,
    NewNote,
    NewRecord,
    NewTask,
    PropertyDefinition,
    Provenance,
    Remove,
    SetTo,
    Source,
    User,
    Version,
)
from activities.fakes import FakeCrm
from workflows.model.records import Record, RecordRef

Fault = Literal["busy", "dies_before", "dies_after"]
"""It says 503 and when to come again; the connection breaks before anything is done, or after all is done."""

_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Without certificates, which take longer to load than all the rest; nothing here is encrypted."""

_EDITS: dict[str, type[Edit]] = {each.__name__: each for each in (SetTo, Fill, Clear, AddTo, Append, Remove)}

_WRITES = ("edit", "create", "associate")
"""What is done once for its key."""


@dataclass
class HttpCrmServer:
    """The server: what it is asked, by which key, and what it has in its own store."""

    crm: FakeCrm
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            asked = json.loads(await reader.readexactly(int(headers["content-length"])))
            await self._answer(writer, head[0].split()[1][1:], headers["idempotency-key"], asked)
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, name: str, key: str, asked: Any) -> None:
        writes = name in _WRITES
        fault = self.faults.pop(0) if self.faults and writes else None
        self.keys += [key] if writes else []
        if fault == "dies_before":
            return
        if fault == "busy":
            writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
            return
        status, answer = self.answers[key] if writes and key in self.answers else await self._done(name, asked, key)
        if writes:
            self.answers[key] = status, answer
        if fault != "dies_after":
            body = json.dumps(answer).encode()
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body
            )

    async def _done(self, name: str, asked: Any, key: str) -> tuple[int, Any]:
        doing: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "edit": self._edit,
            "create": lambda asked: self._create(asked, key),
            "associate": self._associate,
            "matching": self._matching,
            "archive": self._archive,
            "flow_that_made": lambda asked: self.crm.flow_that_made(RecordRef.parse(asked["record"])),
            "read": self._read,
            "associated": self._associated,
            "definitions": self._definitions,
        }
        try:
            return 200, await doing[name](asked)
        except Refused as refused:
            return 422, {"code": refused.code, "note": refused.note}

    async def _edit(self, asked: Any) -> Any:
        records = [RecordRef.parse(each) for each in asked["records"]]
        done = await self.crm.edit(records, _edits(asked["edits"]), _source(asked["source"]))
        return [{"record": str(each.record), "before": each.before, "after": each.after} for each in done]

    async def _create(self, asked: Any, key: str) -> Any:
        source = Provenance(**asked["source"])
        new = NewRecord(asked["type"], _edits(asked["properties"]), source, _links(asked["links"]))
        return str(await self.crm.create(new, key))

    async def _archive(self, asked: Any) -> Any:
        return await self.crm.archive(RecordRef.parse(asked["record"]), _source(asked["source"]))

    async def _associate(self, asked: Any) -> Any:
        links, source = _links(asked["links"]), _source(asked["source"])
        return await self.crm.associate(RecordRef.parse(asked["record"]), links, source)

    async def _matching(self, asked: Any) -> Any:
        found = await self.crm.matching(asked["type"], asked["property"], asked["texts"], asked["most"])
        return [str(each) for each in found]

    async def _read(self, asked: Any) -> Any:
        found = await self.crm.read(RecordRef.parse(asked["record"]))
        return found and found.model_dump(mode="json")

    async def _associated(self, asked: Any) -> Any:
        found = await self.crm.associated(RecordRef.parse(asked["record"]), asked["type"], asked["label"])
        return [each.model_dump(mode="json") for each in found]

    async def _definitions(self, asked: Any) -> Any:
        return {
            name: asdict(each) for name, each in (await self.crm.definitions(asked["type"], asked["names"])).items()
        }


def _edits(told: Any) -> dict[str, Edit]:
    return {name: _EDITS[kind](**fields) for name, (kind, fields) in told.items()}


def _told(edits: Mapping[str, Edit]) -> dict[str, Any]:
    return {name: (type(edit).__name__, asdict(edit)) for name, edit in edits.items()}


def _links(told: Any) -> tuple[Link, ...]:
    return tuple(Link(RecordRef.parse(record), label, primary) for record, label, primary in told)


def _source(told: Any) -> Source:
    return ByHand(**told) if "who" in told else Provenance(**told)


@dataclass(frozen=True)
class HttpCrm:
    """The gateway, under one key."""

    url: str
    key: str

    async def edit(self, records: Sequence[RecordRef], edits: Mapping[str, Edit], source: Source) -> list[Edited]:
        """See Crm."""
        asked = {"records": [str(each) for each in records], "edits": _told(edits), "source": asdict(source)}
        found = await self._ask("edit", **asked)
        return [Edited(RecordRef.parse(each["record"]), each["before"], each["after"]) for each in found]

    async def read(self, record: RecordRef) -> Record | None:
        """See Crm."""
        found = await self._ask("read", record=str(record))
        return None if found is None else Record.model_validate(found)

    async def associated(self, record: RecordRef, object_type: str, label: str = "") -> list[Record]:
        """See Crm."""
        found = await self._ask("associated", record=str(record), type=object_type, label=label)
        return [Record.model_validate(each) for each in found]

    async def definitions(self, object_type: str, names: Collection[str]) -> Mapping[str, PropertyDefinition]:
        """See Crm."""
        found = await self._ask("definitions", type=object_type, names=list(names))
        return {name: PropertyDefinition(**{**each, "options": tuple(each["options"])}) for name, each in found.items()}

    async def create(self, new: NewRecord, key: str) -> RecordRef:
        """See Crm."""
        links = [(str(each.record), each.label, each.primary) for each in new.links]
        asked = {"type": new.type, "properties": _told(new.properties), "links": links, "source": asdict(new.source)}
        return RecordRef.parse(await replace(self, key=key)._ask("create", **asked))

    async def flow_that_made(self, record: RecordRef) -> str | None:
        """See Crm."""
        made: str | None = await self._ask("flow_that_made", record=str(record))
        return made

    async def associate(self, record: RecordRef, links: Sequence[Link], source: Source) -> int:
        """See Crm."""
        told = [(str(each.record), each.label, each.primary) for each in links]
        return int(await self._ask("associate", record=str(record), links=told, source=asdict(source)))

    async def matching(self, object_type: str, name: str, texts: Collection[str], most: int) -> list[RecordRef]:
        """See Crm."""
        found = await self._ask("matching", type=object_type, property=name, texts=[*texts], most=most)
        return [RecordRef.parse(each) for each in found]

    async def create_note(self, note: NewNote, key: str) -> str:
        """See Crm; this one has no notes."""
        raise Refused("no_notes", f"{key}: {note.body}")

    async def create_task(self, task: NewTask, key: str) -> str:
        """See Crm; this one has no tasks."""
        raise Refused("no_tasks", f"{key}: {task.subject}")

    async def user(self, user: str) -> User | None:
        """See Crm; this one has no users."""
        del user
        return None

    async def archive(self, record: RecordRef, source: Source) -> bool:
        """See Crm."""
        return bool(await self._ask("archive", record=str(record), source=asdict(source)))

    async def email_content(self, key: str) -> EmailContent | None:
        """See Crm; this one has no e-mails."""
        del key
        return None

    async def versions(self, record: RecordRef) -> dict[str, list[Version]]:
        """See Crm; this one keeps no history."""
        del record
        return {}

    async def _ask(self, name: str, **asked: Any) -> Any:
        """Ask, and tell what was surely not done from what nobody knows."""
        try:
            async with httpx.AsyncClient(timeout=5, trust_env=False, verify=_PLAIN) as client:
                answer = await client.post(f"{self.url}/{name}", json=asked, headers={"Idempotency-Key": self.key})
        except httpx.ConnectError as error:
            raise Retryable("crm_away", str(error)) from None
        except httpx.TransportError as error:
            raise Ambiguous("crm_silent", str(error)) from None
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise Retryable("crm_busy", after=timedelta(seconds=int(answer.headers["Retry-After"])))
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise Refused(**answer.json())
        return answer.raise_for_status().json()


@dataclass(frozen=True)
class HttpCrmGateway:
    """What makes the gateway of each effect."""

    url: str

    def under(self, key: str) -> Crm:
        """See OutsideCrm."""
        return HttpCrm(self.url, key)


@asynccontextmanager
async def http_crm(crm: FakeCrm) -> AsyncIterator[HttpCrmServer]:
    """Run a server that has what `crm` has."""
    server = HttpCrmServer(crm)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def gateway(server: HttpCrmServer) -> HttpCrmGateway:
    """Give the gateway to a server."""
    return HttpCrmGateway(f"http://127.0.0.1:{server.port}")
