"""Random conditions, and the values that they are tried on: few of them, so that they meet, and the awkward ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from pydantic import JsonValue, TypeAdapter

from workflows.model.conditions import Condition

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)

NAMES = ["a", "b", "c", 'x" = 1; --']
ZONES = ["UTC", "Europe/Helsinki", "America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "EET"]
"""Among them those where midnight is skipped, where it comes twice, where a day is missing, and a bare abbreviation."""

MOMENTS = [
    *("2026-12-24", "2026-07-01", "2024-02-29", "2026-03-29", "2026-10-25", "2026-11-01", "2018-11-04", "2011-12-30"),
    *("2026-12-24T09:00", "2026-03-29T03:30", "2026-10-25T03:30:00", "2026-11-01T00:30", "2011-12-30 12:00"),
    *("2026-12-24T10:00:00Z", "2026-12-24T12:00:00+02:00", "2026-10-25T00:30:00.123456+00:00", "2025-12-31T23:59:59Z"),
    *("2026-12-24T10:00:00.1234567Z", "2018-11-04T03:00:00Z", "2011-12-30T10:00:00Z", "1850-05-05", "2999-12-31"),
]
NO_MOMENTS = ["2026-02-30", "2026-13-01", "2026-12-24T25:00", "2026-12-24T09", "26-12-24", "0999-01-01", "2026-12-24T"]
NOWS = [
    datetime(2026, 12, 24, 10, 0, tzinfo=UTC),
    datetime(2026, 12, 23, 22, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 30, 15, 123456, tzinfo=UTC),
    datetime(2018, 11, 4, 3, 0, tzinfo=UTC),
    datetime(2011, 12, 30, 10, 0, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2028, 1, 1, 0, 0, tzinfo=UTC),
]
TEXTS = [
    *("lead", "Lead", "LEADER", "x lead", "red", "RED", "blue", "Straße", "STRASSE", "straẞe", "İstanbul", "istanbul"),
    *("ΣΊΣΥΦΟΣ", "σίσυφος", "caf\u00e9", "cafe\u0301", "CAFÉ", "Ünï", "ǅ", "Ⴀ", "123", "0123", "5", "5.0", "+5", "-0"),
    *(
        "5e0",
        "٣",
        " 5",
        "5\n",
        "true",
        "TRUE",
        "none",
        "null",
        "%",
        "_",
        "a_b",
        "\\",
        "'",
        '"',
        "[]",
        "{}",
        "\U0001f600",
    ),
]
NUMBERS: list[int | float] = [
    0,
    -0.0,
    5,
    5.0,
    5.5,
    -3,
    0.1,
    0.30000000000000004,
    123,
    1e22,
    10**22,
    10**23,
    1e23,
    2**53,
]

AWKWARD: list[Any] = [
    *(*TEXTS, *MOMENTS, *NO_MOMENTS, *NUMBERS, None, "", [], {}, True, False, [["red"]], [{"k": 1}, "red"], [[]]),
    *(["lead"], ["LEAD", "red"], ["red", "blue"], ["blue", "red", "lead"], [5], [5, "5"], ["5.0", None], [None], [""]),
    *(["2026-12-24"], [True], ["true", "x"], ["Straße", "σίσυφος"]),
]
"""A value of each kind."""

texts = st.sampled_from([*TEXTS, *MOMENTS, *NO_MOMENTS])
numbers = st.sampled_from(NUMBERS)
scalars: st.SearchStrategy[Any] = texts | numbers | st.booleans()
atoms = scalars | st.none() | st.just("")
values: st.SearchStrategy[JsonValue] = (
    atoms | st.lists(atoms, max_size=3) | st.sampled_from([{}, {"k": "lead"}, [["red"]], [{"k": 1}, "red"], [[]]])
)
names = st.sampled_from(NAMES)
properties = st.dictionaries(names, values)
durations = st.sampled_from(["1 second", "1 hour", "1 day", "7 days", "60 days", "400 days"])
zones = st.sampled_from(ZONES)

_one_or_more = scalars | st.lists(scalars, min_size=1, max_size=3)
_some = st.lists(scalars, min_size=1, max_size=3)
_offsets = st.sampled_from(
    ["- 1 day", "+ 3 days", "-2 hours", "+90 minutes", "- 1 month", "+ 1 year - 1 day", "-3 weeks"]
)
_units = st.sampled_from(["day", "week", "month", "quarter", "year"])
_bases = st.sampled_from(["now", "today", "yesterday", "tomorrow", *MOMENTS[:14]]) | st.builds(
    "{} {}".format, st.sampled_from(["last", "this", "next"]), _units
)
_words = _bases | st.builds("{} {}".format, _bases, _offsets)
_fiscal = st.builds(
    lambda words, month: {"at": words, "fiscal_start": month},
    st.sampled_from(["this quarter", "last year", "next quarter - 1 quarter", "this year + 2 days"]),
    st.integers(1, 12),
)
_fixed = _words | _fiscal | st.builds(lambda words, zone: {"at": words, "zone": zone}, _words, zones)
_readings = st.sampled_from(["value", "date", "anniversary", "updated"])
_named = st.fixed_dictionaries(
    {"property": names}, optional={"read": _readings, "offset": _offsets, "otherwise": _fixed, "zone": zones}
)
points: st.SearchStrategy[Any] = _fixed | _named
ranges = st.tuples(points, points).map(list) | st.builds(
    lambda lower, upper, first, last: {lower: first, upper: last},
    st.sampled_from(["after", "on_or_after"]),
    st.sampled_from(["before", "on_or_before"]),
    points,
    points,
)
stretches = (
    st.builds("{} {}{}".format, st.just("this"), _units, st.sampled_from(["", " so far"]))
    | st.builds("{} {} {}s".format, st.sampled_from(["last", "next"]), st.integers(1, 3), _units)
    | st.sampled_from(["today", "yesterday", "tomorrow"])
    | st.builds(lambda month: {"at": "this quarter so far", "fiscal_start": month}, st.integers(1, 12))
)
_others = st.fixed_dictionaries({"property": names}, optional={"otherwise": scalars})
_amounts = numbers | _others
_two = st.tuples(numbers, numbers).map(sorted)

VALUE_TESTS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["is", "is_not", "contains", "does_not_contain", "starts_with", "ends_with"], _one_or_more),
    **dict.fromkeys(["is_any_of", "is_none_of", "is_exactly", "is_not_exactly"], _some),
    **dict.fromkeys(["contains_all", "does_not_contain_all"], _some),
    **dict.fromkeys(["greater_than", "at_least", "less_than", "at_most"], numbers),
    **dict.fromkeys(["between", "not_between"], _two),
    "is_known": st.booleans(),
}
TIME_TESTS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["before", "after", "on_or_before", "on_or_after"], points),
    **dict.fromkeys(["between", "not_between"], ranges),
    **dict.fromkeys(["within_last", "more_than_ago", "within_next", "more_than_from_now"], durations),
    "in": stretches,
}
PAST_TESTS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["has_ever_been", "has_never_been", "has_ever_contained", "has_never_contained"], _one_or_more),
    **dict.fromkeys(["has_ever_been_any_of", "has_never_been_any_of", "has_ever_been_exactly"], _some),
    **dict.fromkeys(["has_never_been_exactly", "has_ever_contained_all", "has_never_contained_all"], _some),
    **dict.fromkeys(["updated_within", "not_updated_within"], durations),
}
OTHER_TESTS = {
    **dict.fromkeys(["is", "is_not"], _others),
    **dict.fromkeys(["greater_than", "at_least", "less_than", "at_most"], _amounts),
}


def _test(tests: dict[str, st.SearchStrategy[Any]], **beside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(tests)).flatmap(
        lambda operator: st.fixed_dictionaries(
            {operator: tests[operator]}, optional={} if operator == "is_known" else beside
        )
    )


flags = st.booleans()
value_tests = _test(VALUE_TESTS, if_empty=flags)
_tests = (
    value_tests
    | _test(TIME_TESTS, if_empty=flags)
    | _test(TIME_TESTS, if_empty=flags, read=_readings)
    | _test(OTHER_TESTS, if_empty=flags)
    | _test(PAST_TESTS)
)
on_property = st.builds(lambda name, test: {"property": name, **test}, names, _tests)
on_output = st.builds(lambda test: {"output": "mail.sent", **test}, value_tests)
on_list = st.fixed_dictionaries({"list": st.sampled_from(["vip", "old"])}, optional={"member": flags})
on_flow = st.builds(
    lambda flow, key, standing: {"flow": flow, key: standing},
    st.sampled_from(["f", "g"]),
    st.sampled_from(["is", "is_not"]),
    st.sampled_from(["active", "ever", "completed", "goal"]),
)
_times = st.sampled_from([{"at_least": 2}, {"at_most": 0}, {"at_most": 1}, {"at_least": 1, "at_most": 2}])
_often: st.SearchStrategy[Any] = (
    st.just({}) | st.just({"never": True}) | st.builds(lambda times: {"times": times}, _times)
)
_where = st.dictionaries(st.sampled_from(["form", "n"]), value_tests | scalars | st.none(), max_size=2)
on_event = st.builds(
    lambda event, where, often, time: {"event": event, "where": where, **often, **time},
    st.sampled_from(["opened", "clicked"]),
    _where,
    _often,
    st.just({}) | _test(TIME_TESTS),
)


def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Join conditions, and ask them of associated records."""
    several = st.lists(parts, min_size=1, max_size=3)
    return (
        st.builds(lambda each: {"all": each}, several)
        | st.builds(lambda each: {"any": each}, several)
        | st.builds(lambda each: {"not": each}, parts)
        | st.fixed_dictionaries(
            {"associated": st.sampled_from(["company", "contact"])},
            optional={"label": st.sampled_from(["boss", "it's"]), "where": parts, "none": flags},
        )
    )


stored = st.recursive(on_property | on_property | on_list | on_flow | on_event, joined, max_leaves=5)
"""Conditions that a stored record can be asked."""

trees = st.recursive(on_property | on_output | on_list | on_flow | on_event, joined, max_leaves=6).filter(
    lambda tree: "mail.sent" not in str(tree) or "associated" not in str(tree)
)
"""All conditions."""
