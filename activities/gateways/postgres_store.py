"""Our own database, inside the transaction of a visit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from activities.gateways.postgres_consent import PostgresConsent
from activities.gateways.postgres_crm import PostgresCrm
from activities.gateways.postgres_inbox import PostgresInbox
from activities.gateways.postgres_lists import PostgresLists
from activities.gateways.postgres_people import PostgresPeople
from activities.gateways.postgres_quotas import PostgresQuotas
from activities.gateways.postgres_rotations import PostgresRotations
from activities.gateways.text_log import PostgresOptOuts
from activities.store_settings import DEFAULTS, StoreSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncpg.pool import PoolConnectionProxy

    from activities.effects import Consent, Crm, Doors, Inbox, Lists, OptOuts, People, Quotas, Rotations

    Opens = Callable[[PoolConnectionProxy[Any]], Doors]
    """What opens the doors of flows within the transaction of a connection."""


class PostgresStore:
    """The store of `activities.effects`, within one connection's transaction."""

    def __init__(self, connection: PoolConnectionProxy[Any], doors: Opens, settings: StoreSettings = DEFAULTS) -> None:
        """Read and write through `connection`; `doors` opens the doors of flows there."""
        self._connection, self._open_doors, self.settings = connection, doors, settings

    @cached_property
    def crm(self) -> Crm:
        """See Store."""
        return PostgresCrm(self._connection)

    @cached_property
    def doors(self) -> Doors:
        """See Store."""
        return self._open_doors(self._connection)

    @cached_property
    def consent(self) -> Consent:
        """See Store."""
        return PostgresConsent(self._connection, self.settings.consent)

    @cached_property
    def lists(self) -> Lists:
        """See Store."""
        return PostgresLists(self._connection)

    @cached_property
    def inbox(self) -> Inbox:
        """See Store."""
        return PostgresInbox(self._connection)

    @cached_property
    def people(self) -> People:
        """See Store."""
        return PostgresPeople(self._connection)

    @cached_property
    def rotations(self) -> Rotations:
        """See Store."""
        return PostgresRotations(self._connection)

    @cached_property
    def quotas(self) -> Quotas:
        """See Store."""
        return PostgresQuotas(self._connection)

    @cached_property
    def opt_outs(self) -> OptOuts:
        """See Store."""
        return PostgresOptOuts(self._connection)
