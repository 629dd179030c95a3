"""All functions of formulas by name: how each is written, and what it does.

They are those that HubSpot's "format data" has, with its names; see the knowledge base on custom formula functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from activities.formulas import dates, numbers, texts
from activities.formulas.values import Setting, Value


@dataclass(frozen=True)
class Function:
    """A function: how it is written, what it does, and how many arguments it takes."""

    usage: str
    says: str
    apply: Callable[..., Value]
    least: int
    most: int


def _plain(usage: str, says: str, apply: Callable[..., Value], least: int, most: int | None = None) -> Function:
    return Function(usage, says, lambda _setting, *given: apply(*given), least, least if most is None else most)


def _set(usage: str, says: str, apply: Callable[..., Value], least: int, most: int | None = None) -> Function:
    return Function(usage, says, apply, least, least if most is None else most)


def _default(value: Value, otherwise: Value) -> Value:
    return otherwise if value in (None, "", ()) else value


def _now(setting: Setting) -> Value:
    return setting.now


MANY = 20
"""Arguments that a function takes at most."""

FUNCTIONS: Mapping[str, Function] = {
    "abs": _plain("abs(n)", "The number without its sign.", numbers.absolute, 1),
    "add": _plain("add(n, m)", "The sum; the same as n + m.", numbers.add, 2),
    "subtract": _plain("subtract(n, m)", "The difference; the same as n - m.", numbers.subtract, 2),
    "multiply": _plain("multiply(n, m)", "The product; the same as n * m.", numbers.multiply, 2),
    "divide": _plain("divide(n, m)", "The quotient; the same as n / m.", numbers.divide, 2),
    "mod": _plain("mod(n, m)", "What remains of a division; the same as n % m.", numbers.remainder, 2),
    "divisible": _plain("divisible(n, m)", "Whether m divides n.", numbers.divisible, 2),
    "pow": _plain("pow(n, k)", "n to the power of k.", numbers.power, 2),
    "root": _plain("root(n, 3)", "The root; without a second number the square root.", numbers.root, 1, 2),
    "log": _plain("log(n, 10)", "The logarithm; without a base the natural one.", numbers.logarithm, 1, 2),
    "round": _plain(
        "round(n, 2, 'ceil')", "Rounded to digits behind the point: common, ceil or floor.", numbers.rounded, 1, 3
    ),
    "format_number": _set("format_number(n, 2)", "Written as the locale does.", numbers.formatted, 1, 2),
    "format_currency": _set("format_currency(n, 'EUR')", "An amount of money.", numbers.money, 2),
    "concat": _plain("concat(a, ' ', b)", "The texts after each other.", texts.concat, 1, MANY),
    "capitalize": _plain("capitalize(s)", "The first letter large, all others small.", texts.capitalize, 1),
    "lower": _plain("lower(s)", "In small letters.", texts.lower, 1),
    "upper": _plain("upper(s)", "In capitals.", texts.upper, 1),
    "title": _plain("title(s)", "Each word with a capital.", texts.title, 1),
    "trim": _plain("trim(s)", "Without space around it.", texts.trim, 1),
    "strip": _plain("strip(s)", "The same as trim.", texts.trim, 1),
    "cut": _plain("cut(s, 'abc')", "Without this piece, wherever it stands.", texts.cut, 2),
    "replace": _plain("replace(s, 'old', 'new', 1)", "With another piece in place of one.", texts.replaced, 3, 4),
    "regex_replace": _plain(
        "regex_replace(s, '[0-9]+', '')", "With a text in place of what an RE2 pattern finds.", texts.regex_replaced, 3
    ),
    "reverse": _plain("reverse(s)", "From its end to its beginning; a list, too.", texts.reversed_, 1),
    "truncate": _plain("truncate(s, 20, '...')", "Cut after so many characters.", texts.truncated, 2, 3),
    "length": _plain("length(s)", "How many characters a text, or items a list, has.", texts.length, 1),
    "split": _plain("split(s, ', ')", "A list of the pieces between separators.", texts.split, 2),
    "join": _plain("join(list, ', ')", "A list as one text.", texts.joined, 2),
    "first": _plain("first(list)", "The first item.", texts.first, 1),
    "last": _plain("last(list)", "The last item.", texts.last, 1),
    "striptags": _plain("striptags(s)", "Without HTML tags, for people to read.", texts.without_tags, 1),
    "escape_html": _plain("escape_html(s)", "With the signs of HTML escaped.", texts.escaped, 1),
    "default": _plain("default(v, 'there')", "The value, or another where it is empty.", _default, 2),
    "format_datetime": _set(
        "format_datetime(d, 'medium')",
        "A date in the flow's zone: short, medium, long, full, or a pattern of CLDR as 'd MMMM yyyy'.",
        dates.formatted,
        1,
        2,
    ),
    "datetimeformat": _set("datetimeformat(d, '%d.%m.%Y')", "A date by a form as `date` has it.", dates.by_form, 2),
    "plus_time": _set("plus_time(d, 3, 'days')", "So much later: minutes to years.", dates.later, 3),
    "minus_time": _set("minus_time(d, 3, 'days')", "So much earlier.", dates.earlier, 3),
    "unixtimestamp": _set("unixtimestamp(d)", "The date as Unix milliseconds.", dates.milliseconds, 1),
    "now": _set("now()", "The moment at which the step is done.", _now, 0),
}
