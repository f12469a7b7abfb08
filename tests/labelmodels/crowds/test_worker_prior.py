from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, gammaln

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.crowds.confusion import Ballots
from labelwright.labelmodels.crowds.slots import Slots
from labelwright.labelmodels.crowds.worker_prior import OneCoinPrior, WorkerPrior, strength_step
from labelwright.labelmodels.problem import Problem


def ballots(m, k):
    rng = np.random.default_rng(0)
    votes = Votes(rng.integers(k, size=(20, m)), classes=k)
    stats = PatternCounts.of(votes)
    return Ballots(Problem.of(stats), stats.frame, None, Slots.of(stats.frame))


def evidence(b, prior, counts):
    """Log-likelihood of counts, shape (f, k), under the Dirichlet-multinomials of ``prior``."""
    a = prior.alphas()
    total, votes = b.by_source(a), b.by_source(counts)
    return (gammaln(a + counts) - gammaln(a)).sum() - (gammaln(total + votes) - gammaln(total)).sum()


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_step_of_strength_never_lowers_the_evidence(seed):
    rng = np.random.default_rng(seed)
    means, strength = rng.dirichlet(np.ones(3), 12), float(rng.uniform(0.5, 60))
    counts = np.array([rng.multinomial(rng.integers(1, 30), rng.dirichlet(5 * row + 1e-3)) for row in means])

    def value(s):
        a, n = s * means, counts.sum(axis=1)
        return (gammaln(a + counts) - gammaln(a)).sum() - (gammaln(s + n) - gammaln(s)).sum()

    a = strength * means
    news = float((a * (digamma(a + counts) - digamma(a))).sum())
    assert value(strength_step(strength, news, counts.sum(axis=1))) >= value(strength) - 1e-9


def draw(b, k, strength, seed, votes=60):
    """Counts of sources whose rows vary around careful votes and shared guesses."""
    rng = np.random.default_rng(seed)
    m, guess = b.frame.m, rng.dirichlet(np.ones(k), k)
    reliability = rng.beta(6, 3, m)
    counts = np.empty((m, k, k))
    for j in range(m):
        for y in range(k):
            mean = reliability[j] * np.eye(k)[y] + (1 - reliability[j]) * guess[y]
            row = mean if strength == np.inf else rng.dirichlet(strength * mean + 1e-6)
            counts[j, :, y] = rng.multinomial(votes, row)
    return counts.reshape(m * k, k), reliability


@pytest.mark.parametrize("strength", [4.0, 20.0])
def test_strength_is_recovered(strength):
    b = ballots(60, 3)
    counts, _ = draw(b, 3, strength, seed=1)
    prior = WorkerPrior.of(b).update(counts, rounds=300)
    assert prior.strength == pytest.approx(strength, rel=0.25)


def test_where_rows_do_not_vary_they_are_tied():
    b = ballots(60, 3)
    counts, reliability = draw(b, 3, np.inf, seed=2)
    prior = WorkerPrior.of(b).update(counts, rounds=500)
    assert prior.strength > 100
    assert np.corrcoef(prior.reliability, reliability)[0, 1] > 0.95


def test_the_prior_climbs():
    b = ballots(30, 3)
    counts, _ = draw(b, 3, 8.0, seed=3)
    priors = [WorkerPrior.of(b)]
    for _ in range(30):
        priors.append(priors[-1].update(counts, rounds=1))
    values = [evidence(b, p, counts) for p in priors]
    assert values[-1] > values[0] + 10
    # Reliability is drawn to the crowd's, and guesses to even ones, so that the last steps may cost a little evidence.
    assert (np.diff(values) > -1).all()


def test_a_source_without_votes_gets_the_mean_of_the_crowd():
    b = ballots(30, 3)
    counts, _ = draw(b, 3, 8.0, seed=4)
    counts[:3] = 0
    prior = WorkerPrior.of(b).update(counts, rounds=50)
    assert prior.reliability[0] == pytest.approx(prior.skill[0] / sum(prior.skill))
    table = prior.rows(counts)[:3]
    np.testing.assert_allclose(table.sum(axis=0), 1)


def test_one_coin_is_a_beta_binomial():
    b = ballots(3, 2)
    counts = np.array([[8.0, 2.0], [2.0, 8.0]] + [[5.0, 5.0]] * 2 + [[0.0, 0.0]] * 2)
    prior = OneCoinPrior.of(b, 1.0).update(counts)
    np.testing.assert_allclose(prior.accuracy, [17 / 22, 11 / 22, 1 / 2])
    np.testing.assert_allclose(prior.rows(counts)[:2], [[17 / 22, 5 / 22], [5 / 22, 17 / 22]])
