"""Composition: settings -> a database pool, revisions, a Temporal client.

What the environment does not name is looked for in the embedded stack that `perdure up` keeps on the data folder.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from activities.gateways.postgres import Plans, PostgresSource, open_pool
from deploy.local.home import Home
from deploy.local.stack import Stack
from starter.migrate import LOOKS, place, unreachable
from workflows.codec import Revisions
from workflows.model.errors import CallerError, EngineError

if TYPE_CHECKING:
    from temporalio.client import Client as Temporal
    from temporalio.envconfig import ClientConfigProfile

    from deploy.local.addresses import Addresses
    from starter.client import Client
    from starter.settings import Settings


@asynccontextmanager
async def connect_client() -> AsyncIterator[Client]:
    """Give a client by what the environment says, as the commands have it, for a block.

    Raise CallerError where a setting is wrong or missing, and EngineError while the database cannot be reached.
    """
    from starter.settings import Settings

    async with client(Settings.load()) as found:
        yield found


@dataclass(frozen=True)
class Connections:
    """What a client or a worker works with."""

    pool: asyncpg.Pool[Any]
    revisions: Revisions
    temporal: Temporal


def running(settings: Settings) -> Addresses | None:
    """Give the addresses of the embedded stack that runs on the data folder, if one does.

    Raise CallerError when the folder cannot be looked into.
    """
    try:
        return Stack.running(Home(settings.home))
    except OSError as error:
        message = f"{settings.home} cannot be looked into ({error.strerror}). Name a folder of yours in PERDURE_HOME."
        raise CallerError(message) from None


def database_url(settings: Settings) -> str:
    """Give the URL of the database: the one set, else that of the running embedded stack.

    Raise CallerError when there is neither.
    """
    if settings.database_url:
        return settings.database_url.get_secret_value()
    if stack := running(settings):
        return stack.dsn
    raise CallerError(_nothing("PERDURE_DATABASE_URL to your PostgreSQL", settings))


def temporal_is_configured() -> bool:
    """Tell whether Temporal's own configuration names an address; else the embedded stack is meant."""
    return bool(_configured().address)


def temporal_profile(settings: Settings) -> ClientConfigProfile:
    """Give Temporal's own client configuration, with the running embedded stack's address where it names none.

    Raise CallerError when there is neither, or when `temporal.toml` cannot be read.
    """
    from temporalio.envconfig import ClientConfigProfile

    profile = _configured()
    if profile.address:
        return profile
    if stack := running(settings):
        return ClientConfigProfile(address=stack.temporal, namespace=stack.namespace)
    raise CallerError(_nothing("TEMPORAL_ADDRESS to your Temporal service", settings))


def _configured() -> ClientConfigProfile:
    from temporalio.envconfig import ClientConfigProfile

    try:
        return ClientConfigProfile.load()
    except RuntimeError as error:
        message = f"Temporal's configuration cannot be read: {error}. See TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE."
        raise CallerError(message) from None


def web_ui(settings: Settings) -> str | None:
    """Give the link to the namespace in the Web UI of the embedded stack; none where Temporal is another's."""
    stack = running(settings)
    if stack is None or stack.ui is None or temporal_profile(settings).address != stack.temporal:
        return None
    return f"{stack.ui}/namespaces/{stack.namespace}"


@asynccontextmanager
async def database(settings: Settings, *, size: int = 4, plans: Plans = "auto") -> AsyncIterator[asyncpg.Pool[Any]]:
    """Open a pool for a block.

    Raise CallerError when no database is named or it refuses us, EngineError when it does not answer.
    """
    dsn = database_url(settings)
    try:
        pool = await open_pool(dsn, size=size, plans=plans)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise unreachable(dsn, error) from None
    try:
        yield pool
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        message = f"The schema of {place(dsn)} is behind this release ({error}). Bring it up: `perdure migrate`."
        raise CallerError(message) from error
    except (ConnectionError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        message = f"PostgreSQL at {place(dsn)} went away ({str(error) or type(error).__name__}). {LOOKS}"
        raise EngineError(message) from error
    finally:
        await pool.close()


@asynccontextmanager
async def client(settings: Settings, *, size: int = 4) -> AsyncIterator[Client]:
    """Open a client for a block, which does without Temporal. Raise as `database` does."""
    from starter.client import Client

    async with database(settings, size=size) as pool, _revisions(settings) as revisions:
        yield Client(pool, revisions, allowed=settings.allowed_actions)


@asynccontextmanager
async def _revisions(settings: Settings) -> AsyncIterator[Revisions]:
    pool = await open_pool(database_url(settings), size=2, ready=0)
    try:
        yield Revisions(PostgresSource(pool))
    finally:
        await pool.close()


@asynccontextmanager
async def connect(settings: Settings, *, size: int = 20, lazy: bool = False) -> AsyncIterator[Connections]:
    """Open everything for a block; a `lazy` Temporal client connects at its first call, and cannot serve a worker.

    Raise as `database` does, and EngineError when Temporal does not answer.
    """
    profile = temporal_profile(settings)
    plans: Plans = "force_generic_plan"
    async with database(settings, size=size, plans=plans) as pool, _revisions(settings) as revisions:
        yield Connections(pool, revisions, await temporal_client(settings, profile, revisions, lazy=lazy))


async def temporal_client(
    settings: Settings, profile: ClientConfigProfile, revisions: Revisions, *, lazy: bool = False
) -> Temporal:
    """Connect to Temporal under our plugin; raise EngineError when it does not answer."""
    from temporalio.client import Client as Temporal
    from temporalio.service import RPCError

    from workflows.plugin import PerdurePlugin

    plugin = PerdurePlugin(revisions, sandbox=settings.sandbox)
    try:
        return await Temporal.connect(**profile.to_client_connect_config(), plugins=[plugin], lazy=lazy)
    except (RuntimeError, RPCError) as error:
        message = f"Temporal at {profile.address} does not answer ({reason(error)}). Is it up? {LOOKS}"
        raise EngineError(message) from None


def reason(error: Exception) -> str:
    """Give what went wrong in an error of the Temporal SDK, which quotes the whole inside of its transport."""
    told = str(error)
    deepest = re.findall(r'(?:message|error): "([^"]+)"', told)
    return deepest[-1] if deepest else told.splitlines()[0] if told else type(error).__name__


def environment_of(stack: Addresses, environment: dict[str, str]) -> dict[str, str]:
    """Give an environment in which a child process finds this very stack, whatever ours is set to."""
    others = {name: value for name, value in environment.items() if not name.upper().startswith("TEMPORAL_")}
    return others | {
        "PERDURE_DATABASE_URL": stack.dsn,
        "TEMPORAL_ADDRESS": stack.temporal,
        "TEMPORAL_NAMESPACE": stack.namespace,
        # A temporal.toml of the user's would add the keys of another service.
        "TEMPORAL_CONFIG_FILE": "/dev/null",
    }


def _nothing(variable: str, settings: Settings) -> str:
    return f"No stack runs on {settings.home}. Start one with `perdure up`, or set {variable}."
