from __future__ import annotations

from activities.effects import PropertyDefinition
from starter.language.definitions import Definitions, read_definitions
from tests.flows import end, flow
from tests.starter.conftest import Office


async def test_what_is_defined_is_read_from_the_database(office: Office) -> None:
    """Properties with their types and options, lists and flows are what the database has.

    A conversation's own properties are read-only for flows, whatever their definitions say.
    """
    pool = office.world.pool
    await pool.execute("delete from property")
    await pool.execute(
        "insert into property (object, name, type, options, read_only) values"
        " ('deal', 'stage', 'option', $1, false), ('deal', 'amount', 'number', null, true),"
        " ('conversation', 'status', 'text', null, false)",
        ["open", "won"],
    )
    await pool.execute("insert into crm_user (id, email) values ('7', 'bo@example.com')")
    await pool.execute("insert into list (key, object, name) values ('vips', 'deal', 'VIPs')")
    await pool.execute(
        "insert into email_content (key, name, subject, text, for_automation) values"
        " ('hello', 'Hello', '', '', true), ('once', 'Once', '', '', false)"
    )
    keys = [await office.on(flow(key, end("out"))) for key in ("welcome", "sequence-chase")]
    assert await read_definitions(pool) == Definitions(
        {
            **{type_: {} for type_ in ("company", "contact", "ticket", "quote")},
            "deal": {
                "stage": PropertyDefinition("option", ("open", "won")),
                "amount": PropertyDefinition("number", read_only=True),
            },
            "conversation": {"status": PropertyDefinition("text", read_only=True)},
        },
        lists=frozenset({"vips"}),
        flows=frozenset(keys),
        emails={"hello": True, "once": False},
        others={
            **dict.fromkeys(("subscription", "team"), frozenset()),
            "static_list": frozenset({"vips"}),
            "sequence": frozenset({"chase"}),
            "user": frozenset({"7"}),
        },
    )
