"""`/v1/enrollments` and `/v1/flows/FLOW/enrollments`: letting records in and out, and looking at how they fare."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.admission import Admission, Refusal
from starter.api.answers import ApiError, answer, mistake
from starter.api.bodies import Body, read, read_query
from starter.api.desk import desk_of
from starter.inspection import Description
from workflows.model.records import RecordRef

MOST_RECORDS = 1_000


class Entering(Body):
    """Who is to enter a flow: one record, or many. `key` tells several enrollments of one record apart."""

    record: RecordRef | None = None
    records: Annotated[list[RecordRef], Field(min_length=1, max_length=MOST_RECORDS)] | None = None
    key: str = ""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if (self.record is None) == (self.records is None):
            raise ValueError("give `record`, or `records` for many")
        return self


class Which(Body):
    """Which enrollment of a record is meant, where the flow's have a key."""

    key: str = ""


class Leaving(Which):
    """Why a record is to leave; the reason is kept with the order."""

    reason: str = ""


_ENTERING = TypeAdapter(Entering)


async def enroll(request: Request) -> Response:
    """Let a record into a flow, or many; of many each is answered for itself."""
    who, flow = await read(request, _ENTERING), request.path_params["flow"]
    client = desk_of(request).client
    if who.records is not None:
        admissions = await client.enroll(flow, who.records, who.key)
        return answer({"results": [_result(each) for each in admissions]})
    assert who.record is not None  # noqa: S101 - as the body was checked
    admission = await client.enroll(flow, who.record, who.key)
    if isinstance(admission, Refusal):
        raise ApiError(HTTPStatus.CONFLICT, admission.code, admission.sentence)
    return answer(admission, HTTPStatus.CREATED)


def _result(admission: Admission) -> object:
    return mistake(admission.code, admission.sentence) if isinstance(admission, Refusal) else admission


async def unenroll(request: Request) -> Response:
    """Order a record out of a flow."""
    why = read_query(request, Leaving)
    flow, record = request.path_params["flow"], request.path_params["record"]
    enrollment = await desk_of(request).client.unenroll(flow, record, why.reason, why.key)
    return answer({"enrollment": enrollment}, HTTPStatus.ACCEPTED)


async def of_record(request: Request) -> Response:
    """Tell where a record's newest enrollment in a flow stands, and its path."""
    which = read_query(request, Which)
    flow, record = request.path_params["flow"], request.path_params["record"]
    return _described(await desk_of(request).client.describe(flow, record, which.key))


async def by_id(request: Request) -> Response:
    """Tell where an enrollment stands, and its path."""
    return _described(await desk_of(request).client.describe(request.path_params["enrollment"]))


def _described(found: Description) -> Response:
    return answer({"enrollment": found.summary, "path": found.path})


ROUTES = [
    Route("/flows/{flow}/enrollments", enroll, methods=["POST"]),
    Route("/flows/{flow}/enrollments/{record}", unenroll, methods=["DELETE"]),
    Route("/flows/{flow}/enrollments/{record}", of_record),
    Route("/enrollments/{enrollment}", by_id),
]
