"""Whole pages: HTML documents that stand alone, load nothing and run nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from .markup import Markup, tag
from .palette import dark_rules

__all__ = ["html_document", "page_style", "sectioned_page"]

# Even if some data were to slip through unescaped, the browser would run and load nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def html_document(title: str, body: Markup, style: str) -> str:
    """Return a whole HTML document in UTF-8.

    Parameters
    ----------
    title : str
    body : Markup
        The ``body`` element.
    style : str
        All of its CSS.

    Examples
    --------
    >>> html_document("a < b", tag("body", "text"), "")[:15]
    '<!doctype html>'
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en")


def page_style() -> str:
    """Return the CSS of pages with sections, for light and for dark."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return style + "@media screen and (prefers-color-scheme:dark){" + dark_rules() + "}"


def sectioned_page(
    title: str, answer: Markup, sections: Mapping[str, Markup | None], titles: Mapping[str, str], *, style: str = ""
) -> str:
    """Return a page that answers first and then explains, section by section.

    Parameters
    ----------
    title : str
    answer : Markup
        What stands at the top.
    sections : mapping of str to Markup or None
        By their ids, in their order; ``None`` is left out.
    titles : mapping of str to str
        What the links to them say.
    style : str
        CSS beside that of all pages.
    """
    links = [tag("li", tag("a", titles[name], href=f"#{name}")) for name, found in sections.items() if found]
    page = tag(
        "div",
        answer,
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", list(sections.values()), id="main"),
        tag("footer", "Made by Labelwright. This file stands alone: it loads nothing and runs nothing."),
        class_="page",
    )
    skip = tag("a", "Skip to the details", class_="skip", href="#main")
    return html_document(title, tag("body", skip, page), page_style() + style)
