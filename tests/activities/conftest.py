"""The benches on which the tests of both ledgers run, and a certificate for servers on loopback."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.activities import crm_bench
from tests.activities.crm_bench import CrmBench
from tests.activities.ledger_bench import Bench, in_memory, in_postgres
from tests.world import World


@pytest.fixture(params=["postgres", "fake"])
def servers(request: pytest.FixtureRequest) -> World | None:
    """The real servers, or none."""
    world: World | None = request.getfixturevalue("world") if request.param == "postgres" else None
    return world


@pytest.fixture
async def bench(servers: World | None) -> Bench:
    """The same bench on PostgreSQL and in memory."""
    return await in_postgres(servers) if servers else in_memory()


@pytest.fixture(params=["postgres", "fake", "http"])
def ground(request: pytest.FixtureRequest) -> World | str:
    """What a CRM stands on: the real servers, or else how it is called."""
    ground: World | str = request.getfixturevalue("world") if request.param == "postgres" else request.param
    return ground


@pytest.fixture
async def store(ground: World | str) -> AsyncIterator[CrmBench]:
    """The same records in a CRM on PostgreSQL, in one in memory, and in one of somebody else's, over HTTP."""
    if isinstance(ground, World):
        yield await crm_bench.in_postgres(ground)
    elif ground == "fake":
        yield crm_bench.in_memory(crm_bench.some_records())
    else:
        async with crm_bench.over_http() as bench:
            yield bench


@pytest.fixture
def memory() -> CrmBench:
    """The same records in memory, for tables of values, which every store computes by the same code."""
    return crm_bench.in_memory(crm_bench.some_records())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, *make.split(), *names, "-keyout", str(path), "-out", str(path) + ".crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(str(path) + ".crt").read_text())
    return path


@pytest.fixture(scope="session")
def tls(certificate: Path) -> ssl.SSLContext:
    """What a server with that certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
