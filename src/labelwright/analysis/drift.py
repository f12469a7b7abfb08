"""Drift: whether functions vote on new examples as they did on the old ones, beyond what chance explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Votes

from .shares import Tally, holm, two_sample_p_value

__all__ = ["AGREEMENT", "VOTE_RATE", "Drift", "DriftRow", "compare_drift", "measure_votes"]

Measured: TypeAlias = Mapping[tuple[str, str], Tally]

VOTE_RATE, AGREEMENT = "vote rate", "agreement"


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One measure of one function at one place, before and now.

    Parameters
    ----------
    place : str
        Which new examples: all of them, or those of a file or part.
    source : str
        The function.
    measure : str
        ``"vote rate"``, ``"votes for <class>"`` or ``"agreement"``.
    before, now : Tally
    p_value, adjusted : float or None
        Of the two-sample test; adjusted for all tests of the comparison. ``None`` where there is nothing to test.
    drifted : bool
    """

    place: str
    source: str
    measure: str
    before: Tally
    now: Tally
    p_value: float | None
    adjusted: float | None
    drifted: bool

    def __str__(self) -> str:
        text = f"{self.source}, {self.measure} on {self.place}: {_percent(self.before)} -> {_percent(self.now)}"
        return text if self.adjusted is None else f"{text} (adjusted p = {self.adjusted:.2g})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "place": self.place,
            "function": self.source,
            "measure": self.measure,
            "before": _tally(self.before),
            "now": _tally(self.now),
            "p_value": self.p_value,
            "adjusted": self.adjusted,
            "drifted": self.drifted,
        }


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison of votes on new examples with votes on old ones.

    Parameters
    ----------
    rows : tuple of DriftRow
    level : float
        Without any drift, the chance that any row at all is called drifted is at most this.
    tolerance : float
        Shares that moved by no more than this are never called drifted.
    """

    rows: tuple[DriftRow, ...]
    level: float
    tolerance: float

    @property
    def drifted(self) -> tuple[DriftRow, ...]:
        """The rows that chance does not explain, the surest first."""
        return tuple(sorted((r for r in self.rows if r.drifted), key=lambda r: (r.p_value or 0.0, r.place, r.source)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "level": self.level,
            "tolerance": self.tolerance,
            "drifted": len(self.drifted),
            "rows": [row.to_dict() for row in self.rows],
        }


def measure_votes(votes: Votes, groups: npt.NDArray[Any] | None = None) -> dict[tuple[str, str], Tally]:
    """Count how often each function votes, for which class, and agrees with most of the others.

    Parameters
    ----------
    votes : Votes, shape (n, m)
        Of functions. A vote that names several classes of which one holds counts as one for a class of its own.
    groups : ndarray of int or str, shape (n,), optional

    Returns
    -------
    dict of (source, measure) to Tally
        ``"votes for <class>"`` stands only for functions that vote for several classes. ``"agreement"`` is among the
        votes where other functions voted and did not tie with this vote's class.

    Examples
    --------
    >>> votes = Votes([[1, 1, -1], [1, 0, 0], [-1, 0, 0]], classes=["ham", "spam"], sources=["a", "b", "c"])
    >>> found = measure_votes(votes)
    >>> found["a", "vote rate"], found["a", "agreement"], found["b", "votes for spam"]
    (2 of 3, 1 of 2, 1 of 3)
    """
    votes = _with_sets_as_classes(votes)
    unit = None if groups is None else np.unique(groups, return_inverse=True)[1]
    sides = _sides(votes)
    out: dict[tuple[str, str], Tally] = {}
    for column, source in enumerate(votes.sources):
        said = _column(votes, column)
        out[source, VOTE_RATE] = Tally.of(said != ABSTAIN, None, unit)
        codes = np.flatnonzero(np.bincount(said[said >= 0], minlength=votes.k))
        for code in codes if len(codes) > 1 else ():
            out[source, f"votes for {votes.classes[code]}"] = Tally.of(said == code, None, unit)
        out[source, AGREEMENT] = Tally.of(*_agreement(said, sides), unit)
    return out


def _with_sets_as_classes(votes: Votes) -> Votes:
    sets = {one for letters in votes.alphabet.values() for one in letters if len(one) > 1}
    if not votes.alphabet:
        return votes
    named = [*({c} for c in range(votes.k)), *sorted(map(sorted, sets))]
    codes = {frozenset(one): code for code, one in enumerate(named)}
    values = np.concatenate([block for _, block in votes.blocks()]).astype(np.int16)
    for source, letters in votes.alphabet.items():
        column = votes.sources.index(source)
        # The last entry answers for -1, abstain.
        values[:, column] = np.array([*(codes[one] for one in letters), ABSTAIN])[values[:, column]]
    classes = [" or ".join(str(votes.classes[c]) for c in sorted(one)) for one in named]
    return Votes(values, classes=classes, sources=votes.sources)


def compare_drift(before: Measured, now: Mapping[str, Measured], *, level: float, tolerance: float = 0.0) -> Drift:
    """Test each measure at each place against the old examples.

    Parameters
    ----------
    before : mapping of (source, measure) to Tally
        Of the old examples; see `measure_votes`.
    now : mapping of place to such a mapping
        Of new examples, by place. Places may overlap.
    level : float
        Bound on the chance of any false alarm, over all rows together.
    tolerance : float, default 0
        Smallest difference of shares that is called drift.

    Returns
    -------
    Drift
        A row for each place, function and measure.

    Notes
    -----
    Each row is a two-sample test (`labelwright.analysis.shares.two_sample_p_value`), and the p-values are adjusted by
    Holm's method. A vote rate that moved because the function was edited is no drift: hand in votes of the same
    version on both sides.
    """
    pairs = [
        (place, key, before.get(key, _none_of(before, key)), tally)
        for place, measured in now.items()
        for key, tally in measured.items()
    ]
    p_values = [two_sample_p_value(old, new) for _, _, old, new in pairs]
    adjusted = holm(p_values)
    rows = [
        DriftRow(
            place, *key, old, new, p, sure,
            drifted=sure is not None and sure <= level and abs(new.share - old.share) > tolerance,
        )
        for (place, key, old, new), p, sure in zip(pairs, p_values, adjusted, strict=True)
    ]  # fmt: skip
    return Drift(tuple(rows), level, tolerance)


def _none_of(measured: Measured, key: tuple[str, str]) -> Tally:
    """Return a count of nothing: the function never cast such a vote on the old examples."""
    every = measured[key[0], VOTE_RATE]
    return Tally(np.zeros_like(every.hits), every.trials, every.grouped)


@dataclass(frozen=True, slots=True)
class _Sides:
    """For each example the class with most votes, how many it has, and how many the next one has."""

    counts: npt.NDArray[np.int32]
    first: npt.NDArray[np.int64]
    most: npt.NDArray[np.int32]
    next: npt.NDArray[np.int32]


def _sides(votes: Votes) -> _Sides:
    counts = np.zeros((votes.n, votes.k), dtype=np.int32)
    for start, block in votes.blocks():
        row, column = np.nonzero(block >= 0)
        np.add.at(counts, (row + start, block[row, column]), 1)
    first = counts.argmax(axis=1)
    rows = np.arange(votes.n)
    most = counts[rows, first]
    rest = counts.copy()
    rest[rows, first] = -1
    return _Sides(counts, first, most, rest.max(axis=1))


def _agreement(said: npt.NDArray[np.int64], sides: _Sides) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return where a function's class leads among the others' votes, and where it leads or trails (is no tie)."""
    rows = np.flatnonzero(said >= 0)
    code = said[rows]
    # The others' votes for this class are all but its own; the strongest of the other classes is the first or second.
    own = sides.counts[rows, code] - 1
    rival = np.where(sides.first[rows] == code, sides.next[rows], sides.most[rows])
    hit, judged = np.zeros(len(said), dtype=bool), np.zeros(len(said), dtype=bool)
    hit[rows], judged[rows] = own > rival, own != rival
    return hit, judged


def _column(votes: Votes, column: int) -> npt.NDArray[np.int64]:
    if not votes.is_sparse:
        return np.asarray(votes.values[:, column], dtype=np.int64)
    return np.concatenate([block[:, column] for _, block in votes.blocks()]).astype(np.int64)


def _percent(tally: Tally) -> str:
    return f"{tally.share:.1%} of {tally.n:,}" if tally.n else "none"


def _tally(tally: Tally) -> dict[str, Any]:
    return {"share": tally.share if tally.n else None, "count": tally.count, "n": tally.n, "groups": tally.groups}
