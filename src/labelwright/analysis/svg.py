"""From a chart specification to SVG that may stand inside an HTML page, several times over."""

from __future__ import annotations

import re

import vl_convert

from .charts import Spec
from .markup import Markup, tag

__all__ = ["inline_svg"]

_OPENING = re.compile(r"<svg[^>]*?viewBox=\"([^\"]+)\"[^>]*>")
# Empty groups and paths that the drawing library leaves behind; half the size of a small chart.
_LEFTOVERS = re.compile(r"<path[^>]*\bd=\"(?:M0,0h0v0h0Z)?\"[^>]*/>")
_ID = re.compile(r"(\bid=\"|url\(#|href=\"#)([^\")]+)")


def inline_svg(spec: Spec, *, name: str, title: str, description: str) -> Markup:
    """Draw a chart as an inline SVG element with a title and a description for those who do not see it.

    Parameters
    ----------
    spec : dict
        A Vega-Lite specification with its data inside; nothing is loaded from anywhere.
    name : str
        Prefix of every id in the drawing; must differ between charts of one page.
    title, description : str
        What it is, and what it shows.

    Examples
    --------
    >>> from labelwright.analysis.charts import bars
    >>> spec = bars([("all", 2, "2"), ("some", 1, "1")])
    >>> svg = inline_svg(spec, name="funnel", title="Coverage", description="Half.")
    >>> svg[:74]
    '<svg viewBox="0 0 320 92" role="img" aria-labelledby="funnel-t funnel-d"><'
    """
    drawn = vl_convert.vegalite_to_svg(spec)
    opening = _OPENING.search(drawn)
    if opening is None:
        raise RuntimeError(f"the drawing library returned no viewBox for chart {name!r}")
    body = _LEFTOVERS.sub("", drawn[opening.end() : drawn.rindex("</svg>")])
    body = _ID.sub(lambda found: f"{found[1]}{name}-{found[2]}", body)
    words = (tag("title", title, id=f"{name}-t"), tag("desc", description, id=f"{name}-d"))
    svg = tag("svg", words, Markup(body), viewBox=opening[1], role="img", aria_labelledby=f"{name}-t {name}-d")
    return svg
