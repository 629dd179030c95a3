"""What the answer of a web server means for a step: done, refused for good, not yet, or nobody knows."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Response

LONGEST_PAUSE = timedelta(hours=8)
SHORTEST_PAUSE = timedelta(seconds=1)
"""A server that asks for less would have us try without a pause."""

KEPT_BYTES = 63 * 1024
"""The most of an answer's text that is kept, as JSON: 64 KiB are for all that a step puts out."""

NOT_TAKEN = frozenset({408, 425, 429, 503})
"""Statuses that say: it was not done, and it may be tried again."""

Unit = Literal["seconds", "milliseconds"]

_OK, _REDIRECTS, _BROKEN = range(200, 300), range(300, 400), range(500, 600)


def judge(response: Response, now: datetime, unit: Unit) -> None:
    """Raise what an answer means, unless it says that all is done. No more than its status is told."""
    status, code = response.status, f"http_{response.status}"
    if status in _OK and response.whole:
        return
    if status in _OK:
        raise Refused("response_too_large", code)
    if status in _REDIRECTS:
        raise Refused("redirect_not_followed", code)
    if status in NOT_TAKEN:
        raise Retryable(code, after=retry_after(response.headers.get("retry-after", ""), now, unit))
    if status in _BROKEN:
        raise Ambiguous(code, "the server failed; it may have done its part before")
    raise Refused(code)


def retry_after(text: str, now: datetime, unit: Unit) -> timedelta | None:
    """Read how long a server asks to be left alone, None where it says nothing that can be kept to."""
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        pause = timedelta(**{unit: min(float(text), LONGEST_PAUSE.total_seconds() * 1000)})
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        pause = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return max(SHORTEST_PAUSE, min(pause, LONGEST_PAUSE)) if pause > timedelta(0) else None


def taken(response: Response, keep: Mapping[str, str]) -> dict[str, JsonValue]:
    """Give what later steps may read: the status, and what is to be kept of the answer, or else its text."""
    status: dict[str, JsonValue] = {"status": response.status}
    if not keep:
        return {**status, "body": _text(response.body)}
    try:
        answer: JsonValue = from_json(response.body, allow_inf_nan=False)
    except ValueError:
        return status
    return {**status, **{name: value for name, path in keep.items() if (value := _at(answer, path)) is not None}}


def _at(answer: JsonValue, path: str) -> JsonValue:
    """Give the value at a path of keys and numbers, as `items.0.id`; None where there is none."""
    for part in path.split("."):
        if isinstance(answer, dict):
            answer = answer.get(part)
        elif isinstance(answer, list) and part.isdecimal() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            return None
    return answer


def _text(body: bytes) -> str:
    text = getincrementaldecoder("utf-8")("replace").decode(body[:KEPT_BYTES], final=len(body) <= KEPT_BYTES)
    while (size := len(to_json(text))) > KEPT_BYTES:  # quotes and the like take more than one byte
        text = text[: len(text) * KEPT_BYTES // size]
    return text
