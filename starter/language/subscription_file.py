"""Subscription types as files: what contacts may opt into and out of.

A file whose top key is `subscription`, the key of the type, may have a `name`, which contacts read, a `channel` (email
or sms), and a `description` in a line.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter

from activities.effects import SubscriptionContent
from starter.language.checks import known, mapping, validated
from starter.language.compile import Checked, checked_content
from starter.language.definitions import Definitions
from starter.language.flow_file import FlowFile
from starter.language.sketch import called
from workflows.model.flow import FlowKey, FlowName


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it is one line")
    return text


class SubscriptionFile(BaseModel):
    """What a file says of a subscription type."""

    model_config = ConfigDict(frozen=True)

    subscription: FlowKey
    name: FlowName
    channel: Literal["email", "sms"] = "email"
    description: Annotated[str, AfterValidator(_one_line)] = ""


_SUBSCRIPTION = TypeAdapter(SubscriptionFile)


def check_subscription_file(file: FlowFile, definitions: Definitions | None = None) -> Checked:
    """Check a file of a subscription type."""
    del definitions
    content = _content(file) if file.whole else None
    return checked_content(file, "subscription", content)


def _content(file: FlowFile) -> SubscriptionContent | None:
    data = mapping(file, file.data, (), "a subscription type")
    if data is None:
        return None
    known(file, data, (), SubscriptionFile.model_fields)
    given = {name: data[name] for name in SubscriptionFile.model_fields if name in data}
    whole = {"name": called(str(data["subscription"] or "Subscription"))[:120], **given}
    found = validated(file, _SUBSCRIPTION, whole, ())
    if found is None:
        return None
    return SubscriptionContent(found.subscription, found.name, found.channel, found.description)
