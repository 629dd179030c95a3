"""The texts of a perform node: what they want read, and the record's values put in place of their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from activities.action import Action, tokens_of
from workflows.model.errors import FlowError
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.tokens import needs, render, roots


def rendered(
    action: type[Action], config: Mapping[str, JsonValue], object_type: str, facts: Facts
) -> dict[str, JsonValue]:
    """Put the values of the record in place of the tokens, in the fields that take them."""
    marks, named = tokens_of(action), roots(object_type, facts)
    return {
        name: render(value, named, html=marks[name].html, zone=facts.zone)
        if name in marks and isinstance(value, str)
        else value
        for name, value in config.items()
    }


def needs_of_texts(action: type[Action], config: Mapping[str, JsonValue], object_type: str) -> Needs:
    """Give what the texts of a node want read beside the record; a text that is wrong wants nothing."""
    texts = (value for name, value in config.items() if name in tokens_of(action) and isinstance(value, str))
    with suppress(FlowError):
        return Needs.of_all(needs(text, object_type) for text in texts)
    return NOTHING
