from __future__ import annotations

from activities.effects import Provenance, SetTo
from activities.gateways.postgres_crm import PostgresCrm
from tests.world import World


async def test_the_versions_of_a_property_are_its_history(world: World) -> None:
    """Newest first, each with who gave it; a property that was never edited has been as it is all along."""
    anna = await world.record("contact:1", city="Oulu", email="anna@example.com")
    source = Provenance(flow="f", revision="r", node="n", enrollment="e")
    async with world.pool.acquire() as connection:
        crm = PostgresCrm(connection)
        for value in ("Turku", None, "Espoo"):
            await crm.edit([anna], {"city": SetTo(value)}, source)
        versions = await crm.versions(anna)
    assert [each.value for each in versions["city"]] == ["Espoo", None, "Turku", "Oulu"]
    assert [each.source.get("flow") for each in versions["city"]] == ["f", "f", "f", None]
    assert [each.value for each in versions["email"]] == ["anna@example.com"]
    moments = [each.at for each in versions["city"]]
    assert moments == sorted(moments, reverse=True)
    assert versions["email"][0].at == moments[-1]
