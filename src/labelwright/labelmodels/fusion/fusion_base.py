"""The seam of fusion models: one method, two doors, votes and claims."""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, Seed, SoftLabels, Votes
from labelwright.core.claim_counts import ClaimCounts
from labelwright.core.claims import Claims, FusedValues
from labelwright.core.errors import FallbackWarning, ModelError, NotFittedError
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality
from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.crowds.crowd import CROWD_PATTERNS, answer, crowd_problem, of_all_sources, rows_told
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats

from .copying import Meetings, discounts
from .truth import Estimate, Evidence, Truth, alternate, shares

__all__ = ["BaseFusion", "ClaimParams", "FusionParams", "Solved", "solve_with_copying"]

# Copying changes what is true, and truth what looks copied: that settles in two or three rounds, or goes in circles.
_ROUNDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class FusionParams(Params):
    """What fusion learns from votes.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    believed : ndarray of float, shape (m,)
        Accuracies that count: as ``accuracies``, and what is expected of sources that did not vote.
    copying : ndarray of float, shape (e, 3)
        First source, second source (positions), probability that one copies the other.
    """

    believed: Floats
    copying: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ClaimParams:
    """What fusion learns from claims.

    Parameters
    ----------
    sources : tuple of str, length m
        By name.
    accuracies : ndarray of float, shape (m,)
        Estimated share of each source's claims that are true.
    copying : ndarray of float, shape (e, 3)
        First source, second source (positions), probability that one copies the other.
    outcome : Outcome
    extra : mapping
        What a method keeps beside these.
    """

    sources: tuple[str, ...]
    accuracies: Floats
    copying: Floats
    outcome: Outcome
    extra: Mapping[str, Any] = field(default_factory=dict)

    def accuracy(self, source: str) -> float:
        """Return the accuracy of one source."""
        if source not in self.sources:
            raise ModelError(
                f"no source is called {source!r}; there are {len(self.sources)}, from {self.sources[0]!r}."
            )
        return float(self.accuracies[self.sources.index(source)])


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """What a method finds for the sources that speak.

    Parameters
    ----------
    truth : Truth
    copying : ndarray of float, shape (e, 3)
    note : str
        What else the outcome says.
    extra : mapping
        What the method keeps beside accuracies.
    """

    truth: Truth
    copying: Floats
    note: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


P = TypeVar("P", bound=FusionParams)


class BaseFusion(BaseLabelModel[PatternCounts, P]):
    """Fusion learns how accurate each source is, on votes (`fit`) and on claims (`fit_claims`).

    A method defines `_solved`, from what is said to accuracies, and `_unseen`, what it expects of a source that said
    nothing; and `_params`, which packs what it learned from votes.

    Attributes
    ----------
    claim_params_ : ClaimParams
        What `fit_claims` learned.
    claim_stats_ : ClaimCounts
        What it was learned from; `partial_fit_claims` adds to it.
    """

    class_balance: npt.ArrayLike | None
    false_values: int | None
    random_state: Seed
    claim_params_: ClaimParams
    claim_stats_: ClaimCounts

    @abc.abstractmethod
    def _solved(self, said: Evidence, names: tuple[str, ...]) -> Solved:
        """Return accuracies of the sources ``names``."""

    @abc.abstractmethod
    def _unseen(self, accuracies: Floats, extra: Mapping[str, Any], names: tuple[str, ...]) -> Floats:
        """Return the accuracies expected of sources that said nothing, shape (number of names,)."""

    def _params(self, params: FusionParams, extra: Mapping[str, Any]) -> P:
        """Pack what was learned from votes."""
        del extra
        return params  # type: ignore[return-value]  # who adds to FusionParams overrides this

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold, limit=CROWD_PATTERNS)

    def solve(self, stats: PatternCounts) -> P:
        """Return accuracies by alternating truth and accuracy."""
        problem, balance = crowd_problem(stats, self.class_balance, method=type(self).__name__)
        said = _of_votes(Candidates.of_problem(problem, balance), problem.meaning, problem.source, problem.m)
        frame = stats.frame
        solved = self._solved(said, problem.names)
        believed = of_all_sources(problem, frame, solved.truth.accuracies, np.nan)
        silent = np.flatnonzero(np.isnan(believed))
        believed[silent] = self._unseen(solved.truth.accuracies, solved.extra, tuple(frame.sources[j] for j in silent))
        place = np.array([frame.sources.index(name) for name in problem.names])
        copying = solved.copying.copy()
        copying[:, :2] = place[solved.copying[:, :2].astype(np.int64)]
        outcome = _outcome(solved, rows_told(stats, problem), problem.m)
        heard = of_all_sources(problem, frame, solved.truth.accuracies, np.nan)
        packed = FusionParams(
            frame.classes, frame.sources, frame.alphabet, balance, heard, outcome, believed, _ordered(copying)
        )
        return self._params(packed, solved.extra)

    def posterior(self, params: P, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example, repeated votes discounted."""

        def solved(found: Candidates, features: Features) -> Floats:
            said = _of_votes(found, features.meaning, features.source, len(params.sources))
            said = said.discounted(discounts(said, params.copying))
            return said.found.posterior(said.logits(params.believed))[0]

        return answer(params, self._votes_like(params, votes), solved)

    def summarize_claims(self, claims: Claims, *, gold: Mapping[Any, Any] | None = None) -> ClaimCounts:
        """Return counts of patterns of agreement; ``gold`` maps items to true values."""
        return ClaimCounts.of(claims, gold=gold)

    def solve_claims(self, stats: ClaimCounts) -> ClaimParams:
        """Return accuracies by alternating truth and accuracy.

        Raises
        ------
        ModelError
            If nobody claims anything, or ``false_values`` is not a positive number.
        """
        if not stats.claims:
            raise ModelError("nobody claims anything, so there is nothing to learn.")
        said = _of_claims(stats, check_false_values(self.false_values))
        solved = self._solved(said, stats.sources)
        rows = f"{stats.items:,} items in {len(stats.counts):,} patterns of agreement, {len(stats.sources):,} sources"
        outcome = _outcome(solved, rows, len(stats.sources))
        return ClaimParams(stats.sources, solved.truth.accuracies, solved.copying, outcome, solved.extra)

    def posterior_claims(self, params: ClaimParams, claims: Claims) -> FusedValues:
        """Return how probable each claimed value is; a source that was not seen before counts as one is expected to."""
        place = {name: j for j, name in enumerate(params.sources)}
        order = np.array([place.get(name, -1) for name in claims.sources], dtype=np.int64)
        strangers = tuple(name for name in claims.sources if name not in place)
        believed = np.empty(claims.m)
        believed[order >= 0] = params.accuracies[order[order >= 0]]
        believed[order < 0] = self._unseen(params.accuracies, params.extra, strangers)
        # One row for each item: counts of patterns would lose which is which.
        said = _of_claims(ClaimCounts.rows_of(claims), check_false_values(self.false_values))
        said = said.discounted(discounts(said, _renumbered(params.copying, order, len(params.sources))))
        q, _ = said.found.posterior(said.logits(believed))
        item, value, _ = claims.candidates
        return FusedValues(claims.items, item, claims.values[value], q[said.found.value >= 0])

    def fit_claims(self, claims: Claims, gold: Mapping[Any, Any] | None = None) -> Self:
        """Learn from claims.

        Parameters
        ----------
        claims : Claims
        gold : mapping of item to value, optional
            The true values of some items.

        Returns
        -------
        self
        """
        return self.fit_claim_stats(self.summarize_claims(claims, gold=gold))

    def fit_claim_stats(self, stats: ClaimCounts) -> Self:
        """Learn from stats that were summarised, and perhaps merged, before."""
        params = self.solve_claims(stats)
        if params.outcome.kind == "fell_back":
            warnings.warn(FallbackWarning(params.outcome.sentence), stacklevel=3)
        self.claim_params_, self.claim_stats_ = params, stats
        return self

    def partial_fit_claims(self, claims: Claims, gold: Mapping[Any, Any] | None = None) -> Self:
        """Add claims about items not seen before, and learn again; equal to one fit on all of them."""
        more = self.summarize_claims(claims, gold=gold)
        return self.fit_claim_stats(self.claim_stats_ + more if hasattr(self, "claim_stats_") else more)

    def predict_claims(self, claims: Claims) -> FusedValues:
        """Return for each item the claimed values and how probable each is."""
        if not hasattr(self, "claim_params_"):
            raise NotFittedError(f"this {type(self).__name__} has not seen claims; call fit_claims(claims) first.")
        return self.posterior_claims(self.claim_params_, claims)


def solve_with_copying(said: Evidence, anew: Callable[[], Estimate], *, copying: bool) -> tuple[Truth, Floats]:
    """Alternate truth and accuracy; with ``copying``, discount those who copy and do it again until they stay the same.

    There are two explanations of sources that agree: they are right, or they copy. Alternation that starts from the
    first seldom finds the second, as many copies make their values true, and to share what is true is no evidence. So
    it starts from both: from no suspicion, and from those who agree more than the shares of the claims let expect. The
    one under which the agreement of all pairs is more likely is kept. Each round takes an M-step from ``anew``.
    """
    trusting = alternate(said, anew())
    if not copying:
        return trusting, np.empty((0, 3))
    meetings = Meetings.of(said)
    q = shares(said.found)
    suspects = meetings.suspects(q, anew()(said.right(q), said.totals))
    ends = [_rounds(said, anew, meetings, meetings.suspects(trusting.q, trusting.accuracies), trusting)]
    if len(suspects):
        ends.append(_rounds(said, anew, meetings, suspects, None))
    return max(ends, key=lambda end: meetings.likelihood(end[0].accuracies, end[1]))


def _rounds(
    said: Evidence, anew: Callable[[], Estimate], meetings: Meetings, pairs: Floats, truth: Truth | None
) -> tuple[Truth, Floats]:
    """Discount ``pairs``, solve and suspect in turn; ``truth`` is the solution without discounts, where it is known."""
    if truth is not None and not len(pairs):
        return truth, pairs
    for _ in range(_ROUNDS):
        truth = alternate(said.discounted(discounts(said, pairs)), anew())
        found = meetings.suspects(truth.q, truth.accuracies)
        if np.array_equal(found[:, :2], pairs[:, :2]):
            return truth, pairs
        pairs = found
    return alternate(said.discounted(discounts(said, pairs)), anew()), pairs


def check_false_values(number: int | None) -> int | None:
    """Return the option ``false_values`` if it is one: None, or an integer of at least 1."""
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise ModelError(f"false_values is {number!r}; it is a number of wrong values, 1 or more, or None.")
    return number


def _of_votes(found: Candidates, meaning: npt.NDArray[np.bool_], source: npt.NDArray[np.int64], m: int) -> Evidence:
    """A vote for s of k classes is right by chance s times in k."""
    size = meaning.sum(axis=1)
    return Evidence(found, source, np.log(np.maximum(meaning.shape[1] - size, 1) / size), size == 1, m)


def _of_claims(stats: ClaimCounts, false_values: int | None) -> Evidence:
    m = len(stats.sources)
    return Evidence(
        Candidates.of_claims(stats, false_values=false_values), np.arange(m), np.zeros(m), np.ones(m, dtype=bool), m
    )


def _ordered(pairs: Floats) -> Floats:
    """Put each pair, and the pairs, in rising order."""
    pairs = np.concatenate([np.sort(pairs[:, :2], axis=1), pairs[:, 2:]], axis=1)
    return np.asarray(pairs[np.lexsort(pairs[:, 1::-1].T)])


def _renumbered(pairs: Floats, order: npt.NDArray[np.int64], m: int) -> Floats:
    """Number the sources of ``pairs`` as the claims at hand do; pairs of sources that are not there are gone."""
    place = np.full(m, -1.0)
    place[order[order >= 0]] = np.flatnonzero(order >= 0)
    out = pairs.copy()
    out[:, :2] = place[pairs[:, :2].astype(np.int64)]
    return np.asarray(out[(out[:, :2] >= 0).all(axis=1)])


def _outcome(solved: Solved, rows: str, m: int) -> Outcome:
    truth = solved.truth
    sentence = f"{'Converged' if truth.converged else 'Stopped'} after {truth.steps} steps; {rows}."
    if len(solved.copying):
        pairs = len(solved.copying)
        sentence += f" {pairs:,} {'pair of sources seems' if pairs == 1 else 'pairs of sources seem'} to copy."
    if m < 3:
        sentence += " Agreement tells accuracies from three sources on: with fewer, the prior decides."
    return Outcome("converged" if truth.converged else "max_steps", sentence + solved.note, truth.steps)
