"""How much structure sources show: accuracies that are alike, or differ, or tables; weighed by evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln

from labelwright.labelmodels.expectation import posterior_of
from labelwright.labelmodels.problem import Floats, Problem

from .free_fit import WORTH_OF_VOTES, FreeFit, with_known

__all__ = ["Coins", "Evidence"]

# How many votes it takes to tell a source from the others: from two, where their accuracies differ by 25 points,
# over 14 and 8, to no number, where all are alike. (Standard deviations, about a mean of .75.)
_STRENGTHS = (2.0, 8.0, 32.0, np.inf)

# A structure that the best one explains so much better is not listened to.
_NEXT_TO_NOTHING = 0.01

# Coins need not converge to the last digit, as they are averaged with others.
_STEPS, _TOLERANCE = 100, 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Coins:
    """Sources that are right with one probability whatever the class, and whose errors fall evenly on other classes.

    Parameters
    ----------
    tables : ndarray of float, shape (f, k)
        log P(vote | Y, the source votes).
    balance : ndarray of float, shape (k,)
        P(Y), as these sources tell it.
    evidence : float
        A lower bound of the logarithm of the probability of the votes.
    """

    tables: Floats
    balance: Floats
    evidence: float

    @classmethod
    def of(cls, problem: Problem, balance: Floats, *, given: bool, strength: float) -> Coins:
        """Learn accuracies by EM from the vote shares; they vary about their mean as ``Beta(strength)`` has it.

        P(Y) starts at ``balance``, which is worth as much as ever (`free_fit.heard_balance`), or stays if it is given.
        """
        k, votes = problem.k, problem.member @ problem.totals
        start, q = balance, problem.vote_shares(np.ones(len(problem.source)))
        for _ in range(_STEPS):
            right = problem.member @ ((problem.xt @ (problem.weights[:, None] * q)) * problem.meaning).sum(axis=1)
            # Two pseudo-votes of a source that is better than chance, as tables have them.
            mean = (right.sum() + 1 + 1 / k) / (votes.sum() + 2)
            each = np.full(problem.m, mean)
            if np.isfinite(strength):
                each = (right + strength * mean) / (votes + strength)
            accuracy = each[problem.source][:, None]
            tables = np.log(np.where(problem.meaning, accuracy, (1 - accuracy) / (k - 1)))
            balance = start if given else with_known(start, problem.weights @ q, WORTH_OF_VOTES)
            new = posterior_of(problem, tables, balance)
            moved = float(np.abs(new - q).max(initial=0))
            q = new
            if moved < _TOLERANCE:
                break
        right = problem.member @ ((problem.xt @ (problem.weights[:, None] * q)) * problem.meaning).sum(axis=1)
        wrong = votes - right
        if np.isfinite(strength):
            a, b = strength * mean, strength * (1 - mean)
            told = betaln(a + right, b + wrong) - betaln(a, b)
        else:
            told = right * np.log(mean) + wrong * np.log1p(-mean)
        told = told - wrong * np.log(k - 1)
        # The mean is one number that was chosen (Schwarz 1978).
        bound = float(told.sum() - np.log(votes.sum()) / 2)
        return cls(tables, balance, bound + _of_classes(problem, q, balance))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What tables, and coins of several strengths, count in an answer; the shares sum to 1.

    Each is worth the probability that it gives to the votes, whatever its parameters: that of a Dirichlet-multinomial,
    given the classes, and of the classes a lower bound (variational Bayes: Beal 2003). So tables, which have more to
    choose from, have more to explain.

    Parameters
    ----------
    tables : float
    coins : tuple of (Coins, float)
        Those that count.
    """

    tables: float
    coins: tuple[tuple[Coins, float], ...]

    @classmethod
    def of(cls, problem: Problem, fit: FreeFit, plural: Floats, given: Floats | None) -> Evidence:
        """Weigh the tables of ``fit``; they count alone where sources are no coins.

        ``plural`` (k,) is how often each class has most of an example's votes, and ``given`` P(Y) if it is given.
        """
        plain = problem.multipolar.all() and bool((problem.meaning.sum(axis=1) == 1).all())
        if not plain or fit.solved is not problem or (fit.counted < 1).any():
            return cls(1.0, ())
        start, known = (plural, False) if given is None else (given, True)
        coins = [Coins.of(problem, start, given=known, strength=s) for s in _STRENGTHS]
        found = np.array([_of_tables(problem, fit), *(coin.evidence for coin in coins)])
        share = np.exp(found - found.max())
        share = np.where(share > _NEXT_TO_NOTHING, share, 0)
        share /= share.sum()
        return cls(float(share[0]), tuple((coin, s) for coin, s in zip(coins, share[1:].tolist(), strict=True) if s))


def _of_tables(problem: Problem, fit: FreeFit) -> float:
    """Return a lower bound of the log probability of the votes, if each source has a table, as `vote_scores` has it."""
    seen = problem.xt @ (problem.weights[:, None] * fit.q)
    prior = 2 * problem.prior / problem.by_source(problem.prior)
    codes = gammaln(prior + seen) - gammaln(prior)
    rows, priors = problem.member @ seen, problem.member @ prior
    told = float(codes.sum() + (gammaln(priors) - gammaln(priors + rows)).sum())
    return told + _of_classes(problem, fit.q, fit.balance)


def _of_classes(problem: Problem, q: Floats, balance: Floats) -> float:
    """Return what the classes themselves add to the bound: their probability, and their entropy."""
    unsure = np.clip(q, 1e-300, 1)
    return float(problem.weights @ (q * (np.log(balance) - np.log(unsure))).sum(axis=1))
