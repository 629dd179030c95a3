"""How values become payloads: plain JSON that the Web UI can show, with revisions as hashes.

A payload that names revisions carries their hashes in its metadata, so that the codec, which may do I/O, has them
loaded before the converter, which may not, hands out the shared objects.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    CompositePayloadConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)

from workflows.model.revision import NAMED, Known

REVISIONS = "revisions"
"""Metadata key under which a payload lists the hashes it names."""


@lru_cache(maxsize=256)
def _adapter(hint: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a type hint is any object
    return TypeAdapter(hint)


class RevisionJSON(EncodingPayloadConverter):
    """JSON by pydantic, without the fields that stand at their defaults, with revisions by hash."""

    def __init__(self, known: Known) -> None:
        """Hand out revisions from `known`."""
        self.known = known

    @property
    def encoding(self) -> str:
        """Name the encoding that the Web UI knows how to show."""
        return "json/plain"

    def to_payload(self, value: Any) -> Payload | None:  # noqa: ANN401 - the SDK's signature
        """Write a value as JSON."""
        named: set[str] = set()
        if isinstance(value, BaseModel):
            data = value.__pydantic_serializer__.to_json(
                value, exclude_defaults=True, by_alias=True, context={NAMED: named}
            )
        else:
            data = to_json(value)
        metadata = {"encoding": b"json/plain"}
        if named:
            metadata[REVISIONS] = ",".join(sorted(named)).encode()
        return Payload(metadata=metadata, data=data)

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:  # noqa: ANN401 - the SDK's signature
        """Read a value as its type hint says."""
        return _adapter(Any if type_hint is None else type_hint).validate_json(payload.data, context=self.known)


def payload_converter(known: Known) -> type[PayloadConverter]:
    """Make the payload converter class that hands out the revisions of `known`."""
    standard = DefaultPayloadConverter().converters.values()
    parts = [RevisionJSON(known) if isinstance(each, JSONPlainPayloadConverter) else each for each in standard]

    class RevisionPayloadConverter(CompositePayloadConverter):
        def __init__(self) -> None:
            super().__init__(*parts)  # the SDK makes one for each task

    return RevisionPayloadConverter


class TracelessFailureConverter(DefaultFailureConverter):
    """Failures without stack traces: a trace is kilobytes of history, and may quote values."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write the failure and blank the traces of it and of its causes."""
        super().to_failure(exception, payload_converter, failure)
        each: Failure | None = failure
        while each is not None:
            each.stack_trace = ""
            each = each.cause if each.HasField("cause") else None
