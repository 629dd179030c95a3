from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from starter.loading.csv_file import CsvFile
from starter.loading.load import Loaded, load
from starter.loading.load_plan import Wish
from starter.loading.rows import BadRow, Row, open_rows, slug
from tests.world import World
from workflows.model.errors import CallerError


def csv(folder: Path, text: str | bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def put(world: World, text: str | bytes, id_title: str | None = None) -> tuple[Loaded, list[BadRow]]:
    """Load a file's text as contacts."""
    bad: list[BadRow] = []
    file = open_rows(csv(world.folder, text))
    return await load(world.pool, file, Wish("contact", id_title), bad.append), bad


async def contact(world: World, name: str) -> dict[str, Any] | None:
    row = await world.pool.fetchrow("select properties from record where type = 'contact' and id = $1", name)
    return dict(row["properties"]) if row else None


async def changes(world: World) -> list[dict[str, Any]]:
    rows = await world.pool.fetch("select type, record_id, properties from event order by seq")
    return [dict(row) for row in rows]


async def test_each_row_becomes_a_record(world: World) -> None:
    """The column `id` names the record, the others are its properties, by their slugs."""
    loaded, bad = await put(world, "First name,id,E-mail\nAnna,1,anna@example.com\nBen,2,ben@example.com\n")
    assert (loaded, bad) == (Loaded(inserted=2), [])
    assert await contact(world, "1") == {"first_name": "Anna", "e_mail": "anna@example.com"}


async def test_unknown_properties_are_defined_as_text(world: World) -> None:
    """A column that the CRM does not know becomes a text property."""
    await put(world, "id,city\n1,Turku\n")
    assert await world.pool.fetchval("select type from property where object = 'contact' and name = 'city'") == "text"


async def test_the_first_column_names_the_record_where_none_is_called_id(world: World) -> None:
    """A first column with another name names the record and is a property too, so no value is lost."""
    await put(world, "email,city\nanna@example.com,Turku\n")
    assert await contact(world, "anna@example.com") == {"email": "anna@example.com", "city": "Turku"}


async def test_a_column_may_be_asked_for(world: World) -> None:
    """--id decides which column names the record."""
    await put(world, "city,Customer No\nTurku,77\n", "Customer No")
    assert await contact(world, "77") == {"city": "Turku", "customer_no": "77"}


async def test_a_column_asked_for_in_vain_is_a_mistake(world: World) -> None:
    """A column that is not there is refused with those that are."""
    with pytest.raises(CallerError, match=r"there is no column 'nr'; there are id, city"):
        await put(world, "id,city\n", "nr")


async def test_good_rows_go_in_and_bad_ones_are_told(world: World) -> None:
    """Each bad row is told with its line and the reason; all others are loaded."""
    loaded, bad = await put(world, 'id,city\n1,Turku\n,Oulu\n2\n3,"Li\nne"\na/b,Kemi\n1,Again\n\n4,"x"y\n5,Vaasa\n')
    assert loaded == Loaded(inserted=3, bad=5)
    assert [(row.line, row.reason.split(":")[0]) for row in bad] == [
        (3, "has no id"),
        (4, "has 1 cells, the header has 2"),
        (7, "'a/b' cannot name a record"),
        (8, "'1' was on line 2 already"),
        (10, "is no CSV"),
    ]


async def test_a_row_in_another_encoding_is_bad_alone(world: World) -> None:
    """One row in Latin-1 does not spoil a UTF-8 file."""
    loaded, bad = await put(world, b"id,city\n1,J\xe4rvi\n2,Turku\n")
    assert loaded == Loaded(inserted=1, bad=1)
    assert bad == [BadRow(2, "city is not UTF-8; save the file as UTF-8", ["1", "J\udce4rvi"])]


@pytest.mark.parametrize("header", [b"id,St\xe4dt", b"\x7fELF\x00,city"])
async def test_a_header_that_cannot_be_read_is_told_at_once(world: World, header: bytes) -> None:
    """No property has such a name, so that every row would be bad, under a name that no terminal shows."""
    with pytest.raises(CallerError, match=r"people\.csv:1: is not UTF-8; save the file as UTF-8"):
        await put(world, header + b"\n1,Turku\n")


async def test_a_byte_order_mark_is_no_part_of_a_name(world: World) -> None:
    """Excel begins UTF-8 files with a mark."""
    await put(world, b"\xef\xbb\xbfid,city\r\n1,Turku\r\n")
    assert await contact(world, "1") == {"city": "Turku"}


async def test_values_take_the_type_of_their_property(world: World) -> None:
    """Text becomes a number, a boolean, a date or options where the property is one."""
    await world.define("contact", age="number", vip="boolean", since="date")
    await put(world, "id,age,vip,since\n1,41,yes,2026-01-31\n")
    assert await contact(world, "1") == {"age": 41, "vip": True, "since": "2026-01-31"}


@pytest.mark.parametrize("cell", ["old", "nan", "1e999", "1_000", "٣"])
async def test_a_value_that_its_property_does_not_take_is_bad(cell: str, world: World) -> None:
    """What is no number does not get into a number."""
    await world.define("contact", age="number")
    _, bad = await put(world, f"id,age\n1,{cell}\n")
    assert bad == [BadRow(2, f"age takes a number, not '{cell}'", ["1", cell])]


async def test_a_read_only_column_is_refused_as_a_whole(world: World) -> None:
    """A file that would write a read-only property loads nothing."""
    await world.pool.execute("insert into property values ('contact', 'score', 'number', null, true)")
    with pytest.raises(CallerError, match="score is read-only"):
        await put(world, "id,score\n1,5\n")
    assert await contact(world, "1") is None


async def test_an_empty_cell_leaves_the_value(world: World) -> None:
    """What a file does not say is not cleared."""
    await put(world, "id,city,zip\n1,Turku,20100\n")
    await put(world, "id,city,zip\n1,,20500\n")
    assert await contact(world, "1") == {"city": "Turku", "zip": "20500"}


async def test_a_changed_value_is_an_event(world: World) -> None:
    """A value that changes in a record that was there is told, with what it was before; nothing else is."""
    await put(world, "id,city,zip\n1,Turku,20100\n")
    loaded, _ = await put(world, "id,city,zip\n1,Oulu,20100\n2,Kemi,94100\n")
    assert loaded == Loaded(inserted=1, updated=1)
    change = {"name": "city", "value": "Oulu", "before": "Turku", "by": {"load": "people.csv"}}
    assert await changes(world) == [{"type": "property_changed", "record_id": "1", "properties": change}]


async def test_a_second_run_changes_nothing(world: World) -> None:
    """Loading the same file again writes no record and no event."""
    await put(world, "id,city\n1,Turku\n2,Oulu\n")
    loaded, _ = await put(world, "id,city\n1,Turku\n2,Oulu\n")
    assert loaded == Loaded(unchanged=2)
    assert await changes(world) == []


async def test_an_archived_record_comes_back(world: World) -> None:
    """A record that was archived and is in the file is live again."""
    await put(world, "id,city\n1,Turku\n")
    await world.pool.execute("update record set archived_at = now()")
    await put(world, "id,city\n1,Turku\n")
    assert await world.pool.fetchval("select archived_at from record") is None


async def test_a_file_of_several_batches_is_loaded_whole(world: World) -> None:
    """12,000 rows are three transactions, and all of them are in."""
    loaded, _ = await put(world, "id,city\n" + "".join(f"{n},Turku\n" for n in range(12_000)))
    assert loaded.inserted == await world.pool.fetchval("select count(*) from record") == 12_000


def test_rows_know_the_line_they_begin_on(tmp_path: Path) -> None:
    """A cell over several lines does not shift the lines of the rows after it."""
    rows = list(open_rows(csv(tmp_path, 'id,note\n1,"a\nb\nc"\n2,d\n')).rows())
    assert [row.line for row in rows if isinstance(row, Row)] == [2, 5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\xff\xfei\0d\0", "is UTF-16; save it as UTF-8"),
        (b"id;city\n1;Turku\n", "separated by semicolons; save the file with commas"),
        (b"id,city,city\n", "columns 2 and 3 are both 'city'; rename one"),
    ],
)
def test_a_header_that_cannot_be_used_is_a_mistake(text: bytes, told: str, tmp_path: Path) -> None:
    """A file without a usable header is refused with what to do."""
    with pytest.raises(CallerError, match=told):
        CsvFile.open(csv(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"id,City,city\n", r"column 2 \('City'\) and column 3 \('city'\) are both 'city'"),
        (b"id,2nd\n", r"column 2 \('2nd'\) gives no property name; name one: --map '2nd'=name"),
        (b"id,\n", "gives no property name"),
    ],
)
async def test_a_title_that_is_no_property_is_a_mistake(text: bytes, told: str, world: World) -> None:
    """Two columns that are one property, and one that is none, are refused with what to do."""
    with pytest.raises(CallerError, match=told):
        await put(world, text)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """The path is named."""
    for name in ("gone.csv", "gone.jsonl"):
        with pytest.raises(CallerError, match=rf"{name} cannot be read: No such file"):
            open_rows(tmp_path / name)


@pytest.mark.parametrize(
    ("object_type", "told"),
    [
        ("Contacts!", "'Contacts!' is no object type"),
        ("contakt", r"there is no object type 'contakt'; did you mean 'contact'\? \(`--new-type` defines a new one\)"),
        ("vessel", "there is no object type 'vessel'; there are company, contact"),
    ],
)
async def test_an_object_type_must_be_defined(object_type: str, told: str, world: World) -> None:
    """An unknown object type is refused with the nearest, and nothing is written."""
    with pytest.raises(CallerError, match=told):
        await load(world.pool, open_rows(csv(world.folder, "id,city\n1,Turku\n")), Wish(object_type))
    assert await world.pool.fetchval("select count(*) from record") == 0
    assert await world.pool.fetchval("select count(*) from property") == 0


@pytest.mark.parametrize(
    ("header", "name"),
    [("First name", "first_name"), (" E-Mail ", "e_mail"), ("Größe", "grosse"), ("Érték (Ft)", "ertek_ft")],
)
def test_a_header_becomes_a_property_name(header: str, name: str) -> None:
    """Letters lose their marks, all else becomes one underscore."""
    assert slug(header) == name
