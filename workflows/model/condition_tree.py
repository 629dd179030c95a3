"""The tree of a condition: leaves that ask about a record, joined by `all`, `any` and `not`.

A leaf is a mapping told by its key: `property`, `output`, `list`, `event`, `flow` or `associated`. The tree is bounded,
so that everything that walks it may do so by recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    model_validator,
)

from workflows.model.comparisons import FROZEN, Comparison, Given, PastComparison, Test, TimeTests
from workflows.model.comparisons import Name as PropertyName
from workflows.model.time_points import TimeRange

DEEPEST = 20
"""Levels of a condition."""

MOST_PARTS = 500
"""Parts of a condition, whatever their level."""

MOST_BESIDE = 250
"""Parts that one `all` or `any` joins."""

Standing = Literal["active", "ever", "completed", "goal"]
"""Where a record stands with a flow: in it now, in it at any time, through it, or out of it by its goal."""


class OnProperty(PastComparison):
    """A test of one property of the record."""

    beside: ClassVar[frozenset[str]] = frozenset({"property", "read", "if_empty"})

    property: PropertyName


class OnOutput(Comparison):
    """A test of one output of an earlier node, named `NODE.KEY`."""

    beside: ClassVar[frozenset[str]] = frozenset({"output", "if_empty"})

    output: str = Field(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_]+$")


class OnList(Given):
    """Met when the record is a member of a list; with `member: false`, when it is not."""

    list: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")
    member: StrictBool = True


class OnFlow(Given):
    """Met when the record stands so with a flow, or does not."""

    flow: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")
    is_: Standing | None = Field(None, alias="is")
    is_not: Standing | None = None

    @model_validator(mode="after")
    def _one_standing(self) -> Self:
        if (self.is_ is None) == (self.is_not is None):
            raise ValueError("give one of `is` and `is_not`: active, ever, completed or goal")
        return self

    @property
    def standing(self) -> Standing:
        """What is asked."""
        return self.is_ or self.is_not or "ever"


class Times(Given):
    """How often something happened; bounds are included."""

    at_least: int = Field(0, ge=0, le=1_000_000, strict=True)
    at_most: int | None = Field(None, ge=0, le=1_000_000, strict=True)

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give `at_least`, `at_most` or both")
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("`at_most` is less than `at_least`")
        return self


ONCE = Times(at_least=1)
NEVER = Times(at_most=0)


def plain_as_test(given: object) -> object:
    """Read a plain value as `is`, and null or an empty text as a value that is not there."""
    if given is None or given == "":
        return {"is_known": False}
    return given if isinstance(given, dict | Test) else {"is": given}


Where = dict[PropertyName, Annotated[Test, BeforeValidator(plain_as_test)]]
"""Tests of an event's properties; a plain value means `is`."""


class OnEvent(TimeTests):
    """Met when an event happened to the record: at least once, so many `times`, or `never`.

    Only those count whose properties pass the tests in `where` and that happened when the time test says.
    """

    beside: ClassVar[frozenset[str]] = frozenset({"event", "where", "times", "never"})

    event: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    where: Where = Field(default_factory=dict)
    times: Times | None = None
    never: StrictBool = False
    between: TimeRange | None = None
    not_between: TimeRange | None = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        given = sorted(name.rstrip("_") for name in self.model_fields_set - self.beside)
        if len(given) > 1:
            raise ValueError(f"give one time test, not {len(given)}: {', '.join(given)}")
        if given and self.wanted is None:
            raise ValueError(f"{given[0]} needs a value")
        if self.never and self.times is not None:
            raise ValueError("`never` and `times` ask two things; give one of them")
        return self

    @property
    def operator(self) -> str | None:
        """The time test given."""
        return next(iter(self.model_fields_set - self.beside), None)

    @property
    def wanted(self) -> object:
        """What the time test compares with."""
        return getattr(self, self.operator) if self.operator else None

    @property
    def counts(self) -> Times:
        """How often the event must have happened."""
        return NEVER if self.never else self.times or ONCE


class OnAssociated(Given):
    """Met when some associated record meets a condition; with `none: true`, when none does.

    Without a condition it asks whether there is an associated record at all.
    """

    associated: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    label: str | None = Field(None, pattern=r"^[^/\x00]{1,80}$")
    where: Part | None = None
    none: StrictBool = False

    @property
    def name(self) -> str:
        """The name under which the facts hold these records."""
        return self.associated if self.label is None else f"{self.associated}/{self.label}"

    @model_validator(mode="after")
    def _asks_the_other(self) -> Self:
        if self.where is not None and any(isinstance(leaf, OnOutput) for leaf in leaves(self.where)):
            raise ValueError("an output is none of the associated record's; ask for it beside `associated`")
        return self


class All(BaseModel):
    """Met when every part is met."""

    model_config = FROZEN

    all: tuple[Part, ...] = Field(min_length=1, max_length=MOST_BESIDE)


class Any(BaseModel):
    """Met when at least one part is met."""

    model_config = FROZEN

    any: tuple[Part, ...] = Field(min_length=1, max_length=MOST_BESIDE)


class Not(Given):
    """Met when its part is not."""

    not_: Part = Field(alias="not")


Leaf = OnProperty | OnOutput | OnList | OnFlow | OnEvent | OnAssociated

_TAGS: dict[type[BaseModel], str] = {
    All: "all",
    Any: "any",
    Not: "not",
    OnAssociated: "associated",
    OnEvent: "event",
    OnFlow: "flow",
    OnList: "list",
    OnOutput: "output",
    OnProperty: "property",
}


def _kind(given: object) -> str:
    if isinstance(given, dict):
        return next((tag for tag in _TAGS.values() if tag in given), "property")
    return _TAGS.get(type(given), "property")  # type: ignore[arg-type]


Part = Annotated[
    Annotated[OnProperty, Tag("property")]
    | Annotated[OnOutput, Tag("output")]
    | Annotated[OnList, Tag("list")]
    | Annotated[OnFlow, Tag("flow")]
    | Annotated[OnEvent, Tag("event")]
    | Annotated[OnAssociated, Tag("associated")]
    | Annotated[All, Tag("all")]
    | Annotated[Any, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(_kind),
]
"""A condition within another."""


def _bounded(given: object) -> object:
    """Give a condition back; raise ValueError when it is too large to be walked. Without recursion."""
    ahead, parts = [(given, 1)], 0
    while ahead:
        part, depth = ahead.pop()
        parts += 1
        if depth > DEEPEST:
            raise ValueError(f"a condition is nested {DEEPEST} deep at most")
        if parts > MOST_PARTS:
            raise ValueError(f"a condition has {MOST_PARTS} parts at most; a list may say the same")
        ahead += [(inner, depth + 1) for inner in _within(part)]
    return given


def _within(given: object) -> list[object]:
    match given:
        case {"all": list() | tuple() as parts} | {"any": list() | tuple() as parts}:
            return [*parts]
        case {"not": part} | {"associated": _, "where": part} | Not(not_=part) | OnAssociated(where=part) if part:
            return [part]
        case All(all=parts) | Any(any=parts):
            return [*parts]
        case _:
            return []


Condition = Annotated[Part, BeforeValidator(_bounded)]
"""A condition as it is read: a part that is not too large."""


def leaves(condition: Part) -> Iterator[Leaf]:
    """Give each leaf of a condition, without those that ask about an associated record's own."""
    match condition:
        case All():
            for part in condition.all:
                yield from leaves(part)
        case Any():
            for part in condition.any:
                yield from leaves(part)
        case Not():
            yield from leaves(condition.not_)
        case _:
            yield condition
