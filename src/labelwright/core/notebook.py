"""Votes and soft labels in a notebook: their first rows as a table, every cell escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["soft_labels_html", "votes_html"]

_ROWS = 5
_COLUMNS = 10

_CELL = "text-align:left;padding:.25em .6em;font-weight:normal"


def votes_html(votes: Any) -> str:
    """Return the first rows of `labelwright.core.Votes`: what each source said, in words.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> "<td" in votes_html(Votes([[1, -1]], classes=["<ham>", "spam"]))
    True
    """
    shown = votes.sources[:_COLUMNS]
    first = votes.take(slice(0, _ROWS))
    rows = [
        [str(name), *(_said(votes, source, int(code)) for source, code in zip(shown, codes, strict=False))]
        for name, codes in zip(first.example_ids, first.values, strict=True)
    ]
    return _table(repr(votes), ["example", *shown], rows, more=votes.n > _ROWS, wider=len(votes.sources) > _COLUMNS)


def soft_labels_html(soft: Any) -> str:
    """Return the first rows of `labelwright.core.SoftLabels`: a probability for each class.

    Examples
    --------
    >>> from labelwright.core import SoftLabels
    >>> "0.900" in soft_labels_html(SoftLabels([[0.9, 0.1]]))
    True
    """
    shown = [str(one) for one in soft.classes[:_COLUMNS]]
    rows = [
        [str(name), *(f"{p:.3f}" for p in probs[:_COLUMNS]), "" if covered else "no vote"]
        for name, probs, covered in zip(soft.example_ids[:_ROWS], soft.probs[:_ROWS], soft.covered[:_ROWS], strict=True)
    ]
    head = ["example", *shown, ""]
    return _table(repr(soft), head, rows, more=soft.n > _ROWS, wider=len(soft.classes) > _COLUMNS)


def _said(votes: Any, source: str, code: int) -> str:
    """Return what a vote says; nothing for an abstain."""
    if code < 0:
        return ""
    sets = votes.alphabet.get(source)
    return " or ".join(str(votes.classes[c]) for c in ([code] if sets is None else sorted(sets[code])))


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, more: bool, wider: bool) -> str:
    """Return a table that borrows the colours of the page it stands in, so that it reads in light and dark."""
    cells = [list(row) + ["…"] * wider for row in rows]
    titles = [*head, *["…"] * wider]
    if more:
        cells.append(["…"] * len(titles))
    top = "".join(f'<th scope="col" style="{_CELL};opacity:.7">{html.escape(one)}</th>' for one in titles)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row) + "</tr>" for row in cells
    )
    return (
        '<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">'
        f'<caption style="{_CELL}">{html.escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )
