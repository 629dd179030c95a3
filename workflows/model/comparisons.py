"""Comparisons of one value, as a flow file writes them: exactly one operator, such as `is: lead` or `at_least: 5`."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainValidator,
    StrictBool,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from workflows.model.durations import Duration
from workflows.model.operators import CHECKS, EVER, NEGATIONS, Check, Scalar, between, compares, exact, is_empty
from workflows.model.phrases import compared, numbers_between, phrase
from workflows.model.time_points import Reading, Stretch, TimePoint, TimeRange, given_fields

MOST_VALUES = 250
"""Values that one operator compares with."""

FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def storable(text: str) -> str:
    """Give a text back; raise ValueError for one that no record can hold."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("this text holds a character that cannot be stored")
    return text


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
"""The name of a property."""


class Given(BaseModel):
    """Written as it was given: no key that was not, and `is` for the field `is_`."""

    model_config = FROZEN

    @model_serializer
    def _as_given(self) -> dict[str, object]:
        # An operator that was not given must stay so: else each leaf would be written with all of them.
        return {
            name.rstrip("_"): value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in given_fields(self).items()
        }


def _scalar(value: object) -> Scalar:
    if isinstance(value, str):
        if not value:
            raise ValueError("nothing is equal to an empty text; write `is_known: false`")
        return storable(value)
    if isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    if value is None:
        raise ValueError("nothing is equal to an empty value; write `is_known: false`")
    raise ValueError("must be a text, a number, true or false, or a list of these")


def _scalars(value: object) -> Scalar | tuple[Scalar, ...]:
    if not isinstance(value, list | tuple):
        return _scalar(value)
    if not 1 <= len(value) <= MOST_VALUES:
        raise ValueError(f"a list here has 1 to {MOST_VALUES} values, not {len(value)}")
    return tuple(_scalar(one) for one in value)


def _list(value: object) -> tuple[Scalar, ...]:
    found = _scalars(value)
    if isinstance(found, tuple):
        return found
    raise ValueError("must be a list, as [a, b]")


def _number(value: object) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf"):
        return value
    raise ValueError("must be a number")


def _two_numbers(value: object) -> tuple[int | float, ...]:
    lowest, highest = (_number(each) for each in value) if isinstance(value, list | tuple) else (0, 0)
    if lowest > highest:
        raise ValueError("the lower number comes first")
    return lowest, highest


class Other(Given):
    """Another property of the record to compare with, and a value instead of it where it is empty."""

    property: Name
    otherwise: Annotated[Scalar, PlainValidator(_scalar)] | None = None


def _shape(value: object) -> str:
    return "property" if isinstance(value, dict | Other) else "value"


def _range(value: object) -> str:
    numbers = isinstance(value, list | tuple) and len(value) == len(("from", "to"))
    numbers = numbers and all(isinstance(each, int | float) for each in value)  # type: ignore[attr-defined]
    return "numbers" if numbers else "times"


TIMES = (TimePoint, TimeRange, Stretch, timedelta)
"""What a moment is compared with."""

_SCALARS = {"type": ["string", "number", "boolean"]}
Values = Annotated[
    Scalar | tuple[Scalar, ...],
    PlainValidator(_scalars),
    WithJsonSchema({"anyOf": [_SCALARS, {"type": "array", "items": _SCALARS, "minItems": 1, "maxItems": MOST_VALUES}]}),
]
"""One value, or several of which any will do."""

Options = Annotated[
    tuple[Scalar, ...],
    PlainValidator(_list),
    WithJsonSchema({"type": "array", "items": _SCALARS, "minItems": 1, "maxItems": MOST_VALUES}),
]
"""A list of values."""

_Amount = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
_Either = Discriminator(_shape)
ValuesOrOther = Annotated[Annotated[Values, Tag("value")] | Annotated[Other, Tag("property")], _Either]
AmountOrOther = Annotated[Annotated[_Amount, Tag("value")] | Annotated[Other, Tag("property")], _Either]
Numbers = Annotated[
    tuple[int | float, ...],
    PlainValidator(_two_numbers),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
Range = Annotated[Annotated[Numbers, Tag("numbers")] | Annotated[TimeRange, Tag("times")], Discriminator(_range)]


class TimeTests(Given):
    """Tests of when something is; a day's comparisons are told in `time_points.py`."""

    before: TimePoint | None = None
    after: TimePoint | None = None
    on_or_before: TimePoint | None = None
    on_or_after: TimePoint | None = None
    in_: Stretch | None = Field(None, alias="in")
    within_last: Duration | None = None
    more_than_ago: Duration | None = None
    within_next: Duration | None = None
    more_than_from_now: Duration | None = None


class Test(Given):
    """A comparison of one value; exactly one operator is given. An empty value is answered by `if_empty`."""

    knows_record: ClassVar[bool] = False
    beside: ClassVar[frozenset[str]] = frozenset({"if_empty"})

    is_: ValuesOrOther | None = Field(None, alias="is")
    is_not: ValuesOrOther | None = None
    is_any_of: Options | None = None
    is_none_of: Options | None = None
    is_exactly: Options | None = None
    is_not_exactly: Options | None = None
    contains: Values | None = None
    does_not_contain: Values | None = None
    contains_all: Options | None = None
    does_not_contain_all: Options | None = None
    starts_with: Values | None = None
    ends_with: Values | None = None
    greater_than: AmountOrOther | None = None
    at_least: AmountOrOther | None = None
    less_than: AmountOrOther | None = None
    at_most: AmountOrOther | None = None
    between: Range | None = None
    not_between: Range | None = None
    is_known: StrictBool | None = None
    if_empty: StrictBool = False

    @model_validator(mode="after")
    def _one_operator(self) -> Self:
        given = sorted(name.rstrip("_") for name in self.model_fields_set - self.beside)
        if len(given) != 1:
            raise ValueError(f"give exactly one operator, not {len(given)}: {', '.join(given) or 'none'}")
        if self.wanted is None:
            raise ValueError(f"{given[0]} needs a value; an empty one is asked for by `is_known: false`")
        if isinstance(self.wanted, Other | TimeRange) and not self.knows_record:
            raise ValueError("only a property or an output of the record is compared with another property or a time")
        if "if_empty" in self.model_fields_set and not self.minds_empty:
            raise ValueError(f"{given[0]} answers for an empty value by itself, without `if_empty`")
        return self

    @cached_property
    def operator(self) -> str:
        """The name of the operator given."""
        return next(iter(self.model_fields_set - self.beside))

    @cached_property
    def base(self) -> str:
        """The operator of which this one is the opposite, or itself."""
        return NEGATIONS.get(self.operator, self.operator)

    @cached_property
    def wanted(self) -> object:
        """What the operator compares with."""
        return getattr(self, self.operator)

    @property
    def is_of_time(self) -> bool:
        """Tell whether a moment is compared."""
        return isinstance(self.wanted, TIMES)

    @property
    def minds_empty(self) -> bool:
        """Tell whether an empty value is answered by `if_empty`: all but `is_known` and what asks the past do."""
        return self.base != "is_known" and self.base not in EVER and self.base != "updated_within"

    @cached_property
    def check(self) -> Check:
        """Tells whether a value that is not empty passes, before an opposite is turned round."""
        return check(self.base, self.wanted)

    @cached_property
    def phrase(self) -> str:
        """What the comparison says of its value, as `is lead`."""
        match self.wanted:
            case Other() as it:
                said = compared(self.operator, it.property, it.otherwise)
            case tuple() if self.base == "between":
                said = numbers_between(self.operator, self.wanted)
            case _:
                said = phrase(self.operator, self.wanted)
        return f"{said} or is empty" if self.if_empty else said

    def holds(self, value: JsonValue) -> bool:
        """Tell whether `value` passes, for a test that needs nothing else."""
        if self.base == "is_known":
            return is_empty(value) != self.is_known
        if is_empty(value):
            return self.if_empty
        return self.check(value) == (self.base == self.operator)


class Comparison(Test, TimeTests):
    """A comparison that may look at the clock, or at another property of the record."""

    knows_record: ClassVar[bool] = True


class PastComparison(Comparison):
    """A comparison that may ask what the value has been, and when it was changed."""

    read: Reading = "value"
    has_ever_been: Values | None = None
    has_never_been: Values | None = None
    has_ever_contained: Values | None = None
    has_never_contained: Values | None = None
    has_ever_been_any_of: Options | None = None
    has_never_been_any_of: Options | None = None
    has_ever_been_exactly: Options | None = None
    has_never_been_exactly: Options | None = None
    has_ever_contained_all: Options | None = None
    has_never_contained_all: Options | None = None
    updated_within: Duration | None = None
    not_updated_within: Duration | None = None

    @model_validator(mode="after")
    def _reads_times(self) -> Self:
        if "read" in self.model_fields_set and (not self.is_of_time or self.base == "updated_within"):
            raise ValueError("`read` stands beside a comparison of times, such as `before`")
        return self


def as_scalars(wanted: object) -> tuple[Scalar, ...]:
    """Give one value or several as several."""
    return wanted if isinstance(wanted, tuple) else (wanted,)


def check(base: str, wanted: object) -> Check:
    """Make the check of an operator that looks at nothing but the value."""
    base = EVER.get(base, base)
    if base in CHECKS:
        return CHECKS[base](as_scalars(wanted))
    if isinstance(wanted, tuple):
        lowest, highest = map(exact, wanted)
        return between(lowest, highest)
    if isinstance(wanted, int | float):
        return compares(base, exact(wanted))
    raise TypeError(base)
