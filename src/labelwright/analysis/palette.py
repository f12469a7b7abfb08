"""Colours of the charts, for light pages and dark ones: the palette of Okabe & Ito, safe for colour-blind readers.

Charts are drawn in the light colours. On a dark page the style sheet turns each into its partner, so one drawing serves
both. Colour never stands alone: roles differ in shape too, and every chart has a table.
"""

from __future__ import annotations

__all__ = ["BLUE", "GREEN", "GREY", "GRID", "INK", "MUTED", "ROLES", "VERMILLION", "dark_rules", "partner"]

INK = "#1d2329"
MUTED = "#5c6670"
GRID = "#dfe3e6"
GREY = "#737d87"
BLUE = "#0072b2"
VERMILLION = "#d55e00"
GREEN = "#009e73"

_DARK = {
    INK: "#e9ecef",
    MUTED: "#a7b0b9",
    GRID: "#373e45",
    GREY: "#9aa4ae",
    BLUE: "#56b4e9",
    VERMILLION: "#e69f00",
    GREEN: "#2fbf95",
}

# Role of a model -> colour, shape.
ROLES = {
    "majority vote": (GREY, "square"),
    "label model": (VERMILLION, "diamond"),
    "end model": (BLUE, "circle"),
    "plain end model": (BLUE, "cross"),
    "supervised": (GREEN, "triangle-up"),
}


def partner(light: str) -> str:
    """Return the colour that stands for ``light`` on a dark page.

    Examples
    --------
    >>> partner(BLUE)
    '#56b4e9'
    """
    return _DARK[light]


def dark_rules() -> str:
    """Return the style rules that turn the light colours of a drawing into their dark partners."""
    return "".join(
        f'svg [{what}="{light}"]{{{what}:{dark}}}' for light, dark in _DARK.items() for what in ("fill", "stroke")
    )
