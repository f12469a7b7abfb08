"""What the models of crowds and of fusion do alike before and after they solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SoftLabels, VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import Params, check_class_balance
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.majority_vote import check_some_votes, gold_balance
from labelwright.labelmodels.problem import Floats, Problem

from .candidates import Candidates

__all__ = ["CROWD_PATTERNS", "answer", "crowd_problem", "few_sources", "of_all_sources", "rows_told"]

# A crowd's rows are nearly all distinct, and a worker who is in few of them is lost with those that a sample leaves
# out: a million rows are kept, 16 times what a few functions need.
CROWD_PATTERNS = 1 << 20

_BLOCK = 65_536


def crowd_problem(stats: PatternCounts, class_balance: npt.ArrayLike | None, *, method: str) -> tuple[Problem, Floats]:
    """Return the distinct vote rows, and P(Y): given, or the shares of the known classes, or uniform.

    Raises
    ------
    ModelError
        If no source voted, or ``class_balance`` does not fit the classes.
    """
    check_some_votes(stats.counts)
    given = check_class_balance(class_balance, stats.frame.k)
    problem = Problem.of(stats)
    if not len(problem.weights):
        raise ModelError(
            f"{method} keeps a sample of the rows past {stats.limit:,} distinct ones, and no row with a vote is in it. "
            "Ids that repeat between batches do this; give each row its own (Votes(..., example_ids=...))."
        )
    return problem, gold_balance(stats.counts) if given is None else given


def of_all_sources(problem: Problem, frame: VoteFrame, values: Floats, silent: float) -> Floats:
    """Put ``values`` of the sources that vote in their places among all sources, shape (m,)."""
    out = np.full(frame.m, silent)
    place = {name: j for j, name in enumerate(frame.sources)}
    out[[place[name] for name in problem.names]] = values
    return out


def rows_told(stats: PatternCounts, problem: Problem) -> str:
    """Say how many examples, rows and sources were solved for."""
    rows = f"{int(stats.counts.covered.sum()):,} examples in {len(problem.weights):,} distinct vote rows"
    sample = f" (a sample of one example in {2**stats.level})" if stats.level else ""
    return f"{rows}{sample}, {problem.m:,} sources"


def few_sources(problem: Problem) -> str:
    """Say that accuracies cannot be learned from agreement, where fewer than three sources vote."""
    if problem.m > 2:
        return ""
    return f" Only {problem.m} of the sources vote, and agreement tells accuracies from three on: the prior decides."


def answer(
    params: Params,
    votes: Votes,
    posterior: Callable[[Candidates, Features], Floats],
) -> SoftLabels:
    """Return soft labels block by block.

    Parameters
    ----------
    params : Params
    votes : Votes
        With the sources of ``params``.
    posterior : callable
        From the candidates of a block of rows, and the features, to P(candidate | votes), shape (d,).
    """
    features = Features.of(params.frame)
    probs = np.tile(params.class_balance, (votes.n, 1))
    for start in range(0, votes.n, _BLOCK):
        stop = min(start + _BLOCK, votes.n)
        x: Any = features.matrix(votes, start, stop)
        spoken = np.flatnonzero(np.diff(x.indptr))
        if len(spoken):
            found = Candidates.of_votes(x[spoken], features.meaning, params.class_balance)
            probs[start + spoken] = found.dense(posterior(found, features), params.class_balance)
    return SoftLabels(probs, votes.covered, classes=params.classes, example_ids=votes.example_ids)
