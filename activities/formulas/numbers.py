"""Functions of numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from activities.formulas.values import DIGITS, Setting, Value, Wrong, number, shown, text, whole

_WAYS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_MOST_DIGITS = 20
_LARGEST_POWER = 1000


def absolute(n: Value) -> Value:
    """Take the sign away."""
    return abs(number(n))


def add(n: Value, m: Value) -> Value:
    """Add."""
    return DIGITS.add(number(n), number(m))


def subtract(n: Value, m: Value) -> Value:
    """Subtract."""
    return DIGITS.subtract(number(n), number(m))


def multiply(n: Value, m: Value) -> Value:
    """Multiply."""
    return DIGITS.multiply(number(n), number(m))


def divide(n: Value, m: Value) -> Value:
    """Divide."""
    return DIGITS.divide(number(n), _divisor(m))


def remainder(n: Value, m: Value) -> Value:
    """Give what remains, with the sign of the divisor, as Python and HubL do."""
    left, by = number(n), _divisor(m)
    rest = DIGITS.remainder(left, by)
    return DIGITS.add(rest, by) if rest and (rest < 0) != (by < 0) else rest


def divisible(n: Value, m: Value) -> Value:
    """Tell whether nothing remains."""
    return remainder(n, m) == 0


def power(n: Value, k: Value) -> Value:
    """Raise to a power."""
    base, exponent = number(n), number(k)
    if abs(exponent) > _LARGEST_POWER or (base < 0 and exponent != exponent.to_integral_value()):
        raise Wrong("type_mismatch", f"{shown(n)} is not raised to the power of {shown(k)}")
    return DIGITS.power(base, exponent)


def root(n: Value, k: Value = Decimal(2)) -> Value:
    """Take a root; of 27 the third is exactly 3."""
    base, degree = number(n), number(k)
    if base < 0 or degree <= 0:
        raise Wrong("type_mismatch", f"{shown(n)} has no root of degree {shown(k)}")
    found = DIGITS.power(base, DIGITS.divide(Decimal(1), degree)) if base else base
    nearest = found.to_integral_value()
    is_whole = (
        degree == degree.to_integral_value() and degree <= _LARGEST_POWER and DIGITS.power(nearest, degree) == base
    )
    return nearest if is_whole else found


def logarithm(n: Value, base: Value = None) -> Value:
    """Take a logarithm; of 1000 to the base 10 it is exactly 3."""
    of = number(n)
    to = None if base is None else number(base)
    if of <= 0 or (to is not None and (to <= 0 or to == 1)):
        raise Wrong("type_mismatch", f"{shown(n)} has no logarithm to the base {shown(base)}")
    if to is None:
        return DIGITS.ln(of)
    found = DIGITS.divide(DIGITS.ln(of), DIGITS.ln(to))
    nearest = found.to_integral_value()
    return nearest if abs(nearest) <= _LARGEST_POWER and DIGITS.power(to, nearest) == of else found


def rounded(n: Value, digits: Value = Decimal(0), way: Value = "common") -> Value:
    """Round, half away from zero, or up, or down."""
    if (how := _WAYS.get(text(way))) is None:
        raise Wrong("type_mismatch", f"{shown(way)} is no way to round; there are {', '.join(_WAYS)}")
    places = _places(digits)
    return number(n).quantize(Decimal(1).scaleb(-places), how, DIGITS)


def formatted(setting: Setting, n: Value, digits: Value = None) -> Value:
    """Write a number with the separators of the locale."""
    from babel.numbers import format_decimal

    if digits is None:
        return format_decimal(number(n), locale=setting.locale, decimal_quantization=False)
    exact = rounded(n, digits)
    form = "#,##0" + ("." + "0" * places if (places := _places(digits)) > 0 else "")
    return format_decimal(number(exact), format=form, locale=setting.locale)


def money(setting: Setting, n: Value, currency: Value) -> Value:
    """Write an amount of money."""
    from babel.numbers import format_currency, is_currency

    if not is_currency(code := text(currency).upper()):
        raise Wrong("type_mismatch", f"{shown(currency)} is no code of a currency, as EUR")
    return format_currency(number(n), code, locale=setting.locale)


def _divisor(m: Value) -> Decimal:
    if (by := number(m)) == 0:
        raise Wrong("divided_by_zero", "nothing can be divided by 0")
    return by


def _places(digits: Value) -> int:
    if abs(places := whole(digits)) > _MOST_DIGITS:
        raise Wrong("type_mismatch", f"a number is rounded to at most {_MOST_DIGITS} digits")
    return places
