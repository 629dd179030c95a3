"""Our own database as a visit finds it, inside its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from activities.effects.consent import Consent
from activities.effects.crm import Crm
from activities.effects.doors import Doors
from activities.effects.inbox import Inbox
from activities.effects.lists import Lists
from activities.effects.people import People
from activities.effects.quotas import Quotas
from activities.effects.rotations import Rotations
from activities.effects.sms import OptOuts

if TYPE_CHECKING:
    from activities.store_settings import StoreSettings


class Store(Protocol):
    """All that is in our database, inside the transaction of a visit: what is done here is done with the visit's row.

    It is there while an effect in the store is performed and while one outside is prepared, and gone afterwards.
    """

    @property
    def crm(self) -> Crm:
        """Records, their properties, and what belongs to them."""

    @property
    def doors(self) -> Doors:
        """The doors of flows."""

    @property
    def consent(self) -> Consent:
        """What contacts have agreed to and turned down."""

    @property
    def lists(self) -> Lists:
        """The static lists."""

    @property
    def inbox(self) -> Inbox:
        """The notification centre."""

    @property
    def people(self) -> People:
        """Users and teams."""

    @property
    def rotations(self) -> Rotations:
        """Whose turn it is where records are given out evenly."""

    @property
    def quotas(self) -> Quotas:
        """How often something was done lately."""

    @property
    def settings(self) -> StoreSettings:
        """What the installation sets for what is done here."""

    @property
    def opt_outs(self) -> OptOuts:
        """Who wants no text messages."""
