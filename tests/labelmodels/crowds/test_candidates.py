"""Candidates: a softmax over the values somebody claims equals one over all classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core import VoteFrame, Votes
from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.features import Features

BALANCE = np.array([0.2, 0.5, 0.3])
ALPHABET = {"2": [{0}, {1}, {2}, {0, 2}, {0, 1, 2}]}


def graph(rows, *, gold=None):
    votes = Votes(np.array(rows).reshape(-1, 3), classes=3, alphabet=ALPHABET)
    features = Features.of(VoteFrame.of(votes))
    x = features.matrix(votes)
    return Candidates.of_votes(x, features.meaning, BALANCE, gold=gold), x, features


def rows_of_votes():
    row = st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(-1, 4))
    return st.lists(row, min_size=1, max_size=6)


@given(rows_of_votes(), st.integers(0, 99))
def test_equals_a_softmax_over_all_classes(rows, seed):
    found, x, features = graph(rows)
    weights = np.random.default_rng(seed).normal(size=len(features.meaning)) * 3
    tells = features.meaning & (features.meaning.sum(axis=1) < 3)[:, None]
    expected = BALANCE * np.exp(x @ (tells * weights[:, None]))
    mass = expected.sum(axis=1)
    q, log_mass = found.posterior(found.evidence(weights))
    assert np.allclose(found.dense(q, BALANCE), expected / mass[:, None])
    assert np.allclose(log_mass, np.log(mass))


@given(rows_of_votes(), st.data())
def test_a_known_class_has_all_the_probability(rows, data):
    gold = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=len(rows), max_size=len(rows))))
    found, _, _ = graph(rows, gold=gold)
    q, _ = found.posterior(np.zeros(len(found.item)))
    for item, known in enumerate(gold):
        own = found.item == item
        if known >= 0:
            # A class that nobody claims is the unclaimed candidate.
            value = known if known in found.value[own] else -1
            assert q[own][found.value[own] == value] == pytest.approx(1)
    assert found.gold.tolist() == (gold >= 0).tolist()


def test_memory_grows_with_claims_not_with_classes():
    votes = Votes.from_entries([0, 1], [0, 1], [1400, 3], shape=(2, 2), classes=1500)
    features = Features.of(VoteFrame.of(votes))
    found = Candidates.of_votes(features.matrix(votes), features.meaning, np.full(1500, 1 / 1500))
    assert len(found.item) == 4


def test_sources_are_heard_once_however_many_classes_a_vote_means():
    found, _, _ = graph([[0, -1, 3]])
    assert found.heard.toarray().sum() == 2
    assert found.claims.toarray().sum() == 3
