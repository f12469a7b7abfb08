"""Who votes as evidence: whether it tells of the class, and not of how hard an example is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import chdtri

from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["Silence"]

# Above so many (source, class) pairs the regression takes long, and few examples are enough for it.
_MOST_CELLS = 2_048

# Coefficients are a priori normal with standard deviation 1: a source that votes e times as often under a class.
_STEPS, _TOLERANCE = 200, 1e-4

# Sources whose agreement differs this surely with who votes tell by voting how hard an example is.
_HARD = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Silence:
    """What it tells of the class which of the several-sided sources vote.

    Parameters
    ----------
    votes : ndarray of float, shape (f, k)
        What it adds to the log-odds of the classes that the source of a vote votes at all; 0 for one-sided sources,
        whose scores hold it.
    none : ndarray of float, shape (k,)
        P(Y) where none votes, to which ``votes`` are added in logs.

    Notes
    -----
    ``P(Y | who votes)`` is a logistic regression on who votes, with the tables of what they say as they are, by EM with
    the bound of Boehning (1992). A regression, and not a rate of voting for each source under each class: who votes
    depends on who else does (batches of workers, long texts), and that it need not explain.
    """

    votes: Floats
    none: Floats

    @classmethod
    def of(cls, problem: Problem, scores: Floats, balance: Floats, kinds: npt.NDArray[np.int64]) -> Silence | None:
        """Learn it from rows on which votes add ``scores`` (f, k) to ``balance`` (k,), or return None.

        None unless two score tests agree. That the class depends on who votes must be worth its parameters (Schwarz
        1978). And on who votes must not depend how much votes agree, given the classes: where it does, votes of some
        examples are worth less, as those of hard items on which few vote. Of these such a regression would make a class
        of their own, which is the rare one.

        Parameters
        ----------
        problem : Problem
        scores : ndarray of float, shape (f, k)
        balance : ndarray of float, shape (k,)
        kinds : ndarray of int64, shape (f,)
            What votes mean: they agree where that is the same.
        """
        chosen = np.flatnonzero(problem.multipolar)
        if len(chosen) * problem.k > _MOST_CELLS:
            return None
        evidence = problem.x @ scores
        fired = sparse.csr_array(problem.x @ problem.member.T)
        voted = sparse.csr_array(fired[:, chosen])
        q = softmax_rows(evidence + np.log(balance))
        share = problem.weights @ q / problem.rows
        told = sum(_score_test(voted, problem.weights, q[:, y] - share[y]) for y in range(1, problem.k))
        # All classes but one have coefficients.
        if told <= len(chosen) * (problem.k - 1) * np.log(problem.rows):
            return None
        coefficients, q = _regression(problem, voted, evidence, balance)
        excess = _agreement_beyond(problem, fired, q, kinds)
        if _score_test(voted, problem.weights, excess) > chdtri(len(chosen), _HARD):
            return None
        place = np.zeros((problem.m, problem.k))
        place[chosen] = coefficients[:-1]
        return cls(place[problem.source], softmax_rows(coefficients[-1:])[0])


def _score_test(voted: sparse.csr_array[Any], weights: Floats, values: Floats) -> float:
    """Return how ``values`` (p,) depend on who ``voted`` (p, m): chi-squared with m degrees if they do not."""
    mean = (weights @ voted) / weights.sum()
    centred = values - (weights @ values) / weights.sum()
    score = voted.T @ (weights * centred) - mean * (weights @ centred)
    square = weights * centred**2
    cross = voted.T @ square
    spread = np.asarray((voted.T @ voted.multiply(square[:, None]).tocsr()).todense())
    spread = spread - np.outer(cross, mean) - np.outer(mean, cross) + square.sum() * np.outer(mean, mean)
    return float(score @ np.linalg.pinv(spread, hermitian=True) @ score)


def _regression(
    problem: Problem, voted: sparse.csr_array[Any], evidence: Floats, balance: Floats
) -> tuple[Floats, Floats]:
    """Return coefficients (m + 1, k), of which the last one is of all examples, and the posterior (p, k)."""
    p, m = voted.shape
    x = sparse.csr_array(sparse.hstack([voted, sparse.csr_array(np.ones((p, 1)))], format="csr"))
    xt = x.T.tocsr()
    prior = np.append(np.ones(m), 0.0)
    bound = np.asarray((xt @ x.multiply(problem.weights[:, None]).tocsr()).todense()) / 2
    step = np.linalg.inv(bound + np.diag(prior) + 1e-9 * np.eye(m + 1))
    found = np.zeros((m + 1, problem.k))
    found[-1] = np.log(balance)
    q = softmax_rows(evidence + x @ found)
    for _ in range(_STEPS):
        before = x @ found
        q = softmax_rows(evidence + before)
        moved = step @ (xt @ (problem.weights[:, None] * (q - softmax_rows(before))) - prior[:, None] * found)
        found += moved
        if float(np.abs(moved).max()) < _TOLERANCE:
            break
    return found, q


def _agreement_beyond(
    problem: Problem, fired: sparse.csr_array[Any], q: Floats, kinds: npt.NDArray[np.int64]
) -> Floats:
    """Return how many pairs of several-sided votes agree beyond what tables and ``q`` (p, k) give, shape (p,)."""
    several = problem.multipolar[problem.source].astype(np.float64)
    seen = (problem.xt @ (problem.weights[:, None] * q)) * several[:, None]
    said = seen / np.maximum(problem.by_source(seen), 1e-9)
    many = int(kinds.max(initial=0)) + 1
    place = sparse.csr_array((several, (np.arange(len(kinds)), kinds)), shape=(len(kinds), many))
    counts = np.asarray((problem.x @ place).todense())
    excess = (counts * (counts - 1)).sum(axis=1) / 2
    for y in range(problem.k):
        tables = np.zeros((problem.m, many))
        np.add.at(tables, (problem.source, kinds), said[:, y])
        both = ((fired @ tables) ** 2).sum(axis=1) - fired @ (tables**2).sum(axis=1)
        excess -= q[:, y] * both / 2
    return np.asarray(excess)
