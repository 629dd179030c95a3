"""What is published beside flows: kept in one order, whatever that of their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg.pool import PoolConnectionProxy

from activities.effects import EmailContent, ListContent, SubscriptionContent
from starter import emails, lists
from starter.crm import consent

Content = EmailContent | ListContent | SubscriptionContent
_KINDS = {EmailContent: "email", ListContent: "list", SubscriptionContent: "subscription"}


@dataclass(frozen=True)
class PublishedContent:
    """What is published beside flows; `new` is False when it said the same already."""

    kind: str
    key: str
    new: bool


async def save(connection: PoolConnectionProxy[Any], contents: Sequence[Content]) -> list[PublishedContent]:
    """Keep contents, each in place of the earlier one of its kind and key; give what came of each, in their order."""
    saved: dict[tuple[str, str], bool] = {}
    for each in sorted(contents, key=_name):
        saved[_name(each)] = await _save(connection, each)
    return [PublishedContent(*_name(each), saved[_name(each)]) for each in contents]


def _name(content: Content) -> tuple[str, str]:
    return _KINDS[type(content)], content.key


async def _save(connection: PoolConnectionProxy[Any], content: Content) -> bool:
    match content:
        case EmailContent():
            return await emails.save(connection, content)
        case ListContent():
            return await lists.save(connection, content)
        case SubscriptionContent():
            return await consent.save(connection, content)
