from __future__ import annotations

import numpy as np
import pytest

from labelwright.core import PatternCounts, VoteFrame, Votes
from labelwright.labelmodels import MatrixCompletion
from labelwright.labelmodels.completion.completion_stats import RowSums, side_of
from labelwright.labelmodels.completion.repeats import repeated_in_moments, repeated_in_rows, third_of_weighted
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Problem

from ..worlds import coins, several_sided


def moments_of(L, features):
    x = features.matrix(Votes(L)).toarray()
    return x.sum(axis=0).astype(np.int64), x.mean(axis=0), x.T @ x / len(L)


def test_only_the_very_same_votes_are_repeats():
    L, _ = coins(0, [0.8, 0.7, 0.6], n=50, coverage=0.6)
    nearly = L[:, 0].copy()
    nearly[np.flatnonzero(nearly >= 0)[0]] = -1
    votes = Votes(np.column_stack([L, L[:, 0], nearly, np.where(L[:, 0] >= 0, 1 - L[:, 0], -1), L[:, 1], L[:, 0]]))
    features = Features.of(VoteFrame.of(votes))
    counts, _, moments = moments_of(votes.values, features)
    assert repeated_in_moments(counts, moments, features, range(8)).tolist() == [0, 1, 2, 0, 4, 5, 1, 0]
    assert repeated_in_moments(counts, moments, features, [1, 3, 6, 7]).tolist() == [0, 1, 2, 3, 4, 5, 1, 3]
    assert repeated_in_rows(Problem.of(PatternCounts.of(votes))) == [("0", "3"), ("1", "6"), ("0", "7")]


def test_the_same_codes_of_other_meaning_are_no_repeat():
    L = [[0, 0], [1, 1], [0, 0]]
    votes = Votes(L, classes=3, sources=["a", "b"], alphabet={"b": [{1, 2}, {0}]})
    features = Features.of(VoteFrame.of(votes))
    x = features.matrix(votes).toarray()
    counts = x.sum(axis=0).astype(np.int64)
    assert repeated_in_moments(counts, x.T @ x / 3, features, range(2)).tolist() == [0, 1]
    assert repeated_in_rows(Problem.of(PatternCounts.of(votes))) == []


def test_third_moments_are_those_that_a_group_would_have():
    """Of groups that take c times a side, worked out row by row."""
    L, _ = coins(1, [0.9, 0.8, 0.7, 0.6], n=200, coverage=0.7, positive=0.3)
    times = np.array([3, 1, 2, 1])
    votes = Votes(np.repeat(L, times, axis=1))
    own = np.repeat(np.arange(4), times)
    features = Features.of(VoteFrame.of(Votes(L)))
    _, means, moments = moments_of(L, features)
    kept = np.flatnonzero(np.r_[True, np.diff(own) > 0])
    columns = (2 * kept[:, None] + [0, 1]).ravel()
    third = RowSums.of_votes(votes, np.full(200, -1), ()).third.sum(axis=0)[columns] / 200
    side = side_of(features).astype(float)
    b = np.where(L >= 0, 2 * L - 1, 0) * times
    x = features.matrix(Votes(L)).toarray()
    expected = []
    for at, source in enumerate(features.source):
        others = np.delete(b, source, axis=1)
        expected.append((x[:, at] * (others.sum(axis=1) ** 2 - (others**2).sum(axis=1)) / 2).mean())
    got = third_of_weighted(third, means, moments, side, times[features.source].astype(float))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("balance", [[0.5, 0.5], None])
def test_matrix_completion_counts_a_repeated_source_once(balance):
    L, _ = coins(2, [0.85, 0.8, 0.75, 0.7, 0.65], n=3000, coverage=0.7, positive=0.3)
    model = MatrixCompletion(class_balance=balance).fit(L)
    probs = model.predict_proba(L)
    more = np.hstack([L, L[:, :1], L[:, :1], L[:, 2:3]])
    again = MatrixCompletion(class_balance=balance).fit(more)
    assert "3 sources only repeat others" in str(again.outcome_)
    if balance is None:
        # The third cumulants of pairs with the repeated source weigh more: another estimate of the same balance.
        np.testing.assert_allclose(again.class_balance_, model.class_balance_, atol=0.03)
        return
    np.testing.assert_allclose(again.predict_proba(more), probs, rtol=0, atol=1e-9)
    np.testing.assert_allclose(again.accuracies_, model.accuracies_[[0, 1, 2, 3, 4, 0, 0, 2]], rtol=0, atol=1e-9)


def test_of_three_classes_too():
    L, truth = several_sided(3, [0.85, 0.8, 0.75, 0.7, 0.65], balance=[0.4, 0.3, 0.3], n=3000)
    more = np.hstack([L, L[:, :1], L[:, :1]])
    before, after = MatrixCompletion().fit(L).predict(L), MatrixCompletion().fit(more).predict(more)
    assert (after != before).mean() < 0.02
    assert (after == truth).mean() > (before == truth).mean() - 0.01
