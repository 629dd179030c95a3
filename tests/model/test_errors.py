from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from activities.action import Ambiguous, Refused, Retryable, Skipped
from activities.catalogue import Catalogue
from activities.ledger import VisitTaken
from activities.performing import Again
from starter.language.flow_file import FlowMistakes
from workflows.model.errors import (
    CallerError,
    Conflict,
    EngineError,
    Fault,
    FlowError,
    NotThere,
    PerdureError,
    ProviderError,
    RecordError,
    UnknownRevision,
)
from workflows.model.tokens import TooLarge


def family(error: type[PerdureError]) -> Iterator[type[PerdureError]]:
    yield error
    for each in error.__subclasses__():
        yield from family(each)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (FlowError, "flow"),
        (FlowMistakes, "flow"),
        (UnknownRevision, "flow"),
        (RecordError, "record"),
        (Skipped, "record"),
        (TooLarge, "record"),
        (ProviderError, "provider"),
        (Refused, "provider"),
        (Retryable, "provider"),
        (Ambiguous, "provider"),
        (CallerError, "caller"),
        (NotThere, "caller"),
        (Conflict, "caller"),
        (EngineError, "us"),
        (VisitTaken, "us"),
        (Again, "us"),
    ],
)
def test_an_error_says_whose_fault_it_is(error: type[PerdureError], fault: Fault) -> None:
    """Flow, record, provider, caller or us: by the class alone, so that a handler need not read the text."""
    assert error.fault == fault


def test_no_error_is_without_a_known_fault() -> None:
    """Every error of the code base, also one that was added since, has one of the five faults and a docstring."""
    Catalogue.load()
    assert [e for e in family(PerdureError) if e.fault not in get_args(Fault) or not e.__doc__] == []
