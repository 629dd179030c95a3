from __future__ import annotations

import string
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.errors import FlowError
from workflows.model.filters import FILTERS, MOST_ITEMS, OUTPUT_BYTES, TooLarge
from workflows.model.templates import MOST_MISTAKES, MOST_TOKENS, SOURCE_BYTES, BadText, parse, read
from workflows.model.tokens import check

FACTS = {
    "contact": {
        "firstname": "Anna",
        "name": "o'neill mcdonald-smith",
        "blank": "  ",
        "none": None,
        "score": 1.0,
        "ratio": 0.25,
        "count": 7,
        "huge": 1e300,
        "endless": float("inf"),
        "long": 10**5000,
        "optin": True,
        "optout": False,
        "tags": ["red", 2.0, True, None, {"a": 1}, ""],
        "address": {"city": "Turku"},
        "items": "a property that is also a method",
        "inner": "{{ contact.firstname }} {{ 7*7 }}",
    },
    "company/parent": {"name": "Acme"},
    "outputs": {"two-days": {"taken": "yes"}, "1st": {"message_id": "k"}},
}


def render(text: str, facts: dict[str, object], *, html: bool = False) -> str:
    return parse(text).render(facts, html=html)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Hi", "Hi"),
        ("Hi {{ contact.firstname }}!", "Hi Anna!"),
        ("{{contact.firstname}}{{contact.count}}", "Anna7"),
        ("{{\n contact . firstname\n | upper }}", "ANNA"),
        ("{{ company/parent.name }}", "Acme"),
        ("{{ outputs.two-days.taken }} {{ outputs.1st.message_id }}", "yes k"),
        ("{{ contact.nothing }}|{{ company.name }}|{{ outputs.no.key }}", "||"),
        ("{{ contact.score }} {{ contact.ratio }} {{ contact.count }}", "1 0.25 7"),
        ("{{ contact.huge }} {{ contact.endless }} {{ contact.long }}", "1e+300  "),
        ("{{ contact.optin }} {{ contact.optout }}", "true false"),
        ("{{ contact.tags }}", "red; 2; true"),
        ("{{ contact.address }}", ""),
        ("{{ contact.items }}", "a property that is also a method"),
        ("{{ contact.firstname }} {{ contact.firstname }}", "Anna Anna"),
        ('{{ contact.none | default("there\'s }} more") }}', "there's }} more"),
        ("} }} {", "} }} {"),
    ],
)
def test_tokens_are_replaced(text: str, expected: str) -> None:
    """Each token gives way to its value as a person would write it, and all else stays."""
    assert render(text, FACTS) == expected


def test_a_value_is_not_parsed_again() -> None:
    """A token inside a value is text."""
    assert render("{{ contact.inner }}", FACTS) == "{{ contact.firstname }} {{ 7*7 }}"


def test_parsing_is_remembered() -> None:
    """The same text is parsed once."""
    assert parse("Hi {{ contact.x }}") is parse("Hi {{ contact.x }}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hi {{ contact.firstname", "1:4: expected | or the closing }}"),
        ("a\nbc {{ contact }}", "2:4: 'contact' is no name of a value; write TYPE.property"),
        ("{{ contact.a.b }}", "write TYPE.property"),
        ("{{ contact/.b }}", "expected the label of an association"),
        ("{{ outputs.step }}", "write outputs.STEP.key"),
        ("{{ owner }}", "write owner.email, or owner.PROPERTY.email"),
        ("{{ owner.a.b.c }}", "write owner.email, or owner.PROPERTY.email"),
        ("{{ contact.a | defualt('x') }}", "did you mean 'default'?"),
        ("{{ contact.a | shout }}", "no filter is called 'shout'; there are default, upper, lower, title, capitalize"),
        ("{{ contact.a | default(x) }}", "expected a text in quotes or a number"),
        ("{{ contact.a | default('x }}", "expected a text in quotes or a number"),
        ("{{ contact.a | default }}", "the filter 'default' is misused; write default('there')"),
        ("{{ contact.a | default('a', 'b') }}", "the filter 'default' is misused; write default('there')"),
        ("{{ contact.a | truncate('a') }}", "the filter 'truncate' is misused; write truncate(40)"),
        ("{{ contact.a | truncate(1234567) }}", "expected a text in quotes or a number"),
        ("{{ contact.a | round(-1) }}", "expected a text in quotes or a number"),
        ("{{ contact.a | default('a' }}", "expected )"),
        ("{{ contact.a | default('a', ) }}", "expected a text in quotes or a number"),
        ("{{ contact.a | upper() }}", "expected a text in quotes or a number"),
        ("{{ contact.a | upper('x') }}", "the filter 'upper' is misused; write upper"),
        ("{{ contact.a" + " | trim" * 9 + "}}", "at most 8 filters"),
        ("{{ contact.a }}" * MOST_TOKENS + "\n{{ contact.b }}", f"2:1: a text takes at most {MOST_TOKENS} tokens"),
        ("{{ }}", "expected a name"),
        ("{{{ contact.a }}}", "expected a name"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    """What is no token is refused with its place and what is expected there."""
    with pytest.raises(BadText) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
        "{{ '{0.__class__}'.format(contact) }}",
        "{{ (contact.items()|map('upper')).gi_frame }}",
        "{{ contact.firstname|attr('format') }}",
        "{{ contact.firstname.format }}",
        "{{ contact['firstname'] }}",
        "{{ contact.items() }}",
        "{{ 7*7 }}",
        "{{ 'a' * 10**9 }}",
        "{{ range(999999999) }}",
        "{{ contact.a.ljust(10**7) }}",
        "{{ '%999999d' | format(1) }}",
        "{{ '%9d' % 1 }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ contact.a" + ".b" * 5000 + " }}",
        "{{ contact.a | default(" * 1000,
    ],
)
def test_a_payload_against_other_engines_is_refused(payload: str) -> None:
    """What breaks out of a sandbox or fills the memory elsewhere is a mistake here, with line and column."""
    mistake = check(f"first line\n  {payload}", "contact", ())[0]
    assert (mistake.line, mistake.column) == (2, 3)
    assert len(mistake.message) < 400


@pytest.mark.parametrize(
    "payload",
    [
        "{% include '/etc/passwd' %}",
        "{% for a in 'x' * 9 %}{% for b in a %}x{% endfor %}{% endfor %}",
        "{# a comment #}",
        "${7*7} #{7*7} <%= 7*7 %> %{7*7} @(7*7)",
    ],
)
def test_the_tags_of_other_engines_are_text(payload: str) -> None:
    """What has no double braces means nothing and is left alone."""
    assert render(payload, FACTS) == payload


@pytest.mark.parametrize("name", ["__class__", "__globals__", "keys", "items", "get", "_TemplateReference__context"])
def test_attributes_are_out_of_reach(name: str) -> None:
    """A name that Python knows and the record does not is missing like any other."""
    assert render(f"{{{{ contact.{name} }}}}{{{{ outputs.a.{name} }}}}", {"contact": {}, "outputs": {"a": []}}) == ""


def test_all_mistakes_are_found() -> None:
    """Reading goes on behind a mistake, up to a bound."""
    template, mistakes = read("{{ a }} {{ b.c }} {{ d.e | f }}\n{{ g.h }} {{")
    assert [(mistake.line, mistake.column) for mistake in mistakes] == [(1, 1), (1, 19), (2, 11)]
    assert [token.path for token in template.tokens] == [("b", "c"), ("g", "h")]
    assert len(read("{{ a }} " * 100)[1]) == MOST_MISTAKES


def test_a_source_may_take_so_much() -> None:
    """A text as large as allowed is taken; a byte more is refused."""
    assert parse("a" * SOURCE_BYTES).parts
    with pytest.raises(FlowError, match="256 KiB"):
        parse("a" * (SOURCE_BYTES - 1) + "ä")


def test_an_output_may_take_so_much() -> None:
    """Values may fill a text up to its bound, counted in bytes."""
    value = "ä" * (OUTPUT_BYTES // 2)
    assert len(render("{{ contact.a }}", {"contact": {"a": value}})) == len(value)
    with pytest.raises(TooLarge, match="256 KiB"):
        render("{{ contact.a }}.", {"contact": {"a": value}})
    with pytest.raises(TooLarge):
        render("{{ contact.a }}", {"contact": {"a": '"' * OUTPUT_BYTES}}, html=True)
    with pytest.raises(TooLarge, match="a list is too long"):
        render("{{ contact.a }}", {"contact": {"a": [1] * (MOST_ITEMS + 1)}})


def ends_within(seconds: float, run: Callable[[], object]) -> bool:
    """Tell whether one of three runs takes so little processor time; TooLarge is as good an end as any."""

    def spent() -> float:
        began = thread_time()
        with suppress(TooLarge):
            run()
        return thread_time() - began

    return any(spent() < seconds for _ in range(3))


CALLS = {
    "default": "default('x')",
    "truncate": "truncate(99999)",
    "round": "round(2)",
    "number": "number(2)",
    "date": f"date('{'%S' * 9}')",
    "join": "join(', ')",
}
HOSTILE = {
    "words": "a " * (OUTPUT_BYTES // 2),
    "apostrophes": "a'" * (OUTPUT_BYTES // 2),
    "growing": "ΐ" * (OUTPUT_BYTES // 2),
    "tags": "<a>" * (OUTPUT_BYTES // 3),
    "open tags": "<" * OUTPUT_BYTES,
    "short": "a'b c " * 20,
    "a number": "1234567.891",
    "a moment": "2026-12-24T10:00:00+02:00",
    "a list": ["a b"] * MOST_ITEMS,
    "numbers": [1.5] * MOST_ITEMS,
}


@pytest.mark.parametrize("name", FILTERS)
def test_the_worst_text_renders_in_time(name: str) -> None:
    """A thousand tokens with eight filters over whatever value end within 100 ms of processor time."""
    call = CALLS.get(name, name)
    text = "".join(
        f"<a href=\"{{{{ contact.a | {call} | {call} | {call} | {call} | {call} | truncate(3) | default('{n}') }}}}\">"
        for n in range(MOST_TOKENS)
    )
    template = parse(text)
    template.render({}, html=True)
    for value in HOSTILE.values():
        assert ends_within(0.1, partial(template.render, {"contact": {"a": value}}, html=True))


def test_a_bomb_of_tokens_is_stopped() -> None:
    """A thousand tokens for one large value are stopped at the bound of the output, before the text is made."""
    text = "".join(f"{{{{ contact.a }}}}{n}" for n in range(MOST_TOKENS))
    with pytest.raises(TooLarge):
        render(text, {"contact": {"a": "x" * 200_000}})


@pytest.mark.parametrize(
    "text",
    [
        "{{" * (SOURCE_BYTES // 2),
        "{{ " + " " * (SOURCE_BYTES - 10),
        "{{ contact.a" + " | trim" * (SOURCE_BYTES // 8),
        "{{ contact.a | default('" + "x" * (SOURCE_BYTES - 100),
        "{{ contact.a | default(" + "1," * (SOURCE_BYTES // 2 - 100),
        "{{" + "a." * (SOURCE_BYTES // 4),
        "{{ a }}" * (SOURCE_BYTES // 7),
        "<" * (SOURCE_BYTES - 20) + "{{ contact.a }}",
        "<!--" * (SOURCE_BYTES // 4 - 20) + "{{ contact.a }}",
        "<!--[if " * (SOURCE_BYTES // 8 - 20) + "{{ contact.a }}",
        "<a " * (SOURCE_BYTES // 3 - 20) + "{{ contact.a }}",
        "<a" + ' ="' * (SOURCE_BYTES // 3 - 20) + "{{ contact.a }}",
        '<a href="' + "&" * (SOURCE_BYTES - 100) + '{{ contact.a }}">',
        "<title></title>" * (SOURCE_BYTES // 15 - 20) + "{{ contact.a }}",
    ],
)
def test_a_hostile_source_is_read_in_time(text: str) -> None:
    """A text made to make the parser work ends soon, in a short mistake or none, never in a RecursionError."""

    def run() -> None:
        template, mistakes = read.__wrapped__(text)
        assert all(len(str(mistake)) < 400 for mistake in mistakes)
        assert len(list(template.mistakes(html=True))) <= 1

    assert ends_within(1, run)


@given(st.text(alphabet="{}|.,/'\"() \nab" + string.digits, max_size=60))
def test_any_text_renders_or_is_refused(text: str) -> None:
    """No text does anything but render or raise FlowError."""
    try:
        parsed = parse(text)
    except FlowError:
        return
    parsed.render({})


@given(st.text())
def test_a_text_without_tokens_stays(text: str) -> None:
    """What holds no double brace is put out as it is, as text and as HTML."""
    text = text.replace("{{", "{")
    assert (render(text, {}), render(text, {}, html=True)) == (text, text)


@given(st.text(), st.text())
def test_any_value_is_put_in_as_it_stands(before: str, value: str) -> None:
    """Whatever the value holds, it stands in the text unchanged."""
    before = before.replace("{", "")
    assert render(before + "{{ contact.a }}", {"contact": {"a": value}}) == before + value


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(json, st.lists(st.sampled_from(sorted(FILTERS)), max_size=8), st.booleans())
def test_rendering_is_total(value: object, names: list[str], html: bool) -> None:
    """Any value goes through any filters, and comes out as text."""
    filters = "".join(f" | {CALLS.get(name, name)}" for name in names)
    assert isinstance(render(f"{{{{ contact.a{filters} }}}}", {"contact": {"a": value}}, html=html), str)
