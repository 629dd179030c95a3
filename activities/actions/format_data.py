"""Format data: compute a value for later steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from activities.action import Action, Do, Done, OutputName, OwnProperty, Refused, Text, Tokens
from activities.effects import PropertyDefinition
from activities.formulas import BadFormula, Setting, Wrong, check, check_locale, evaluated, parse
from activities.properties import fitting, read
from activities.targets import OUTPUT, PROPERTY

Type = Literal["text", "number", "boolean", "date", "datetime"]

VALUE = "value"
"""The one input of a step that has no formula."""


class FormatData(Action):
    """Format data: compute a value for later steps.

    Either pick a `property`, an `output` of an earlier step or a `text`, and how to `format` it: by a function, or by
    several handed on with `|`. Or write a `formula` over named `inputs`: numbers with `+ - * / %` and parentheses,
    texts in quotes, and functions, which may stand in each other. Inputs are texts with tokens, or `{property: NAME}`
    and `{output: STEP.KEY}`. A text such as "12" is taken as a number where one is wanted.

    Functions of numbers: abs, add, subtract, multiply, divide, mod, divisible, pow, root, log, round, format_number,
    format_currency. Of texts: concat, capitalize, lower, upper, title, trim, cut, replace, regex_replace (an RE2
    pattern), reverse, truncate, length, striptags, escape_html. Of lists: split, join, first, last. Of dates:
    format_datetime, datetimeformat, plus_time, minus_time, unixtimestamp, now. Of any value: default.

    The result is the output `result`; `as` says of which type it has to be. `locale` decides how numbers and dates are
    written. Numbers are computed to 28 digits; days are those of the flow's zone.

    Failed: a value of the wrong kind (`type_mismatch`), an empty one where a number or a date is needed
    (`empty_value`; the function default helps), a division by zero (`divided_by_zero`), a pattern that is none
    (`bad_pattern`), a result that is too large (`too_large`) or not of the type asked for (`bad_value`, `wrong_type`).
    """

    kind: ClassVar = "format_data"
    place: ClassVar = "store"
    timeout: ClassVar[timedelta] = timedelta(seconds=5)
    outputs: ClassVar = {"result": "What was computed."}
    examples: ClassVar = (
        '{do: format_data, id: half, property: amount, format: "divide(2) | round(2)", as: number}',
        """\
do: format_data
id: greeting
formula: concat("Dear ", title(first), ", ", default(company, "and team"))
inputs: {first: "{{ contact.firstname }}", company: "{{ company.name }}"}
""",
        """\
do: format_data
id: renewal
formula: format_datetime(plus_time(closed, 1, "years"), "long")
inputs: {closed: {property: closed_at}}
locale: fi
""",
    )

    property: Annotated[str, OwnProperty()] | None = Field(
        None, description="The property of the enrolled record to format.", pattern=PROPERTY
    )
    output: Annotated[str, OutputName()] | None = Field(
        None, description="The output of an earlier step to format, as `STEP.KEY`.", pattern=OUTPUT
    )
    text: Text | None = Field(None, description="The text to format.")
    format: str | None = Field(None, description="What to do with it, as `upper` or `divide(2) | round(1)`.")
    formula: str | None = Field(None, description="A formula over the inputs, in place of all these.")
    inputs: Annotated[dict[str, JsonValue], Tokens()] = Field(
        default_factory=dict, description="The inputs of the formula, by the names that it has for them."
    )
    locale: str = Field("en", description="The locale of what is written, as `fi` or `pt_BR`.", max_length=40)
    as_: Literal["text", "number", "boolean", "date", "datetime"] | None = Field(
        None, alias="as", description="The type that the result has to be of."
    )

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        picked = [name for name in ("property", "output", "text") if getattr(self, name) is not None]
        if self.formula is not None and (picked or self.format is not None):
            raise ValueError("a `formula` has `inputs`; leave out " + " and ".join([*picked, "format"][:2]))
        if self.formula is None and (len(picked) != 1 or self.format is None or self.inputs):
            raise ValueError("give one of `property`, `output` and `text` with `format`; or a `formula` and `inputs`")
        try:
            check_locale(self.locale)
            check(self._said(), {VALUE} if self.formula is None else self.inputs)
        except BadFormula as error:
            raise ValueError(str(error)) from None
        return self

    def _said(self) -> str:
        return self.formula if self.formula is not None else f"{VALUE} | {self.format}"

    def _given(self, do: Do) -> Mapping[str, JsonValue]:
        if self.formula is not None:
            return self.inputs
        if self.property is not None:
            return {VALUE: do.record.properties.get(self.property)}
        step, _, key = (self.output or "").partition(".")
        return {VALUE: self.text if self.output is None else do.outputs.get(step, {}).get(key)}

    async def perform(self, do: Do) -> Done:
        """Compute it."""
        try:
            result = evaluated(parse(self._said()), self._given(do), Setting(do.now, do.zone, self.locale))
        except Wrong as wrong:
            raise Refused(wrong.code, str(wrong)) from None
        if self.as_ is not None and result is not None:
            result = fitting("result", read(result, self.as_), PropertyDefinition(self.as_))
        return Done(line="formatted", output={"result": result})
