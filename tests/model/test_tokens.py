from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model import tokens
from workflows.model.errors import FlowError
from workflows.model.tokens import OUTPUT_BYTES, SOURCE_BYTES, TooLarge, check, parse, render

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
        "optin": True,
        "optout": False,
        "tags": ["red", 2.0, True, None, {"a": 1}, ""],
        "address": {"city": "Turku"},
        "items": "a property that is also a method",
        "evil": "\"><img src=x onerror='alert(1)'>&",
        "inner": "{{ contact.firstname }}",
    },
    "outputs": {"two-days": {"taken": "yes"}, "1st": {"message_id": "k"}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Hi", "Hi"),
        ("Hi {{ contact.firstname }}!", "Hi Anna!"),
        ("{{contact.firstname}}{{contact.count}}", "Anna7"),
        ("{{\n contact . firstname\n | upper }}", "ANNA"),
        ("{{ outputs.two-days.taken }} {{ outputs.1st.message_id }}", "yes k"),
        ("{{ contact.nothing }}|{{ company.name }}|{{ outputs.no.key }}", "||"),
        ("{{ contact.nothing | default('there') }}", "there"),
        ('{{ contact.none | default("there\'s }} more") }}', "there's }} more"),
        ("{{ contact.blank | trim | default('x') | upper }}", "X"),
        ("{{ contact.firstname | default('x') }}", "Anna"),
        ("{{ contact.firstname | lower }}", "anna"),
        ("{{ contact.name | title }}", "O'neill Mcdonald-Smith"),
        ("{{ contact.score }} {{ contact.ratio }} {{ contact.count }}", "1 0.25 7"),
        ("{{ contact.huge }} {{ contact.endless }}", "1e+300 "),
        ("{{ contact.optin }} {{ contact.optout }}", "true false"),
        ("{{ contact.tags }}", "red; 2; true"),
        ("{{ contact.address }}", ""),
        ("{{ contact.items }}", "a property that is also a method"),
        ("{% include '/etc/passwd' %} {# x #} } }} {", "{% include '/etc/passwd' %} {# x #} } }} {"),
    ],
)
def test_tokens_are_replaced(text: str, expected: str) -> None:
    """Each token gives way to its value as a person would write it, and all else stays."""
    assert render(text, FACTS) == expected


def test_a_value_is_not_parsed_again() -> None:
    """A token inside a value is text."""
    assert render("{{ contact.inner }}", FACTS) == "{{ contact.firstname }}"


def test_html_escapes_values() -> None:
    """In HTML a value brings neither tags nor quotes, while the author's own markup stays."""
    page = render('<p title="{{ contact.evil }}">', FACTS, html=True)
    assert page == '<p title="&quot;&gt;&lt;img src=x onerror=&#x27;alert(1)&#x27;&gt;&amp;">'


def test_html_escapes_defaults() -> None:
    """A default is text like the value that it stands for."""
    assert render("{{ contact.no | default('R&D') }}", FACTS, html=True) == "R&amp;D"


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.com/?a=b:c", True),
        ("mailto:a@example.com", True),
        ("/path:with-colon", True),
        ("page", True),
        ("javascript:alert(1)", False),
        (" java\tscript\n:alert(1)", False),
        ("data:text/html,x", False),
        ("\x01vbscript:x", False),
    ],
)
@pytest.mark.parametrize(
    "page", ['<a href="{{ contact.url }}">', "<a HREF = '{{ contact.url }}'>", "<a href={{ contact.url }}>"]
)
def test_a_link_runs_no_code(page: str, link: str, kept: bool) -> None:
    """A value that stands as a link may lead somewhere, not run something."""
    shown = render(page, {"contact": {"url": link}}, html=True)
    assert (shown != render(page, {}, html=True)) is kept


def test_a_link_in_two_values_runs_no_code() -> None:
    """Two harmless values do not join to a link that runs code."""
    facts = {"contact": {"a": "javascript", "b": ":alert(1)"}}
    assert render('<a href="{{ contact.a }}{{ contact.b }}">', facts, html=True) == '<a href="javascript">'


def test_a_bare_attribute_holds_one_value() -> None:
    """A value in an attribute without quotes cannot bring a second attribute."""
    facts = {"contact": {"a": "x onload=alert(1)"}}
    assert render("<p id={{ contact.a }}>", facts, html=True) == "<p id=x&#32;onload&#61;alert(1)>"


def test_needs_names_each_value_once() -> None:
    """A template lists the dotted names that it wants."""
    text = "{{ contact.a }} {{ contact.a | upper }} {{ outputs.b.c }}"
    assert parse(text).needs == {"contact.a", "outputs.b.c"}


def test_parsing_is_remembered() -> None:
    """The same text is parsed once."""
    assert parse("Hi {{ contact.x }}") is parse("Hi {{ contact.x }}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hi {{ contact.firstname", "1:4: expected | or the closing }}"),
        ("a\nbc {{ contact }}", "2:4: 'contact' is no name of a value; write TYPE.property"),
        ("{{ contact.a.b }}", "write TYPE.property"),
        ("{{ outputs.step }}", "write outputs.STEP.key"),
        ("{{ contact.a | defualt('x') }}", "did you mean 'default'?"),
        ("{{ contact.a | shout }}", "there are default, upper, lower, title, trim"),
        ("{{ contact.a | default(x) }}", "expected a text in quotes"),
        ("{{ contact.a | default('x }}", "expected a text in quotes"),
        ("{{ contact.a | default }}", "expected ("),
        ("{{ contact.a | upper() }}", "expected | or the closing }}"),
        ("{{ contact.a" + " | trim" * 9 + "}}", "at most 8 filters"),
        ("{{ }}", "expected a name"),
        ("{{{ contact.a }}}", "expected a name"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "expected a name"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "write TYPE.property"),
        ("{{ lipsum.__globals__['os'] }}", "expected | or the closing }}"),
        ("{{ ''|attr('\\x5f\\x5fclass') }}", "expected a name"),
        ("{{ '{0.__class__}'.format(contact) }}", "expected a name"),
        ("{{ (contact.items()|map('upper')).gi_frame }}", "expected a name"),
        ("{{ contact.items() }}", "expected | or the closing }}"),
        ("{{ 'a' * 10**9 }}", "expected a name"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    """What is no token is refused with its place and what is expected there."""
    with pytest.raises(FlowError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_attributes_are_out_of_reach() -> None:
    """A name that Python knows and the record does not is missing like any other."""
    assert render("{{ contact.__class__ }}{{ contact.keys }}", FACTS) == ""


def test_a_source_may_take_so_much() -> None:
    """A text as large as allowed is taken; a byte more is refused."""
    assert parse("a" * SOURCE_BYTES).parts
    with pytest.raises(FlowError, match="64 KiB"):
        parse("a" * (SOURCE_BYTES - 1) + "ä")


def test_an_output_may_take_so_much() -> None:
    """Values may fill a text up to its bound, counted in bytes."""
    value = "ä" * (OUTPUT_BYTES // 2)
    assert len(render("{{ contact.a }}", {"contact": {"a": value}})) == len(value)
    with pytest.raises(TooLarge, match="256 KiB"):
        render("{{ contact.a }}.", {"contact": {"a": value}})
    with pytest.raises(TooLarge):
        render("{{ contact.a }}", {"contact": {"a": '"' * OUTPUT_BYTES}}, html=True)


@pytest.mark.parametrize(
    "text",
    [
        "{{" * (SOURCE_BYTES // 2),
        "{{ " + " " * (SOURCE_BYTES - 10),
        "{{ contact.a" + " | trim" * (SOURCE_BYTES // 8),
        "{{ contact.a | default('" + "x" * (SOURCE_BYTES - 100),
        "{{" + "a." * (SOURCE_BYTES // 4),
    ],
)
def test_a_hostile_source_is_refused(text: str) -> None:
    """A text made to make the parser work ends in a mistake with a short message, not in a RecursionError."""
    with pytest.raises(FlowError) as caught:
        parse(text)
    assert len(str(caught.value)) < 400


def test_a_bomb_of_tokens_is_stopped() -> None:
    """Thousands of tokens for one large value are stopped at the bound of the output."""
    text = "{{contact.a|upper}}" * (SOURCE_BYTES // 20)
    with pytest.raises(TooLarge):
        render(text, {"contact": {"a": "x" * 200_000}})


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("{{ contact.anything }} {{ outputs.ask.answer }}", []),
        ("Hi {{ contat.firstname }}", ["1:4: 'contat' is not known here; did you mean 'contact'?"]),
        ("{{ company.name }}", ["1:1: 'company' is not known here; there are contact, outputs"]),
        ("{{ zzz.name }}", ["1:1: 'zzz' is not known here; there are contact, outputs"]),
        (
            "{{ outputs.aks.x }}\n{{ z.b }}",
            [
                "1:1: no step has the id 'aks'; did you mean 'ask'?",
                "2:1: 'z' is not known here; there are contact, outputs",
            ],
        ),
        (
            "{{ contact }}",
            ["1:1: 'contact' is no name of a value; write TYPE.property, as contact.firstname, in '{{ contact }}'"],
        ),
    ],
)
def test_publishing_checks_the_roots(text: str, mistakes: list[str]) -> None:
    """A root or step that the flow does not have is found before publishing, with the nearest name."""
    assert check(text, "contact", ("ask", "tell")) == mistakes


@given(st.text(alphabet="{}|.'\"() \nab" + string.digits, max_size=60))
def test_any_text_renders_or_is_refused(text: str) -> None:
    """No text does anything but render or raise FlowError."""
    try:
        parsed = parse(text)
    except FlowError:
        return
    assert parsed.render({}) == "".join(p if isinstance(p, str) else p.fill({}) for p in parsed.parts)


@given(st.text(), st.text())
def test_any_value_is_put_in_as_it_stands(before: str, value: str) -> None:
    """Whatever the value holds, it stands in the text unchanged."""
    before = before.replace("{", "")
    assert tokens.render(before + "{{ contact.a }}", {"contact": {"a": value}}) == before + value
