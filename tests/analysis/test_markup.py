"""A plain string is data: whatever it holds, it comes out as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.analysis.markup import Markup, clean, tag


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_string_comes_back_as_text_and_as_an_attribute(text: str, attribute: str) -> None:
    page = Reader(tag("p", text, title=attribute))
    assert page.text == clean(text)
    assert page.tags == [("p", {"title": clean(attribute)})]
    tag("p", text).encode("utf-8")


def test_markup_is_kept_and_nothing_is_nothing() -> None:
    assert tag("b", Markup("<i>x</i>"), None, ["<", tag("br")]) == "<b><i>x</i>&lt;<br></b>"
    assert tag("p", hidden=True, id=None, open=False) == "<p hidden></p>"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\ud800", "\ufffe", "\U0001ffff"])
def test_unfit_characters_are_replaced(character: str) -> None:
    assert clean(f"a{character}b") == "a\ufffdb"


def test_ordinary_characters_stay() -> None:
    text = "naïve\t日本語\n🙂 ‏"
    assert clean(text) == text
