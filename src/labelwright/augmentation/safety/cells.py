"""One function at one magnitude: what it does to the examples of both halves, measured and then judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .classes import Classes
from .encoding import Rows
from .halves import Half, Seen
from .measured import Tested, area_under_curve, holm, paired_share
from .report import HarmRow, SafetyRow

__all__ = ["Cell", "judged", "measured_cell"]

# Examples are alike if they lie this many times nearer to each other than their originals; a function makes them so if
# it does that to more than half of them.
_NEARER, _ALIKE = 4.0, 0.5


@dataclass(frozen=True, slots=True)
class Cell:
    """Figures of one function at one magnitude, with the tests that wait to be adjusted for their number."""

    row: SafetyRow
    departure: Tested
    alike: Tested
    harm: tuple[tuple[HarmRow, Tested], ...]


def measured_cell(
    name: str,
    at: tuple[float, float],
    halves: Sequence[Half],
    transformed: Rows,
    applied: npt.NDArray[np.bool_],
    *,
    groups: npt.NDArray[np.int64],
    labels: Classes | None,
    tolerance: float,
    harm_tolerance: float,
) -> Cell:
    """Measure one function at one magnitude.

    Parameters
    ----------
    name : str
        Of the function.
    at : (strength, magnitude)
    halves : two of Half
    transformed : array or sparse matrix
        Rows of the tested examples of both halves, one half after the other.
    applied : array of bool
        Where the function took effect; only there is it measured.
    groups, labels : array and Classes or None, over all examples
    tolerance, harm_tolerance : float
    """
    parts = [p for p in _parts(halves, transformed, applied, groups, labels) if len(p.tested)]
    tested, before, after = (_joined(p.tested for p in parts), [p.before for p in parts], [p.after for p in parts])
    was, now = _joined((b.strange for b in before), bool), _joined((a.strange for a in after), bool)
    departure = paired_share(now & ~was, was & ~now, groups[tested], tolerance=tolerance)
    nearer = _joined((_NEARER * a.apart < b.apart for b, a in zip(before, after, strict=True)), bool)
    alike = paired_share(nearer, np.zeros(len(nearer), dtype=bool), groups[tested], tolerance=_ALIKE)
    auc = area_under_curve(
        _joined((p.positive for p in parts), float),
        _joined((p.negative for p in parts), float),
        groups[tested],
        _joined(2 * i + p.side for i, p in enumerate(parts)),
    )
    strength, magnitude = at
    row = SafetyRow(
        function=name,
        strength=strength,
        magnitude=magnitude,
        departure=departure.measured,
        alike=alike.measured,
        auc=auc,
        n=len(tested),
    )
    harm: tuple[tuple[HarmRow, Tested], ...] = ()
    if labels is not None:
        looks = [
            _joined(b.classes for b in before),
            _joined(a.classes for a in after),
            _joined(p.learned for p in parts),
        ]
        harm = tuple(_harm(row, labels, tested, looks, groups, harm_tolerance))
    return Cell(row, departure, alike, harm)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one half says of a cell, on the examples where the function took effect."""

    tested: npt.NDArray[np.int64]
    before: Seen
    after: Seen
    negative: npt.NDArray[np.float64]
    positive: npt.NDArray[np.float64]
    side: npt.NDArray[np.bool_]
    learned: npt.NDArray[np.int64]


def _parts(
    halves: Sequence[Half],
    transformed: Rows,
    applied: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64],
    labels: Classes | None,
) -> list[_Part]:
    parts = []
    first = len(halves[0].tested)
    rows = np.flatnonzero(applied[:first]), first + np.flatnonzero(applied[first:])
    for place, half in enumerate(halves):
        which = rows[place] - place * first
        if not len(which):
            continue
        seen = half.directions(transformed[rows[place]])
        tested = half.tested[which]
        before = half.before if len(which) == len(half.tested) else half.look(half.before.rows[which], which)
        learned = np.full(len(which), -1)
        if labels is not None and half.recogniser is not None:
            theirs = halves[1 - place].tested[rows[1 - place] - (1 - place) * first]
            shown = rows[1 - place][labels.known[theirs]]
            if len(shown):
                more = half.directions(transformed[shown])[:, :-1]
                learned = half.recogniser.shown(more, labels.probs[theirs[labels.known[theirs]]])(seen[:, :-1])
        scores = half.tell_apart(seen, which, groups[tested])
        parts.append(_Part(tested, before, half.look(seen, which), *scores, learned))
    return parts


def _harm(
    row: SafetyRow,
    labels: Classes,
    tested: npt.NDArray[np.int64],
    looks: Sequence[npt.NDArray[np.int64]],
    groups: npt.NDArray[np.int64],
    tolerance: float,
) -> list[tuple[HarmRow, Tested]]:
    """Measure each class: how many look like another class, to a classifier that knows what the function does too."""
    truth = labels.codes[tested]
    before, after, learned = looks
    was, other_now = before != truth, after != truth
    now = other_now & (learned != truth)
    found = []
    for code, name in enumerate(labels.names):
        mine = truth == code
        if not mine.any():
            continue
        gained, lost = (now & ~was)[mine], (was & ~now)[mine]
        tests = paired_share(gained, lost, groups[tested[mine]], tolerance=tolerance)
        another, again = (other_now & ~was)[mine], (was & ~other_now)[mine]
        looks_other = paired_share(another, again, groups[tested[mine]], tolerance=tolerance)
        turned = np.bincount(after[mine & other_now], minlength=len(labels.names))
        becomes = labels.names[int(turned.argmax())] if turned.any() else None
        harm = HarmRow(
            function=row.function,
            strength=row.strength,
            magnitude=row.magnitude,
            label=name,
            looks_other=looks_other.measured,
            harm=tests.measured,
            becomes=becomes,
            harmful=False,
        )
        found.append((harm, tests))
    return found


def _joined(arrays: Iterable[Any], dtype: type = int) -> npt.NDArray[Any]:
    return np.concatenate([np.asarray(a, dtype=dtype) for a in arrays] or [np.empty(0, dtype=dtype)])


def judged(cells: Sequence[Cell], *, level: float) -> tuple[tuple[SafetyRow, ...], tuple[HarmRow, ...]]:
    """Adjust the tests of all cells for their number, those of distances and those of classes apart, and judge."""
    distances = holm([test.p_value for cell in cells for test in (cell.departure, cell.alike)]) <= level
    harmful = holm([test.p_value for cell in cells for _, test in cell.harm]) <= level
    rows: list[SafetyRow] = []
    harm: list[HarmRow] = []
    for place, cell in enumerate(cells):
        mine = [replace(h, harmful=bool(harmful[len(harm) + i])) for i, (h, _) in enumerate(cell.harm)]
        departs, collapses = distances[2 * place : 2 * place + 2].tolist()
        harm += mine
        rows.append(replace(cell.row, departs=departs, collapses=collapses, harms=any(h.harmful for h in mine)))
    return tuple(rows), tuple(harm)
