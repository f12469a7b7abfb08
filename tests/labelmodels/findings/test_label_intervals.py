"""How far a soft label could be off: as far as labels of other samples are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import logit

from labelwright.core.errors import ModelError
from labelwright.labelmodels import DawidSkene, LabelModel, MajorityVote, from_dict, to_dict
from labelwright.labelmodels.findings.label_intervals import LeaveOneOut

from ..worlds import several_sided

ROWS = [[1, 1, 0, 1, -1], [0, -1, -1, -1, 1], [1, -1, -1, -1, -1]]


def sample(random_state, n):
    return several_sided(random_state, [0.85, 0.8, 0.75, 0.7, 0.65], balance=[0.4, 0.6], n=n, coverage=0.8)[0]


@pytest.mark.slow
def test_intervals_hold_what_endless_votes_would_say():
    options = {"class_balance": [0.4, 0.6]}
    truth = DawidSkene(**options).fit(sample(99, 200_000)).predict_proba(ROWS)[:, 1]
    held = []
    for trial in range(12):
        model = DawidSkene(**options).fit(sample(trial, 800))
        low, high = LeaveOneOut.of(model).intervals(model, ROWS)
        held.append((low[:, 1] < truth) & (truth < high[:, 1]))
    assert np.mean(held) == pytest.approx(0.95, abs=0.09)


@pytest.mark.slow
def test_more_examples_make_intervals_narrower():
    widths = []
    for n in (1000, 9000):
        model = DawidSkene(class_balance=[0.4, 0.6]).fit(sample(0, n))
        low, high = LeaveOneOut.of(model).intervals(model, ROWS)
        probs = model.predict_proba(ROWS)
        assert ((low < probs) & (probs < high)).all()
        widths.append(logit(high) - logit(low))
    assert np.median(widths[0] / widths[1]) > 2


def test_what_is_kept_gives_the_same_intervals():
    model = LabelModel().fit(sample(0, 600))
    found = LeaveOneOut.of(model)
    again = LeaveOneOut.from_dict(json.loads(json.dumps(found.to_dict())))
    # The model itself may come without its stats: what was left out knows the rest.
    bare = from_dict(to_dict(model))
    np.testing.assert_array_equal(again.intervals(bare, ROWS), found.intervals(model, ROWS))


def test_an_answer_that_hangs_on_nothing_learned_has_no_width():
    L = sample(0, 300)
    model = MajorityVote().fit(L)
    low, high = LeaveOneOut.of(model).intervals(model, [[1, 1, 0, -1, -1]])
    np.testing.assert_allclose(low, [[1 / 3, 2 / 3]])
    np.testing.assert_allclose(high, low)


def test_too_few_examples_tell_nothing():
    model = MajorityVote().fit([[1, 0], [1, 1]])
    low, high = LeaveOneOut.of(model).intervals(model, [[1, 0]])
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_level_and_stats_are_needed():
    model = MajorityVote().fit(sample(0, 300))
    with pytest.raises(ModelError, match="between 0 and 1"):
        LeaveOneOut.of(model).intervals(model, ROWS, level=95)
    with pytest.raises(ModelError, match="without its stats"):
        LeaveOneOut.of(from_dict(to_dict(model)))
