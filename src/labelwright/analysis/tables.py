"""Tables of frozen rows, as aligned text and as HTML. Every cell is escaped."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Column", "html_table", "text_table"]

R = TypeVar("R")

_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column of a table.

    Parameters
    ----------
    title : str
        Its heading.
    cell : callable of row -> str
        The text to show.
    numeric : bool
        Aligned right, in figures of one width.
    share : callable of row -> float, optional
        A share in [0, 1], drawn as a bar behind the cell in HTML. NaN draws nothing.
    """

    title: str
    cell: Callable[[R], str]
    numeric: bool = True
    share: Callable[[R], float] | None = None


def text_table(rows: Sequence[R], columns: Sequence[Column[R]]) -> str:
    """Return aligned text with one line per row.

    Examples
    --------
    >>> print(text_table([1, 22], [Column("n", str)]))
     n
     1
    22
    """
    lines = [[c.title for c in columns]] + [[_shorten(c.cell(r)) for c in columns] for r in rows]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(_pad(cell, w, right=c.numeric) for cell, w, c in zip(line, widths, columns, strict=True)).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    """Return terminal cells: wide East Asian characters take two, combining marks none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _shorten(text: str) -> str:
    # A control character in a name (a tab, an escape sequence) would break the table or the terminal.
    clean = "".join(c if c.isprintable() else "·" for c in text)
    return clean if len(clean) <= _WIDEST else clean[: _WIDEST - 1] + "…"


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def html_table(rows: Sequence[R], columns: Sequence[Column[R]], *, caption: str = "") -> str:
    """Return an HTML table that borrows the colours of the page it stands in, so that it reads in light and dark."""
    head = "".join(f'<th scope="col" style="{_align(c)}">{html.escape(c.title)}</th>' for c in columns)
    body = "".join("<tr>" + "".join(_cell(c, r, first=i == 0) for i, c in enumerate(columns)) + "</tr>" for r in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return (
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f"{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _align(column: Column[R]) -> str:
    return f"text-align:{'right' if column.numeric else 'left'};padding:.25em .6em"


def _cell(column: Column[R], row: R, *, first: bool) -> str:
    share = column.share(row) if column.share else math.nan
    style = _align(column)
    if not math.isnan(share):
        end = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
        style += f";background:linear-gradient(to right,rgba(86,180,233,.35) {end},transparent {end})"
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    return f'<{tag}{scope} style="{style};font-weight:normal">{html.escape(column.cell(row))}</{tag}>'
