"""E-mails that are published: what one says now is what every flow sends from now on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asyncpg.pool import PoolConnectionProxy

from activities.effects import EmailContent

# The same content leaves the row alone, so that its date stays that of the last change.
_SAVE = """
insert into email_content as e (key, name, kind, for_automation, subject, text, html, sender)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (key) do update
   set name = excluded.name, kind = excluded.kind, for_automation = excluded.for_automation,
       subject = excluded.subject, text = excluded.text, html = excluded.html, sender = excluded.sender,
       published_at = clock_timestamp()
 where (e.name, e.kind, e.for_automation, e.subject, e.text, e.html, e.sender) is distinct from
       (excluded.name, excluded.kind, excluded.for_automation, excluded.subject, excluded.text, excluded.html,
        excluded.sender)
returning 1
"""

_COLUMNS = ("key", "name", "kind", "for_automation", "subject", "text", "html", "sender")


@dataclass(frozen=True)
class PublishedEmail:
    """An e-mail that is published; `new` is False when it said the same already."""

    email: str
    new: bool


async def save(connection: PoolConnectionProxy[Any], emails: Sequence[EmailContent]) -> list[PublishedEmail]:
    """Keep e-mails, each in place of the earlier one of its key, in one order whatever that of their files."""
    new = {}
    for each in sorted(emails, key=lambda email: email.key):
        said = asdict(each)
        new[each.key] = await connection.fetchval(_SAVE, *(said[name] for name in _COLUMNS)) is not None
    return [PublishedEmail(each.key, new[each.key]) for each in emails]
