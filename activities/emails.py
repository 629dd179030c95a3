"""What all actions have in common that send e-mail: what a published one says, who is written to, and sending it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, JsonValue

from activities.action import PARTS, Do, Done, Preparing, Refused
from activities.effects import Crm, EmailContent, Mail, Sending
from activities.recipients import LEFT_OUT, ONE, check_address, summed_up
from workflows.model.addresses import is_address
from workflows.model.records import Record, RecordRef
from workflows.model.tokens import UNSUBSCRIBE

MOST_CHARACTERS = 8 * 1024 * 1024
"""Of all letters of an effect together, which are kept until all are sent."""

OUTPUTS: Mapping[str, str] = {
    "sent": "How many recipients the e-mail was sent to.",
    "skipped": "How many were left out, as those without an address.",
    "failed": "How many could not be sent to.",
    "unknown": "How many may have been sent to, and nobody can tell.",
    "message_id": "With one recipient, the part of the Message-ID before the @, the same for each attempt.",
    "to": "With one recipient, the address that it was sent to.",
}

TEXTS = ("subject", "text", "html", "sender")
"""What an e-mail says."""

SAID, ASKED = "said", "asked"
"""Stand in what is prepared: what all recipients are written, and what consent is asked for it."""


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text[:80]!r} is not one plain e-mail address, as ann@acme.example")
    return text


Address = Annotated[str, AfterValidator(_address)]
"""A given e-mail address."""


async def published(crm: Crm, key: str) -> EmailContent:
    """Give a published e-mail that a flow may send; raise Refused where there is none."""
    content = await crm.email_content(key)
    if content is None or not content.for_automation or content.kind == "membership":
        raise Refused("not_for_automation" if content else "unknown_email", key)
    return content


def said(source: object) -> dict[str, str]:
    """Give the texts that an action or a published e-mail has."""
    return {name: text for name in TEXTS if (text := getattr(source, name)) is not None}


async def filled(
    preparing: Preparing, own: Mapping[str, str], content: EmailContent | None, recipients: Sequence[Record]
) -> list[dict[str, str]]:
    """Fill the texts of the step itself for each recipient, over those of a published e-mail where one is named."""
    ours = await preparing.texts.of_flow(own, recipients)
    if content is None:
        return ours
    theirs = await preparing.texts.of_recipients(said(content), recipients)
    return [read | {k: v for k, v in text.items() if v} for read, text in zip(theirs, ours, strict=True)]


def nature_of(
    preparing: Preparing, content: EmailContent | None, *, subscription: str | None, marketing: bool | None
) -> dict[str, JsonValue]:
    """Say what consent is asked for an e-mail; what the step says comes before what the published one says."""
    given = content.marketing if content and subscription is None else subscription is not None
    source = preparing.source
    return {
        "email": content.key if content else f"{source.flow}/{source.node}",
        "subscription": subscription or (content.subscription if content else None),
        "marketing": given if marketing is None else marketing,
    }


def prepared(
    letters: Sequence[Mapping[str, JsonValue]],
    *,
    texts: Mapping[str, str] | None = None,
    asked: Mapping[str, JsonValue] | None = None,
) -> dict[str, JsonValue]:
    """Put together what is kept with the intent: the letters, the texts of all, and what consent is asked.

    Raise Refused where it is too large to be kept, and Skipped or Refused where the one recipient is left out.
    """
    beside: dict[str, JsonValue] = {}
    beside |= {SAID: {**texts}} if texts else {}
    beside |= {ASKED: {**asked}} if asked else {}
    size = sum(len(str(text)) for letter in [*letters, beside] for text in letter.values())
    if size > MOST_CHARACTERS:
        raise Refused("template_too_large", f"{len(letters)} letters have more than {MOST_CHARACTERS} characters")
    if len(letters) > 1:
        return {PARTS: [dict(letter) for letter in letters], **beside}
    check_address(letters[0])
    return {**letters[0], **beside}


async def admitted(preparing: Preparing, content: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave out the contacts that may not be written to now; raise Skipped where it was the one."""
    asked: Any = content[ASKED]
    letters: Any = content.get(PARTS) or [content]
    going = {RecordRef.parse(each["contact"]).id: each["to"] for each in letters if LEFT_OUT not in each}
    sending = Sending(**asked, source=preparing.source, visit=preparing.visit)
    refused = await preparing.store.consent.admit(sending, going) if going else {}
    judged: list[Any] = [_judged(each, refused) for each in letters]
    if PARTS in content:
        return {**content, PARTS: judged}
    check_address(judged[0])
    return dict(judged[0])


def _judged(letter: dict[str, Any], refused: Mapping[str, str]) -> dict[str, Any]:
    code = refused.get(RecordRef.parse(letter["contact"]).id)
    return {**letter, LEFT_OUT: code} if code and LEFT_OUT not in letter else letter


async def delivered(do: Do) -> Done:
    """Send what was prepared to each, once."""
    letters: Any = do.prepared.get(PARTS)
    if letters is not None:
        each = {letter["who"]: partial(_send, do, letter) for letter in letters}
        return summed_up(await do.parts.each(each), "sent")
    note = await _send(do, do.prepared, do.key)
    return Done(line="sent", output={**ONE, "message_id": do.key, "to": do.prepared["to"]}, note=note)


async def _send(do: Do, letter: Mapping[str, Any], key: str) -> str:
    """Send a letter under a key, to a contact with the link that ends such e-mail; give what the mailer says."""
    check_address(letter)
    texts: Any = {**letter, **_part_of(do.prepared, SAID)}
    link = _link(do, letter, key) if "contact" in letter else None
    text, html = (_linked(texts.get(name), link, letter) for name in ("text", "html"))
    mail = Mail(letter["to"], texts["subject"], text or "", html, texts.get("sender") or None, unsubscribe=link)
    return await do.mail.send(mail, key)


def _linked(text: str | None, link: str | None, letter: Mapping[str, Any]) -> str | None:
    """Put the recipient's own link to unsubscribe where the text wants it; to others than contacts there is none."""
    if text is None or UNSUBSCRIBE not in text:
        return text
    if link is None and "contact" in letter:
        raise Refused(
            "no_unsubscribe_link", "set PERDURE_PUBLIC_URL and PERDURE_SIGNING_KEY, and start the worker again"
        )
    return text.replace(UNSUBSCRIBE, link or "#")


def _link(do: Do, letter: Mapping[str, Any], key: str) -> str | None:
    subscription = _part_of(do.prepared, ASKED).get("subscription")
    return do.links.unsubscribe(RecordRef.parse(letter["contact"]), key, str(subscription or ""))


def _part_of(content: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    part = content.get(name)
    return part if isinstance(part, dict) else {}
