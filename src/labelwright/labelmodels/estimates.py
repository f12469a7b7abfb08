"""From the rows and features of a `Problem` back to all sources and all codes of a frame."""

from __future__ import annotations

import numpy as np

from labelwright.core import VoteFrame

from .problem import Floats, Problem

__all__ = ["among_all_features", "expected_accuracies"]


def expected_accuracies(problem: Problem, frame: VoteFrame, q: Floats) -> Floats:
    """Return the expected share of each source's votes that hold the true class, shape (m,); NaN where it has none.

    Parameters
    ----------
    problem : Problem
    frame : VoteFrame
        Of all sources; those of the problem are among them.
    q : ndarray of float, shape (p, k)
        Posterior of each row of the problem.

    Examples
    --------
    >>> from labelwright.core import PatternCounts, Votes
    >>> votes = Votes([[0, -1, 0], [1, -1, 0]])
    >>> stats = PatternCounts.of(votes)
    >>> expected_accuracies(Problem.of(stats), stats.frame, np.full((2, 2), [0.9, 0.1])).tolist()
    [0.5, nan, 0.9]
    """
    seen = problem.xt @ (problem.weights[:, None] * q)
    right = problem.member @ (seen * problem.meaning).sum(axis=1)
    votes = problem.member @ seen.sum(axis=1)
    out = np.full(frame.m, np.nan)
    place = {name: j for j, name in enumerate(frame.sources)}
    # A rare source may have no vote in a sample of the rows.
    out[[place[name] for name in problem.names]] = np.where(votes > 0, right / np.maximum(votes, 1e-9), np.nan)
    return out


def among_all_features(problem: Problem, frame: VoteFrame, values: Floats, silent: float) -> Floats:
    """Return ``values`` (kept features, ...) in their places among all features of ``frame``, shape (f, ...).

    Features without a vote get ``silent``.
    """
    out = np.full((int(frame.sizes.sum()), *values.shape[1:]), silent)
    out[problem.kept] = values
    return out
