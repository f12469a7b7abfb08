"""Readers: what the votes on one task say of its classes, whatever the other tasks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, VoteFrame, Votes
from labelwright.labelmodels.base import check_class_balance
from labelwright.labelmodels.default.label_model import LabelModel, LabelModelParams
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.majority_vote import gold_balance

__all__ = ["GUESS", "Reader", "by_accuracy", "read"]

Floats = npt.NDArray[np.float64]

# The accuracy of a source of which nothing is known (the start of Snorkel MeTaL, Ratner et al. 2019).
GUESS = 0.7

# No votes make a class less probable than this against its share: some model of them may be wrong.
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What is known about the sources of one task.

    Parameters
    ----------
    frame : VoteFrame
        Classes and sources of the task.
    params : LabelModelParams or None
        What the default label model learned from the task's own votes; ``None`` where fewer than three sources vote:
        then each counts by its accuracy.
    balance : ndarray of float, shape (k,)
        P(class | the task applies), as far as the task's own votes say.
    accuracies : ndarray of float, shape (m,)
        Share of each source's votes that hold the class, where the task applies.
    discounts : ndarray of float, shape (m,)
        What a source counts as a witness, 1 where it repeats no other.
    sharpness : float
        What the logarithm of the evidence is multiplied by: the default label model is careful with sources that take
        one side each, and related tasks may show that these deserve more; see
        `labelwright.labelmodels.multitask.sharpness`.
    """

    frame: VoteFrame
    params: LabelModelParams | None
    balance: Floats
    accuracies: Floats
    discounts: Floats
    sharpness: float = 1.0

    def log_evidence(self, votes: Votes, unheard: Votes | None = None) -> Floats:
        """Return log P(votes | class), up to what all classes share, shape (n, k): on the mean over classes P is 1.

        Parameters
        ----------
        votes : Votes
            In the alphabet of the frame.
        unheard : Votes, optional
            Of the same sources on the same rows, for sets of classes that they never voted for while the reader
            learned. What is known of their other votes says how far these are right. Columns may be fewer than those of
            ``votes``: of the first sources.
        """
        if self.params is None:
            total = by_accuracy(self.accuracies, self.discounts, votes)
        else:
            soft = LabelModel().posterior(self.params, votes)
            ratio = np.log(np.maximum(soft.probs, _LEAST)) - np.log(np.maximum(self.balance, _LEAST))
            total = np.where(soft.covered[:, None], ratio, 0.0)
            if unheard is None and self.sharpness == 1:
                return total
        if unheard is not None:
            total = total + by_accuracy(self.accuracies[: unheard.m], self.discounts[: unheard.m], unheard)
        total = self.sharpness * total
        return np.asarray(total - np.log((np.exp(total) * self.balance).sum(axis=1, keepdims=True)))


def by_accuracy(accuracies: Floats, discounts: Floats, votes: Votes) -> Floats:
    """Return the log-odds of each class where every source errs alike on all classes, shape (n, k)."""
    features = Features.of(frame := VoteFrame.of(votes))
    known = np.where(np.isnan(accuracies), GUESS, accuracies)
    right = np.clip(known, _LEAST, 1 - _LEAST)[features.source]
    count = features.meaning.sum(axis=1)
    odds = np.log(right / count) - np.log((1 - right) / np.maximum(frame.k - count, 1))
    # A vote that leaves every class open says nothing of them.
    worth = np.where(count < frame.k, odds, 0.0) * discounts[features.source]
    return np.asarray(features.matrix(votes) @ np.where(features.meaning, worth[:, None], 0.0))


def read(stats: PatternCounts, given: npt.ArrayLike | None = None) -> Reader:
    """Learn from the votes on one task alone.

    Parameters
    ----------
    stats : PatternCounts
    given : array_like of float, shape (k,), optional
        P(class | the task applies), where it is known.
    """
    frame, m = stats.frame, stats.frame.m
    votes = stats.counts.votes.sum(axis=0).astype(np.float64)
    balance = check_class_balance(given, frame.k)
    if balance is None:
        balance = gold_balance(stats.counts)
    if not votes.any():
        return Reader(frame, None, balance, np.full(m, GUESS), np.ones(m))
    params = LabelModel(class_balance=given).solve(stats)
    if params.outcome.kind == "fell_back":
        return Reader(frame, None, balance, np.full(m, GUESS), np.ones(m))
    features = Features.of(frame)
    total = np.bincount(features.source, weights=votes, minlength=m)
    discounts = np.bincount(features.source, weights=votes * params.discounts, minlength=m) / np.maximum(total, 1)
    return Reader(frame, params, params.class_balance, params.accuracies, np.where(total > 0, discounts, 1.0))
