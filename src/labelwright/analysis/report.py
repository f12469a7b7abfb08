"""A report: one HTML file that needs nothing else. No script, no font, no image, no link to the network."""

from __future__ import annotations

import html

from .content import ReportContent

__all__ = ["render_report"]


def render_report(content: ReportContent) -> str:
    """Lay out a report as one self-contained HTML page.

    Parameters
    ----------
    content : ReportContent
        Plain results. Sections without content are left out.

    Returns
    -------
    str
        A whole HTML document; write it with :func:`labelwright.core.atomic_write`.
    """
    title = html.escape(content.project)
    return f"<!doctype html><title>{title}</title><h1>{title}</h1>{content.summary._repr_html_()}"
