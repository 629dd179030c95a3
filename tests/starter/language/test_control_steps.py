from __future__ import annotations

from datetime import date, time

import pytest

from activities.catalogue import Catalogue
from starter.language.compile import Checked, check_flow
from workflows.model.flow import Flow, Timezone
from workflows.model.nodes import BranchOnValue, DelayUntil, Share, Split

CATALOGUE = Catalogue({})
HOLDS = "must be one value, a text or a number; records without a value go to `otherwise`"
BOTH = "give `is` or `is_any_of`, not both"
ONE_NEEDED = "at least one branch is needed, as `{is: ..., steps: [...]}`"
PERCENT = "`percent` is missing; give it to every branch, or to none for even shares"
OWN = "each branch needs one of its own"
TWO_WAYS = "a split needs at least two branches; with one, all records go the same way"
NO_ZONE = "is no time zone; write one as 'Europe/Helsinki'"
FORMS = '`on: [tue, thu]` and/or `at: "11:00"`; `date: 2026-12-24`; or `property: renewal_date`'


def checked(*steps: str, top: str = "") -> Checked:
    listed = "".join(f"  - {step}\n" for step in steps)
    return check_flow(f"flow: a\nobject: contact\n{top}steps:\n{listed or '  []'}", CATALOGUE, "a.yaml")


def flow(*steps: str, top: str = "") -> Flow:
    found = checked(*steps, top=top)
    assert found.flow is not None, found.mistakes
    return found.flow


def told(*steps: str, top: str = "") -> list[str]:
    return [f"{each.column} {each.path}: {each.message}" for each in checked(*steps, top=top).mistakes]


@pytest.mark.parametrize(
    ("step", "node"),
    [
        ('on: [tue, thu], at: "11:00"', {"on": ("tue", "thu"), "at": time(11)}),
        ("at: 09:30", {"at": time(9, 30)}),
        ("on: [sun]", {"on": ("sun",)}),
        ("on: [mon, fri], at: 09:00, days: 2", {"on": ("mon", "fri"), "at": time(9), "days": 2}),
        ("date: 2026-12-24, days: -1, if_past: end", {"date": date(2026, 12, 24), "days": -1, "if_past": "end"}),
        ("property: renewal, days: 3, if_empty: end", {"property": "renewal", "days": 3, "if_empty": "end"}),
    ],
)
def test_a_delay_until_a_moment_is_read(step: str, node: dict[str, object]) -> None:
    """Weekdays, a time, a calendar date and a date property stand in the node as they are written."""
    found = flow(f"{{do: delay_until, id: x, {step}}}").nodes["x"]
    assert isinstance(found, DelayUntil)
    assert {key: getattr(found, key) for key in node} == node


@pytest.mark.parametrize(
    ("step", "mistake"),
    [
        ("on: [tuesday]", "35 steps[0].on[0]: 'tuesday' is not known here; did you mean 'tue'?"),
        ("on: tue", "34 steps[0].on: must be a list, not 'tue'; write it as [tue]"),
        ("on: []", "34 steps[0].on: names no weekday; write some, as [tue, thu]"),
        ("on: [mon, mon]", "40 steps[0].on[1]: 'mon' stands here twice"),
        ("at: 25:00", "34 steps[0].at: '25:00' is no time of day; write hours and minutes, as '09:00'"),
        ("date: 2026-02-30", "36 steps[0].date: '2026-02-30' is no date; write year, month and day, as '2026-12-24'"),
        ("at: 09:00, days: -1", "5 steps[0]: `days` without a date are counted from now, so 1 or more"),
        ("days: 1", f"5 steps[0]: until when? Give {FORMS}"),
        ("date: 2026-12-24, if_empty: end", "48 steps[0].if_empty: `if_empty` stands beside a `property` only"),
        ("property: p, days: true", "49 steps[0].days: must be a number, not true"),
        ("property: p, if_past: goon", "52 steps[0].if_past: 'goon' is not known here; did you mean 'go_on'?"),
        ("name: Later", f"5 steps[0]: until when? Give {FORMS}"),
        (
            "on: [mon], date: 2026-12-24",
            f"41 steps[0].date: `on` and `date` cannot stand together; give {FORMS}",
        ),
    ],
)
def test_what_is_no_moment_is_told(step: str, mistake: str) -> None:
    """Each wrong field of a delay until a moment is told where it stands, with what was meant or is possible."""
    assert told(f"{{do: delay_until, id: x, {step}}}") == [mistake]


def test_a_branch_by_value_is_read() -> None:
    """Each branch has an edge of its own, called after its values where it has no name; others go on."""
    found = flow(
        "{do: branch_on_value, id: x, property: country, branches: [{is: FI, steps: [{do: end, id: out}]},"
        " {name: Nordic, is_any_of: [SE, NO]}, {is: true}, {is: 3}], otherwise: []}",
        "{do: delay, id: rest, for: 1 day}",
    ).nodes["x"]
    assert isinstance(found, BranchOnValue)
    assert [(way.name, way.values) for way in found.ways] == [
        ("FI", ("FI",)),
        ("Nordic", ("SE", "NO")),
        ("true", (True,)),
        ("3", (3,)),
    ]
    assert found.edges == {"FI": "out", "Nordic": "rest", "true": "rest", "3": "rest", "otherwise": "rest"}


@pytest.mark.parametrize(
    ("step", "mistake"),
    [
        (
            "property: p, branches: [{is: A}, {is: a}]",
            "72 steps[0].branches[1].is: the value 'a' is taken by the branch in line 4",
        ),
        ("property: p, branches: [{is: null}]", f"63 steps[0].branches[0].is: {HOLDS}"),
        ("property: p, branches: [{is_any_of: []}]", "70 steps[0].branches[0].is_any_of: must not be empty"),
        ("property: p, branches: [{name: A}]", "58 steps[0].branches[0]: `is` is missing"),
        ("property: p, branches: [{is: A, is_any_of: [B]}]", f"66 steps[0].branches[0].is_any_of: {BOTH}"),
        (
            "property: p, output: s.k, branches: [{is: A}]",
            "47 steps[0].output: give a `property` or an `output`, not both",
        ),
        ("branches: [{is: A}]", "5 steps[0]: whose value? Give a `property`, as `property: country`, or an `output`"),
        ("property: p, branches: []", f"57 steps[0].branches: {ONE_NEEDED}"),
    ],
)
def test_what_is_no_branch_by_value_is_told(step: str, mistake: str) -> None:
    """Values that are taken, missing or none, and a step that does not say whose value, are told at their place."""
    assert told(f"{{do: branch_on_value, id: x, {step}, otherwise: []}}") == [mistake]


def test_a_split_is_read() -> None:
    """Shares are percentages, or even where none is given; each has an edge of its own."""
    given = flow("{do: split, id: x, branches: [{name: A, percent: 12.5}, {name: B, percent: 87.5}]}").nodes["x"]
    even = flow("{do: split, id: x, branches: [{name: A}, {name: B}, {name: C}]}").nodes["x"]
    assert isinstance(given, Split)
    assert isinstance(even, Split)
    assert given.shares == (Share(name="A", percent=12.5), Share(name="B", percent=87.5))
    assert [round(share.percent, 9) for share in even.shares] == [33.333333333] * 3
    assert even.edges == {"A": None, "B": None, "C": None}


@pytest.mark.parametrize(
    ("branches", "mistake"),
    [
        (
            "{name: A, percent: 50}, {name: B, percent: 60}",
            "34 steps[0].branches: the percentages of these branches make 110, not 100",
        ),
        (
            "{name: A, percent: 50%}, {name: B, percent: 50}",
            "54 steps[0].branches[0].percent: '50%' is not a number; write it as 50",
        ),
        ("{name: A, percent: 0}, {name: B, percent: 100}", "54 steps[0].branches[0].percent: must be greater than 0"),
        ("{name: A, percent: 9}, {name: B}", f"58 steps[0].branches[1]: {PERCENT}"),
        ("{name: A}, {name: A}", f"53 steps[0].branches[1].name: the name 'A' is taken; {OWN}"),
        ("{name: A}", f"34 steps[0].branches: {TWO_WAYS}"),
        ("{name: A}, {name: next}", f"53 steps[0].branches[1].name: the name 'next' is taken; {OWN}"),
        ("{name: A}, {name: 2}", "53 steps[0].branches[1].name: must be text; write it in quotes, as '2'"),
    ],
)
def test_what_is_no_split_is_told(branches: str, mistake: str) -> None:
    """Percentages that do not make a hundred, names that are taken, and less than two ways are told at their place."""
    assert told(f"{{do: split, id: x, branches: [{branches}]}}") == [mistake]


@pytest.mark.parametrize(
    ("kind", "branches", "code"),
    [
        ("branch", [f"{{name: b{n}, when: {{property: p, is: {n}}}}}" for n in range(21)], "too_many_branches"),
        ("split", [f"{{name: b{n}}}" for n in range(21)], "too_many_branches"),
        ("branch_on_value, property: p", [f"{{is: b{n}}}" for n in range(251)], "too_many_branches"),
        ("branch_on_value, property: p", [f"{{is_any_of: [a{n}, b{n}]}}" for n in range(126)], "too_many_values"),
    ],
)
def test_branches_have_their_limits(kind: str, branches: list[str], code: str) -> None:
    """Twenty branches, and 250 values, are allowed; one more is not."""
    otherwise = "" if kind == "split" else ", otherwise: []"
    step = "{{do: {}, id: x, branches: [{}]{}}}"
    assert [each.code for each in checked(step.format(kind, ", ".join(branches), otherwise)).mistakes] == [code]
    assert checked(step.format(kind, ", ".join(branches[:-1]), otherwise)).mistakes == ()


@pytest.mark.parametrize(
    ("given", "timezone"),
    [
        ("Europe/Helsinki", Timezone(zone="Europe/Helsinki")),
        ("record", Timezone(property="timezone")),
        ("{property: tz}", Timezone(property="tz")),
        ("{property: tz, otherwise: Asia/Tokyo}", Timezone(zone="Asia/Tokyo", property="tz")),
    ],
)
def test_the_zone_of_a_flow_is_read(given: str, timezone: Timezone) -> None:
    """A zone, the record's own, or that of a property with one for records that have none."""
    assert flow(top=f"settings: {{timezone: {given}}}\n").settings.timezone == timezone


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ("Europe/Helsinky", "22 settings.timezone: 'Europe/Helsinky' is no time zone; did you mean 'Europe/Helsinki'?"),
        ("../../../etc/passwd", f"22 settings.timezone: '../../../etc/passwd' {NO_ZONE}"),
        ("{property: tz, otherwise: Tokio}", f"48 settings.timezone.otherwise: 'Tokio' {NO_ZONE}"),
        ("{otherwise: Asia/Tokyo}", "22 settings.timezone: `property` is missing"),
        ("2", "22 settings.timezone: must be text, not 2; put it in quotes, as '2'"),
    ],
)
def test_what_is_no_zone_is_told(given: str, mistake: str) -> None:
    """A zone is a name of the IANA database, and never a path."""
    assert told(top=f"settings: {{timezone: {given}}}\n") == [mistake]
