"""Our own database as a visit finds it, inside its transaction."""

from __future__ import annotations

from typing import Protocol

from activities.effects.crm import Crm
from activities.effects.doors import Doors


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
