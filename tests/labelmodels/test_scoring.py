from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from labelwright.core import VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels import scoring
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.scoring import posterior_from_scores, score_sums

ALPHABET = {"a": [{0}, {1, 2}, {0, 2}, {2}], "c": [{1}]}


def world(seed: int, n: int = 200, *, sparse: bool = False) -> tuple[Votes, np.ndarray]:
    """Five sources of which one may say more than k things and one less, and a table of scores."""
    rng = np.random.default_rng(seed)
    L = rng.integers(0, 3, (n, 5))
    L[:, 0] = rng.integers(0, 4, n)
    L[:, 2] = 0
    L[rng.random(L.shape) < 0.6] = -1
    fields = {"classes": 3, "sources": list("abcde"), "alphabet": ALPHABET}
    votes = Votes(L, **fields)
    if sparse:
        row, column = np.nonzero(L >= 0)
        votes = Votes.from_entries(row, column, L[row, column], shape=L.shape, **fields)
    return votes, rng.normal(size=(4 + 3 + 1 + 3 + 3, 3))


def by_hand(votes: Votes, table: np.ndarray) -> np.ndarray:
    offsets = [0, 4, 7, 8, 11]
    return np.array(
        [sum((table[o + v] for o, v in zip(offsets, row, strict=True) if v >= 0), np.zeros(3)) for row in votes.values]
    )


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("most_passes", [0, 8])
def test_every_path_gives_the_softmax_of_the_sums(sparse, most_passes, monkeypatch):
    monkeypatch.setattr(scoring, "_MOST_PASSES", most_passes)
    monkeypatch.setattr(scoring, "_BLOCK_VALUES", 350)
    monkeypatch.setattr(scoring, "_SPARSE_ROWS", 70)
    votes, table = world(0, sparse=sparse)
    balance = np.array([0.2, 0.3, 0.5])
    soft = posterior_from_scores(votes, table, balance)
    expected = softmax(by_hand(votes, table) + np.log(balance), axis=1)
    np.testing.assert_allclose(soft.probs, expected, atol=1e-14)
    assert np.array_equal(soft.covered, votes.covered)
    assert np.array_equal(soft.probs[~votes.covered], np.broadcast_to(balance, (int((~votes.covered).sum()), 3)))


@given(st.integers(0, 1000), st.integers(1, 4))
def test_tables_side_by_side_are_summed_as_one_by_one(seed, tables):
    votes, _ = world(seed, n=20)
    table = np.random.default_rng(seed).normal(size=(14, tables))
    both = np.concatenate([sums for _, _, sums, _ in score_sums(votes, table)])
    alone = [np.concatenate([s for _, _, s, _ in score_sums(votes, table[:, [c]])]) for c in range(tables)]
    np.testing.assert_allclose(both, np.concatenate(alone, axis=1), atol=1e-13)


@given(st.integers(0, 1000), st.sampled_from([1e-200, 1e-3, 1.0, 1e6]))
def test_sums_are_exact_and_so_the_same_in_every_block_order_and_form(seed, size):
    votes, table = world(seed, n=20)
    table = table * size
    sums = np.concatenate([found for _, _, found, _ in score_sums(votes, table)])
    sparse, _ = world(seed, n=20, sparse=True)
    assert np.array_equal(sums, np.concatenate([found for _, _, found, _ in score_sums(sparse, table)]))
    for row in range(votes.n):
        [(_, _, alone, _)] = score_sums(votes.take([row]), table)
        assert np.array_equal(alone[0], sums[row])
    order = np.random.default_rng(seed).permutation(5)
    features = np.concatenate([np.flatnonzero(Features.of(VoteFrame.of(votes)).source == j) for j in order])
    turned = votes.select([votes.sources[j] for j in order])
    assert np.array_equal(sums, np.concatenate([found for _, _, found, _ in score_sums(turned, table[features])]))


def test_scores_far_apart_stay_finite():
    votes = Votes([[0, 0], [1, 1], [0, 1]])
    soft = posterior_from_scores(votes, [[800.0, 0], [0, 800], [800, 0], [0, 800]], [0.5, 0.5])
    assert soft.probs.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]


def test_a_constant_added_to_a_feature_changes_nothing():
    votes, table = world(1)
    moved = table + np.random.default_rng(2).normal(size=(14, 1)) * 10
    np.testing.assert_allclose(
        posterior_from_scores(votes, moved, [0.2, 0.3, 0.5]).probs,
        posterior_from_scores(votes, table, [0.2, 0.3, 0.5]).probs,
        atol=1e-12,
    )


def test_codes_past_127_and_no_rows_are_scored():
    votes = Votes(np.array([[200], [-1]]))
    scores = np.log(np.eye(201) + 1)
    assert posterior_from_scores(votes, scores, np.full(201, 1 / 201)).predict().tolist() == [200, -1]
    assert posterior_from_scores(Votes(np.empty((0, 2), int)), np.zeros((4, 2)), [0.5, 0.5]).n == 0


@pytest.mark.parametrize(
    ("table", "balance"),
    [
        (np.zeros((3, 2)), [0.5, 0.5]),
        (np.zeros((2, 3)), [0.5, 0.5]),
        (np.zeros(2), [0.5, 0.5]),
        (np.full((2, 2), -np.inf), [0.5, 0.5]),
        (np.zeros((2, 2)), [0.0, 1.0]),
        (np.zeros((2, 2)), [1.0]),
    ],
)
def test_tables_that_do_not_fit_are_refused(table, balance):
    with pytest.raises(ModelError):
        posterior_from_scores(Votes([[0], [1]]), table, balance)


def test_features_and_tables_agree_on_the_order():
    votes, table = world(3)
    sums = np.concatenate([s for _, _, s, _ in score_sums(votes, table)])
    np.testing.assert_allclose(sums, Features.of(VoteFrame.of(votes)).matrix(votes) @ table, atol=1e-13)


def test_shares_of_many_classes_are_those_of_a_dense_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    alphabet = {"1": [{0}, {1, 2}, {0, 1, 2}]}
    votes = Votes(rng.integers(-1, 3, (200, 4)), classes=3, sources=list("0123"), alphabet=alphabet)
    mass = rng.random(12)
    dense = [part[2:] for part in scoring.share_sums(votes, mass)]
    monkeypatch.setattr(scoring, "_SHARE_VALUES", 8)
    sparse = [part[2:] for part in scoring.share_sums(votes, mass)]
    assert len(sparse) > 1
    for at in (0, 1):
        np.testing.assert_allclose(np.concatenate([p[at] for p in sparse]), np.concatenate([p[at] for p in dense]))
