"""Conditions over a record and the outputs of earlier nodes, judged with their reasons.

A condition is a small frozen tree. A leaf compares one value: `{property: stage, is: lead}` or
`{output: opened.happened, is: true}`. `all`, `any` and `not` join them. Text compares without regard to case.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

Values = Mapping[str, JsonValue]

Plain = str | int | float | bool | None
"""A value to be equal to, written without an operator."""
Outputs = Mapping[str, Values]

_FROZEN = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Facts(BaseModel):
    """What a condition is judged on: the record's properties, and each earlier node's output by node id."""

    model_config = _FROZEN

    properties: dict[str, JsonValue] = {}
    outputs: dict[str, dict[str, JsonValue]] = {}


class Verdict(BaseModel):
    """The answer to a condition, with a sentence that says why, and the same for each part."""

    model_config = _FROZEN

    met: bool
    because: str
    parts: tuple[Verdict, ...] = ()


class Test(BaseModel):
    """A comparison of one value; exactly one operator is given."""

    model_config = _FROZEN

    is_: JsonValue = Field(None, alias="is")
    is_not: JsonValue = None
    is_any_of: tuple[JsonValue, ...] | None = None
    is_known: bool | None = None
    contains: str | None = None
    greater_than: float | None = None
    less_than: float | None = None

    @model_validator(mode="after")
    def _one_operator(self) -> Test:
        given = sorted(self.model_fields_set - {"property", "output"})
        if len(given) != 1:
            message = f"give exactly one operator, not {len(given)}: {', '.join(given) or 'none'}"
            raise ValueError(message)
        if given[0] not in ("is_", "is_not") and getattr(self, given[0]) is None:
            message = f"{given[0]} needs a value"
            raise ValueError(message)
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, write: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        # An operator that was not given must stay so: `is: null` is a test, the absence of `is` is none.
        given = {"is" if name == "is_" else name for name in self.model_fields_set}
        return {name.rstrip("_"): value for name, value in write(self).items() if name.rstrip("_") in given}

    @property
    def operator(self) -> str:
        """The name of the operator given."""
        return next(iter(self.model_fields_set - {"property", "output"}))

    def holds(self, value: JsonValue) -> bool:
        """Tell whether `value` passes; a missing value passes only `is_not` and `is_known: false`."""
        match self.operator:
            case "is_":
                return _same(value, self.is_)
            case "is_not":
                return not _same(value, self.is_not)
            case "is_any_of":
                return any(_same(value, each) for each in self.is_any_of or ())
            case "is_known":
                return (value not in (None, "")) == self.is_known
            case "contains":
                return self.contains is not None and _contains(value, self.contains.casefold())
            case "greater_than":
                return _number(value) is not None and _number(value) > self.greater_than  # type: ignore[operator]
            case _:
                return _number(value) is not None and _number(value) < self.less_than  # type: ignore[operator]


class OnProperty(Test):
    """A test of one property of the enrolled record."""

    property: str


class OnOutput(Test):
    """A test of one output of an earlier node, named `NODE.KEY`."""

    output: str = Field(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_]+$")


class All(BaseModel):
    """Met when every part is met."""

    model_config = _FROZEN

    all: tuple[Condition, ...] = Field(min_length=1)


class Any(BaseModel):
    """Met when at least one part is met."""

    model_config = _FROZEN

    any: tuple[Condition, ...] = Field(min_length=1)


class Not(BaseModel):
    """Met when its part is not."""

    model_config = _FROZEN

    not_: Condition = Field(alias="not")


def _kind(value: object) -> str:
    keys = set(value) if isinstance(value, dict) else {"not" if isinstance(value, Not) else _name(value)}
    return next((kind for kind in ("all", "any", "not", "output") if kind in keys), "property")


def _name(value: object) -> str:
    return {All: "all", Any: "any", OnOutput: "output"}.get(type(value), "property")  # type: ignore[call-overload,no-any-return]


Condition = Annotated[
    Annotated[OnProperty, Tag("property")]
    | Annotated[OnOutput, Tag("output")]
    | Annotated[All, Tag("all")]
    | Annotated[Any, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(_kind),
]


def judge(condition: Condition, facts: Facts) -> Verdict:
    """Judge a condition on the facts, and say why."""
    match condition:
        case OnProperty():
            return _leaf(condition, condition.property, facts.properties.get(condition.property))
        case OnOutput():
            node, _, key = condition.output.partition(".")
            return _leaf(condition, condition.output, facts.outputs.get(node, {}).get(key))
        case All():
            return _joined("all of", [judge(part, facts) for part in condition.all], every=True)
        case Any():
            return _joined("any of", [judge(part, facts) for part in condition.any], every=False)
        case Not():
            part = judge(condition.not_, facts)
            return Verdict(met=not part.met, because=f"not ({part.because})", parts=(part,))


def matches(tests: Mapping[str, Test | Plain], values: Values) -> bool:
    """Tell whether each named value passes its test; a plain value means `is`."""
    return all(
        (test if isinstance(test, Test) else Test.model_validate({"is": test})).holds(values.get(name))
        for name, test in tests.items()
    )


def _leaf(test: Test, name: str, value: JsonValue) -> Verdict:
    met = test.holds(value)
    wanted = getattr(test, test.operator)
    return Verdict(met=met, because=f"{name} {test.operator.strip('_')} {wanted!r}: {'yes' if met else 'no'}")


def _joined(word: str, parts: list[Verdict], *, every: bool) -> Verdict:
    met = all(part.met for part in parts) if every else any(part.met for part in parts)
    deciding = [part.because for part in parts if part.met == met]
    return Verdict(met=met, because=f"{word}: {'; '.join(deciding)}", parts=tuple(parts))


def _contains(value: JsonValue, sought: str) -> bool:
    texts = value if isinstance(value, list) else [value]
    return any(text is not False and sought in text for text in map(_text, texts))


def _same(left: JsonValue, right: JsonValue) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return _text(left) == _text(right)
    if left is None or right is None:
        return left is right
    numbers = _number(left), _number(right)
    # Two texts are no numbers, however they look: the postcode 0123 is not 123.
    if None not in numbers and not (isinstance(left, str) and isinstance(right, str)):
        return numbers[0] == numbers[1]
    return _text(left) == _text(right)


def _text(value: JsonValue) -> str | Literal[False]:
    return False if value is None else str(value).casefold()


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return None
    try:
        number = float(value)
    except OverflowError:
        return math.inf if int(value) > 0 else -math.inf
    except ValueError:
        return None
    return number if math.isfinite(number) else None
