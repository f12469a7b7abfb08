"""A report: one HTML file that needs nothing else. No script, no font, no image, nothing loaded from anywhere."""

from __future__ import annotations

from . import sections
from .content import ReportContent
from .page import sectioned_page

__all__ = ["render_report"]

_TITLES = {
    "data": "Data and labels",
    "models": "Models",
    "slices": "Slices",
    "sources": "Sources",
    "augmentation": "Augmentation",
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
        "slices": sections.slices(content),
        "sources": sections.sources(content),
        "augmentation": sections.augmentation(content.augmentation),
        "examples": sections.examples(content),
        "lineage": sections.lineage(content),
    }
    return sectioned_page(f"{content.project}: Labelwright report", answer, body, _TITLES)
