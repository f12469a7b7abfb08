"""How well predictions do on each slice, and whether that differs from how they do elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels, Votes
from labelwright.core.errors import SliceError
from labelwright.core.slices import Slices, as_slices

from .base import NO_ESTIMATE, Estimate
from .counting import conflicting_rows
from .intervals import grouped_share
from .scores import accuracy_of, as_soft_labels, macro_f1_of, predicted_codes
from .summary import gold_codes
from .tables import Column, text_table

__all__ = ["SliceRow", "SliceTable", "SplitSlices", "slice_table"]

Ints: TypeAlias = npt.NDArray[np.int64]

_ESTIMATES = ("share", "coverage", "conflicts", "accuracy", "macro_f1", "difference")


@dataclass(frozen=True, slots=True)
class SliceRow:
    """What was measured on one slice, or on everything.

    Parameters
    ----------
    name : str
    n, scored : int
        Examples in the slice, and those of them with gold.
    share, coverage, conflicts : Estimate
        Share of all examples that belong to the slice; shares of its examples on which some source voted, and on which
        votes contradict each other (not measured without votes).
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
    conflicts: Estimate
    accuracy: Estimate
    macro_f1: Estimate
    difference: Estimate
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was not measured is ``None``."""
        found = {name: getattr(self, name).to_dict() for name in _ESTIMATES}
        return {"name": self.name, "n": self.n, "scored": self.scored, **found, "p_value": self.p_value}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> SliceRow:
        """Undo `to_dict`."""
        found: dict[str, Any] = {**content, **{name: Estimate.from_dict(content[name]) for name in _ESTIMATES}}
        return cls(**found)


@dataclass(frozen=True, slots=True, repr=False)
class SliceTable:
    """One row for each slice, and one for everything: see `slice_table`.

    Parameters
    ----------
    everything : SliceRow
        All examples; named ``"everything"``.
    rows : tuple of SliceRow
        The slices in their order.
    """

    everything: SliceRow
    rows: tuple[SliceRow, ...]

    def __getitem__(self, name: str) -> SliceRow:
        found = next((row for row in self.rows if row.name == name), None)
        if found is None:
            raise SliceError(
                f"there is no slice {name!r}; there are: {', '.join(r.name for r in self.rows) or 'none'}."
            )
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"everything": self.everything.to_dict(), "slices": [row.to_dict() for row in self.rows]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> SliceTable:
        """Undo `to_dict`."""
        return cls(SliceRow.from_dict(content["everything"]), tuple(map(SliceRow.from_dict, content["slices"])))

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        rows = (self.everything, *self.rows)
        columns: list[Column[SliceRow]] = [
            Column("slice", lambda row: row.name, numeric=False),
            Column("n", lambda row: f"{row.n:,}"),
            Column("share", lambda row: _short(row.share, ends=False)),
            Column("coverage", lambda row: _short(row.coverage, ends=False)),
            Column("conflicts", lambda row: _short(row.conflicts, ends=False)),
            Column("accuracy", lambda row: _short(row.accuracy)),
            Column("macro F1", lambda row: _short(row.macro_f1)),
            Column("against the rest", lambda row: _short(row.difference, sign="+")),
            Column("p", lambda row: "" if row.p_value is None else f"{row.p_value:.2g}"),
        ]
        # A column that says nothing of any row is no news.
        told = [column for column in columns if any(column.cell(row) for row in rows)]
        return text_table(rows, told)


@dataclass(frozen=True, slots=True)
class SplitSlices:
    """The slices of one split, as several models see them.

    Parameters
    ----------
    split : str
    tables : mapping of str to SliceTable
        By the model's role (``"label model"``, ``"end model"``), at least one; sizes, coverage and conflicts are the
        same in all of them.
    """

    split: str
    tables: Mapping[str, SliceTable]

    @property
    def first(self) -> SliceTable:
        """One of the tables."""
        return next(iter(self.tables.values()))

    @property
    def scored(self) -> bool:
        """Whether there is gold."""
        return self.first.everything.accuracy.known

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {role: table.to_dict() for role, table in self.tables.items()}

    @classmethod
    def from_dict(cls, split: str, content: Mapping[str, Any]) -> SplitSlices:
        """Undo `to_dict`."""
        return cls(split, {role: SliceTable.from_dict(table) for role, table in content.items()})


def slice_table(
    predictions: SoftLabels | npt.ArrayLike,
    slices: Slices | npt.ArrayLike,
    gold: Iterable[Any] | None = None,
    *,
    votes: Votes | None = None,
    covered: npt.ArrayLike | None = None,
    conflicting: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    classes: Iterable[Class] | None = None,
) -> SliceTable:
    """Measure predictions slice by slice, and compare each slice with its complement.

    Parameters
    ----------
    predictions : SoftLabels or array_like of float, shape (n, k)
    slices : Slices or array_like of bool, shape (n, s)
    gold : iterable of (class, code or None), shape (n,), optional
        True classes, for scoring only. ``None``, NaN and -1 mean unknown.
    votes : Votes, n rows, optional
        Tell coverage and conflicts. Without them coverage is that of the predictions.
    covered, conflicting : array_like of bool, shape (n,), optional
        Of which examples something is known, and on which votes contradict each other, where that is not what ``votes``
        say: votes on related tasks count too, for instance.
    groups : array_like of int or str, shape (n,), optional
        Examples of one group (sentences of one document, say) are no separate facts.
    classes : sequence of (str or int), optional
        Names of the columns, where ``predictions`` is an array. Default 0..k-1.

    Returns
    -------
    SliceTable

    Raises
    ------
    SliceError
        If slices, votes or groups are not of the n examples.
    VoteError
        If gold does not fit the predictions.

    Notes
    -----
    Without groups, accuracy and shares have Wilson's interval; macro F1 a bootstrap over the slice's examples; the
    difference Newcombe's interval (1998, "Interval estimation for the difference between independent proportions",
    method 10). Its p-value is Fisher's exact one, adjusted by Holm's method. With groups, accuracy is bootstrapped too,
    and the p-value is that of `labelwright.analysis.shares.two_sample_p_value`.

    Examples
    --------
    >>> probs = [[0.9, 0.1]] * 80 + [[0.4, 0.6]] * 20
    >>> odd = Slices([[i >= 80] for i in range(100)], ["odd"])
    >>> table = slice_table(probs, odd, [0] * 100)
    >>> row = table["odd"]
    >>> row.n, row.accuracy.value, row.difference.value, row.p_value < 0.001
    (20, 0.0, -1.0, True)
    >>> table.everything.accuracy.value
    0.8
    """
    soft = as_soft_labels(predictions, classes)
    found = as_slices(slices, soft.n)
    units = None if groups is None else np.asarray(groups)
    for what, size in (
        ("votes", None if votes is None else votes.n),
        ("covered", None if covered is None else len(np.asarray(covered))),
        ("conflicting", None if conflicting is None else len(np.asarray(conflicting))),
        ("groups", None if units is None else len(units)),
    ):
        if size not in (None, soft.n):
            raise SliceError(f"{what} are of {size} examples, but there are {soft.n}; take the same examples of both.")
    truth = np.full(soft.n, -1) if gold is None else gold_codes(gold, soft.classes, soft.n)
    measure = _Measure(
        truth,
        predicted_codes(soft),
        soft.k,
        (soft.covered if votes is None else votes.covered) if covered is None else np.asarray(covered, dtype=bool),
        _conflicting(votes, conflicting),
        units,
    )
    # That everything is all there is is no finding.
    everything = replace(
        measure.row("everything", np.ones(soft.n, dtype=bool)), share=Estimate(1.0, math.nan, math.nan, soft.n)
    )
    rows = [measure.row(name, found[name]) for name in found.names]
    # scipy.stats, which Fisher's test needs, takes its time to load.
    from .shares import holm

    adjusted = holm([row.p_value for row in rows])
    return SliceTable(everything, tuple(replace(row, p_value=p) for row, p in zip(rows, adjusted, strict=True)))


def _conflicting(votes: Votes | None, given: npt.ArrayLike | None) -> npt.NDArray[np.bool_] | None:
    if given is not None:
        return np.asarray(given, dtype=bool)
    return None if votes is None else conflicting_rows(votes)


@dataclass(frozen=True, slots=True, eq=False)
class _Measure:
    """What rows are measured from, each of shape (n,)."""

    truth: Ints
    predicted: Ints
    k: int
    covered: npt.NDArray[np.bool_]
    conflicting: npt.NDArray[np.bool_] | None
    groups: npt.NDArray[Any] | None

    def row(self, name: str, inside: npt.NDArray[np.bool_]) -> SliceRow:
        """Measure one slice."""
        (predicted, truth, groups), rest = self._known(inside), self._known(~inside)
        accuracy = accuracy_of(predicted, truth, groups=groups)
        elsewhere = accuracy_of(rest[0], rest[1], groups=rest[2])
        difference, p_value = NO_ESTIMATE, None
        if accuracy.known and elsewhere.known:
            difference, p_value = _difference(accuracy, elsewhere), self._p_value(inside)
        return SliceRow(
            name=name,
            n=int(inside.sum()),
            scored=accuracy.n,
            share=grouped_share(inside, self.groups),
            coverage=self._share(self.covered, inside),
            conflicts=NO_ESTIMATE if self.conflicting is None else self._share(self.conflicting, inside),
            accuracy=accuracy,
            macro_f1=macro_f1_of(predicted, truth, self.k, groups=groups),
            difference=difference,
            p_value=p_value,
        )

    def _share(self, hits: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]) -> Estimate:
        return grouped_share(hits[inside], None if self.groups is None else self.groups[inside])

    def _known(self, side: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, npt.NDArray[Any] | None]:
        """Return what is predicted, gold and groups of the examples with gold."""
        where = side & (self.truth >= 0)
        return self.predicted[where], self.truth[where], None if self.groups is None else self.groups[where]

    def _p_value(self, inside: npt.NDArray[np.bool_]) -> float | None:
        from .shares import Tally, two_sample_p_value

        hit, known = self.predicted == self.truth, self.truth >= 0
        return two_sample_p_value(*(Tally.of(hit, known & side, self.groups) for side in (inside, ~inside)))


def _difference(here: Estimate, rest: Estimate) -> Estimate:
    value = here.value - rest.value
    low = value - math.hypot(here.value - here.low, rest.high - rest.value)
    high = value + math.hypot(here.high - here.value, rest.value - rest.low)
    return Estimate(value, low, high, here.n + rest.n)


def _short(estimate: Estimate, *, ends: bool = True, sign: str = "") -> str:
    if not estimate.known:
        return ""
    if not ends or math.isnan(estimate.low):
        return f"{estimate.value:{sign}.3f}"
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"
