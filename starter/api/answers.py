"""Answers: JSON for what was asked, and one shape for whatever went wrong, `{"error": {"code", "message"}}`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

import asyncpg
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from workflows.model.errors import CallerError, Conflict, NotThere, PerdureError

_LOG = logging.getLogger("perdure.api")
_AGAIN = {"Retry-After": "5"}


class ApiError(Exception):
    """What ends a request: a status, a code for programs and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Say what is wrong, and what to do about it."""
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


def answer(value: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a value, which may hold dataclasses, ids and times, as JSON."""
    return Response(to_json(value), status, headers, "application/json")


def mistake(code: str, message: str) -> dict[str, dict[str, str]]:
    """Give the one shape of what went wrong."""
    return {"error": {"code": code, "message": message}}


def told(error: ApiError) -> Response:
    """Answer with what went wrong."""
    return answer(mistake(error.code, str(error)), error.status, error.headers)


def as_api_error(error: PerdureError) -> ApiError:
    """Give an error of ours as a caller over HTTP sees it: by its class alone."""
    match error:
        case NotThere():
            return ApiError(HTTPStatus.NOT_FOUND, "not_found", str(error))
        case Conflict():
            return ApiError(HTTPStatus.CONFLICT, "conflict", str(error))
        case CallerError():
            return ApiError(HTTPStatus.BAD_REQUEST, "bad_request", str(error))
        case _:
            _LOG.error("a request failed: %s", error, exc_info=error)
            return _ours()


def _ours() -> ApiError:
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "this is our fault; the log of the server says more")


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - as registered below
    return told(error)


async def _own_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PerdureError)  # noqa: S101 - as registered below
    return told(as_api_error(error))


async def _http_error(_request: Request, error: Exception) -> Response:
    """Word what the framework refuses by itself: an unknown path, a method that is not for it."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered below
    status = HTTPStatus(error.status_code)
    return told(ApiError(status, status.phrase.lower().replace(" ", "_"), f"{status.phrase}.", error.headers))


async def _database_away(_request: Request, error: Exception) -> Response:
    _LOG.warning("the database is away: %s", str(error) or type(error).__name__)
    message = "the database does not answer; nothing is lost by trying again"
    return told(ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message, _AGAIN))


async def _schema_behind(_request: Request, error: Exception) -> Response:
    _LOG.error("the schema is behind this release (%s); bring it up: perdure migrate", error)
    message = "the database is behind this release; its operator runs `perdure migrate`"
    return told(ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message, _AGAIN))


async def _hung_up(_request: Request, _error: Exception) -> Response:
    return told(ApiError(HTTPStatus.BAD_REQUEST, "hung_up", "the body ended too early"))


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    return told(_ours())  # the server logs it, with where it came from


HANDLERS: dict[type[Exception], ExceptionHandler] = {
    ApiError: _api_error,
    PerdureError: _own_error,
    HTTPException: _http_error,
    ClientDisconnect: _hung_up,
    OSError: _database_away,  # TimeoutError is one
    asyncpg.PostgresConnectionError: _database_away,
    asyncpg.InterfaceError: _database_away,
    asyncpg.OperatorInterventionError: _database_away,
    asyncpg.TooManyConnectionsError: _database_away,
    asyncpg.UndefinedTableError: _schema_behind,
    asyncpg.UndefinedColumnError: _schema_behind,
    Exception: _unforeseen,
}
"""What answers an exception that comes out of an endpoint; the nearest class of it counts."""
