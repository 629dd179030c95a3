from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workflows.model.errors import CallerError
from workflows.model.records import RecordRef

REF = TypeAdapter(RecordRef)
WRONG = [
    "",
    "contact",
    "contact:",
    ":1",
    "Contact:1",
    "contact:1 2",
    "contact:1/2",
    "contact:1\n",
    "9x:1",
    "c" * 41 + ":1",
]


@given(st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True), st.text(min_size=1, max_size=250))
def test_what_can_be_named_can_be_read_back(type_: str, id_: str) -> None:
    """A reference that could be made is written as text and read back the same, in Python and in a payload."""
    try:
        ref = RecordRef(type=type_, id=id_)
    except ValidationError:
        return
    assert RecordRef.parse(str(ref)) == ref == REF.validate_json(REF.dump_json(ref))


@pytest.mark.parametrize("text", ["contact:42", "deal_2:a:b", "contact:ünïcode", "c:" + "x" * 200])
def test_a_reference_is_type_and_id(text: str) -> None:
    """The first colon parts the two; the id may be anything without spaces and slashes."""
    assert str(RecordRef.parse(text)) == text


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_reference_is_the_callers_mistake(text: str) -> None:
    """The caller is told what to write, without a traceback of ours behind it."""
    with pytest.raises(CallerError, match="write TYPE:ID, as contact:42") as caught:
        RecordRef.parse(text)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("type_", "id_"), [("Contact", "1"), ("contact", ""), ("contact", "1 2"), ("contact", "1/2"), ("", "1")]
)
def test_no_reference_is_made_that_could_not_be_read(type_: str, id_: str) -> None:
    """Also in parts a reference obeys the form: it would else come back from history as a failure."""
    with pytest.raises(ValidationError):
        RecordRef(type=type_, id=id_)
