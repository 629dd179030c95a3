from __future__ import annotations

import pytest

from activities.actions.add_to_list import AddToList
from activities.fakes import FakeCrm
from tests.activities.doing import ANNA, anna, doing


@pytest.mark.parametrize(("members", "line", "changed"), [(set(), "joined vip", True), ({ANNA}, "was on vip", False)])
async def test_the_record_is_on_the_list(members: set[object], line: str, changed: bool) -> None:
    """Also where it was already, which is a success."""
    crm = FakeCrm({ANNA: {}}, lists={"vip": {*members}})  # type: ignore[arg-type]
    done = await AddToList(list="vip").perform(doing(anna(), crm=crm))
    assert (done.line, done.output, crm.lists) == (line, {"changed": changed}, {"vip": {ANNA}})
