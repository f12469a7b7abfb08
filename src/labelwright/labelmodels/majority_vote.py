"""Majority vote: the baseline that every label model must beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.core import SoftLabels, VoteCounts, Votes
from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from .scoring import share_sums

__all__ = ["MajorityVote", "check_some_votes", "gold_balance"]


class MajorityVote(BaseLabelModel[VoteCounts, Params]):
    """The share of an example's votes that each class received.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        The answer for examples without votes. Default: the shares in ``y`` where it is given, otherwise uniform.

    Notes
    -----
    A vote that means a set of classes is spread evenly over the set. Accuracies stay unknown (NaN).

    Examples
    --------
    >>> votes = [[0, 0, 1], [1, -1, 1], [-1, -1, -1]]
    >>> MajorityVote().fit(votes).predict_proba(votes).round(2).tolist()
    [[0.67, 0.33], [0.0, 1.0], [0.5, 0.5]]
    """

    def __init__(self, cardinality: int | None = None, class_balance: npt.ArrayLike | None = None) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> VoteCounts:
        """Return counts of votes per source; see `labelwright.core.VoteCounts`."""
        check_cardinality(self.cardinality)
        return VoteCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: VoteCounts) -> Params:
        """Return parameters; there is only the class balance to learn."""
        check_some_votes(stats)
        frame = stats.frame
        given = check_class_balance(self.class_balance, frame.k)
        balance = gold_balance(stats) if given is None else given
        outcome = Outcome("closed_form", "Majority vote has nothing to solve.")
        return Params(frame.classes, frame.sources, frame.alphabet, balance, np.full(frame.m, np.nan), outcome)

    def posterior(self, params: Params, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return each example's vote shares."""
        found = self._votes_like(params, votes)
        probs = np.empty((found.n, len(params.classes)))
        covered = np.empty(found.n, dtype=bool)
        for start, stop, shares, voted in share_sums(found, np.ones(int(params.frame.sizes.sum()))):
            total = np.where(voted, shares.sum(axis=1), 1)
            probs[start:stop] = shares / total[:, None]
            probs[start:stop][~voted] = params.class_balance
            covered[start:stop] = voted
        return SoftLabels(probs, covered, classes=params.classes, example_ids=found.example_ids)


def gold_balance(counts: VoteCounts) -> npt.NDArray[np.float64]:
    """Return P(Y) from the known classes, shape (k,); uniform where none is known.

    Laplace's rule: one pseudo-label for each class keeps a class that gold misses possible.
    """
    known = counts.gold.sum(axis=0) + 1
    return np.asarray(known / known.sum())


def check_some_votes(stats: VoteCounts) -> None:
    """Raise ModelError where there is nothing to learn from."""
    rows = int(stats.rows.sum())
    if stats.votes.any():
        return
    if rows and not stats.frame.m:
        raise ModelError("the votes have no sources, so there is nothing to learn; give them a column for each source.")
    if rows == 0:
        what = "there are no examples"
    else:
        what = f"all sources abstain on {'the one example' if rows == 1 else f'all {rows:,} examples'}"
    raise ModelError(
        f"{what}, so there is nothing to learn. Look at what each source returns, and whether -1 (abstain) was meant; "
        "on real data, lf_summary shows the coverage of each."
    )
