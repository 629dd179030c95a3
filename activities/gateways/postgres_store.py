"""Our own database, inside the transaction of a visit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_crm import PostgresCrm

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Crm, Doors
    from activities.gateways.no_doors import Opens


class PostgresStore:
    """The store of `activities.effects`, within one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any], doors: Opens) -> None:
        """Read and write through `connection`; `doors` opens the doors of flows there."""
        self._connection, self._open_doors = connection, doors

    @cached_property
    def crm(self) -> Crm:
        """See Store."""
        return PostgresCrm(self._connection)

    @cached_property
    def doors(self) -> Doors:
        """See Store."""
        return self._open_doors(self._connection)
