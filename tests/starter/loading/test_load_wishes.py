from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from starter.loading import batches
from starter.loading.bad_rows import report
from starter.loading.load import Load, Loaded, load
from starter.loading.load_plan import Wish, plan
from starter.loading.rows import BadRow, open_rows
from tests.world import World
from workflows.model.errors import CallerError, EngineError


def file(folder: Path, text: str, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


async def put(world: World, text: str, name: str = "people.csv", **wish: Any) -> tuple[Loaded, list[str]]:
    """Load a file's text as contacts; give what became of it, and the reasons of its bad rows."""
    bad: list[BadRow] = []
    opened = open_rows(file(world.folder, text, name))
    loaded = await load(world.pool, opened, Wish(wish.pop("object", "contact"), **wish), bad.append)
    return loaded, [f"{row.line}: {row.reason}" for row in bad]


async def contacts(world: World) -> dict[str, dict[str, Any]]:
    rows = await world.pool.fetch("select id, properties from record where archived_at is null")
    return {row["id"]: dict(row["properties"]) for row in rows}


async def types(world: World) -> dict[str, str]:
    return {row["name"]: row["type"] for row in await world.pool.fetch("select name, type from property")}


async def test_columns_are_mapped(world: World) -> None:
    """A column becomes the property that it is mapped to, by its title or slug; mapped to nothing it is left out."""
    await put(world, "No,2nd City,junk\n7,Turku,x\n", names={"no": "id", "2nd City": "city", "junk": ""})
    assert await contacts(world) == {"7": {"city": "Turku"}}


async def test_types_are_found_in_the_values(world: World) -> None:
    """With `infer` a new property has the type that all its values are of, and they are stored so."""
    await put(world, "id,score,zip,vip\n1,5,00100,true\n2,,20100,false\n", infer=True)
    assert await types(world) == {"score": "number", "zip": "text", "vip": "boolean"}
    assert (await contacts(world))["1"] == {"score": 5, "zip": "00100", "vip": True}


async def test_a_type_that_is_given_is_checked(world: World) -> None:
    """A new property is defined as asked, and a row whose value it does not take is bad."""
    loaded, bad = await put(world, "id,score\n1,5\n2,high\n", types={"score": "number"})
    assert (loaded, bad) == (Loaded(inserted=1, bad=1), ["3: score takes a number, not 'high'"])
    with pytest.raises(CallerError, match="score is defined as number already"):
        await put(world, "id,score\n1,5\n", types={"score": "text"})


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"types": {"city": "numbr"}}, "--type city=numbr: did you mean 'number'"),
        ({"types": {"cty": "text"}}, "no column is 'cty'; did you mean 'city'"),
        ({"names": {"cty": "town"}}, "there is no column 'cty'; did you mean 'city'"),
        ({"names": {"city": "A B"}}, "gives no property name"),
        ({"names": {"id": "", "city": ""}}, "no column is left"),
        ({"by": "email"}, "--by email: no column is 'email'"),
    ],
)
async def test_a_wish_that_cannot_be_is_a_mistake(wish: dict[str, Any], told: str, world: World) -> None:
    """Each is told with what was meant, and nothing is loaded."""
    with pytest.raises(CallerError, match=told):
        await put(world, "id,city\n1,Turku\n", **wish)
    assert await contacts(world) == {}


async def test_json_lines_are_loaded(world: World) -> None:
    """Names may differ from line to line; numbers and booleans are what they are, a null says nothing."""
    text = lines({"id": 1, "Score": 5, "vip": True}, {"id": "2", "city": " Turku ", "Score": None})
    loaded, bad = await put(world, text, "people.jsonl")
    assert (loaded.inserted, bad) == (2, [])
    assert await contacts(world) == {"1": {"score": 5, "vip": True}, "2": {"city": "Turku"}}
    assert await types(world) == {"score": "number", "vip": "boolean", "city": "text"}


async def test_bad_json_lines_are_told(world: World) -> None:
    """What is no JSON, no object, or holds what no property takes is bad alone."""
    text = (
        '{"id": "1"\n[1]\n{"id": true}\n{"id": "2", "x": [1]}\n{"id": "3", "x": "a\\u0000"}\n\n{"id": "4", "x": "a"}\n'
    )
    loaded, bad = await put(world, text, "people.jsonl")
    assert loaded == Loaded(inserted=1, bad=5)
    assert [each.split(" at line")[0] for each in bad] == [
        "1: is no JSON: EOF while parsing an object",
        "2: is no object of names and values, as {...}",
        "3: True cannot name a record: up to 200 characters, no spaces and no slashes",
        "4: x takes a text, not [1]",
        "5: holds a null character",
    ]


async def test_json_as_a_whole_is_told_how_to_be(world: World) -> None:
    """A `.json` file is one value, which cannot be read line by line."""
    with pytest.raises(CallerError, match=r"write an object a line, and call the file people\.jsonl"):
        await put(world, "[]", "people.json")
    with pytest.raises(CallerError, match="has no line such as"):
        await put(world, "\n", "people.jsonl")


async def test_a_property_tells_whose_row_it_is(world: World) -> None:
    """By e-mail, in whatever letters, a record is found; where there is none a new one gets an id of its own."""
    await put(world, "id,email,city\n7,Anna@example.com,Turku\n")
    loaded, _ = await put(
        world, "email,city\nanna@EXAMPLE.com,Oulu\nben@example.com,Kemi\n", by="email", make_unique=True
    )
    assert loaded == Loaded(inserted=1, updated=1)
    known = await contacts(world)
    assert known.pop("7") == {"email": "anna@EXAMPLE.com", "city": "Oulu"}
    assert list(known.values()) == [{"email": "ben@example.com", "city": "Kemi"}]
    again, _ = await put(world, "email,city\nanna@EXAMPLE.com,Oulu\nben@example.com,Kemi\n", by="email")
    assert again == Loaded(unchanged=2)


async def test_a_record_is_found_by_an_index(world: World) -> None:
    """A load by a property does not look through all records for each batch."""
    await put(world, "email\na@example.com\n", by="email")
    async with world.pool.acquire() as connection:
        await connection.execute("set enable_seqscan = off")
        explained = await connection.fetch(
            "explain select id from record where type = 'contact' and archived_at is null"
            " and nullif(folded(properties ->> 'email'), '') = 'a@example.com'"
        )
        await connection.execute("reset enable_seqscan")
    assert "record_by_" in "\n".join(row[0] for row in explained)


async def test_a_property_that_is_not_unique_tells_nobody_apart(world: World) -> None:
    """It is made unique only when it is asked for, and only where no two records share a value."""
    await put(world, "id,city\n1,Turku\n2,turku\n3,Oulu\n")
    with pytest.raises(CallerError, match=r"city is not unique, so .* `--unique` makes it so"):
        await put(world, "city\nTurku\n", by="city")
    with pytest.raises(CallerError, match="city is not unique: 'turku' is held by contact:1 and contact:2"):
        await put(world, "city\nTurku\n", by="city", make_unique=True)
    assert not await world.pool.fetchval("select is_unique from property where name = 'city'")


async def test_a_unique_value_is_one_records(world: World) -> None:
    """A row with a value that another record has, or another row, is bad; the others are in."""
    await put(world, "email,city\na@example.com,Turku\n", by="email")
    (first,) = await contacts(world)
    text = f"id,email\n1,A@example.com\n2,b@example.com\n3,B@example.com\n{first},c@example.com\n"
    loaded, bad = await put(world, text)
    assert loaded == Loaded(inserted=1, updated=1, bad=2)
    assert bad == [
        "4: 'b@example.com' was on line 3 already",
        f"2: email 'A@example.com' is unique, and contact:{first} has it already",
    ]


async def test_a_row_needs_what_tells_whose_it_is(world: World) -> None:
    """Without the property the row is bad, and with an id that is another record's too."""
    await put(world, "id,email\n7,a@example.com\n", by="email")
    _, bad = await put(world, "id,email\n8,\n8,a@example.com\n", by="email")
    assert bad == ["2: has no email", "3: email 'a@example.com' is unique, and contact:7 has it already"]


async def test_a_new_type_is_defined_with_its_first_record(world: World) -> None:
    """An object type that is asked for is there once its records are, and not before."""
    await put(world, "id,name\n,Aura\n", object="sailing_boat", new_type=True)
    assert not await world.pool.fetchval("select exists (select from object_type where key = 'sailing_boat')")
    assert await types(world) == {}
    await put(world, "id,name\n1,Aura\n", object="sailing_boat", new_type=True)
    assert await world.pool.fetchval("select name from object_type where key = 'sailing_boat'") == "Sailing boat"


async def test_history_says_where_values_came_from(world: World) -> None:
    """New values and changed ones have a line each; a value from before any history opens it."""
    await world.record("contact:1", city="Turku", zip="20100")
    await put(world, "id,city\n1,Oulu\n2,Kemi\n")
    rows = await world.pool.fetch("select id, name, value, source from property_history order by id, at, seq")
    load_ = {"load": "people.csv"}
    assert [tuple(row) for row in rows] == [
        ("1", "city", "Turku", {}),
        ("1", "city", "Oulu", load_),
        ("2", "city", "Kemi", load_),
    ]


async def test_a_dry_run_writes_nothing(world: World) -> None:
    """It counts what would become of the rows, bad ones too."""
    await put(world, "id,email\n1,a@example.com\n2,b@example.com\n", by="email")
    opened = open_rows(
        file(world.folder, "id,email,city\n1,a@example.com,Turku\n2,b@example.com,\n3,A@example.com,\n4,,Oulu\n")
    )
    loaded = await Load(world.pool, opened, await plan(world.pool, opened, Wish("contact")), dry=True).run()
    assert loaded == Loaded(inserted=1, updated=1, unchanged=1, bad=1)
    assert (await contacts(world))["1"] == {"email": "a@example.com"}
    assert "city" not in await types(world)
    assert await world.pool.fetchval("select count(*) from property_history") == 2


async def test_a_load_that_is_stopped_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after the batch under way and says so; another run does the rest."""
    monkeypatch.setattr("starter.loading.load.BATCH", 2)
    opened, stop = open_rows(file(world.folder, "id\n1\n2\n3\n4\n5\n")), asyncio.Event()
    planned = await plan(world.pool, opened, Wish("contact"))
    loaded = await Load(world.pool, opened, planned, moved=lambda _: stop.set(), stop=stop).run()
    assert loaded == Loaded(inserted=2, stopped=True)
    assert await load(world.pool, opened, Wish("contact")) == Loaded(inserted=3, unchanged=2)


async def test_a_lock_that_passes_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that meets a lock for longer than a statement may take is tried again."""
    await world.record("contact:1", city="Turku")
    monkeypatch.setattr("starter.loading.load.BATCH_TIMEOUT", 0.3)
    monkeypatch.setattr(batches, "PAUSES", (0.01,) * 50)
    async with world.transaction() as (connection, transaction):
        await connection.execute("select from record for update")
        loading = asyncio.create_task(put(world, "id,city\n1,Oulu\n"))
        while not await world.blocked():
            await asyncio.sleep(0)
        await transaction.commit()
    assert (await loading)[0] == Loaded(updated=1)


async def test_a_lock_that_does_not_pass_ends_the_load(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says how far it came and how to go on."""
    await world.record("contact:3", city="Turku")
    monkeypatch.setattr("starter.loading.load.BATCH", 1)
    monkeypatch.setattr("starter.loading.load.BATCH_TIMEOUT", 0.1)
    monkeypatch.setattr(batches, "PAUSES", (0.01,))
    async with world.transaction() as (connection, _):
        await connection.execute("select from record for update")
        with pytest.raises(EngineError, match=r"failed at the row of line 4 .*: 2 rows before it are in. Run the same"):
            await put(world, "id,city\n1,Oulu\n2,Oulu\n3,Oulu\n")
    assert len(await contacts(world)) == 3


async def test_two_loads_at_once_end_as_one(world: World) -> None:
    """By a unique property, two loads of the same file make each record once."""
    text = "email\n" + "".join(f"p{n}@example.com\n" for n in range(300))
    await put(world, "email\nfirst@example.com\n", by="email")
    opened = open_rows(file(world.folder, text))
    both = await asyncio.gather(*(load(world.pool, opened, Wish("contact", by="email")) for _ in range(2)))
    assert sorted((each.inserted, each.unchanged) for each in both) == [(0, 300), (300, 0)]


async def test_the_report_can_be_mended_and_loaded(world: World) -> None:
    """Bad rows stand in it as they were, after their line and the reason."""
    path = world.folder / "bad.csv"
    opened = open_rows(file(world.folder, 'id,Age,Note\n1,old,"a, b"\n2,3\n'))
    await world.define("contact", age="number")
    with report(path, opened.titles, opened.path) as kept:
        await load(world.pool, opened, Wish("contact"), kept.add)
    assert path.read_text().splitlines() == [
        "line,reason,id,Age,Note",
        '2,"age takes a number, not \'old\'",1,old,"a, b"',
        '3,"has 2 cells, the header has 3",2,3',
    ]
    path.write_text('line,reason,id,Age,Note\n2,mended,1,41,"a, b"\n')
    await load(world.pool, open_rows(path), Wish("contact", names={"line": "", "reason": ""}))
    assert await contacts(world) == {"1": {"age": 41, "note": "a, b"}}


def test_a_report_does_not_replace_the_file(tmp_path: Path) -> None:
    """The file that is loaded is no place for its bad rows, nor is a folder."""
    path = file(tmp_path, "id\n")
    for place, told in ((path, "is the file that is loaded"), (tmp_path / "no" / "x.csv", "cannot be written")):
        with pytest.raises(CallerError, match=told), report(place, ("id",), path):
            pass


async def test_only_what_passes_is_tried_again() -> None:
    """A mistake is raised at once, a lock that was not available is tried again."""
    tries: list[int] = []

    async def work(error: Exception) -> None:
        tries.append(1)
        raise error

    for error, attempts in ((asyncpg.UndefinedTableError(), 1), (asyncpg.LockNotAvailableError(), 3)):
        tries.clear()
        with pytest.raises(type(error)):
            await batches.patiently(lambda error=error: work(error), (0, 0))  # type: ignore[misc]
        assert len(tries) == attempts
