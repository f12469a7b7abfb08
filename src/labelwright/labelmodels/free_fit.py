"""EM without a prior, where several-sided sources identify the model; dependent ones are taken for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

import numpy as np

from .cliques import disjoint_cliques
from .composition import compose
from .dependence import Dependence
from .expectation import Fit, posterior_of, run, vote_scores
from .problem import Floats, Problem

__all__ = ["free_fit", "identified"]

# EM may run until it converges, or is not trusted. P(Y) moves slowest of all: a class of 3 % takes some 300 steps.
_MOST_STEPS = 500
_TOLERANCE = 1e-4

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


def identified(problem: Problem, dependence: Dependence) -> bool:
    """Tell whether votes of sources that take several sides can tell how good each is.

    Three distinct ones or more give most of the votes; and they meet: a third of the examples has three of their votes,
    or as many as make twenty for each row of their tables.
    """
    distinct = problem.multipolar & dependence.distinct
    several = problem.multipolar[problem.source]
    if distinct.sum() < 3 or problem.totals[several].sum() <= problem.totals.sum() / 2:
        return False
    threes = problem.weights[problem.x @ distinct[problem.source].astype(np.float64) >= 3].sum()
    return bool(threes >= min(problem.rows / 3, _MEETINGS * problem.k * distinct.sum()))


def free_fit(problem: Problem, dependence: Dependence, balance: Floats, *, learn_balance: bool) -> Fit | None:
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
        "steps": _MOST_STEPS,
        "tolerance": _TOLERANCE,
        "learn_balance": learn_balance,
    }
    found = run(problem, problem.vote_shares(none), balance, _heard(problem, none, learn_balance), **options)
    if dependence.declared.any() or not found.converged or dependence.discounts(found.q).min() <= _NO_REPETITION:
        found = _with_repetition(problem, dependence, balance, options)
    return found if found.converged and _means_what_it_says(problem, found.q) else None


def _with_repetition(problem: Problem, dependence: Dependence, balance: Floats, options: _Options) -> Fit:
    q, steps = _cautious(problem, dependence, balance), 0
    for _ in range(_SHARPER):
        discounts = dependence.discounts(q)
        found = run(problem, q, balance, _heard(problem, discounts, options["learn_balance"]), **options)
        if not found.converged:
            return found
        q, steps = found.q, steps + found.steps
    composed = compose(problem, disjoint_cliques(problem.m, dependence.pairs(q)))
    discounts = composed.discounts(dependence.discounts(q))
    exact = run(composed, q, balance, _heard(composed, discounts, options["learn_balance"]), **options)
    return replace(exact if exact.converged else found, steps=steps + exact.steps)


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
