"""`perdure doctor`: looks at each part, and says what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from activities.twilio_words import INBOUND
from deploy.local import postgres_binaries
from deploy.local.account import for_postgres
from deploy.local.errors import LocalServerError
from deploy.local.home import Home
from deploy.local.ports import Ports, is_free
from starter import compose
from starter.migrate import LOOKS, place, standing
from starter.settings import Settings
from workflows.codec import Revisions
from workflows.model.errors import PerdureError

if TYPE_CHECKING:
    from temporalio.client import Client

PATIENCE = 10.0
"""Seconds that one part may take to answer."""

OLDEST, NEWEST = (3, 11), (3, 13)
POLLED_WITHIN = timedelta(minutes=2)
"""A worker asks for work once a minute; Temporal remembers those that are gone for five."""

_IN_TEMPORAL = frozenset({"Search attributes", "Worker"})
State = Literal["ok", "wrong", "off"]


@dataclass(frozen=True)
class Check:
    """What was seen of one part: `ok`, `wrong` with what to do, or `off` where it is not used here."""

    part: str
    state: State
    what: str
    do: str = ""


class Wrong(Exception):
    """A part is not as it should be."""

    def __init__(self, what: str, do: str) -> None:
        """Say what is wrong, and what to do."""
        super().__init__(what)
        self.what, self.do = what, do


class Off(Exception):
    """A part is not used here."""


async def examine() -> list[Check]:
    """Look at every part; one that is wrong does not keep the others from being looked at."""
    checks = [await _look("Python", _python)]
    try:
        settings = Settings.load()
    except PerdureError as error:
        return [*checks, Check("Settings", "wrong", str(error), "Correct or unset these variables.")]
    checks.append(Check("Settings", "ok", "every PERDURE_ variable is known and right"))
    for part, look in _parts(settings):
        silent = part in _IN_TEMPORAL and any(each.part == "Temporal" and each.state == "wrong" for each in checks)
        checks.append(Check(part, "off", "not looked at, for Temporal is away") if silent else await _look(part, look))
    return checks


def _parts(settings: Settings) -> Iterator[tuple[str, Callable[[], Awaitable[str]]]]:
    yield "Data folder", lambda: _folder(settings)
    yield "PostgreSQL program", lambda: _postgres_program(settings)
    yield "Temporal program", lambda: _temporal_program(settings)
    yield "Ports", lambda: _ports(settings)
    yield "PostgreSQL", lambda: _postgres(settings)
    yield "Temporal", lambda: _temporal(settings)
    yield "Search attributes", lambda: _attributes(settings)
    yield "Worker", lambda: _worker(settings)
    yield "Mail server", lambda: _mail_server(settings)
    yield "Unsubscribe links", lambda: _links(settings)
    yield "API", lambda: _api(settings)
    yield "Text messages", lambda: _text_messages(settings)
    if settings.clock_speed != 1:
        yield "Clock", lambda: _clock(settings)


async def _look(part: str, look: Callable[[], Awaitable[str]]) -> Check:
    try:
        return Check(part, "ok", await asyncio.wait_for(look(), PATIENCE))
    except Wrong as wrong:
        return Check(part, "wrong", wrong.what, wrong.do)
    except Off as off:
        return Check(part, "off", str(off))
    except (PerdureError, LocalServerError) as error:
        what, _, do = str(error).partition(". ")
        return Check(part, "wrong", f"{what.rstrip('.')}.", do.removesuffix(f" {LOOKS}"))
    except TimeoutError:
        return Check(part, "wrong", f"It did not answer within {PATIENCE:.0f} s.", "Is it overloaded, or firewalled?")
    except Exception as error:  # noqa: BLE001 - what goes wrong in one look must not hide what the others see
        return Check(part, "wrong", f"Looking at it failed: {type(error).__name__}: {error}.", "Tell us about it.")


async def _python() -> str:
    version = sys.version_info[:3]
    told = ".".join(map(str, version))
    if not OLDEST <= version[:2] <= NEWEST:
        raise Wrong(f"This is Python {told}.", "Use Python 3.11, 3.12 or 3.13: make venv PYTHON=python3.13")
    return told


async def _folder(settings: Settings) -> str:
    if settings.database_url and compose.running(settings) is None:
        raise Off("not used: PERDURE_DATABASE_URL is set")
    nearest = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise Wrong(f"{nearest} cannot be written to.", "Give yourself the right to, or name a folder in PERDURE_HOME.")
    return str(settings.home) if nearest == settings.home else f"{settings.home}, which `perdure up` will make"


async def _postgres_program(settings: Settings) -> str:
    if settings.database_url:
        raise Off("not used: PERDURE_DATABASE_URL is set")
    source = await asyncio.to_thread(postgres_binaries.package)
    await asyncio.to_thread(postgres_binaries.runnable_by, for_postgres(), source)
    return f"version {postgres_binaries.major_version()} runs here"


async def _temporal_program(settings: Settings) -> str:
    if compose.temporal_is_configured():
        raise Off("not used: Temporal's address is configured")
    beside = Path(sys.executable).with_name("temporal")
    program = str(beside) if beside.exists() else "temporal"
    try:
        shown = await asyncio.to_thread(_first_line, program, "--version")
    except (OSError, subprocess.SubprocessError) as error:
        raise Wrong(f"{program} does not run ({error}).", "make venv again, or set TEMPORAL_ADDRESS.") from None
    return f"{shown}, data in {settings.home / 'temporal'}"


def _first_line(*command: str) -> str:
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)  # noqa: S603 - our wheel's own program
    return shown.stdout.splitlines()[0]


async def _ports(settings: Settings) -> str:
    home = Home(settings.home)
    if not home.ports.exists():
        raise Off("none chosen yet; `perdure up` takes free ones")
    ports = Ports(home, say=lambda _line: None).remembered()
    shown = ", ".join(f"{name} {port}" for name, port in ports.items())
    if compose.running(settings):
        return f"{shown}, in use by the stack"
    if taken := [f"{name} {port}" for name, port in ports.items() if not is_free(port)]:
        if home.addresses.exists():  # a stack takes it away when it stops
            return f"{', '.join(taken)} still held by servers of a killed stack; `perdure up` takes them over"
        return f"{', '.join(taken)} is taken by another program; `perdure up` will take another"
    return f"{shown}, free"


async def _postgres(settings: Settings) -> str:
    dsn = compose.database_url(settings)
    stands = await standing(dsn)
    if stands.pending:
        raise Wrong(
            f"The schema of {place(dsn)} is at version {stands.version}, {len(stands.pending)} behind.",
            "Bring it up: perdure migrate",
        )
    return f"{place(dsn)}, schema version {stands.version}"


async def _client(settings: Settings) -> Client:
    class Nothing:
        async def read(self, _revision: str) -> None:
            return None

    return await compose.temporal_client(settings, compose.temporal_profile(settings), Revisions(Nothing()))


async def _temporal(settings: Settings) -> str:
    from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
    from temporalio.service import RPCError, RPCStatusCode

    client = await _client(settings)
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Wrong(
                f"There is no namespace {client.namespace!r}.",
                f"temporal operator namespace create -n {client.namespace}, or set TEMPORAL_NAMESPACE.",
            ) from None
        raise Wrong(f"Temporal refused ({error.message}).", "Check TEMPORAL_API_KEY and TEMPORAL_TLS_*.") from None
    return f"{compose.temporal_profile(settings).address}, namespace {client.namespace}"


async def _attributes(settings: Settings) -> str:
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.service import RPCError

    from workflows.contract import FLOW_ATTRIBUTE, RECORD_ATTRIBUTE, REVISION_ATTRIBUTE

    client = await _client(settings)
    needed = {key.name for key in (FLOW_ATTRIBUTE, RECORD_ATTRIBUTE, REVISION_ATTRIBUTE)}
    try:
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        raise Off(f"cannot be listed here ({error.message}); needed: {', '.join(sorted(needed))}") from None
    if lacking := sorted(needed - found.custom_attributes.keys()):
        words = " ".join(f"--name {name} --type Keyword" for name in lacking)
        raise Wrong(
            f"Temporal lacks {', '.join(lacking)}.",
            f"temporal operator search-attribute create -n {client.namespace} {words}",
        )
    return ", ".join(sorted(needed))


async def _worker(settings: Settings) -> str:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    from workflows.contract import TASK_QUEUE

    client = await _client(settings)
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    pollers = (await client.workflow_service.describe_task_queue(asked)).pollers
    since = datetime.now(UTC) - POLLED_WITHIN
    workers = {each.identity for each in pollers if each.last_access_time.ToDatetime(UTC) > since}
    if not workers:
        raise Wrong(f"None asks for work on the task queue {TASK_QUEUE!r}.", "Start one: perdure worker")
    return f"{len(workers)} on the task queue {TASK_QUEUE!r}"


async def _clock(settings: Settings) -> str:
    raise Wrong(
        f"Delays and waits pass {settings.clock_speed:,g} times faster than people expect.",
        "Unset PERDURE_CLOCK_SPEED, unless this is a demonstration.",
    )


async def _api(settings: Settings) -> str:
    import httpx

    host = settings.api.host
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(host), str(host))  # noqa: S104 - all addresses, ours too
    url = f"http://{f'[{shown}]' if ':' in shown else shown}:{settings.api.port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as caller:
            answered = await caller.get(f"{url}/readyz")
    except httpx.TransportError:
        raise Off(f"nothing answers at {url}; `perdure serve` starts it") from None
    if answered.status_code != HTTPStatus.OK:
        raise Wrong(f"{url} answers {answered.status_code}.", "Its log says why; or another program has its port.")
    return f"{url} answers, " + ("with keys" if settings.api.all_keys() else "this machine alone: no key is set")


async def _links(settings: Settings) -> str:
    lacking = [
        name
        for name, value in (("PERDURE_PUBLIC_URL", settings.public_url), ("PERDURE_SIGNING_KEY", settings.signing_key))
        if value is None
    ]
    both = "PERDURE_PUBLIC_URL and PERDURE_SIGNING_KEY"
    match lacking:
        case []:
            return f"e-mail ends with links below {settings.public_url}"
        case [name]:
            raise Wrong(f"E-mail goes out without links: only one of {both} is set.", f"Set {name}, too.")
        case _:
            raise Off(f"e-mail goes out without: {both} are not set")


async def _mail_server(settings: Settings) -> str:
    if settings.smtp is None:
        raise Off("none set (PERDURE_SMTP__HOST); `perdure up` keeps e-mails in the data folder instead")
    import aiosmtplib

    smtp, start_tls = settings.smtp, {"auto": None, "required": True, "off": False}[settings.smtp.start_tls]
    server = aiosmtplib.SMTP(hostname=smtp.host, port=smtp.port, start_tls=start_tls, use_tls=smtp.use_tls, timeout=5)
    try:
        async with server:
            if smtp.username and smtp.password:
                await server.login(smtp.username, smtp.password.get_secret_value())
    except (aiosmtplib.SMTPException, OSError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise Wrong(f"{smtp.host}:{smtp.port} does not take us ({told}).", "Check PERDURE_SMTP__*.") from None
    return f"{smtp.host}:{smtp.port} answers" + (" and takes our login" if smtp.username else "")


async def _text_messages(settings: Settings) -> str:
    if settings.twilio is None:
        raise Off("no account set (PERDURE_TWILIO__ACCOUNT_SID); steps that text fail")
    if settings.public_url is None:
        raise Wrong("Twilio cannot tell us of a STOP.", "Set PERDURE_PUBLIC_URL, where `perdure serve` is reached.")
    heard = f"what is texted to us comes to {settings.public_url}/{INBOUND}"
    return f"from {settings.twilio.sender} to {', '.join(settings.twilio.listed())}; {heard}"
