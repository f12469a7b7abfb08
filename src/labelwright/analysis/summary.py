"""What each source did: how often it votes, whom it meets, whom it contradicts, and how often it is right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, Failure, Votes, class_codes
from labelwright.core.errors import VoteError

from .base import NO_ESTIMATE, Estimate
from .counting import Ints, Symbols, entries
from .intervals import grouped_share, wilson
from .tables import Column, html_table, text_table

__all__ = ["Funnel", "SourceRow", "Summary", "lf_summary"]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source in a `Summary`.

    Parameters
    ----------
    source : str
        Its name.
    polarity : tuple of (str or int)
        Classes that its votes allowed, in the order of their codes.
    votes : int
        Number of examples on which it voted.
    coverage, overlaps, conflicts : float
        Share of all n examples on which it voted; voted beside another source; was contradicted by another source.
        NaN where n is 0.
    correct, incorrect : int or None
        Its votes on examples with gold; ``None`` without gold.
    accuracy : Estimate
        ``correct / (correct + incorrect)`` with Wilson's interval, or by the groups of the votes; not measured where it
        voted on no gold example.
    learned_accuracy : float
        What a label model learned, NaN if it was not handed in.
    failures : int
        Examples on which it raised under ``on_error="abstain"``.
    version : str or None
        Version of the function, if handed in.
    """

    source: str
    polarity: tuple[Class, ...]
    votes: int
    coverage: float
    overlaps: float
    conflicts: float
    correct: int | None
    incorrect: int | None
    accuracy: Estimate
    learned_accuracy: float
    failures: int
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many examples the sources reach together.

    Parameters
    ----------
    n : int
        All examples.
    covered, overlapping, conflicting : int
        Examples with at least one vote; with at least two; with two that contradict each other.
    votes_per_example : tuple of int
        How many examples have 0, 1, 2, ... votes.
    """

    n: int
    covered: int
    overlapping: int
    conflicting: int
    votes_per_example: tuple[int, ...]

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        """``(what, how many)``, each a part of the one before."""
        return (
            ("examples", self.n),
            ("at least one vote", self.covered),
            ("at least two votes", self.overlapping),
            ("votes in conflict", self.conflicting),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Summary:
    """What each source did, in the order of the sources: see `lf_summary`."""

    rows: tuple[SourceRow, ...]
    classes: tuple[Class, ...]
    funnel: Funnel
    has_gold: bool
    failures: tuple[Failure, ...] = ()

    @property
    def n(self) -> int:
        """Number of examples."""
        return self.funnel.n

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, source: str) -> SourceRow:
        for row in self.rows:
            if row.source == source:
                return row
        raise KeyError(source)

    def columns(self) -> dict[str, list[Any]]:
        """Return one list per column, to build a frame from: ``polars.DataFrame(summary.columns())``.

        Examples
        --------
        >>> list(lf_summary(Votes([[1, -1], [1, 0]])).columns())[:4]
        ['source', 'polarity', 'votes', 'coverage']
        """
        out: dict[str, list[Any]] = {name: [getattr(r, name) for r in self.rows] for name in _PLAIN}
        out["polarity"] = [", ".join(str(c) for c in r.polarity) for r in self.rows]
        for name in ("value", "low", "high", "n"):
            key = "accuracy" if name == "value" else f"accuracy_{name}"
            out[key] = [getattr(r.accuracy, name) for r in self.rows]
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was not measured is ``None``."""
        return {
            "n": self.n,
            "classes": list(self.classes),
            "has_gold": self.has_gold,
            "funnel": asdict(self.funnel) | {"votes_per_example": list(self.funnel.votes_per_example)},
            "sources": [_row_dict(r) for r in self.rows],
            "failures": [
                {"source": f.source, "count": f.count, "first": [[str(i), text] for i, text in f.first]}
                for f in self.failures
            ],
        }

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        f = self.funnel
        head = f"{f.n:,} examples, {len(self.rows)} sources; {f.covered:,} covered, {f.conflicting:,} in conflict"
        parts = [head, text_table(self.rows, summary_columns(self))]
        for failure in self.failures:
            parts.append(f"{failure.source} raised on {failure.count:,} examples:")
            parts += [f"  {example}: {message}" for example, message in failure.first]
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        return html_table(self.rows, summary_columns(self))


_PLAIN = (
    "source",
    "polarity",
    "votes",
    "coverage",
    "overlaps",
    "conflicts",
    "correct",
    "incorrect",
    "learned_accuracy",
    "failures",
    "version",
)


def summary_columns(summary: Summary) -> list[Column[SourceRow]]:
    """Return the columns of the printed table; those that would be empty are left out."""
    columns: list[Column[SourceRow]] = [
        Column("source", lambda r: r.source, numeric=False),
        Column("votes for", lambda r: ", ".join(str(c) for c in r.polarity) or "—", numeric=False),
        Column("coverage", lambda r: percent(r.coverage), share=lambda r: r.coverage),
        Column("overlaps", lambda r: percent(r.overlaps), share=lambda r: r.overlaps),
        Column("conflicts", lambda r: percent(r.conflicts), share=lambda r: r.conflicts),
    ]
    if summary.has_gold:
        columns += [
            Column("correct", lambda r: f"{r.correct:,}"),
            Column("wrong", lambda r: f"{r.incorrect:,}"),
            Column("accuracy [95%]", lambda r: short(r.accuracy)),
        ]
    if any(not math.isnan(r.learned_accuracy) for r in summary.rows):
        columns.append(Column("learned", lambda r: percent(r.learned_accuracy)))
    if any(r.failures for r in summary.rows):
        columns.append(Column("failures", lambda r: f"{r.failures:,}"))
    if any(r.version for r in summary.rows):
        columns.append(Column("version", lambda r: (r.version or "—")[:8], numeric=False))
    return columns


def percent(share: float) -> str:
    """Format a share; a dash where nothing was measured."""
    return "—" if math.isnan(share) else f"{100 * share:.1f}%"


def short(estimate: Estimate) -> str:
    """Format an estimate of a share in few characters."""
    if not estimate.known:
        return "—"
    return f"{100 * estimate.value:.1f}% [{100 * estimate.low:.0f}–{100 * estimate.high:.0f}]"


def lf_summary(
    votes: Votes | npt.ArrayLike,
    gold: Iterable[Any] | None = None,
    *,
    accuracies: Mapping[str, float] | npt.ArrayLike | None = None,
    versions: Mapping[str, str] | Sequence[str] | None = None,
) -> Summary:
    """Summarise what each source did.

    Parameters
    ----------
    votes : Votes or array_like of int, shape (n, m)
        Dense or sparse. Memory and time grow with the number of votes cast.
    gold : iterable of (class, code or None), shape (n,), optional
        True classes, for scoring only. ``None``, NaN and -1 mean unknown.
    accuracies : mapping of str to float, or array_like of float, shape (m,), optional
        Accuracies that a label model learned, by source.
    versions : mapping of str to str, or sequence of str, shape (m,), optional
        Version of each function.

    Returns
    -------
    Summary
        Prints as a table, shows as one in a notebook; ``.rows``, ``.columns()`` and ``.to_dict()`` hold the figures.

    Raises
    ------
    VoteError
        If gold, accuracies or versions do not fit the votes.

    Notes
    -----
    Two votes conflict when no class satisfies both; a vote is correct when it allows the gold class. For sources whose
    votes each mean one class, these are "differ" and "equal".

    Examples
    --------
    >>> votes = Votes([[1, 1], [0, 1], [-1, 1]], classes=["ham", "spam"], sources=["short", "link"])
    >>> lf_summary(votes, gold=["spam", "spam", None])
    3 examples, 2 sources; 3 covered, 1 in conflict
    source  votes for  coverage  overlaps  conflicts  correct  wrong     accuracy [95%]
    short   ham, spam     66.7%     66.7%      33.3%        1      1       50.0% [9–91]
    link    spam         100.0%     66.7%      33.3%        2      0    100.0% [34–100]
    """
    votes = votes if isinstance(votes, Votes) else Votes(votes)
    truth = None if gold is None else gold_codes(gold, votes.classes, votes.n)
    learned = _per_source(accuracies, votes, "accuracies", math.nan)
    version = _per_source(versions, votes, "versions", None)
    symbols = Symbols.of(votes)
    counts, funnel = _count(votes, symbols, truth)
    accuracy = _accuracies(votes, symbols, truth, counts.tallies)
    failed = {f.source: f.count for f in votes.failures}
    rows = []
    for j, source in enumerate(votes.sources):
        cast, overlaps, conflicts, right, judged = (int(x) for x in counts.tallies[:, j])
        allowed = symbols.contains[counts.said[j]].any(axis=0)
        rows.append(
            SourceRow(
                source=source,
                polarity=tuple(c for c, a in zip(votes.classes, allowed, strict=True) if a),
                votes=cast,
                coverage=_share(cast, votes.n),
                overlaps=_share(overlaps, votes.n),
                conflicts=_share(conflicts, votes.n),
                correct=None if truth is None else right,
                incorrect=None if truth is None else judged - right,
                accuracy=accuracy[j],
                learned_accuracy=float(learned[j]),
                failures=failed.get(source, 0),
                version=version[j],
            )
        )
    return Summary(tuple(rows), votes.classes, funnel, truth is not None, votes.failures)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Votes, overlaps, conflicts, right votes and judged votes (5, m), and which symbols each source used."""

    tallies: Ints
    said: npt.NDArray[np.bool_]


def _count(votes: Votes, symbols: Symbols, gold: Ints | None) -> tuple[_Counts, Funnel]:
    m = votes.m
    tallies = np.zeros((5, m), dtype=np.int64)
    said = np.zeros((m, len(symbols)), dtype=bool)
    covered = overlapping = conflicting = 0
    per_example = np.zeros(1, dtype=np.int64)
    for block in entries(votes, symbols):
        voters = block.voters
        conflict = block.conflicting(symbols)
        marks = [np.ones(len(conflict), dtype=bool), voters[block.rows] > 1, conflict]
        if gold is not None:
            truth = gold[block.start : block.start + block.size][block.rows]
            judged = truth >= 0
            marks += [judged & symbols.contains[block.symbols, np.maximum(truth, 0)], judged]
        for tally, mark in zip(tallies, marks, strict=False):
            tally += np.bincount(block.columns[mark], minlength=m)
        said[block.columns, block.symbols] = True
        covered += int((voters > 0).sum())
        overlapping += int((voters > 1).sum())
        conflicting += int((np.bincount(block.rows[conflict], minlength=1) > 0).sum())
        per_example = _add(per_example, np.bincount(voters))
    histogram = tuple(int(x) for x in np.trim_zeros(per_example, "b"))
    return _Counts(tallies, said), Funnel(votes.n, covered, overlapping, conflicting, histogram)


def _accuracies(votes: Votes, symbols: Symbols, gold: Ints | None, tallies: Ints) -> list[Estimate]:
    """Return the share of right votes of each source; with groups, the votes on gold are gone through again."""
    if gold is None:
        return [NO_ESTIMATE] * votes.m
    if votes.groups is None:
        return [wilson(int(right), int(judged)) for right, judged in tallies[3:].T]
    known = np.flatnonzero(gold >= 0)
    judged = votes.take(known)
    columns, rows, rights = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=bool)]
    for block in entries(judged, symbols):
        columns.append(block.columns)
        rows.append(block.start + block.rows)
        rights.append(symbols.contains[block.symbols, gold[known[rows[-1]]]])
    column = np.concatenate(columns)
    order = np.argsort(column, kind="stable")
    right, group = np.concatenate(rights)[order], votes.groups[known][np.concatenate(rows)[order]]
    bounds = np.searchsorted(column[order], np.arange(votes.m + 1))
    return [grouped_share(right[a:b], group[a:b]) for a, b in pairwise(bounds)]


def _add(a: Ints, b: Ints) -> Ints:
    out = np.zeros(max(len(a), len(b)), dtype=np.int64)
    out[: len(a)] += a
    out[: len(b)] += b
    return out


def _share(count: int, n: int) -> float:
    return count / n if n else math.nan


def gold_codes(gold: Iterable[Any], classes: Sequence[Class], n: int) -> Ints:
    """Translate gold labels to codes, shape (n,), -1 = unknown; refuse another length."""
    codes = class_codes(gold, classes)
    if len(codes) != n:
        raise VoteError(
            f"gold has {len(codes)} labels, but there are {n} examples; pass one per example, None = unknown."
        )
    return codes


def _per_source(values: Any, votes: Votes, what: str, missing: Any) -> list[Any]:
    if values is None:
        return [missing] * votes.m
    if isinstance(values, Mapping):
        unknown = set(values) - set(votes.sources)
        if unknown:
            raise VoteError(f"{what} names source {min(unknown)!r}; there are {', '.join(votes.sources)}.")
        return [values.get(s, missing) for s in votes.sources]
    found = list(values)
    if len(found) != votes.m:
        raise VoteError(f"{what} has {len(found)} entries, but there are {votes.m} sources; pass one per source.")
    return found


def _row_dict(row: SourceRow) -> dict[str, Any]:
    out = {name: getattr(row, name) for name in _PLAIN}
    for name in ("coverage", "overlaps", "conflicts", "learned_accuracy"):
        out[name] = None if math.isnan(out[name]) else out[name]
    return out | {"polarity": list(row.polarity), "accuracy": row.accuracy.to_dict()}
