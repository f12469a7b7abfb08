"""Copying: the evidence for it in closed form, what repeated claims count, and which explanation fits better."""

import numpy as np
import pytest

from labelwright.core.claim_counts import ClaimCounts
from labelwright.core.claims import Claims
from labelwright.labelmodels.crowds.candidates import Candidates
from labelwright.labelmodels.fusion.copying import Meetings, discounts
from labelwright.labelmodels.fusion.truth import Evidence, shares


def evidence(rows, *, false_values=10):
    stats = ClaimCounts.of(Claims(*map(list, zip(*rows, strict=True))))
    m = len(stats.sources)
    return Evidence(
        Candidates.of_claims(stats, false_values=false_values), np.arange(m), np.zeros(m), np.ones(m, dtype=bool), m
    )


def both(item, *values):
    return [("abcdef"[j], item, value) for j, value in enumerate(values)]


def test_two_sources_that_share_false_values_are_suspicious():
    """Dong et al. 2009: the posterior odds of dependence, written out for 6 shared falsehoods and 1 difference."""
    said = evidence([row for i in range(6) for row in both(i, "x", "x")] + both(6, "x", "y"))
    accuracy, wrong, copied = np.array([0.8, 0.6]), 10, 0.8
    q = np.zeros(len(said.found.item))
    (first, second, probability), *rest = Meetings.of(said).suspects(q, accuracy)
    amiss = 0.2 * 0.4 / wrong
    likelihood = [(copied * (1 - a) + (1 - copied) * amiss) ** 6 * (1 - copied) for a in accuracy]
    odds = np.mean(likelihood) / amiss**6 * 0.2 / 0.8
    assert (first, second) == (0, 1)
    assert rest == []
    assert probability == pytest.approx(odds / (1 + odds))


def test_sharing_the_truth_is_little_evidence_and_differing_speaks_against_it():
    true = evidence([row for i in range(6) for row in both(i, "x", "x")])
    q = np.where(true.found.value == 0, 1.0, 0.0)
    assert len(Meetings.of(true).suspects(q, np.array([0.99, 0.99]))) == 0
    differ = evidence([row for i in range(6) for row in both(i, "x", "y")] + both(7, "x", "x"))
    assert len(Meetings.of(differ).suspects(np.zeros(len(differ.found.item)), np.array([0.8, 0.6]))) == 0


def test_each_of_several_copies_counts_its_share():
    said = evidence(both(1, "x", "x", "x", "y") + both(2, "z", "w", "z", "z"))
    pairs = np.array([[0, 1, 1.0], [0, 2, 1.0], [1, 2, 1.0]])
    counted = said.discounted(discounts(said, pairs)).found.claims.toarray()
    table = {(i, v): row for i, v, row in zip(said.found.item, said.found.value, counted, strict=True)}
    rows = [row for row in table.values() if row.any()]
    three = next(row for row in rows if np.count_nonzero(row) == 3 and row[1])
    assert three == pytest.approx([1 / 2.6, 1 / 2.6, 1 / 2.6, 0])
    # Sources that claim different values repeat nothing, copies or not.
    two = next(row for row in rows if row[3] and row[0])
    assert two == pytest.approx([1 / 1.8, 0, 1 / 1.8, 1])
    assert discounts(said, np.empty((0, 3))) == pytest.approx(np.ones(8))


def test_the_explanation_that_predicts_agreement_is_likelier():
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=500)
    columns = [np.where(rng.random(500) < 0.75, truth, rng.integers(5, size=500)) for _ in range(4)]
    stale = np.where(rng.random(500) < 0.4, truth, rng.integers(5, size=500))
    said = evidence([row for i in range(500) for row in both(i, *(int(c[i]) for c in [*columns, stale, stale]))])
    meetings = Meetings.of(said)
    copies = meetings.likelihood(np.array([0.8, 0.8, 0.8, 0.8, 0.5, 0.5]), np.array([[4, 5, 1.0]]))
    truths = meetings.likelihood(np.array([0.5, 0.5, 0.5, 0.5, 0.99, 0.99]), np.empty((0, 3)))
    assert copies > truths + 100
    assert copies > meetings.likelihood(np.array([0.8, 0.8, 0.8, 0.8, 0.5, 0.5]), np.empty((0, 3))) + 100


def test_only_the_sources_with_the_most_claims_are_compared(monkeypatch):
    monkeypatch.setattr("labelwright.labelmodels.fusion.copying._MOST_SOURCES", 2)
    said = evidence([row for i in range(6) for row in both(i, "x", "x")] + [("c", 0, "x")])
    assert Meetings.of(said).chosen.tolist() == [0, 1]
    assert shares(said.found).max() == 1
