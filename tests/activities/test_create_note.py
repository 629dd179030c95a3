from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.action import Refused
from activities.actions.create_note import CreateNote
from activities.catalogue import complete
from activities.effects import NewNote
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, SOURCE, anna, doing
from workflows.model.records import RecordRef

ACME, OTHER = (RecordRef.parse(name) for name in ("company:7", "company:8"))


async def made(config: dict[str, Any]) -> tuple[NewNote, str, dict[str, Any]]:
    """Perform the step; give the note, the line and the output."""
    crm = FakeCrm({ANNA: {}, ACME: {}, OTHER: {}}, associations=[(ANNA, ACME, "billing"), (OTHER, ANNA, "")])
    done = await CreateNote.model_validate(config).perform(doing(anna(), crm=crm))
    ((key, note),) = crm.notes.items()
    assert key == "k"
    return note, done.line, done.output


async def test_a_note_is_on_the_record() -> None:
    """With where it comes from; its id is put out."""
    assert await made({"body": "<p>x</p>"}) == (
        NewNote("<p>x</p>", (ANNA,), SOURCE),
        "wrote a note",
        {"note": "k"},
    )


@pytest.mark.parametrize(
    ("associate", "records", "line"),
    [
        (["company"], [ANNA, ACME, OTHER], "wrote a note, on 2 more records"),
        (["company/billing", "company/billing"], [ANNA, ACME], "wrote a note, on 1 more records"),
        (["deal"], [ANNA], "wrote a note"),
    ],
)
async def test_a_note_is_on_the_associated_records_as_well(
    associate: list[str], records: list[RecordRef], line: str
) -> None:
    """Each once; of a type that has none, nothing is added."""
    note, told, _ = await made({"body": "x", "pinned": True, "associate": associate})
    assert (note.records, note.pinned, told) == (tuple(records), True, line)


async def test_a_note_that_rendered_empty_fails() -> None:
    """A note without a word is no use to anybody."""
    with pytest.raises(Refused, match="no_body"):
        await made({"body": " \n"})


@pytest.mark.parametrize(
    "config", [{}, {"body": ""}, {"body": "x", "pin": True}, {"body": "x", "associate": ["Company"]}]
)
def test_wrong_settings_are_refused(config: dict[str, Any]) -> None:
    """At publish, not when a record is there."""
    with pytest.raises(ValidationError):
        complete(CreateNote, config)
