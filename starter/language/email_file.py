"""E-mails as files: what one says, checked with its places as a flow is, and published beside the flows that send it.

A file whose top key is `email`, the key of the e-mail, has `subject` and `text`, and may have `name`, `html`, `sender`,
`kind` (automated, regular or membership), `for_automation`: whether flows may send it, as they may by default if it is
automated, the `subscription` that it is of, and `marketing`: whether it is for marketing, as one of a subscription is.
Its texts may name `{{ links.unsubscribe }}`, the link by which the recipient ends such e-mail.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from activities.action import Tokens
from activities.effects import EmailContent
from starter.language.checks import known, mapping, required, validated
from starter.language.compile import Checked, checked_content
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile
from starter.language.references import Names, Reference
from starter.language.sketch import Filled, called
from starter.language.texts import check_letter
from starter.language.wording import said
from workflows.model.addresses import is_address
from workflows.model.flow import FlowKey, FlowName

MARKS = {"subject": Tokens(), "text": Tokens(), "html": Tokens(html=True), "sender": Tokens()}
"""The texts with tokens."""

RECIPIENT = "contact"
"""Of whom the tokens speak."""


class EmailFile(BaseModel):
    """What a file says of an e-mail."""

    model_config = ConfigDict(frozen=True)

    email: FlowKey
    name: FlowName
    kind: Literal["automated", "regular", "membership"] = "automated"
    subject: str = Field(min_length=1)
    text: str = Field(min_length=1)
    html: str | None = None
    sender: str | None = None
    for_automation: bool = True
    subscription: str | None = Field(None, min_length=1)
    marketing: bool | None = None


_OPENS = "{{"
_EMAIL = TypeAdapter(EmailFile)
_REQUIRED = ("subject", "text")


def may_be_sent(data: dict[str, JsonValue]) -> bool:
    """Tell whether flows may send an e-mail, of which a file says this."""
    kind = data.get("kind", "automated")
    return kind != "membership" and bool(data.get("for_automation", kind == "automated"))


def check_email(file: FlowFile, definitions: Definitions | None = None) -> Checked:
    """Check a file of an e-mail, against what is defined where that is given."""
    content = _content(file, definitions) if file.whole else None
    return checked_content(file, "email", content)


def _content(file: FlowFile, definitions: Definitions | None) -> EmailContent | None:
    data = mapping(file, file.data, (), "an e-mail")
    if data is None:
        return None
    known(file, data, (), EmailFile.model_fields)
    for name, mark in MARKS.items():
        if isinstance(text := data.get(name), str):
            check_letter(file, Filled((name,), text, "", mark), RECIPIENT, definitions)
    if data.get("kind") == "membership" and data.get("for_automation") is True:
        message = "an e-mail of the kind membership is never sent by a flow; leave this out"
        file.wrong(("for_automation",), "not_for_automation", message)
    if isinstance(subscription := data.get("subscription"), str):
        Names(file, definitions).check(Reference(("subscription",), "subscription", subscription, RECIPIENT))
    if isinstance(sender := data.get("sender"), str) and _OPENS not in sender and not _is_mailbox(sender):
        file.wrong(("sender",), "bad_address", f'{said(sender)} is nobody; write "Name <name@example.com>"')
    if not required(file, data, (), _REQUIRED):
        return None
    given = {name: data[name] for name in EmailFile.model_fields if name in data}
    whole = {"name": called(str(data["email"] or "Email"))[:120], **given}
    found = validated(file, _EMAIL, whole, ())
    if found is None:
        return None
    rest = found.model_dump(exclude={"email", "for_automation", "marketing"})
    marketing = found.subscription is not None if found.marketing is None else found.marketing
    return EmailContent(key=found.email, for_automation=may_be_sent(data), marketing=marketing, **rest)


def _is_mailbox(text: str) -> bool:
    name, angle, address = text.strip().removesuffix(">").rpartition("<")
    return is_address(address) and bool(angle) == text.strip().endswith(">") and name.isprintable()
