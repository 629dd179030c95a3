"""The grammar of formulas: from a text to a tree of calls; operators are calls of the functions that they stand for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from activities.formulas.functions import FUNCTIONS
from workflows.model.errors import FlowError

LONGEST = 4_000
"""Characters of a formula."""

DEEPEST = 50
"""Calls and parentheses that may stand in each other."""

MOST_CALLS = 200

_LEXEME = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<sign>[-+*/%(),|])|(?P<end>$))""",
    re.ASCII | re.DOTALL,
)
_ESCAPED = re.compile(r"""\\(["'\\])""")
_SUMS = {"+": "add", "-": "subtract"}
_PRODUCTS = {"*": "multiply", "/": "divide", "%": "mod"}
_WORDS = {"true": True, "false": False, "null": None}


class BadFormula(FlowError):
    """A formula is wrong; the message says what, and at which character."""


@dataclass(frozen=True)
class Constant:
    """A number, a text, true, false or null."""

    value: Decimal | str | bool | None


@dataclass(frozen=True)
class Input:
    """An input, by its name."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Formula, ...]


Formula = Constant | Input | Call


@lru_cache(512)
def parse(text: str) -> Formula:
    """Read a formula; raise BadFormula."""
    if len(text) > LONGEST:
        message = f"a formula has at most {LONGEST} characters; this one has {len(text)}"
        raise BadFormula(message)
    return _Reading(text).whole()


def check(text: str, inputs: Collection[str]) -> None:
    """Raise BadFormula for a text that is no formula over these inputs, or that leaves one of them out."""
    named = set(_named(parse(text)))
    if unknown := sorted(named - {*inputs}):
        message = f"the formula names {unknown[0]!r}, which is none of its inputs"
        raise BadFormula(message)
    if unused := sorted({*inputs} - named):
        message = f"the formula does not use its input {unused[0]!r}; leave it out"
        raise BadFormula(message)


def check_locale(name: str) -> None:
    """Raise BadFormula where numbers and dates cannot be written as in this locale."""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        message = f"there is no locale {name!r}; write one as `en`, `fi` or `pt_BR`"
        raise BadFormula(message) from None


def _named(formula: Formula) -> Iterator[str]:
    if isinstance(formula, Input):
        yield formula.name
    elif isinstance(formula, Call):
        for each in formula.arguments:
            yield from _named(each)


class _Reading:
    """Reads a formula from the left, a method for each strength of binding."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth, self.calls = text, 0, 0, 0

    def whole(self) -> Formula:
        formula = self.handed_on()
        if self.peek("sign"):
            self.fail(f"{self.next_('sign')!r} does not belong here")
        if not self.peek("end", ""):
            self.fail("an operator is missing here")
        return formula

    def handed_on(self) -> Formula:
        formula = self.sum_()
        while self.took("|"):
            name = self.next_("name", "the name of a function after |")
            formula = self.call(name, [formula, *(self.arguments() if self.took("(") else [])])
        return formula

    def sum_(self) -> Formula:
        formula = self.product()
        while sign := self.took(*_SUMS):
            formula = self.call(_SUMS[sign], [formula, self.product()])
        return formula

    def product(self) -> Formula:
        formula = self.signed()
        while sign := self.took(*_PRODUCTS):
            formula = self.call(_PRODUCTS[sign], [formula, self.signed()])
        return formula

    def signed(self) -> Formula:
        if not self.took("-"):
            return self.single()
        self.deeper()
        formula = self.call("subtract", [Constant(Decimal(0)), self.signed()])
        self.depth -= 1
        return formula

    def single(self) -> Formula:
        if self.took("("):
            self.deeper()
            formula = self.handed_on()
            self.close()
            return formula
        if self.peek("number"):
            return Constant(Decimal(self.next_("number")))
        if self.peek("text"):
            return Constant(_ESCAPED.sub(r"\1", self.next_("text")[1:-1]))
        name = self.next_("name", "a value: a number, a text in quotes, the name of an input or a function")
        if self.took("("):
            return self.call(name, self.arguments())
        return Constant(_WORDS[name]) if name in _WORDS else Input(name)

    def arguments(self) -> list[Formula]:
        """Read what stands in the parentheses that have been opened, and close them."""
        self.deeper()
        given: list[Formula] = []
        if not self.peek("sign", ")"):
            given.append(self.handed_on())
            while self.took(","):
                given.append(self.handed_on())
        self.close()
        return given

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"no more than {DEEPEST} calls and parentheses may stand in each other")

    def close(self) -> None:
        if not self.took(")"):
            self.fail("a parenthesis is not closed: expected ) or an operator")
        self.depth -= 1

    def call(self, name: str, arguments: list[Formula]) -> Formula:
        self.calls += 1
        if self.calls > MOST_CALLS:
            self.fail(f"a formula has at most {MOST_CALLS} functions and operators")
        function = FUNCTIONS.get(name)
        if function is None:
            near = difflib.get_close_matches(name, FUNCTIONS, 1)
            self.fail(f"no function is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        if not function.least <= len(arguments) <= function.most:
            self.fail(f"{name!r} is misused; write {function.usage}")
        return Call(name, tuple(arguments))

    def peek(self, kind: str, text: str | None = None) -> bool:
        match = _LEXEME.match(self.text, self.at)
        return match is not None and match.lastgroup == kind and (text is None or match[kind] == text)

    def took(self, *signs: str) -> str:
        """Take one of these signs if it comes next; else give nothing."""
        match = _LEXEME.match(self.text, self.at)
        if match is None or match["sign"] not in signs:
            return ""
        self.at = match.end()
        return str(match["sign"])

    def next_(self, kind: str, wanted: str = "") -> str:
        match = _LEXEME.match(self.text, self.at)
        if match is None or match.lastgroup != kind:
            self.fail(f"expected {wanted}")
        self.at = match.end()
        return str(match[kind])

    def fail(self, message: str) -> NoReturn:
        where = len(self.text[: self.at].rstrip()) + 1
        raise BadFormula(f"{message} (at character {where} of {self.text[:60]!r})")
