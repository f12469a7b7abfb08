"""The default label model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from labelwright.core import PatternCounts, SoftLabels, Votes

from .base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from .features import Features
from .majority_vote import check_some_votes, vote_shares

__all__ = ["LabelModel", "LabelModelParams"]

_BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class LabelModelParams(Params):
    """What :class:`LabelModel` learns.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, f, k)
        What each vote adds to the log-odds of each class, for each expert.
    """

    scores: npt.NDArray[np.float64]


class LabelModel(BaseLabelModel[PatternCounts, LabelModelParams]):
    """The default: learns how far each source can be trusted, without gold labels.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known.
    random_state : int
        Kept for the seam: solving draws nothing.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=2000)
    >>> right = rng.random((2000, 5)) < [0.9, 0.8, 0.7, 0.6, 0.6]
    >>> model = LabelModel().fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> bool((np.diff(model.accuracies_[:4]) < 0).all())
    True
    """

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see :class:`labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: PatternCounts) -> LabelModelParams:
        """Return parameters."""
        check_some_votes(stats.counts)
        frame = stats.frame
        features = Features.of(frame)
        x = features.matrix(stats.patterns)
        w = stats.weights.astype(np.float64)
        given = check_class_balance(self.class_balance, frame.k)
        balance = np.full(frame.k, 1 / frame.k) if given is None else given
        member = np.zeros((len(features.source), frame.m))
        member[np.arange(len(features.source)), features.source] = 1
        ok = features.meaning
        size = ok.sum(axis=1, keepdims=True)
        prior = np.where(ok, 0.7 / size, 0.3 / np.maximum(frame.k - size, 1))
        prior = prior / (member @ (member.T @ prior))
        out = []
        for fired in (True, False):
            q = vote_shares(features, x, balance)
            for _ in range(20):
                c = x.T @ (w[:, None] * q)
                if fired:
                    c = c + 100 * prior
                    score = np.log(c / (member @ (member.T @ c)))
                else:
                    mass = (w[:, None] * q).sum(axis=0)
                    score = np.log((c + 0.5) / (mass + 1))
                q = softmax(x @ score + np.log(balance), axis=1)
            out.append(score)
        seen = x.T @ (w[:, None] * q)
        right = member.T @ (seen * ok).sum(axis=1)
        total = member.T @ seen.sum(axis=1)
        accuracies = np.where(total > 0, right / np.where(total > 0, total, 1), np.nan)
        outcome = Outcome("max_steps", "Stopped after 20 steps.", 20)
        return LabelModelParams(
            frame.classes, frame.sources, frame.alphabet, balance, accuracies, outcome, np.stack(out)
        )

    def posterior(self, params: LabelModelParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes)."""
        found = self._votes_like(params, votes)
        features = Features.of(params.frame)
        probs = np.empty((found.n, len(params.classes)))
        for start in range(0, found.n, _BLOCK):
            stop = min(start + _BLOCK, found.n)
            x = features.matrix(found, start, stop)
            parts = [softmax(x @ s + np.log(params.class_balance), axis=1) for s in params.scores]
            probs[start:stop] = np.mean([*parts, vote_shares(features, x, params.class_balance)], axis=0)
        covered = found.covered
        probs[~covered] = params.class_balance
        return SoftLabels(probs, covered, classes=params.classes, example_ids=found.example_ids)
