"""A report: one HTML file that needs nothing else. No script, no font, no image, nothing loaded from anywhere."""

from __future__ import annotations

from importlib import resources

from . import sections
from .content import ReportContent
from .markup import Markup, tag
from .palette import dark_rules

__all__ = ["POLICY", "render_report"]

# Even if some data were to slip through unescaped, the browser would run and load nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_TITLES = {
    "data": "Data and labels",
    "models": "Models",
    "sources": "Sources",
    "examples": "Examples",
    "lineage": "Lineage",
}


def render_report(content: ReportContent) -> str:
    """Lay out a report as one self-contained HTML page.

    Parameters
    ----------
    content : ReportContent
        Plain results. Sections without content are left out.

    Returns
    -------
    str
        A whole HTML document in UTF-8; write it with `labelwright.core.atomic_write`.

    Notes
    -----
    The page answers first (one figure with its interval, beside the other models) and then explains. It follows the
    reader's choice of light or dark, prints, and reads from 360 to 1920 pixels and beyond. All data is escaped. Every
    chart is an SVG with a title and a description, and has a table.

    Examples
    --------
    >>> from labelwright.analysis import ReportContent, lf_summary
    >>> page = render_report(ReportContent(project="spam <or> ham", summary=lf_summary([[1, 0], [1, -1]])))
    >>> "spam &lt;or&gt; ham" in page, "<script" in page
    (True, False)
    """
    answer = sections.answer(content)
    body = {
        "data": sections.data(content),
        "models": sections.models(content),
        "sources": sections.sources(content),
        "examples": sections.examples(content),
        "lineage": sections.lineage(content),
    }
    links = [tag("li", tag("a", _TITLES[name], href=f"#{name}")) for name, found in body.items() if found]
    page = tag(
        "div",
        answer,
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", list(body.values()), id="main"),
        tag("footer", "Made by Labelwright. This file stands alone: it loads nothing and runs nothing."),
        class_="page",
    )
    skip = tag("a", "Skip to the details", class_="skip", href="#main")
    return "<!doctype html>\n" + tag("html", _head(content), tag("body", skip, page), lang="en")


def _head(content: ReportContent) -> Markup:
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    dark = "@media screen and (prefers-color-scheme:dark){" + dark_rules() + "}"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{content.project}: Labelwright report"),
        tag("style", Markup(style + dark)),
    )
