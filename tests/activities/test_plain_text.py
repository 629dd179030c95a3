"""HTML as plain text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.plain_text import as_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\n b &lt;i&gt; &amp;", "a b <i> &"),
        ("<h1>Hi</h1><p>One <b>two</b><br>three</p><div>four</div>five", "Hi\n\nOne two\nthree\n\nfour\nfive"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ('<a href="https://x.fi">here</a> <a href="https://y.fi">https://y.fi</a>', "here (https://x.fi) https://y.fi"),
        ('<a href="#top">up</a> <img alt="Ding!" src="x"> <img src="y">', "up Ding!"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<title>t</title><style>p {}</style><script>evil()</script>seen", "seen"),
        ("<p>open <a href='https://x.fi'>never closed", "open never closed"),
    ],
)
def test_what_a_page_says(html: str, text: str) -> None:
    """Blocks stand in lines of their own, links are written out, and what nobody sees is left out."""
    assert as_text(html) == text


@given(st.text("<>/ab='\"&; \n!-", max_size=60))
def test_any_html_is_read(html: str) -> None:
    """However broken it is."""
    assert "\n\n\n" not in as_text(html)
