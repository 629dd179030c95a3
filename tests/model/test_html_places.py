from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.templates import BadText, parse

EVIL = "\"><img src=x onerror='alert(1)'>&"


def page(text: str, **values: str) -> str:
    return parse(text).render({"contact": values}, html=True)


def test_values_are_escaped() -> None:
    """A value brings neither tags nor quotes, while the author's own markup stays."""
    escaped = "&quot;&gt;&lt;img src=x onerror=&#x27;alert(1)&#x27;&gt;&amp;"
    assert page('<p title="{{ contact.a }}">{{ contact.a }}</p>', a=EVIL) == f'<p title="{escaped}">{escaped}</p>'


def test_defaults_are_escaped() -> None:
    """A default is text like the value that it stands for."""
    assert page("{{ contact.no | default('R&D') }}") == "R&amp;D"


def test_text_is_not_escaped() -> None:
    """A plain text shows the value itself."""
    assert parse("{{ contact.a }}").render({"contact": {"a": EVIL}}) == EVIL


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.com/?a=b:c", True),
        ("HTTP://example.com", True),
        ("mailto:a@example.com", True),
        ("tel:+358401", True),
        ("/path:with-colon", True),
        ("//example.com", True),
        ("#part:2", True),
        ("page", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        (" java\tscript\n:alert(1)", False),
        ("\n" * 500 + "javascript:alert(1)", False),
        ("javascript://example.com/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("\x01vbscript:x", False),
        ("file:///etc/passwd", False),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '<a href="{{ contact.url }}">',
        "<a HREF = '{{ contact.url }}'>",
        '<img src="{{ contact.url }}"/>',
        '<button formaction=" {{ contact.url }}">',
        '<a xlink:href="{{ contact.url }}">',
        '<!--[if mso]><a href="{{ contact.url }}"><![endif]-->',
    ],
)
def test_a_link_runs_no_code(text: str, link: str, kept: bool) -> None:
    """A value that stands as a link may lead somewhere, not run something."""
    assert (page(text, url=link) != page(text)) is kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<a href="{{ contact.a }}{{ contact.b }}">', '<a href="javascript">'),
        ('<a href="{{ contact.a }}&#9;{{ contact.b }}">', '<a href="javascript&#9;">'),
        ('<a href="{{ contact.c }}{{ contact.b }}">', '<a href="">'),
        ('<a href="/{{ contact.a }}{{ contact.b }}">', '<a href="/javascript:alert(1)">'),
        ('<a href="https://e.example/{{ contact.b }}">', '<a href="https://e.example/:alert(1)">'),
    ],
)
def test_a_link_in_pieces_runs_no_code(text: str, shown: str) -> None:
    """Harmless values do not join to a link that runs code, while behind a safe beginning they say what they like."""
    assert page(text, a="javascript", b=":alert(1)", c="javascript:") == shown


def test_a_list_of_links_is_checked_link_by_link() -> None:
    """A source set holds several links, and one that is none leaves none."""
    text = '<img srcset="{{ contact.a }}">'
    assert page(text, a="https://a.example/1 1x, /2 2x") == '<img srcset="https://a.example/1 1x, /2 2x">'
    assert page(text, a="/1 1x, javascript:alert(1) 2x") == '<img srcset="">'


@pytest.mark.parametrize(
    ("value", "kept"),
    [("#ff0000", True), ("12.5%", True), ("red;background:url(x)", False), ("expression(alert(1))", False)],
)
def test_a_style_takes_a_plain_word(value: str, kept: bool) -> None:
    """A value in a style is a colour or a size; what would add a rule or load something is left out."""
    assert page('<p style="color: {{ contact.a }}">', a=value) == f'<p style="color: {value if kept else ""}">'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<script>var a = '{{ contact.a }}'</script>", "inside <script>"),
        ("<SCRIPT >{{ contact.a }}", "inside <script>"),
        ("<script src='{{ contact.a }}'></script>", "inside <script>"),
        ("<style>p { color: {{ contact.a }} }</style>", "inside <style>"),
        ("<svg><a href='{{ contact.a }}'></a></svg>", "inside <svg>"),
        ("<title><b id={{ contact.a }}></title>", "beside a tag in <title>"),
        ("<math>{{ contact.a }}</math>", "inside <math>"),
        ("<iframe src='{{ contact.a }}'></iframe>", "inside <iframe>"),
        ("<base href='{{ contact.a }}'>", "inside <base>"),
        ("<meta http-equiv='refresh' content='0;url={{ contact.a }}'>", "inside <meta>"),
        ("<object data='{{ contact.a }}'>", "inside <object>"),
        ("<p onclick=\"f('{{ contact.a }}')\">", "in 'onclick', which is code"),
        ("<p ONLOAD='{{ contact.a }}'>", "in 'onload', which is code"),
        ("<p srcdoc='{{ contact.a }}'>", "in 'srcdoc', which is code"),
        ("<p id={{ contact.a }}>", 'in an attribute without quotes; write id="..."'),
        ("<p id=a{{ contact.a }}b>", "in an attribute without quotes"),
        ("<p {{ contact.a }}>", "in the name of a tag or of an attribute"),
        ("<p {{ contact.a }}='x'>", "in the name of a tag or of an attribute"),
        ("<p data-{{ contact.a }}='x'>", "in the name of a tag or of an attribute"),
        ("<p title='a'{{ contact.a }}>", "in the name of a tag or of an attribute"),
        ("<{{ contact.a }}>", "in the name of a tag or of an attribute"),
        ("<h{{ contact.a }}>", "in the name of a tag or of an attribute"),
        ("</{{ contact.a }}>", "in the name of a tag or of an attribute"),
        ("<p title='{{ contact.a }}>", "in a tag that does not end"),
        ("<p title='{{ contact.a }}'", "in a tag that does not end"),
        ("<!-- {{ contact.a }} -->", "in a comment"),
        ("<!--[if {{ contact.a }}]>", "in a comment"),
        ("<!{{ contact.a }}>", "in a comment"),
        ("<?{{ contact.a }}>", "in a comment"),
        ("<a href='javascript:f({{ contact.a }})'>", "in a link that begins with 'javascript:'"),
        ("<a href=' java&#115;cript&colon;{{ contact.a }}'>", "in a link that begins with 'javascript:'"),
        ("<a href='data:text/html,{{ contact.a }}'>", "in a link that begins with 'data:'"),
        ("<a href='{{ contact.a }}:alert(1)'>", "before the colon of a link"),
        ("<a href='{{ contact.a }}&colon;alert(1)'>", "before the colon of a link"),
        ("<a href='java&#{{ contact.a }}'>", "in a character reference"),
    ],
)
def test_no_value_stands_where_none_is_safe(text: str, why: str) -> None:
    """A token in code, in a name or without quotes is refused with its place, for no escaping would help there."""
    with pytest.raises(BadText) as caught:
        page(f"<p>\n{text}", a="x")
    column = text.index("{{") + 1
    assert str(caught.value).startswith(f"2:{column}: a token cannot stand {why}")


@pytest.mark.parametrize(
    "before",
    [
        "<script>if (a < b) '<p title=\"'</script>",
        "<style>a > b {}</style >",
        "<title>a <p title=' b</title>",
        "<textarea><script></textarea>",
        "<svg/>",
        "<!-- <script> -->",
        "<!-->",
        "<!--->",
        "<!-- a --!>",
        "<!DOCTYPE html>",
        "</ >",
        "<!--[if !mso]><!-->",
        "<!--<![endif]-->",
        "<p a = 'b' c=\"d\" e=f g / h>",
        "<p title='>'>",
        "a < b & c",
        "<a href='#'>",
    ],
)
def test_a_page_is_read_as_browsers_read_it(before: str) -> None:
    """Behind each of these stands plain text, in which a value is as safe as in any other."""
    assert page(f"{before}{{{{ contact.a }}}}", a="<").removeprefix(before) == "&lt;"


def test_a_title_takes_values() -> None:
    """A title without tags is text like any other."""
    assert page("<title>{{ contact.a }}</title>", a="<b>") == "<title>&lt;b&gt;</title>"


def test_a_value_does_not_end_the_comment_that_only_outlook_reads() -> None:
    """Hyphens before the author's sign would show the rest of Outlook's page to everybody else."""
    assert page("<!--[if mso]>{{ contact.a }}><![endif]-->", a="--") == "<!--[if mso]>&#45;&#45;><![endif]-->"


class Shape(HTMLParser):
    """The tags of a page, and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment",))


PIECES = [
    "{{ contact.a }}",
    "{{ contact.b }}",
    *("<a href='", '<a href="', "<p title='", '<p title="', "<p style='", "<img src=x alt='", "<td class="),
    *("'", '"', ">", "/>", " ", "=", "<", "</", "</a>", "</p>", "text", "a", "--", ":", "https://", "&"),
    *("<!--", "-->", "<!--[if mso]>", "<![endif]-->", "<br>", "<title>", "</title>", "<script>", "</script>"),
]
HTML_SIGNS = st.text(alphabet="<>\"'=/&;:#-!` \n\x00ab", max_size=12)
ATTACKS = st.sampled_from(
    [EVIL, "javascript:alert(1)", "--!>", "]]>", "x onload=alert(1)", "</title><script>", "' onclick='", "/>", "", "--"]
)


@given(st.lists(st.sampled_from(PIECES), max_size=9), HTML_SIGNS | ATTACKS, HTML_SIGNS | ATTACKS)
def test_values_bring_no_tags(pieces: list[str], one: str, other: str) -> None:
    """Whatever page an author writes, no value changes its tags, their attributes or its comments."""
    text = "<p>" + "".join(pieces)
    try:
        plain = page(text, a="x", b="x")
    except BadText:
        return
    assert Shape(page(text, a=one, b=other)).tags == Shape(plain).tags
