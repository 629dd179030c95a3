"""E-mails that are published: what one says now is what every flow sends from now on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from asyncpg.pool import PoolConnectionProxy

from activities.effects import EmailContent

# The same content leaves the row alone, so that its date stays that of the last change.
_SAVE = """
insert into email_content as e
       (key, name, kind, for_automation, subject, text, html, sender, subscription, marketing)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (key) do update
   set name = excluded.name, kind = excluded.kind, for_automation = excluded.for_automation,
       subject = excluded.subject, text = excluded.text, html = excluded.html, sender = excluded.sender,
       subscription = excluded.subscription, marketing = excluded.marketing, published_at = clock_timestamp()
 where (e.name, e.kind, e.for_automation, e.subject, e.text, e.html, e.sender, e.subscription, e.marketing)
       is distinct from
       (excluded.name, excluded.kind, excluded.for_automation, excluded.subject, excluded.text, excluded.html,
        excluded.sender, excluded.subscription, excluded.marketing)
returning 1
"""

_COLUMNS = (
    *("key", "name", "kind", "for_automation", "subject", "text", "html", "sender"),
    *("subscription", "marketing"),
)


async def save(connection: PoolConnectionProxy[Any], email: EmailContent) -> bool:
    """Keep an e-mail, in place of the earlier one of its key; tell whether that changed anything."""
    said = asdict(email)
    return await connection.fetchval(_SAVE, *(said[name] for name in _COLUMNS)) is not None
