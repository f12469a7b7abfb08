"""One accuracy for each source, where tables of every vote and class would not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import VoteFrame
from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["MOST_CELLS", "OneAccuracy"]

# Cells of a table of votes and classes: 2 ** 24 doubles are 128 MiB, and a dozen such tables are alive at once in EM.
MOST_CELLS = 1 << 24

# No weight of a vote is below this: a source that is worse than chance is left out, but a row of its votes is covered.
_LIGHTEST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class OneAccuracy:
    """How often each source is right, its errors spread evenly over all other classes.

    Parameters
    ----------
    accuracy : ndarray of float, shape (m,)
        Expected share of right votes, by sources of the frame; NaN where a source is silent.
    mass : ndarray of float, shape (f,)
        Log-odds that a vote adds to the classes it means, at least a millionth: the class of most mass is the most
        probable one.

    Notes
    -----
    A row's classes are those that it has votes for, and one more for all the rest, so that the work grows with the
    votes, whatever the number of classes (the one-coin model of Dawid & Skene 1979).

    Examples
    --------
    >>> from labelwright.core import PatternCounts, Votes
    >>> stats = PatternCounts.of(Votes([[0, 0, 1], [1, 1, 0], [2, 2, 2], [0, 0, 2]]))
    >>> found = OneAccuracy.of(Problem.of(stats), stats.frame, np.full(3, 1 / 3), steps=2)
    >>> bool(found.accuracy[0] > found.accuracy[2]), bool(found.mass[0] > found.mass[6])
    (True, True)
    """

    accuracy: Floats
    mass: Floats

    @classmethod
    def of(cls, problem: Problem, frame: VoteFrame, balance: Floats, *, steps: int) -> OneAccuracy:
        """Take ``steps`` steps of EM from the vote shares."""
        rows, sizes = Candidates.of_problem(problem, balance), problem.meaning.sum(axis=1)
        tells = np.where(sizes < problem.k, problem.totals, 0.0)
        votes: Floats = np.bincount(problem.source, weights=tells, minlength=problem.m).astype(np.float64)
        q = rows.evidence(1.0 / sizes)
        q = q / np.maximum(np.add.reduceat(q, rows.starts), 1e-300)[rows.item]
        right: Floats = np.zeros(problem.m)
        for step in range(steps + 1):
            if step:
                weights = _log_odds(_smoothed(right, votes)[problem.source], sizes, problem.k)
                q, _ = rows.posterior(rows.evidence(weights))
            said = rows.claims_t @ (rows.weights[rows.item] * q)
            right = np.bincount(problem.source, weights=said, minlength=problem.m).astype(np.float64)
        place = {name: j for j, name in enumerate(frame.sources)}
        at = [place[name] for name in problem.names]
        accuracy, smoothed = np.full(frame.m, np.nan), np.full(frame.m, float(_smoothed(right.sum(), votes.sum())))
        accuracy[at] = np.where(votes > 0, right / np.maximum(votes, 1e-9), np.nan)
        smoothed[at] = _smoothed(right, votes)
        features = Features.of(frame)
        return cls(accuracy, _log_odds(smoothed[features.source], features.meaning.sum(axis=1), problem.k))


def _smoothed(right: Floats | float, votes: Floats | float) -> Floats:
    """Return the posterior mean under a uniform prior (Laplace's rule)."""
    return np.asarray((right + 1.0) / (votes + 2.0))


def _log_odds(accuracy: Floats, sizes: npt.NDArray[np.int64], k: int) -> Floats:
    """Return what votes for ``sizes`` of ``k`` classes add to the log-odds of those classes; 1 where for all."""
    odds = np.log(accuracy / (1 - accuracy)) + np.log(np.maximum(k - sizes, 0.5) / sizes)
    return np.where(sizes < k, np.maximum(odds, _LIGHTEST), 1.0)
