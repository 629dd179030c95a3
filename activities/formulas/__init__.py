"""Formulas: what `format_data` computes. Read once, checked before a flow is published, evaluated without any effect.

    round(amount / 2, 1)               numbers with + - * / %, parentheses and functions
    concat(first, " ", upper(last))    texts stand in quotes
    name | trim | truncate(20)         a value may be handed on to a function, as its first argument

A formula is no program: it has no loops, names nothing but its inputs and the functions, and each of its steps is
bounded, so that the longest one ends in milliseconds whatever it is given.
"""

from activities.formulas.evaluating import evaluated
from activities.formulas.functions import FUNCTIONS
from activities.formulas.grammar import BadFormula, check, check_locale, parse
from activities.formulas.values import Setting, Wrong

__all__ = ["FUNCTIONS", "BadFormula", "Setting", "Wrong", "check", "check_locale", "evaluated", "parse"]
