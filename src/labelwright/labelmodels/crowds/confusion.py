"""What the models of confusion tables share: votes as EM needs them, P(Y), the climb, and what is learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts, SoftLabels, VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from labelwright.labelmodels.combinations import Combinations
from labelwright.labelmodels.problem import Floats, Problem
from labelwright.labelmodels.scoring import posterior_from_scores

from .crowd import crowd_problem, rows_told
from .slots import Slots

__all__ = [
    "Ballots",
    "Climb",
    "ConfusionModel",
    "ConfusionParams",
    "check_steps",
    "climb",
    "confusion_params",
    "too_few",
]

Indices = npt.NDArray[np.int64]

# Cells of all tables: 2 ** 27 doubles are 1 GiB, and a handful of such arrays are alive at once.
_MOST_CELLS = 1 << 27

# The exponential of a number within this neither overflows nor loses digits, nor does a sum of many of them.
_EXPONENT = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionParams(Params):
    """What a model of confusion tables learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    tables : ndarray of float, shape (f, k)
        log P(vote | Y, the source votes) of each (source, code) pair, the codes of the first source first; finite. The
        codes of a source sum to 1 in each class.
    """

    tables: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the tables."""
        return {"tables": (int(self.frame.sizes.sum()), len(self.classes))}


C = TypeVar("C", bound=ConfusionParams)
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Ballots:
    """Votes over all (source, code) pairs of a frame, also those never given, whose probabilities the prior tells.

    Parameters
    ----------
    problem : Problem
    frame : VoteFrame
    given : ndarray of float, shape (k,), or None
        P(Y), where it is not learned.
    slots : Slots
    """

    problem: Problem
    frame: VoteFrame
    given: Floats | None
    slots: Slots

    @cached_property
    def source(self) -> Indices:
        """Source of each pair, shape (f,)."""
        return np.repeat(np.arange(self.frame.m), self.frame.sizes)

    @cached_property
    def x(self) -> sparse.csr_array[Any]:
        """Distinct vote rows as 0/1 features over all pairs, shape (p, f)."""
        x = self.problem.x
        return sparse.csr_array((x.data, self.problem.kept[x.indices], x.indptr), shape=(x.shape[0], len(self.source)))

    @cached_property
    def _first(self) -> Indices:
        return np.concatenate([[0], np.cumsum(self.frame.sizes)[:-1]]).astype(np.int64)

    @cached_property
    def _combinations(self) -> Combinations:
        return Combinations.of(self.problem)

    def counts(self, q: Floats) -> Floats:
        """Return the expected votes of each pair in each class, shape (f, states), given ``q`` (p, states)."""
        out = np.zeros((len(self.source), q.shape[1]))
        out[self.problem.kept] = self._combinations.counts(q)
        return out

    def by_source(self, values: npt.NDArray[T]) -> npt.NDArray[T]:
        """Sum ``values`` (f, ...) over the codes of each source, shape (m, ...)."""
        return np.asarray(np.add.reduceat(values, self._first), dtype=values.dtype)

    @cached_property
    def one_sided(self) -> bool:
        """Whether most votes are of sources that take one side only.

        Of such a source P(vote | Y, it votes) is 1 for every class: a free P(Y) slides to one class.
        """
        sides = self.problem.multipolar[self.problem.source]
        return bool(self.problem.totals[sides].sum() <= self.problem.totals.sum() / 2)

    @property
    def learns_balance(self) -> bool:
        """Whether P(Y) is learned: it is not given, and the votes identify it."""
        return self.given is None and self.problem.m > 2 and not self.one_sided

    def balance(self, q: Floats, pseudo: float = 1.0) -> Floats:
        """Return P(Y), shape (k,): given; or the mean of ``q`` (p, k); or, if not identified, of what is known.

        ``pseudo`` rows of each class keep logarithms finite.
        """
        if self.given is not None:
            return self.given
        rows = slice(None) if self.learns_balance else self.problem.gold >= 0
        mass = self.problem.weights[rows] @ q[rows] + (pseudo if self.learns_balance else 1.0)
        return np.asarray(mass / mass.sum())

    def balance_told(self) -> str:
        """Say where P(Y) comes from."""
        if self.given is not None:
            return "class balance given"
        if self.learns_balance:
            return "class balance learned"
        what = "that of the known classes" if (self.problem.gold >= 0).any() else "uniform"
        return f"class balance kept {what}, as most votes are of one-sided sources, which do not identify it"

    def start(self) -> Floats:
        """Return the vote shares of each row, known classes set, shape (p, k)."""
        return self.problem.vote_shares(np.ones(len(self.problem.source)))

    def posterior(self, tables: Floats, balance: Floats, more: Floats | float = 0.0) -> Floats:
        """Return P(Y | votes) of each row, shape (p, k), known classes set; ``more`` (p, k) adds to the log-odds."""
        logits = self._combinations.sums(tables[self.problem.kept])
        logits += np.log(balance) + more
        return self.problem.clamp(_softmax(logits))

    def accuracies(self, q: Floats) -> Floats:
        """Return the expected share of each source's votes that hold the true class, shape (m,); NaN without votes."""
        counts = self.counts(q)[self.problem.kept]
        right, votes = np.zeros(self.frame.m), np.zeros(self.frame.m)
        owner = self.source[self.problem.kept]
        np.add.at(right, owner, (counts * self.problem.meaning).sum(axis=1))
        np.add.at(votes, owner, counts.sum(axis=1))
        return np.where(votes > 0, right / np.where(votes > 0, votes, 1), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """Where an iteration ended.

    Parameters
    ----------
    q : ndarray of float, shape (p, states)
    steps : int
    converged : bool
    """

    q: Floats
    steps: int
    converged: bool


def climb(q: Floats, step: Callable[[Floats], Floats], *, steps: int, tolerance: float) -> Climb:
    """Repeat ``step`` from ``q`` until no probability moves by ``tolerance``, or ``steps`` times.

    Examples
    --------
    >>> climb(np.array([[1.0]]), lambda q: q / 2, steps=60, tolerance=0.1).steps
    4
    """
    done, converged = 0, False
    while done < steps and not converged:
        new = step(q)
        converged = float(np.abs(new - q).max(initial=0)) < tolerance
        q, done = new, done + 1
    return Climb(q, done, converged)


def _softmax(logits: Floats) -> Floats:
    """Turn ``logits`` (p, k) into P(Y), in place; by columns and by BLAS, twice as fast where columns are few."""
    if float(np.abs(logits).max(initial=0.0)) > _EXPONENT:
        top = logits[:, 0].copy()
        for column in logits.T[1:]:
            np.maximum(top, column, out=top)
        logits -= top[:, None]
    np.exp(logits, out=logits)
    logits /= (logits @ np.ones(logits.shape[1]))[:, None]
    return logits


def check_steps(steps: int) -> None:
    """Raise ModelError unless ``steps`` is an integer of at least 1."""
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ModelError(f"max_steps is {steps!r}; it is an integer of at least 1.")


class ConfusionModel(BaseLabelModel[PatternCounts, C]):
    """The part that the models of confusion tables share; see `DawidSkene`."""

    params_type: ClassVar[type[Params]] = ConfusionParams
    class_balance: npt.ArrayLike | None
    max_patterns: int

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold, limit=self.max_patterns)

    def posterior(self, params: C, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example; the class balance where nobody voted."""
        return posterior_from_scores(self._votes_like(params, votes), params.tables, params.class_balance)

    def _ballots(self, stats: PatternCounts) -> Ballots:
        frame = stats.frame
        if int(frame.sizes.sum()) * frame.k > _MOST_CELLS:
            raise ModelError(
                f"tables of {frame.m:,} sources and {frame.k:,} classes have more than {_MOST_CELLS:,} cells. Take a "
                "model without tables, such as MajorityVote or MACE, or merge classes."
            )
        problem, _ = crowd_problem(stats, self.class_balance, method=type(self).__name__)
        given = check_class_balance(self.class_balance, stats.frame.k)
        return Ballots(problem, stats.frame, given, Slots.of(stats.frame))


def confusion_params(
    stats: PatternCounts, ballots: Ballots, found: Climb, tables: Floats, balance: Floats, what: str
) -> ConfusionParams:
    """Return what was learned, with an outcome that says ``what``, e.g. "EM"."""
    frame = stats.frame
    ended = "Converged" if found.converged else "Stopped"
    sentence = f"{ended} after {found.steps} steps of {what}; {rows_told(stats, ballots.problem)}, "
    sentence += f"{ballots.balance_told()}."
    return ConfusionParams(
        frame.classes,
        frame.sources,
        frame.alphabet,
        balance,
        ballots.accuracies(found.q[:, : frame.k]),
        Outcome("converged" if found.converged else "max_steps", sentence, found.steps),
        tables,
    )


def too_few(stats: PatternCounts, ballots: Ballots) -> ConfusionParams | None:
    """Return tables in which every source is as good as an average one, where fewer than three vote; otherwise None."""
    problem = ballots.problem
    if problem.m > 2:
        return None
    frame = stats.frame
    slots = ballots.slots
    everyone = slots.normalised(slots.careful + 1 / frame.k)
    sentence = (
        f"Fell back to counting every vote alike: {problem.m} of {frame.m} sources ever vote, and accuracies can be "
        "learned only from agreement among three or more."
    )
    tables = np.log(everyone)[slots.slot]
    balance = ballots.balance(ballots.start())
    unknown = np.full(frame.m, np.nan)
    outcome = Outcome("fell_back", sentence)
    return ConfusionParams(frame.classes, frame.sources, frame.alphabet, balance, unknown, outcome, tables)
