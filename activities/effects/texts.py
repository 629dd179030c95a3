"""Filling the texts of an action that prepares its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from workflows.model.records import Record


class Texts(Protocol):
    """Puts values in place of the tokens of texts, each by its name, for an action that prepares its own."""

    async def of_flow(self, texts: Mapping[str, str], recipients: Sequence[Record]) -> list[dict[str, str]]:
        """Fill texts that stand in the flow, for each recipient.

        They speak of the enrolled record, but of the type of the recipient they mean the recipient.
        """

    async def of_recipients(self, texts: Mapping[str, str], recipients: Sequence[Record]) -> list[dict[str, str]]:
        """Fill texts that are written for any flow, for each recipient.

        They speak of the recipient and what is beside it, but of the flow's own type they mean the enrolled record.
        """
