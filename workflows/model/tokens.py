"""Personalisation tokens: `{{ contact.firstname | default('there') }}` in the texts of a flow, and what they may name.

    {{ contact.firstname }}            a property of the enrolled record, by its object type
    {{ company.name }}                 one of an associated record: of the primary one of this type, else of the first
    {{ company/parent.name }}          of the one that is associated under this label
    {{ owner.email }}                  of the user whom the record's property `owner` names: email, name, firstname, ...
    {{ owner.account_manager.email }}  of the user whom another property names
    {{ event.form }}                   a property of the event that enrolled the record
    {{ outputs.STEP.key }}             what an earlier step has put out

`owner`, `event` and `outputs` are words of the language; a type of this name is out of its reach. Filters stand in
`filters.py`, the grammar in `templates.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from pydantic import JsonValue

from workflows.model.facts import NOTHING, Facts, Needs
from workflows.model.filters import OUTPUT_BYTES, TooLarge
from workflows.model.templates import (
    MOST_MISTAKES,
    OUTPUTS,
    OWNER,
    SOURCE_BYTES,
    BadText,
    TokenMistake,
    nearest,
    parse,
    read,
)

__all__ = ["OUTPUT_BYTES", "SOURCE_BYTES", "BadText", "TokenMistake", "TooLarge", "check", "needs", "render", "roots"]

EVENT = "event"
"""The root of the event that enrolled the record."""

LINKS = "links"
"""The root of links of ours, which only published e-mails may name."""

UNSUBSCRIBE = "https://unsubscribe.invalid/"
"""Stands for the link to unsubscribe until an e-mail is sent, for each recipient's own is made then."""

STANDARD_TYPES = ("contact", "company", "deal", "ticket", "quote")
"""The types that are known where nobody has defined any."""

USER = ("email", "name", "firstname", "lastname", "id")
"""What a text may say of a user."""

_CACHED = 512
_WORDS = (OWNER, EVENT, OUTPUTS, LINKS)

Definitions = Mapping[str, Collection[str]]
Steps = Collection[str] | Mapping[str, Collection[str] | None]


def render(text: str, roots: Mapping[str, object], *, html: bool = False, zone: str = "UTC") -> str:
    """Put values in place of the tokens; `roots` gives them.

    A missing value, null, a mapping and a number that is none render empty; true and false in lower case; 1.0 as 1; a
    list joined by "; "; a moment in `zone`. With `html` values are escaped, and one that its place makes dangerous, as
    a link that would run code, is left out. Raise FlowError where the text is wrong and TooLarge above OUTPUT_BYTES.
    """
    return parse(text).render(roots, html=html, zone=zone)


def roots(object_type: str, facts: Facts) -> Mapping[str, object]:
    """Give what the tokens in the texts of a flow over `object_type` may name, by the word that they begin with."""
    return {
        **{name: each[0].properties for name, each in facts.associated.items() if each},
        object_type: facts.properties,
        OWNER: {name: _person(user) for name, user in facts.owners.items()},
        EVENT: facts.cause,
        OUTPUTS: facts.outputs,
    }


def _person(user: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    first, _, last = str(user.get("name") or "").partition(" ")
    return {"firstname": first, "lastname": last, **user}


@lru_cache(_CACHED)
def needs(text: str, object_type: str) -> Needs:
    """Name what a text wants to be read beside the record and the outputs; raise FlowError where it is wrong."""
    paths = {token.path for token in parse(text).tokens}
    return Needs(
        owners=frozenset(path[1] for path in paths if path[0] == OWNER),
        associated={path[0]: NOTHING for path in sorted(paths) if path[0] not in (*_WORDS, object_type)},
        cause=any(path[0] == EVENT for path in paths),
    )


def check(  # noqa: PLR0913 - what may be named, and where
    text: str,
    object_type: str,
    steps: Steps,
    definitions: Definitions | None = None,
    *,
    html: bool = False,
    links: bool = False,
) -> list[TokenMistake]:
    """Find what is wrong with a text of a flow over `object_type` whose steps have these ids; empty when all is well.

    Steps may come with the keys that they put out, and types with their properties: what they do not have is a
    mistake then. Of a type without properties, and a step with None, nothing is known, so that all is well. With
    `links` it may name the link to unsubscribe.
    """
    template, wrong = read(text)
    found = list(wrong)
    known = _Known(object_type, steps, definitions, links=links)
    says = [known.mistake(token.path) for token in template.tokens]
    numbers = [part for part in template.parts if isinstance(part, int)]
    for offset, number in zip(template.offsets, numbers, strict=True):
        if says[number] and len(found) < MOST_MISTAKES:
            found.append(TokenMistake.at(text, offset, says[number]))
    for place, why in () if wrong else template.mistakes(html=html):
        if len(found) < MOST_MISTAKES:
            found.append(TokenMistake.at(text, template.offsets[place], why))
    return sorted(found, key=lambda mistake: (mistake.line, mistake.column))


class _Known:
    """What a token may name in one flow."""

    def __init__(self, object_type: str, steps: Steps, definitions: Definitions | None, *, links: bool) -> None:
        self.object_type, self.steps, self.properties = object_type, steps, definitions or {}
        self.words = _WORDS if links else tuple(word for word in _WORDS if word != LINKS)
        self.types = dict.fromkeys((object_type, *(STANDARD_TYPES if definitions is None else definitions)))

    def mistake(self, path: tuple[str, ...]) -> str:
        root, _, label = path[0].partition("/")
        if root in self.words and label:
            return f"{root!r} takes no label after a /; only an associated record does"
        match root:
            case "outputs":
                return self._output(path[1], path[2])
            case "owner":
                return self._property(self.object_type, path[1], OWNER) or _unknown(path[2], "a user", USER)
            case "event":
                return ""
            case "links" if root in self.words:
                return _unknown(path[1], "an e-mail among its links", ("unsubscribe",))
            case _ if root in self.types:
                return self._property(root, path[1])
        return f"{root!r} is not known here{nearest(root, (*self.types, *self.words), always=True)}"

    def _output(self, step: str, key: str) -> str:
        if step not in self.steps:
            return f"no step has the id {step!r}{nearest(step, self.steps)}"
        keys = self.steps[step] if isinstance(self.steps, Mapping) else None
        return "" if keys is None else _unknown(key, f"the step {step!r}", keys)

    def _property(self, object_type: str, name: str, *always: str) -> str:
        names = self.properties.get(object_type)
        return _unknown(name, f"a {object_type}", (*names, *always)) if names else ""


def _unknown(name: str, owner: str, names: Collection[str]) -> str:
    return "" if name in names else f"{owner} has no {name!r}{nearest(name, names)}"
