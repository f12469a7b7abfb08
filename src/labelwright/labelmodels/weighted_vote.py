"""A vote in which sources count by how often they agree with the majority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SoftLabels, Votes

from .base import BaseLabelModel, Outcome, Params, check_cardinality
from .crowds.crowd import CROWD_PATTERNS, crowd_problem, of_all_sources, rows_told
from .features import Features
from .problem import Floats, Problem
from .scoring import score_sums

__all__ = ["WeightedVote", "WeightedVoteParams"]

# Shares of the vote that differ by less are equal: they are sums of the same fractions in another order.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class WeightedVoteParams(Params):
    """What `WeightedVote` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`; accuracies are agreement with the majority.
    weights : ndarray of float, shape (m,)
        What a vote of each source counts, 0 to 1; 0.5 where a source never votes.
    """

    weights: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the weights."""
        return {"weights": (len(self.sources),)}


class WeightedVote(BaseLabelModel[PatternCounts, WeightedVoteParams]):
    """Votes weighted by agreement with the majority, known as Wawa.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        The answer for examples without votes. Default: the shares in ``y`` where it is given, otherwise uniform.
    max_patterns : int
        Most distinct vote rows kept; past it, weights are learned from a uniform sample of rows.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    A source's weight is the share of its votes that agree with the majority vote, or with the known class where ``y``
    has one. Where the majority is tied, a vote for one of t classes agrees by 1 / t. The soft label of an example is
    the share of weight behind each class; where all its votes weigh nothing, the shares of votes.

    Source: "Worker agreement with aggregate", as in D. Ustalov, N. Pavlichenko & B. Tseitlin, "Learning from crowds
    with Crowd-Kit" (JOSS 2024).

    Examples
    --------
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 1]]
    >>> model = WeightedVote().fit(votes)
    >>> model.params_.weights.tolist()
    [1.0, 1.0, 0.5]
    >>> model.predict_proba(votes).round(1).tolist()
    [[0.8, 0.2], [0.0, 1.0], [1.0, 0.0], [0.8, 0.2]]
    """

    params_type = WeightedVoteParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        max_patterns: int = CROWD_PATTERNS,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.max_patterns = max_patterns
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold, limit=self.max_patterns)

    def solve(self, stats: PatternCounts) -> WeightedVoteParams:
        """Return the weights that ``stats`` give.

        Raises
        ------
        ModelError
            If no source voted, or ``class_balance`` does not fit the classes.
        """
        problem, balance = crowd_problem(stats, self.class_balance, method=type(self).__name__)
        frame = stats.frame
        agreement = _agreement(problem)
        outcome = Outcome("closed_form", f"Weighted by agreement with the majority; {rows_told(stats, problem)}.")
        return WeightedVoteParams(
            frame.classes,
            frame.sources,
            frame.alphabet,
            balance,
            of_all_sources(problem, frame, agreement, np.nan),
            outcome,
            of_all_sources(problem, frame, agreement, 0.5),
        )

    def posterior(self, params: WeightedVoteParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return the share of weight behind each class; the class balance where nobody voted."""
        found = self._votes_like(params, votes)
        features, k = Features.of(params.frame), len(params.classes)
        table = np.concatenate([features.share * params.weights[features.source][:, None], features.share], axis=1)
        probs = np.empty((found.n, k))
        for start, stop, sums, covered in score_sums(found, table):
            weighed = sums[:, :k].sum(axis=1, keepdims=True) > _EQUAL
            mass = np.where(weighed, sums[:, :k], sums[:, k:])
            total = mass.sum(axis=1, keepdims=True)
            shares = mass / np.where(covered[:, None], total, 1)
            probs[start:stop] = np.where(covered[:, None], shares, params.class_balance)
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)


def _agreement(problem: Problem) -> Floats:
    """Return the share of each source's votes that agree with the majority, or the known class, shape (m,)."""
    shares = problem.vote_shares(np.ones(len(problem.source)))
    top = (shares >= shares.max(axis=1, keepdims=True) - _EQUAL).astype(np.float64)
    top /= top.sum(axis=1, keepdims=True)
    agreed = (problem.xt @ (problem.weights[:, None] * top) * problem.meaning).sum(axis=1)
    votes = problem.member @ problem.xt @ problem.weights
    # A rare source may have no vote in a sample of the rows.
    return np.where(votes > 0, problem.member @ agreed / np.maximum(votes, 1), 0.5)
