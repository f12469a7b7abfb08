from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as distributions

from labelwright.core import VoteFrame, Votes
from labelwright.labelmodels.crowds.item_effects import ItemEffects, ItemVotes
from labelwright.labelmodels.crowds.slots import Slots
from labelwright.labelmodels.features import Features


def item_votes(L, k, alphabet=None):
    votes = Votes(L, classes=k, sources=[f"s{j}" for j in range(L.shape[1])], alphabet=alphabet)
    frame = VoteFrame.of(votes)
    return ItemVotes.of(Features.of(frame).matrix(votes), Slots.of(frame)), Slots.of(frame), Features.of(frame)


def draw(strength, *, n=800, m=10, seed=0):
    """Votes on items of two classes, whose answers vary with ``strength``."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    means = np.array([[0.8, 0.2], [0.3, 0.7]])[truth]
    if strength < np.inf:
        means = np.array([rng.dirichlet(strength * row) for row in means])
    return (rng.random((n, m)) < means[:, [1]]).astype(int), truth


def test_ratios_are_those_of_the_dirichlet_multinomial():
    L = np.array([[0, 0, 1, -1], [2, 2, 2, 2], [1, -1, -1, -1]])
    votes, slots, _ = item_votes(L, 3)
    typical = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.1], [0.1, 0.3, 0.8]])
    effects = ItemEffects(slots, typical, np.array([2.0, 5.0, 50.0]))
    counts = np.stack([(c == L).sum(axis=1) for c in (0, 1, 2)], axis=1)
    for y, strength in enumerate(effects.strengths):
        for i, row in enumerate(counts):
            together = distributions.dirichlet_multinomial.logpmf(row, strength * typical[:, y], row.sum())
            apart = distributions.multinomial.logpmf(row, row.sum(), typical[:, y])
            assert effects.log_ratios(votes)[i, y] == pytest.approx(together - apart)


def fitted(L, truth):
    votes, slots, features = item_votes(L, 2)
    q = np.eye(2)[truth]
    counts = features.matrix(Votes(L, classes=2)).T @ q
    return ItemEffects.of(slots).update(votes, q, counts, rounds=400)


@pytest.mark.parametrize("strength", [3.0, 12.0])
def test_strengths_are_recovered(strength):
    effects = fitted(*draw(strength))
    np.testing.assert_allclose(effects.strengths, strength, rtol=0.3)
    np.testing.assert_allclose(effects.typical, [[0.8, 0.3], [0.2, 0.7]], atol=0.03)


def test_independent_votes_have_no_effects():
    assert (fitted(*draw(np.inf, n=4000)).strengths > 40).all()


def test_one_vote_on_an_item_tells_nothing_of_effects():
    votes, slots, _ = item_votes(np.array([[1, -1], [-1, 0]]), 2)
    effects = ItemEffects(slots, np.array([[0.8, 0.3], [0.2, 0.7]]), np.array([0.5, 3.0]))
    np.testing.assert_allclose(effects.log_ratios(votes), 0, atol=1e-12)


def test_alphabets_are_counted_apart():
    L = np.array([[0, 1, 0, 1]])
    votes, slots, _ = item_votes(L, 2, alphabet={"s2": [{0}, {0, 1}], "s3": [{0}, {0, 1}]})
    effects = ItemEffects(slots, slots.even, np.array([2.0, 2.0]))
    # Two votes of each alphabet that differ: 2 * 1 * 1 / (2 * 3) against 2 * 1/2 * 1/2.
    np.testing.assert_allclose(effects.log_ratios(votes), 2 * np.log((1 / 3) / (1 / 2)))
