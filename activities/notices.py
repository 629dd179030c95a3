"""Notifying users in the CRM as one effect: into the notification centre, and from there to their devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import JsonValue

from activities.action import PARTS, Ambiguous, Do, Done, Preparing, Refused, Retryable, Skipped
from activities.audience import Audience
from activities.effects import Notice, Part, Pushed
from activities.recipients import LEFT_OUT

MOST_CHARACTERS = 10_000
"""Of title and body together."""

OUTPUTS: Mapping[str, str] = {
    "notified": "How many users have the notification.",
    "pushed": "How many devices it was pushed to.",
    "left_out": "How many of those that were named could not be notified.",
}

_NOTIFIED, _DEVICES = "notified", "devices"


async def prepared(preparing: Preparing, audience: Audience, title: str, body: str) -> dict[str, JsonValue]:
    """Notify users in the centre, and say to which devices it is pushed, as it is written down with the intent.

    Raise Skipped where there is nobody, and Refused for a text that is none.
    """
    if not audience.people:
        first, *_ = audience.left_out
        raise Skipped(first.code, ", ".join(f"{each.who}: {each.code}" for each in audience.left_out))
    _check(title, body)
    inbox, users = preparing.store.inbox, [user.id for user in audience.people]
    notice = Notice(title, body, preparing.record.ref, preparing.source)
    notified, devices = await inbox.put(notice, users, preparing.key), await inbox.devices(users)
    left_out = {each.who: each.code for each in audience.left_out}
    names = [*map(_user, users), *left_out, *map(_device, devices)]
    said: dict[str, JsonValue] = {"title": title, "body": body}
    return {**said, _NOTIFIED: {**notified}, LEFT_OUT: {**left_out}, _DEVICES: {**devices}, PARTS: [*names]}


def _check(title: str, body: str) -> None:
    if not title.strip():
        raise Refused("no_text", "the title is empty once its tokens are replaced")
    if (size := len(title) + len(body)) > MOST_CHARACTERS:
        raise Refused("text_too_long", f"it has {size} characters; a notification takes {MOST_CHARACTERS} at most")


async def pushed(do: Do) -> Done:
    """Push what is in the centre to each device, once, and sum up; what a push service says against it is noted."""
    content: Any = do.prepared
    acts = {_user(user): partial(_is_there, notification) for user, notification in content[_NOTIFIED].items()}
    acts |= {who: partial(_is_left_out, code) for who, code in content[LEFT_OUT].items()}
    acts |= {_device(each): partial(_push, do, each) for each in content[_DEVICES]}
    parts = await do.parts.each(acts) if len(acts) > 1 else {}
    return _told(content, [parts[_device(each)] for each in content[_DEVICES]])


def _user(id_: str) -> str:
    return f"user {id_}"


def _device(id_: str) -> str:
    return f"device {id_}"


async def _is_there(notification: str, _key: str) -> str:
    return f"notification {notification}"


async def _is_left_out(code: str, _key: str) -> str:
    raise Skipped(code)


async def _push(do: Do, device: str, key: str) -> str:
    if do.outside.push is None:
        raise Skipped("no_push_keys", "set PERDURE_PUSH__PRIVATE_KEY and what goes with it, and start the worker again")
    said: Any = do.prepared
    message = Pushed(said[_NOTIFIED][said[_DEVICES][device]], said["title"], said["body"], do.record.ref)
    try:
        return await do.outside.push.push(device, message, key)
    except (Retryable, Ambiguous) as trouble:
        raise Refused(trouble.code, trouble.note) from None  # it stands in the centre: the record does not wait


def _told(content: Mapping[str, Any], devices: Sequence[Part]) -> Done:
    notified, left_out = len(content[_NOTIFIED]), len(content[LEFT_OUT])
    reached = sum(part.state == "done" for part in devices)
    line = f"notified {notified}" + (f", left out {left_out}" if left_out else "")
    line += f", pushed to {reached} of {len(devices)} devices" if devices else ""
    return Done(line=line, output={"notified": notified, "pushed": reached, "left_out": left_out})
