"""EM without a prior, where several-sided sources identify the model; dependent ones are taken for one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypedDict

import numpy as np

from labelwright.labelmodels.dependencies.cliques import disjoint_cliques
from labelwright.labelmodels.expectation import Fit, posterior_of, run, vote_scores
from labelwright.labelmodels.problem import Floats, Problem

from .composition import compose
from .dependence import Dependence

__all__ = [
    "MOST_STEPS",
    "TOLERANCE",
    "WORTH_OF_VOTES",
    "Free",
    "FreeFit",
    "free",
    "free_fit",
    "heard_balance",
    "identified",
    "mostly_several",
    "plurality",
    "with_known",
    "won",
]

# A share estimated from fewer random labels than this may be off by more than ten points; votes say more.
WORTH_OF_VOTES = 100

# EM may run until it converges, or is not trusted. P(Y) moves slowest of all: a class of 3 % takes some 300 steps.
MOST_STEPS = 500
TOLERANCE = 1e-4

# Discounts above this are what chance gives.
_NO_REPETITION = 0.9

# So many examples for each row of a table tell a rate to ten points.
_MEETINGS = 20

# Discounts and posterior settle each other within a few rounds; they only choose where the last EM starts.
_SHARPER = 3
_CAUTIOUS_STEPS = 5
_CAUTIOUS_WEIGHT = 0.3


class _Options(TypedDict):
    prior_weight: float
    steps: int
    tolerance: float
    learn_balance: bool


@dataclass(frozen=True, slots=True, eq=False)
class FreeFit(Fit):
    """Where EM without a prior ended, and what it solved.

    Parameters
    ----------
    scores, q, balance, steps, converged
        See `labelwright.labelmodels.expectation.Fit`.
    solved : Problem
        The rows as sources and cliques that are taken for one.
    counted : ndarray of float, shape (f,)
        What a vote of each of its features counts.
    """

    solved: Problem
    counted: Floats

    @classmethod
    def of(cls, fit: Fit, solved: Problem, counted: Floats, more: int = 0) -> FreeFit:
        """Add to ``fit`` what was solved, and ``more`` steps before."""
        found = {f.name: getattr(fit, f.name) for f in fields(Fit)}
        return cls(**found | {"steps": fit.steps + more}, solved=solved, counted=counted)


def mostly_several(problem: Problem, dependence: Dependence) -> bool:
    """Tell whether three distinct sources or more that take several sides give most of the votes."""
    several = problem.multipolar[problem.source]
    distinct = int((problem.multipolar & dependence.distinct).sum())
    return distinct >= 3 and bool(problem.totals[several].sum() > problem.totals.sum() / 2)


def identified(problem: Problem, dependence: Dependence) -> bool:
    """Tell whether votes of sources that take several sides can tell how good each is.

    They give most of the votes; and they meet: a third of the examples has three of their votes, or as many as make
    twenty for each row of their tables.
    """
    if not mostly_several(problem, dependence):
        return False
    distinct = problem.multipolar & dependence.distinct
    threes = problem.weights[problem.x @ distinct[problem.source].astype(np.float64) >= 3].sum()
    return bool(threes >= min(problem.rows / 3, _MEETINGS * problem.k * distinct.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Free:
    """EM without a prior: what it found, and on what it rests.

    Parameters
    ----------
    fit : FreeFit or None
        With P(Y) as it is used; None where it is not to be trusted.
    balance : ndarray of float, shape (k,)
        P(Y).
    origin : str
        Where P(Y) comes from.
    learned : FreeFit or None
        The fit that learned P(Y), where that is heard.
    misfit : float
        How much the most frequent votes count in P(Y) beside it, 0 to 1.
    """

    fit: FreeFit | None
    balance: Floats
    origin: str
    learned: FreeFit | None = None
    misfit: float = 0.0


def free(problem: Problem, dependence: Dependence, given: Floats | None) -> Free:
    """Run EM without a prior, if it is to be trusted, and say what P(Y) is.

    P(Y) is one of the parameters that EM finds. Where the model surely does not fit, it counts as far as it fits, and
    for the rest how often each class has most of an example's votes. That is worth some examples in any case: where
    these are few and sources weak, the likelihood hardly tells one P(Y) from another.
    """
    if not (dependence.known and identified(problem, dependence)):
        plural = plurality(problem, dependence.copies)
        return Free(None, plural, "from the most frequent votes") if given is None else Free(None, given, "given")
    if given is not None:
        return Free(free_fit(problem, dependence, given, learn_balance=False), given, "given")
    plural = plurality(problem, dependence.copies)
    learned = free_fit(problem, dependence, plural, learn_balance=True)
    if learned is not None:
        misfit = dependence.misfit(learned.q, surely=True)
        balance = heard_balance(problem.rows, learned.balance, plural, misfit)
        fit = free_fit(problem, dependence, balance, learn_balance=False)
        if fit is not None:
            return Free(fit, balance, "from the votes", learned, misfit)
    return Free(None, plural, "from the most frequent votes")


def heard_balance(rows: float, learned: Floats, plural: Floats, misfit: float) -> Floats:
    """Return P(Y), shape (k,), of the one ``learned`` from so many ``rows`` and the most frequent votes."""
    return with_known(plural, rows * ((1 - misfit) * learned + misfit * plural), WORTH_OF_VOTES)


def with_known(balance: Floats, known: Floats, worth: float) -> Floats:
    """Return P(Y) where ``known`` (k,) examples of known class are added to an estimate that is worth ``worth``."""
    return np.asarray((known + worth * balance) / (known.sum() + worth))


def plurality(problem: Problem, mass: Floats) -> Floats:
    """Return how often each class has most of an example's votes, shape (k,); ties are shared.

    Shares of all votes would be drawn to uniform by the wrong ones. One pseudo-row for each class keeps logarithms
    finite.
    """
    return np.asarray((problem.weights @ won(problem, mass) + 1) / (problem.rows + problem.k))


def won(problem: Problem, mass: Floats) -> Floats:
    """Return which class has most of each row's votes, shape (p, k); ties are shared, so that rows sum to 1."""
    votes = problem.vote_shares(mass)
    most = votes >= votes.max(axis=1, keepdims=True) - 1e-9
    return np.asarray(most / most.sum(axis=1, keepdims=True))


def free_fit(problem: Problem, dependence: Dependence, balance: Floats, *, learn_balance: bool) -> FreeFit | None:
    """Run EM without a prior; return None where it does not converge, or classes do not mean what votes call them.

    A free P(Y) is learned from the several-sided sources alone: one-sided ones would draw it to one class.

    Independence goes first: if it leaves over no agreement that stands out, nothing repeats. If it does, discounts are
    found again from the sharper posterior, which explains agreement that a cautious one left over. At last, sources
    whose agreement still stands out, or that are declared dependent, are taken as one that says what they say
    together: that is exact, where a discount is a guess, but it cannot be undone, and so comes last.
    """
    none = np.ones(len(problem.source))
    options: _Options = {
        "prior_weight": 0,
        "steps": MOST_STEPS,
        "tolerance": TOLERANCE,
        "learn_balance": learn_balance,
    }
    heard = _heard(problem, none, learn_balance)
    found = FreeFit.of(run(problem, problem.vote_shares(none), balance, heard, **options), problem, heard)
    if dependence.declared.any() or not found.converged or dependence.discounts(found.q).min() <= _NO_REPETITION:
        found = _with_repetition(problem, dependence, balance, options)
    return found if found.converged and _means_what_it_says(problem, found.q) else None


def _with_repetition(problem: Problem, dependence: Dependence, balance: Floats, options: _Options) -> FreeFit:
    q, steps = _cautious(problem, dependence, balance), 0
    for _ in range(_SHARPER):
        discounts = dependence.discounts(q)
        heard = _heard(problem, discounts, options["learn_balance"])
        found = FreeFit.of(run(problem, q, balance, heard, **options), problem, heard, more=steps)
        if not found.converged:
            return found
        q, steps = found.q, found.steps
    composed = compose(problem, disjoint_cliques(problem.m, dependence.pairs(q)))
    discounts = composed.discounts(dependence.discounts(q))
    heard = _heard(composed, discounts, options["learn_balance"])
    exact = run(composed, q, balance, heard, **options)
    if exact.converged:
        return FreeFit.of(exact, composed, heard, more=steps)
    return FreeFit.of(found, found.solved, found.counted, more=exact.steps)


def _heard(problem: Problem, discounts: Floats, learn_balance: bool) -> Floats:
    return discounts * problem.multipolar[problem.source] if learn_balance else discounts


def _cautious(problem: Problem, dependence: Dependence, balance: Floats) -> Floats:
    """Alternate discounts and single EM steps: what repeats depends on Y, and Y on what repeats.

    The first discounts take all correlation for repetition, so that many copies do not outvote the rest and become the
    truth that explains them. (They only choose the start: sources that agree because they are right lose alike.)
    """
    q = problem.vote_shares(np.ones(len(problem.source)))
    q = problem.vote_shares(dependence.discounts(np.tile(problem.weights @ q / problem.rows, (len(q), 1))))
    for _ in range(_CAUTIOUS_STEPS):
        scores = vote_scores(problem, q, balance, _CAUTIOUS_WEIGHT)
        q = posterior_of(problem, scores * dependence.discounts(q)[:, None], balance)
    return q


def _means_what_it_says(problem: Problem, q: Floats) -> bool:
    """Tell whether on the examples of each class that occurs, no other class has more of the votes.

    Where it has not, EM has made the name of a rare class the name of examples that are hard: a fit may be good, and
    its class still not be what the votes mean.
    """
    mass = problem.weights @ q
    votes = (q * problem.weights[:, None]).T @ problem.vote_shares(np.ones(len(problem.source)))
    occurs = mass >= 1
    return bool((votes.argmax(axis=1) == np.arange(problem.k))[occurs].all())
