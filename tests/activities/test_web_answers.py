from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from activities.action import Ambiguous, Refused, Retryable
from activities.effects import Response
from activities.web_answers import KEPT_BYTES, LONGEST_PAUSE, Unit, judge, retry_after, taken
from workflows.contract import OUTPUT_BYTES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [
        *((status, Refused, "redirect_not_followed") for status in (300, 301, 302, 304, 307, 308)),
        *((status, Refused, f"http_{status}") for status in (101, 400, 401, 404, 409, 410, 418, 422, 600)),
        *((status, Retryable, f"http_{status}") for status in (408, 425, 429, 503)),
        *((status, Ambiguous, f"http_{status}") for status in (500, 501, 502, 504, 599)),
    ],
)
def test_a_status_has_its_meaning(status: int, verdict: type[Refused | Retryable | Ambiguous], code: str) -> None:
    """4xx is final but for 408, 425 and 429; after 5xx nobody knows, but 503 says that it was not done."""
    with pytest.raises(verdict) as raised:
        judge(Response(status, {"location": "https://secret.example"}, b"personal"), NOW, "seconds")
    error: Any = raised.value
    assert (error.code, "personal" in error.note, "secret" in error.note) == (code, False, False)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    """Whatever it says."""
    judge(Response(status, body=b"error!"), NOW, "seconds")


def test_a_success_that_is_too_large_has_failed() -> None:
    """The server did its part, so it is not asked again; but nobody has its answer."""
    with pytest.raises(Refused, match="response_too_large"):
        judge(Response(200, whole=False), NOW, "seconds")


@pytest.mark.parametrize(
    ("text", "unit", "pause"),
    [
        ("120", "seconds", timedelta(minutes=2)),
        (" 120 ", "seconds", timedelta(minutes=2)),
        ("1.5", "seconds", timedelta(seconds=1.5)),
        ("120000", "milliseconds", timedelta(minutes=2)),
        ("999999999", "seconds", LONGEST_PAUSE),
        ("999999999999999", "milliseconds", LONGEST_PAUSE),
        ("5", "milliseconds", timedelta(seconds=1)),
        ("0", "seconds", None),
        ("-5", "seconds", None),
        ("soon", "seconds", None),
        ("", "seconds", None),
        ("٣", "seconds", None),
        ("nan", "seconds", None),
        ("9" * 400, "seconds", None),
    ],
)
def test_retry_after_is_kept_to_within_bounds(text: str, unit: Unit, pause: timedelta | None) -> None:
    """A number counts, up to 8 hours and from a second; what is negative, zero or no number does not."""
    assert retry_after(text, NOW, unit) == pause


@pytest.mark.parametrize(
    ("ahead", "pause"),
    [
        (timedelta(minutes=5), timedelta(minutes=5)),
        (timedelta(days=400), LONGEST_PAUSE),
        (-timedelta(minutes=5), None),
        (timedelta(0), None),
    ],
)
def test_retry_after_may_be_a_date(ahead: timedelta, pause: timedelta | None) -> None:
    """A date ahead counts, in either unit; one that is past does not."""
    text = format_datetime(NOW + ahead, usegmt=True)
    assert retry_after(text, NOW, "seconds") == retry_after(text, NOW, "milliseconds") == pause


@pytest.mark.parametrize("text", ["Fri, 99 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 99999 03:04:05 GMT", "2026-01-02"])
def test_a_date_that_is_none_does_not_count(text: str) -> None:
    """It is as if nothing stood there."""
    assert retry_after(text, NOW, "seconds") is None


def test_a_server_that_is_busy_says_when_to_come_again() -> None:
    """Its pause takes the place of ours."""
    with pytest.raises(Retryable) as raised:
        judge(Response(429, {"retry-after": "90"}), NOW, "seconds")
    assert raised.value.after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("score", 7),
        ("deep.list.1.name", "b"),
        ("deep.list", [{"name": "a"}, {"name": "b"}]),
        ("no", False),
        ("gone", None),
        ("deep.list.2", None),
        ("deep.list.-1", None),
        ("score.x", None),
        ("null", None),
    ],
)
def test_parts_of_a_json_answer_become_outputs(path: str, value: JsonValue) -> None:
    """Each by its path, as the value that it is; what is not there is not put out."""
    body = b'{"score": 7, "deep": {"list": [{"name": "a"}, {"name": "b"}]}, "no": false, "null": null}'
    expected: dict[str, JsonValue] = {"status": 200} if value is None else {"status": 200, "it": value}
    assert taken(Response(200, body=body), {"it": path}) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": ', b'{"a": NaN}', b"[" * 100_000, b'{"a": "\\ud800"}'])
def test_an_answer_that_is_no_json_gives_its_status(body: bytes) -> None:
    """The step is done all the same: any 2xx is."""
    assert taken(Response(200, body=body), {"a": "a"}) == {"status": 200}


@pytest.mark.parametrize(
    ("body", "text"), [(b"ok", "ok"), ("ä€".encode(), "ä€"), (b"\xff", "\ufffd"), (b"", "")], ids=str
)
def test_without_paths_the_text_is_kept(body: bytes, text: str) -> None:
    """As UTF-8, with a sign for what is none."""
    assert taken(Response(200, body=body), {}) == {"status": 200, "body": text}


@pytest.mark.parametrize("body", [b"x" * 2**20, b'"' * 2**20, "€".encode() * 2**18, b"\x00" * 2**20, b"\xff" * 2**20])
def test_a_long_text_is_cut_to_what_can_be_kept(body: bytes) -> None:
    """However it is written as JSON, all outputs together stay below what a visit may keep."""
    kept = taken(Response(200, body=body), {})
    assert KEPT_BYTES - 10 <= len(to_json(kept["body"])) <= KEPT_BYTES
    assert len(to_json(kept)) <= OUTPUT_BYTES
