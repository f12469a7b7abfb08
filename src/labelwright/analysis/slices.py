"""How well predictions do on each slice, and whether that differs from how they do elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, Seed, SoftLabels
from labelwright.core.slices import Slices, as_slices

from .base import NO_ESTIMATE, Estimate
from .intervals import wilson
from .scores import Scores, as_soft_labels, score
from .summary import gold_codes
from .tables import Column, text_table

__all__ = ["SliceRow", "SliceTable", "slice_table"]


@dataclass(frozen=True, slots=True)
class SliceRow:
    """What was measured on one slice.

    Parameters
    ----------
    name : str
    n, scored : int
        Examples in the slice, and those of them with gold.
    share, coverage : Estimate
        Share of all examples that belong to the slice; share of its examples on which some source voted.
    accuracy, macro_f1 : Estimate
        Against gold; not measured without.
    difference : Estimate
        Accuracy on the slice less accuracy on all other examples.
    p_value : float or None
        Of no difference, adjusted by Holm's method over the slices; ``None`` where one side holds no gold.
    """

    name: str
    n: int
    scored: int
    share: Estimate
    coverage: Estimate
    accuracy: Estimate
    macro_f1: Estimate
    difference: Estimate
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was not measured is ``None``."""
        found = {
            name: getattr(self, name).to_dict() for name in ("share", "coverage", "accuracy", "macro_f1", "difference")
        }
        return {"name": self.name, "n": self.n, "scored": self.scored, **found, "p_value": self.p_value}


@dataclass(frozen=True, slots=True, repr=False)
class SliceTable:
    """One row for each slice: see `slice_table`."""

    rows: tuple[SliceRow, ...]

    def __getitem__(self, name: str) -> SliceRow:
        return next(row for row in self.rows if row.name == name)

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"slices": [row.to_dict() for row in self.rows]}

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        columns: list[Column[SliceRow]] = [
            Column("slice", lambda row: row.name, numeric=False),
            Column("n", lambda row: f"{row.n:,}"),
            Column("share", lambda row: _short(row.share, ends=False)),
            Column("coverage", lambda row: _short(row.coverage, ends=False)),
            Column("accuracy", lambda row: _short(row.accuracy)),
            Column("macro F1", lambda row: _short(row.macro_f1)),
            Column("against the rest", lambda row: _short(row.difference, sign="+")),
            Column("p", lambda row: "" if row.p_value is None else f"{row.p_value:.2g}"),
        ]
        return text_table(self.rows, columns)


def slice_table(
    predictions: SoftLabels | npt.ArrayLike,
    slices: Slices | npt.ArrayLike,
    gold: Iterable[Any] | None = None,
    *,
    classes: Iterable[Class] | None = None,
    random_state: Seed = 0,
) -> SliceTable:
    """Measure predictions slice by slice, and compare each slice with its complement.

    Parameters
    ----------
    predictions : SoftLabels or array_like of float, shape (n, k)
    slices : Slices or array_like of bool, shape (n, s)
    gold : iterable of (class, code or None), shape (n,), optional
        True classes, for scoring only. ``None``, NaN and -1 mean unknown.
    classes : sequence of (str or int), optional
        Names of the columns, where ``predictions`` is an array. Default 0..k-1.
    random_state : int, Generator or None
        For the resamples of macro F1.

    Returns
    -------
    SliceTable

    Raises
    ------
    SliceError
        If slices are not of the n examples.
    VoteError
        If gold does not fit the predictions.

    Notes
    -----
    Accuracy, share and coverage have Wilson's interval; macro F1 a bootstrap over the slice's examples; the difference
    Newcombe's interval (1998, "Interval estimation for the difference between independent proportions", method 10). Its
    p-value is Fisher's exact one, adjusted by Holm's method.

    Examples
    --------
    >>> probs = [[0.9, 0.1]] * 80 + [[0.4, 0.6]] * 20
    >>> odd = Slices([[i >= 80] for i in range(100)], ["odd"])
    >>> row = slice_table(probs, odd, [0] * 100)["odd"]
    >>> row.n, row.accuracy.value, row.difference.value, row.p_value < 0.001
    (20, 0.0, -1.0, True)
    """
    soft = as_soft_labels(predictions, classes)
    found = as_slices(slices, soft.n)
    truth = np.full(soft.n, -1) if gold is None else gold_codes(gold, soft.classes, soft.n)
    rows = [_row(name, found[name], soft, truth, random_state) for name in found.names]
    # scipy.stats, which Fisher's test needs, takes its time to load.
    from .shares import holm

    adjusted = holm([row.p_value for row in rows])
    return SliceTable(tuple(replace(row, p_value=p) for row, p in zip(rows, adjusted, strict=True)))


def _row(
    name: str, inside: npt.NDArray[np.bool_], soft: SoftLabels, truth: npt.NDArray[np.int64], random_state: Seed
) -> SliceRow:
    n = int(inside.sum())
    here, rest = (_scores(side & (truth >= 0), soft, truth, random_state) for side in (inside, ~inside))
    accuracy = NO_ESTIMATE if here is None else here.accuracy
    difference, p_value = NO_ESTIMATE, None
    if here is not None and rest is not None:
        difference, p_value = _difference(here.accuracy, rest.accuracy), _fisher(here, rest)
    return SliceRow(
        name=name,
        n=n,
        scored=accuracy.n,
        share=wilson(n, soft.n),
        coverage=wilson(int(soft.covered[inside].sum()), n),
        accuracy=accuracy,
        macro_f1=NO_ESTIMATE if here is None else here.macro_f1,
        difference=difference,
        p_value=p_value,
    )


def _scores(
    where: npt.NDArray[np.bool_], soft: SoftLabels, truth: npt.NDArray[np.int64], random_state: Seed
) -> Scores | None:
    if not where.any():
        return None
    # Ties are settled by example ids, so the rows keep theirs.
    part = SoftLabels(soft.probs[where], classes=soft.classes, example_ids=soft.example_ids[where])
    return score(part, [soft.classes[code] for code in truth[where].tolist()], random_state=random_state)


def _difference(here: Estimate, rest: Estimate) -> Estimate:
    value = here.value - rest.value
    low = value - math.hypot(here.value - here.low, rest.high - rest.value)
    high = value + math.hypot(here.high - here.value, rest.value - rest.low)
    return Estimate(value, low, high, here.n + rest.n)


def _fisher(here: Scores, rest: Scores) -> float | None:
    from .shares import Tally, two_sample_p_value

    tallies = [
        Tally(np.array([np.trace(one.confusion)]), np.array([one.confusion.sum()]), grouped=False)
        for one in (here, rest)
    ]
    return two_sample_p_value(*tallies)


def _short(estimate: Estimate, *, ends: bool = True, sign: str = "") -> str:
    if not estimate.known:
        return ""
    if not ends or math.isnan(estimate.low):
        return f"{estimate.value:{sign}.3f}"
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"
