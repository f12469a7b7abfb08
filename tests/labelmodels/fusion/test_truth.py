"""Truth and accuracy in turn: weights in closed form, and known truths."""

import numpy as np
import pytest

from labelwright.core import VoteFrame, Votes
from labelwright.core.claim_counts import ClaimCounts
from labelwright.core.claims import Claims
from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.fusion.truth import Evidence, alternate, shares


def of_claims(rows, **gold):
    stats = ClaimCounts.of(Claims(*map(list, zip(*rows, strict=True))), gold=gold)
    m = len(stats.sources)
    return Evidence(Candidates.of_claims(stats), np.arange(m), np.zeros(m), np.ones(m, dtype=bool), m)


def test_shares_of_claims_and_of_known_values():
    rows = [("a", "i", "x"), ("b", "i", "x"), ("c", "i", "y")]
    assert sorted(shares(of_claims(rows).found)) == pytest.approx([0, 1 / 3, 2 / 3])
    assert sorted(shares(of_claims(rows, i="y").found)) == [0, 0, 1]
    unclaimed = of_claims(rows, i="z").found
    assert shares(unclaimed)[unclaimed.value < 0] == [1]


def test_a_claim_counts_log_odds_times_the_number_of_false_values():
    said = of_claims([("a", "i", "x"), ("b", "i", "y"), ("c", "i", "z")])
    logits = said.logits(np.array([0.9, 0.5, 0.2]))
    assert logits == pytest.approx(np.log([3 * 9, 3 * 1, 3 / 4, 1]))
    assert said.false_values == pytest.approx(3)


def test_votes_for_sets_are_right_by_chance_more_often():
    votes = Votes([[0, 0]], classes=4, sources=["one", "two"], alphabet={"two": [{0, 1}]})
    features = Features.of(VoteFrame.of(votes))
    found = Candidates.of_votes(features.matrix(votes), features.meaning, np.full(4, 0.25))
    chance = np.log((4 - features.meaning.sum(axis=1)) / features.meaning.sum(axis=1))
    said = Evidence(found, features.source, chance, features.meaning.sum(axis=1) == 1, 2)
    # A coin says nothing of one class in four, and right half the time is chance for two classes in four.
    assert said.logits(np.array([0.25, 0.5])) == pytest.approx(0)
    assert said.totals.tolist() == [1, 1]
    assert said.right(np.array([0.5, 0.3, 0.2])) == pytest.approx([0.5, 0.8])


def test_alternation_ends_where_truth_and_accuracy_agree():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=300)
    rows = [
        (f"s{j}", i, int(truth[i] if rng.random() < a else rng.integers(3)))
        for i in range(300)
        for j, a in enumerate([0.9, 0.7, 0.5, 0.3])
    ]
    said = of_claims(rows)

    def estimate(right, totals):
        return (right + 1) / (totals + 2)

    end = alternate(said, estimate)
    assert end.converged
    assert estimate(said.right(end.q), said.totals) == pytest.approx(end.accuracies, abs=1e-5)
    assert (np.diff(end.accuracies) < 0).all()
