from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.addresses import Addresses
from starter.migrate import LOCK, SchemaError, migrate, migrations, place, standing
from workflows.model.errors import CallerError, EngineError


@pytest.fixture
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    """An empty database."""
    name = f"test_{uuid4().hex}"
    server = await asyncpg.connect(stack.dsn)
    await server.execute(f"create database {name}")
    yield urlunsplit(urlsplit(stack.dsn)._replace(path=f"/{name}"))
    await server.execute(f"drop database {name} with (force)")
    await server.close()


def schema(folder: Path, **files: str) -> Path:
    """Write files of schema; the names of keyword arguments cannot begin with a number."""
    for name, sql in files.items():
        (folder / f"{name.removeprefix('v')}.sql").write_text(sql)
    return folder


async def ask(dsn: str, query: str) -> object:
    session = await asyncpg.connect(dsn)
    try:
        value: object = await session.fetchval(query)
    finally:
        await session.close()
    return value


async def test_all_files_are_applied_in_order(dsn: str, tmp_path: Path) -> None:
    """A second file finds what the first made."""
    schema(tmp_path, v001_a="create table a (x int);", v002_b="insert into a values (7);")
    applied = await migrate(dsn, tmp_path)
    assert [each.version for each in applied] == [1, 2]
    assert await ask(dsn, "select x from a") == 7


async def test_a_file_of_comments_alone_is_applied(dsn: str, tmp_path: Path) -> None:
    """A file may hold its place before it holds anything."""
    schema(tmp_path, v001_a="-- Lists, one day.\n", v002_b="create table b (x int); -- and no line break at the end")
    assert [each.version for each in await migrate(dsn, tmp_path)] == [1, 2]


async def test_a_second_run_does_nothing(dsn: str, tmp_path: Path) -> None:
    """A database that is up to date is left alone."""
    schema(tmp_path, v001_a="create table a (x int);")
    await migrate(dsn, tmp_path)
    assert await migrate(dsn, tmp_path) == []


async def test_a_failing_file_leaves_nothing(dsn: str, tmp_path: Path) -> None:
    """The files before a failing one stay; of itself not even the table it made first."""
    schema(tmp_path, v001_a="create table a ();", v002_b="create table b (); select 1/0; create table c ();")
    with pytest.raises(EngineError, match=r"002_b\.sql failed: division by zero; nothing of it was kept"):
        await migrate(dsn, tmp_path)
    assert await ask(
        dsn, "select array_agg(tablename::text order by tablename) from pg_tables where schemaname = 'public'"
    ) == [
        "a",
        "schema_version",
    ]
    assert (await standing(dsn, tmp_path)).version == 1


async def test_a_failed_file_is_tried_again_once_mended(dsn: str, tmp_path: Path) -> None:
    """A file that never came through may still be edited."""
    schema(tmp_path, v001_a="select 1/0;")
    with pytest.raises(EngineError):
        await migrate(dsn, tmp_path)
    schema(tmp_path, v001_a="select 1/1;")
    assert len(await migrate(dsn, tmp_path)) == 1


async def test_several_migrators_apply_each_file_once(dsn: str, tmp_path: Path) -> None:
    """Four migrators at once: each file runs once, and all four return well."""
    schema(tmp_path, v001_a="create table a (x int);", v002_b="insert into a values (1);")
    applied = await asyncio.gather(*(migrate(dsn, tmp_path) for _ in range(4)))
    assert sorted(len(each) for each in applied) == [0, 0, 0, 2]
    assert await ask(dsn, "select count(*) from a") == 1


async def test_a_second_migrator_waits_for_the_first(dsn: str, tmp_path: Path) -> None:
    """While another holds the lock, a migrator says that it waits, and goes on when the lock is free."""
    schema(tmp_path, v001_a="create table a ();")
    waits = asyncio.Event()
    first = await asyncpg.connect(dsn)
    await first.execute("select pg_advisory_lock($1)", LOCK)
    second = asyncio.create_task(migrate(dsn, tmp_path, lambda _line: waits.set()))
    await asyncio.wait_for(waits.wait(), 60)
    assert await ask(dsn, "select to_regclass('a') is null")
    await first.close()
    assert len(await second) == 1


async def test_an_edited_file_is_refused(dsn: str, tmp_path: Path) -> None:
    """A file that was applied and then edited is named, with what to do instead."""
    schema(tmp_path, v001_a="create table a ();")
    await migrate(dsn, tmp_path)
    schema(tmp_path, v001_a="create table a (x int);")
    with pytest.raises(SchemaError, match=r"001_a\.sql has been edited .* a new file 002_"):
        await migrate(dsn, tmp_path)


async def test_other_line_endings_are_no_edit(dsn: str, tmp_path: Path) -> None:
    """A checkout that turned the line endings is the same file."""
    schema(tmp_path, v001_a="select 1;\nselect 2;\n")
    await migrate(dsn, tmp_path)
    (tmp_path / "001_a.sql").write_bytes(b"select 1;\r\nselect 2;\r\n")
    assert await migrate(dsn, tmp_path) == []


async def test_a_newer_database_is_refused(dsn: str, tmp_path: Path) -> None:
    """A release that knows fewer files than the database has had keeps its hands off."""
    schema(tmp_path, v001_a="select 1;", v002_b="select 1;")
    await migrate(dsn, tmp_path)
    (tmp_path / "002_b.sql").unlink()
    with pytest.raises(SchemaError, match="at version 2, this release knows 1"):
        await migrate(dsn, tmp_path)


async def test_a_file_may_opt_out_of_its_transaction(dsn: str, tmp_path: Path) -> None:
    """With `-- no-transaction` an index can be made concurrently."""
    schema(
        tmp_path,
        v001_a="create table a (x int);",
        v002_b="-- no-transaction\ncreate index concurrently a_x on a (x);",
    )
    await migrate(dsn, tmp_path)
    assert await ask(dsn, "select to_regclass('a_x') is not null")


@pytest.mark.parametrize("names", [["001_a", "003_c"], ["002_b"], ["001_a", "001_b"]])
def test_a_gap_or_a_number_used_twice_is_refused(names: list[str], tmp_path: Path) -> None:
    """The files are numbered one by one from 001."""
    schema(tmp_path, **dict.fromkeys(names, "select 1;"))
    with pytest.raises(SchemaError, match="comes next; number the files without a gap"):
        migrations(tmp_path)


def test_a_file_without_a_number_is_refused(tmp_path: Path) -> None:
    """A file that would silently be left out is a mistake."""
    schema(tmp_path, notes="select 1;")
    with pytest.raises(SchemaError, match="is called NNN_what_it_does"):
        migrations(tmp_path)


async def test_standing_changes_nothing(dsn: str, tmp_path: Path) -> None:
    """Asking where the database stands does not even make the table of versions."""
    schema(tmp_path, v001_a="select 1;")
    stands = await standing(dsn, tmp_path)
    assert (stands.version, len(stands.pending)) == (0, 1)
    assert await ask(dsn, "select to_regclass('schema_version') is null")


async def test_the_shipped_schema_can_be_applied(dsn: str) -> None:
    """The files of this release make a database that is up to date."""
    await migrate(dsn)
    assert (await standing(dsn)).pending == ()


async def test_a_server_that_is_away_is_named_without_its_password() -> None:
    """An address that does not answer is told without user and password."""
    with pytest.raises(EngineError) as away:
        await migrate("postgresql://anna:hush@127.0.0.1:1/perdure")
    assert re.search(r"PostgreSQL at 127\.0\.0\.1:1/perdure does not answer", str(away.value))
    assert "hush" not in str(away.value)


async def test_a_refused_login_is_the_callers_mistake(dsn: str) -> None:
    """A wrong password is told as such, and not as a server that is away."""
    wrong = urlunsplit(urlsplit(dsn)._replace(netloc=f"anna:hush@{urlsplit(dsn).netloc.rpartition('@')[2]}"))
    with pytest.raises(CallerError, match="refused the connection"):
        await migrate(wrong)


def test_a_place_holds_no_password() -> None:
    """A database is named by host, port and database alone."""
    assert place("postgresql://u:p%40x@host:5432/db?sslmode=disable") == "host:5432/db"
