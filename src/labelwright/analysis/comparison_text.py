"""A comparison of two runs as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .comparison import Comparison, FunctionChange
from .comparison_rows import (
    FLIPS,
    METRICS,
    MOVERS,
    SETTINGS,
    SLICES,
    data_sentence,
    parameter_columns,
    told_parameters,
)
from .tables import Column, text_table

__all__ = ["comparison_text"]

R = TypeVar("R")

_PARAMETERS_SHOWN = 12
_SOURCE_LINES = 40


def comparison_text(content: Comparison) -> str:
    """Lay out a comparison as text.

    Parameters
    ----------
    content : Comparison

    Returns
    -------
    str
        Blocks with an empty line between them; what is empty is left out. Control characters in data are replaced.

    Examples
    --------
    >>> from labelwright.analysis.comparison import Comparison, LabelFlip, RunLabel, SliceChange
    >>> split = SliceChange("train", 60, 3, 0, 0, [LabelFlip("ham", "spam", 3)])
    >>> print(comparison_text(Comparison("comments", RunLabel(1, "a" * 16), RunLabel(2, "b" * 16), [split])))
    run 1, aaaaaaaa → run 2, bbbbbbbb
    3 of 60 labels flipped (5%)
    <BLANKLINE>
    slice  in both  flipped  share  added  removed
    train       60        3   5.0%      0        0
    <BLANKLINE>
    slice  from  to    labels
    train  ham   spam       3
    """
    parameters, rest = told_parameters(content.parameters, _PARAMETERS_SHOWN)
    flips = [(one.name, flip) for one in content.splits for flip in one.flips]
    blocks = [
        f"{_line(str(content.before))} → {_line(str(content.after))}\n{_line('; '.join(content.headline()))}",
        _table(content.splits, SLICES),
        _table(flips, FLIPS),
        _table(content.groups, SLICES, _groups_title(content)),
        *(_function(f) for f in content.functions),
        _table(content.metrics, METRICS, "Scores on the same gold rows, with paired 95% intervals"),
        _table(
            parameters, parameter_columns("function", parameters), _parameters_title(content, len(parameters), rest)
        ),
        _table(content.class_balance, parameter_columns("class", content.class_balance), "Class balance"),
        _table(content.settings, SETTINGS, "Settings"),
        data_sentence(content),
        _table(content.movers, MOVERS, f"Largest movers: {len(content.movers)} of {content.moved:,}"),
        "\n".join(f"note: {_line(note)}" for note in content.notes),
    ]
    return "\n\n".join(block for block in blocks if block)


def _groups_title(content: Comparison) -> str:
    return f"Groups with most flips: {len(content.groups)} of {content.group_count:,}"


def _parameters_title(content: Comparison, shown: int, rest: int) -> str:
    more = f"; {rest} smaller moves are not shown" if rest and shown else ""
    return f"Learned accuracies ({_line(content.interval_method)}){more}"


def _table(rows: Sequence[R], columns: Sequence[Column[R]], title: str = "") -> str:
    if not rows:
        return ""
    return (f"{title}\n" if title else "") + text_table(rows, columns)


def _function(function: FunctionChange) -> str:
    """Return a function's change: its reasons, and the difference of its source."""
    what = "written otherwise, does the same" if function.what == "rewritten" else function.what
    said = "".join(f"\n  {_line(reason)}" for reason in function.reasons)
    if function.what in ("added", "removed"):
        return f"{what}: {_line(function.name)}"
    lines = function.source.splitlines()
    rest = len(lines) - _SOURCE_LINES
    shown = [f"  | {_line(line)}" for line in lines[:_SOURCE_LINES]] + ([f"  | ... {rest} more"] if rest > 0 else [])
    return "\n".join([f"{what}: {_line(function.name)}{said}", *shown])


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
