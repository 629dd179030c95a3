from __future__ import annotations

from starter.definitions import Definitions, PropertyDefinition, read_definitions
from tests.flows import end, flow
from tests.starter.conftest import Office


async def test_what_is_defined_is_read_from_the_database(office: Office) -> None:
    """Properties with their types and options, lists and flows are what the database has."""
    pool = office.world.pool
    await pool.execute("delete from property")
    await pool.execute(
        "insert into property (object, name, type, options, read_only) values"
        " ('deal', 'stage', 'option', $1, false), ('deal', 'amount', 'number', null, true)",
        ["open", "won"],
    )
    await pool.execute("insert into list (key, object, name) values ('vips', 'deal', 'VIPs')")
    key = await office.on(flow("welcome", end("out")))
    assert await read_definitions(pool) == Definitions(
        {
            "deal": {
                "stage": PropertyDefinition("option", ("open", "won")),
                "amount": PropertyDefinition("number", read_only=True),
            }
        },
        lists=frozenset({"vips"}),
        flows=frozenset({key}),
    )
