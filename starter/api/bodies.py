"""Reading what a caller sends: JSON only, strictly, as one model; each mistake is told with its place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from starlette.requests import Request

from starter.api.answers import ApiError

MOST_TOLD = 10
"""Mistakes of one body that are told."""

T = TypeVar("T")


class Body(BaseModel):
    """What the body of a request holds: nothing is taken that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


async def read(request: Request, what: TypeAdapter[T]) -> T:
    """Read the body; raise ApiError where it is no JSON, or not what is asked for."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_json", "send JSON, with Content-Type: application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded", "send the body as it is, without compression")
    raw = await request.body()
    _refuse_odd_json(raw)
    try:
        return what.validate_json(raw, strict=True)
    except ValidationError as error:
        raise _worded(error) from None


async def is_list(request: Request) -> bool:
    """Tell whether the body is a list: read by one model then and another else, its mistakes are told of that one."""
    return (await request.body()).lstrip()[:1] == b"["


def read_query(request: Request, what: type[T]) -> T:
    """Read the query of a request; raise ApiError where it holds what nobody reads, or one thing twice."""
    given = request.query_params
    if len(given.multi_items()) != len(given):
        raise ApiError(HTTPStatus.BAD_REQUEST, "bad_query", "the query gives one thing twice")
    try:
        return TypeAdapter(what).validate_strings(dict(given))
    except ValidationError as error:
        raise _worded(error, "bad_query") from None


def _refuse_odd_json(raw: bytes) -> None:
    """Refuse what readers of JSON disagree about: a key twice, NaN, and nesting without end."""
    try:
        json.loads(raw, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ApiError(HTTPStatus.BAD_REQUEST, "bad_json", "the body is nested too deep") from None
    except ValueError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "bad_json", f"the body is no JSON: {error}") from None


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:80]!r} stands twice in one object")
        found[name] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _worded(error: ValidationError, code: str = "bad_body") -> ApiError:
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_place(each['loc'])}{each['msg'].removeprefix('Value error, ')}" for each in mistakes[:MOST_TOLD]]
    more = [f"and {len(mistakes) - MOST_TOLD} more"] if len(mistakes) > MOST_TOLD else []
    return ApiError(HTTPStatus.BAD_REQUEST, code, "; ".join([*lines, *more]))


def _place(loc: tuple[int | str, ...]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")
    return f"{place}: " if place else ""
