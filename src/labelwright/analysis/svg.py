"""From a chart specification to SVG that may stand inside an HTML page, several times over."""

from __future__ import annotations

import re

import vl_convert

from .charts import Spec
from .markup import Markup, tag

__all__ = ["inline_svg"]

_OPENING = re.compile(r"<svg[^>]*?viewBox=\"([^\"]+)\"[^>]*>")
# What the drawing library leaves behind, a third of a small chart: empty paths, and roles that nothing reads, since the
# parts of an image with role="img" are hidden from assistive technology.
_LEFTOVERS = re.compile(
    r"<path[^>]*\bd=\"(?:M0,0h0v0h0Z)?\"[^>]*/>"
    r"| role=\"graphics-[a-z]+\"| aria-roledescription=\"[^\"<>]*\"| aria-hidden=\"true\"| pointer-events=\"none\""
)
_ID = re.compile(r"(\bid=\"|url\(#|href=\"#)([^\")<>\s]+)")


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
    # The library numbers ids through the life of the process: number them anew, so that equal charts are equal bytes.
    ids: dict[str, str] = {}
    body = _ID.sub(lambda found: found[1] + ids.setdefault(found[2], f"{name}-{len(ids)}"), body)
    words = (tag("title", title, id=f"{name}-t"), tag("desc", description, id=f"{name}-d"))
    svg = tag("svg", words, Markup(body), viewBox=opening[1], role="img", aria_labelledby=f"{name}-t {name}-d")
    return svg
