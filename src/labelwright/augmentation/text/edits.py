"""Edits of a text: what all functions here produce, so that spans which nobody touched can be found again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Edit", "apply_edits", "moved"]


class Edit(NamedTuple):
    """The stretch ``text[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: str


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Return the text after edits that do not overlap, in the order of their places.

    Examples
    --------
    >>> apply_edits("a fine day", [Edit(0, 1, "one"), Edit(2, 7, "")])
    'one day'
    """
    pieces, at = [], 0
    for start, end, new in edits:
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def moved(spans: Sequence[tuple[int, int]], edits: Sequence[Edit]) -> list[tuple[int, int]]:
    """Return where spans lie after edits that do not touch them.

    Examples
    --------
    >>> moved([(7, 10)], [Edit(0, 1, "one"), Edit(2, 7, "")])
    [(4, 7)]
    """
    ends = [edit.end for edit in edits]
    shifts = [0]
    for edit in edits:
        shifts.append(shifts[-1] + len(edit.new) - (edit.end - edit.start))
    out = []
    for start, end in spans:
        shift = shifts[bisect_right(ends, start)]
        out.append((start + shift, end + shift))
    return out
