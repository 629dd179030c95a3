"""Evaluating a formula: its inputs put in, its functions applied from the inside out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import DecimalException

from pydantic import JsonValue

from activities.formulas.functions import FUNCTIONS
from activities.formulas.grammar import Call, Constant, Formula, Input
from activities.formulas.values import Setting, Value, Wrong, bounded, given, taken


def evaluated(formula: Formula, inputs: Mapping[str, JsonValue], setting: Setting) -> JsonValue:
    """Compute a formula; raise Wrong where these values do not fit it."""
    return given(_value(formula, inputs, setting))


def _value(formula: Formula, inputs: Mapping[str, JsonValue], setting: Setting) -> Value:
    match formula:
        case Constant(value):
            return value
        case Input(name):
            found = taken(inputs.get(name))
            return bounded(found) if isinstance(found, str) else found
        case Call(name, arguments):
            return _applied(name, [_value(each, inputs, setting) for each in arguments], setting)


def _applied(name: str, arguments: list[Value], setting: Setting) -> Value:
    try:
        return FUNCTIONS[name].apply(setting, *arguments)
    except DecimalException:
        raise Wrong("too_large", f"{name}: the number is beyond what is computed here") from None
    except Wrong as wrong:
        raise Wrong(wrong.code, f"{name}: {wrong}") from None
