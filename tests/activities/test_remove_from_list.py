from __future__ import annotations

import pytest

from activities.actions.remove_from_list import RemoveFromList
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, anna, doing


@pytest.mark.parametrize(("members", "line", "changed"), [({ANNA}, "left vip", True), (set(), "was not on vip", False)])
async def test_the_record_is_off_the_list(members: set[object], line: str, changed: bool) -> None:
    """Also where it was not on it, which is a success."""
    crm = FakeCrm({ANNA: {}}, lists={"vip": {*members}})  # type: ignore[arg-type]
    done = await RemoveFromList(list="vip").perform(doing(anna(), crm=crm))
    assert (done.line, done.output, crm.lists) == (line, {"changed": changed}, {"vip": set()})
