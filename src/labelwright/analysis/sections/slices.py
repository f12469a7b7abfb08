"""Slices: how models do on named subsets of the examples, and how votes fall there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from labelwright.analysis.base import Estimate
from labelwright.analysis.content import ReportContent
from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.slice_charts import slices_chart
from labelwright.analysis.slices import SliceRow, SplitSlices
from labelwright.analysis.tables import Column

from .blocks import figure, figures, section, table, written

__all__ = ["slice_views", "slices", "slices_intro"]

# A chart of more slices than these is longer than a screen; the table has all.
_MOST_DRAWN = 12

# Model -> how the chart marks it, in which colour.
_MARKS = {"label model": ("◆", "dot-learned"), "end model": ("●", "dot-measured")}


def slices(content: ReportContent) -> Markup | None:
    """Return the section on slices; nothing where there are none."""
    if not content.slices:
        return None
    return section("slices", "Slices", slice_views(content.slices), intro=slices_intro(content.slices[0]))


def slices_intro(split: SplitSlices) -> str:
    """Say what a section on slices shows."""
    count = len(split.first)
    return (
        f"How {count} slice{'s' * (count != 1)} of the examples, told by slicing functions, do beside all. "
        "Slices may overlap. P-values are adjusted for the number of slices (Holm); gold is used for scores alone."
    )


def slice_views(splits: Sequence[SplitSlices], *, name: str = "slice-accuracy", of: str = "") -> list[Child]:
    """Return the chart of the first split with gold, and a table for each split.

    Parameters
    ----------
    splits : sequence of SplitSlices
    name : str
        Of the chart, unlike any other on the page.
    of : str
        What captions add, such as ``" on finding"``.
    """
    scored = [split for split in splits if split.scored]
    return [
        figures(_figure(scored[0], name, of)) if scored else None,
        [_table(split, of) for split in splits if split.scored],
        [_votes_table(split, of) for split in splits if not split.scored],
    ]


def _rows(split: SplitSlices, role: str | None = None) -> list[SliceRow]:
    found = split.first if role is None else split.tables[role]
    return [found.everything, *found.rows]


def _figure(split: SplitSlices, name: str, of: str) -> Markup:
    roles = list(split.tables)
    by_role = {role: _rows(split, role) for role in roles}
    drawn = [(row.name, [(role, by_role[role][i].accuracy) for role in roles]) for i, row in enumerate(_rows(split))][
        : _MOST_DRAWN + 1
    ]
    legend: list[Child] = []
    for role in roles:
        mark, style = _MARKS[role]
        legend += [tag("span", mark, class_=style, aria_hidden="true"), f" {role}{', ' if role != roles[-1] else '. '}"]
    how = [f"Accuracy on {split.split}, from 0 to 100%, with 95% intervals: ", *legend]
    if len(split.first) > _MOST_DRAWN:
        how.append(f"The first {_MOST_DRAWN} of {len(split.first)} slices; the table has all.")
    columns: list[Column[int]] = [Column("slice", lambda i: drawn[i][0], numeric=False)]
    columns += [Column(role, partial(_drawn_cell, drawn, j)) for j, role in enumerate(roles)]
    return figure(
        name,
        f"Accuracy by slice{of}",
        how,
        slices_chart(drawn),
        "; ".join(f"{name}: {', '.join(f'{role} {e}' for role, e in estimates)}" for name, estimates in drawn),
        table(range(len(drawn)), columns, caption=f"Accuracy by slice{of}"),
    )


def _drawn_cell(drawn: Sequence[tuple[str, Sequence[tuple[str, Estimate]]]], column: int, row: int) -> str:
    return "\n".join(written("accuracy", drawn[row][1][column][1]))


def _table(split: SplitSlices, of: str) -> Markup:
    columns = _vote_columns(split)
    # The end model first: it is what is used.
    for role in reversed(list(split.tables)):
        rows = _rows(split, role)
        columns += [
            Column(f"{role}: accuracy", partial(_cell, rows, lambda row: "\n".join(written("accuracy", row.accuracy)))),
            Column("macro F1", partial(_cell, rows, lambda row: "\n".join(written("macro_f1", row.macro_f1)))),
            Column("against the rest", partial(_cell, rows, _against)),
        ]
    return table(range(len(split.first) + 1), columns, caption=f"Slices of {split.split}{of}")


def _votes_table(split: SplitSlices, of: str) -> Markup:
    return table(range(len(split.first) + 1), _vote_columns(split), caption=f"Slices of {split.split}{of}")


def _vote_columns(split: SplitSlices) -> list[Column[int]]:
    rows = _rows(split)
    columns: list[Column[int]] = [
        Column("slice", lambda i: rows[i].name, numeric=False),
        Column("n", lambda i: f"{rows[i].n:,}\n{written('coverage', rows[i].share)[0]} of {split.split}"),
        Column("coverage", lambda i: "\n".join(written("coverage", rows[i].coverage))),
        Column("votes conflict", lambda i: "\n".join(written("coverage", rows[i].conflicts))),
    ]
    if split.scored and any(row.scored < row.n for row in rows):
        columns.insert(2, Column("with gold", lambda i: f"{rows[i].scored:,}"))
    return columns


def _cell(rows: Sequence[SliceRow], text: Callable[[SliceRow], str], index: int) -> str:
    return text(rows[index])


def _against(row: SliceRow) -> str:
    e = row.difference
    if not e.known:
        return ""
    value, low, high = (f"{100 * x:+.1f}".replace("-", "\N{MINUS SIGN}") for x in (e.value, e.low, e.high))
    chance = "" if row.p_value is None else f"; p {'< 0.001' if row.p_value < 0.001 else f'= {row.p_value:.3f}'}"
    return f"{value} points\n{low} to {high}{chance}"
