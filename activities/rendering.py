"""The texts of a perform node: what they want read, and the record's values put in place of their tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pydantic import JsonValue

from activities.action import Action, Refused, Tokens, tokens_of
from activities.ledger import Turn
from activities.values import found_in, looking, put_in
from workflows.model.decisions import in_zone_of
from workflows.model.errors import FlowError
from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.flow import Flow
from workflows.model.records import Record
from workflows.model.templates import OUTPUTS
from workflows.model.tokens import EVENT, LINKS, UNSUBSCRIBE, TooLarge, needs, render, roots


def rendered(
    action: type[Action], config: Mapping[str, JsonValue], object_type: str, facts: Facts
) -> dict[str, JsonValue]:
    """Put the values of the record in place of the tokens, in the fields that take them."""
    marks, named, look = tokens_of(action), roots(object_type, facts), looking(facts.properties, facts.outputs)

    def filled(value: JsonValue, mark: Tokens) -> JsonValue:
        return put_in(value, lambda text: render(text, named, html=mark.html, zone=facts.zone), look)

    return {name: filled(value, marks[name]) if name in marks else value for name, value in config.items()}


def needs_of_texts(action: type[Action], config: Mapping[str, JsonValue], object_type: str) -> Needs:
    """Give what the texts of a node want read beside the record; a text that is wrong wants nothing."""
    found = (each for name, value in config.items() if name in tokens_of(action) for each in found_in(value))
    with suppress(FlowError):
        return Needs.of_all(needs(each.text, object_type) for each in found if each.kind == "text")
    return NOTHING


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a text that cannot be filled into a refusal: trying again would not help."""
    try:
        yield
    except TooLarge as error:
        raise Refused("template_too_large", str(error)) from None
    except FlowError as error:
        raise Refused("bad_template", str(error)) from None


@dataclass(frozen=True)
class Filler:
    """Fills the texts of an action that prepares its own, in the transaction of the visit; see Texts."""

    marks: Mapping[str, Tokens]
    flow: Flow
    turn: Turn

    async def of_flow(self, texts: Mapping[str, str], recipients: Sequence[Record]) -> list[dict[str, str]]:
        """See Texts."""
        facts = in_zone_of(self.flow, self.turn.situation.facts)
        named = roots(self.flow.object, facts)
        return [self._filled(texts, {**named, each.ref.type: each.properties}, facts.zone) for each in recipients]

    async def of_recipients(self, texts: Mapping[str, str], recipients: Sequence[Record]) -> list[dict[str, str]]:
        """See Texts."""
        with refusing():
            wanted = Needs.of_all(needs(text, each.ref.type) for text in texts.values() for each in recipients[:1])
        own = self.turn.situation.facts
        ours = {EVENT: own.cause, OUTPUTS: own.outputs, self.flow.object: own.properties}
        links = {LINKS: {"unsubscribe": UNSUBSCRIBE}}
        informed = await self.turn.informed(recipients, wanted)
        known = [in_zone_of(self.flow, each.model_copy(update={"cause": own.cause})) for each in informed]
        return [
            self._filled(
                texts, {**roots(each.ref.type, facts), **ours, **links, each.ref.type: each.properties}, facts.zone
            )
            for each, facts in zip(recipients, known, strict=True)
        ]

    def _filled(self, texts: Mapping[str, str], named: Mapping[str, object], zone: str) -> dict[str, str]:
        with refusing():
            return {
                name: render(text, named, html=name in self.marks and self.marks[name].html, zone=zone)
                for name, text in texts.items()
            }
