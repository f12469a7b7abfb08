"""Transformation regularisation: the mean squared distance over pairs of copies, and what it does to a network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import SoftLabelDataset, TransformationRegularisation, seeded, train
from labelwright.endmodels.torch.regularisation import inconsistency


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 2**16))
def test_it_is_the_mean_over_pairs(origins, seed):
    answers = np.random.default_rng(seed).normal(size=(len(origins), 3))
    means = []
    for origin in set(origins):
        rows = [row for row, one in zip(answers, origins, strict=True) if one == origin]
        if len(rows) > 1:
            means.append(np.mean([((a - b) ** 2).sum() for a, b in itertools.combinations(rows, 2)]))
    found = inconsistency(torch.from_numpy(answers), torch.tensor(origins))
    assert float(found) == pytest.approx(np.mean(means) if means else 0.0)


def test_the_term_is_the_published_one_or_its_bounded_form():
    logits, origins = torch.tensor([[0.0, 0.0], [40.0, -40.0]]), torch.tensor([0, 0])
    assert float(TransformationRegularisation(0.1).term(logits, origins)) == pytest.approx(0.1 * 2 * 40**2)
    assert float(TransformationRegularisation(2.0, of="probs").term(logits, origins)) == pytest.approx(2 * 0.5)


def test_unlabelled_examples_teach_what_does_not_matter():
    # The label is the sign of the first column; the second follows it in the few labelled examples, by accident, and
    # the transformation redraws it. Only what is asked of unlabelled examples and copies tells the two apart.
    chance = np.random.default_rng(0)
    X = chance.normal(size=(12, 2)).astype(np.float32)
    X[:, 1] = 3 * np.sign(X[:, 0])
    unlabelled = chance.normal(size=(400, 2)).astype(np.float32)

    def redraw(inputs, rng):
        return torch.stack([inputs[:, 0], inputs[:, 1] + torch.from_numpy(rng.normal(size=len(inputs))).float()], 1), (
            np.arange(len(inputs))
        )

    def weight_on_accident(regularisation):
        with seeded(0):
            model = torch.nn.Linear(2, 2)
        data = SoftLabelDataset(X, (X[:, 0] > 0).astype(int))
        train(model, data, epochs=150, learning_rate=0.05, device="cpu", augment=redraw, regularisation=regularisation)
        slope = (model.weight[1] - model.weight[0]).detach()
        return float(slope[1] / slope[0])

    plain = weight_on_accident(None)
    regularised = weight_on_accident(TransformationRegularisation(0.5, unlabelled=unlabelled, unlabelled_share=3.0))
    assert regularised < 0.5 * plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1}, "both must be at least 0"),
        ({"weight": float("nan")}, "both must be at least 0"),
        ({"weight": 1, "copies": 1}, "copies is 1"),
        ({"weight": 1, "of": "ranks"}, "allowed: 'logits', 'probs'"),
        ({"weight": 1, "unlabelled_share": -0.5}, "both must be at least 0"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ModelError, match=message):
        TransformationRegularisation(**settings)


def test_it_needs_something_to_transform_with():
    data = SoftLabelDataset(np.eye(2), [0, 1])
    with pytest.raises(ModelError, match="augment is None"):
        train(torch.nn.Linear(2, 2), data, regularisation=TransformationRegularisation(1.0))
