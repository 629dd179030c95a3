from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultPayloadConverter, PayloadConverter

from tests.flows import delay, flow, send_email
from workflows.contract import Answer, Asleep, State, Step
from workflows.converter import REVISIONS, TracelessFailureConverter, payload_converter
from workflows.model.errors import UnknownRevision
from workflows.model.records import RecordRef
from workflows.model.revision import Known

REVISION = flow("f", delay("d", "1 day"), send_email("mail"))
STATE = State(enrollment="e", flow="f", revision=REVISION, record=RecordRef.parse("contact:1"))
TEXTS = st.text(max_size=20)
STEPS = st.builds(
    Step, enrollment=TEXTS, revision=TEXTS, node=TEXTS, visit=st.integers(0, 2**40), as_drawn=st.booleans()
)
INSTANTS = st.datetimes(timezones=st.just(UTC))
ANSWERS = st.builds(
    Answer,
    edge=TEXTS,
    line=TEXTS,
    leave=st.sampled_from([None, "goal", "stopped"]),
    asleep=st.none() | st.builds(Asleep, why=st.just("delay"), until=st.none() | INSTANTS),
    happened=st.booleans(),
    revision=st.sampled_from([None, REVISION]),
)


@pytest.fixture(name="converter")
def converter_() -> PayloadConverter:
    return converter()


def converter() -> PayloadConverter:
    return payload_converter(Known({REVISION.hash: REVISION}))()


def test_defaults_are_left_out(converter: PayloadConverter) -> None:
    """History pays for each byte: an answer that says nothing special is two characters."""
    [payload] = converter.to_payloads([Answer()])
    assert payload.data == b"{}"


def test_a_revision_is_its_hash_and_is_named_beside(converter: PayloadConverter) -> None:
    """The payload holds the hash alone, and its metadata tells the codec what to load."""
    [payload] = converter.to_payloads([STATE])
    assert REVISION.hash.encode() in payload.data
    assert b"nodes" not in payload.data
    assert payload.metadata == {"encoding": b"json/plain", REVISIONS: REVISION.hash.encode()}


def test_a_payload_without_revisions_names_none(converter: PayloadConverter) -> None:
    """A step names its revision by a plain text, which nobody needs to load."""
    [payload] = converter.to_payloads([Step(enrollment="e", revision=REVISION.hash, node="n", visit=1)])
    assert REVISIONS not in payload.metadata


def test_all_holders_of_a_hash_share_one_object(converter: PayloadConverter) -> None:
    """Two thousand sleepers of a flow hold one parsed flow between them."""
    payloads = converter.to_payloads([STATE, Answer(revision=REVISION)])
    state, answer = converter.from_payloads(payloads, [State, Answer])
    assert state.revision is answer.revision is REVISION


def test_a_hash_that_was_not_loaded_is_not_guessed(converter: PayloadConverter) -> None:
    """Without the codec's load a payload is not read, and the error is short."""
    [payload] = converter.to_payloads([STATE])
    with pytest.raises(UnknownRevision, match=REVISION.hash):
        payload_converter(Known())().from_payloads([payload], [State])


def test_fields_of_a_newer_worker_are_passed_over(converter: PayloadConverter) -> None:
    """While a release rolls out, an older worker reads what it knows."""
    [payload] = converter.to_payloads([{"line": "done", "invented_later": 1}])
    assert converter.from_payloads([payload], [Answer]) == [Answer(line="done")]


@given(STEPS | ANSWERS)
def test_a_payload_reads_back_as_it_was_written(value: Step | Answer) -> None:
    """What was left out comes back as the default it was."""
    between = converter()
    assert between.from_payloads(between.to_payloads([value]), [type(value)]) == [value]


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS, st.lists, max_leaves=6))
def test_plain_values_pass(value: JsonValue) -> None:
    """Values that are no models of ours read back the same, in an encoding that the Web UI shows."""
    between = converter()
    payloads = between.to_payloads([value])
    assert between.from_payloads(payloads, None) == [value]
    assert value is None or payloads[0].metadata == {"encoding": b"json/plain"}


def test_an_instant_keeps_its_microseconds(converter: PayloadConverter) -> None:
    """The end of a sleep is the same to the microsecond on every worker."""
    asleep = Asleep(why="delay", until=datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC))
    assert converter.from_payloads(converter.to_payloads([asleep]), [Asleep]) == [asleep]


def test_a_failure_keeps_no_trace_nor_do_its_causes() -> None:
    """A trace may quote a value of the record: neither the error's nor its causes' enters history."""
    failure = Failure()
    with pytest.raises(ValueError, match="outer") as caught:
        _fail()
    TracelessFailureConverter().to_failure(caught.value, DefaultPayloadConverter(), failure)
    assert failure.message == "outer"
    assert failure.cause.message == "inner"
    assert failure.cause.cause.message == "innermost"
    assert (failure.stack_trace, failure.cause.stack_trace, failure.cause.cause.stack_trace) == ("", "", "")


def _fail() -> None:
    try:
        try:
            raise LookupError("innermost")
        except LookupError as error:
            raise TypeError("inner") from error
    except TypeError as error:
        raise ValueError("outer") from error
