"""The loss over tasks: the expectation of hard losses, the single-task loss bit for bit, zero where masked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labelwright.endmodels.torch import marginal_cross_entropy, soft_cross_entropy
from labelwright.endmodels.torch.multitask import multitask_cross_entropy, multitask_marginal_cross_entropy
from labelwright.endmodels.torch.multitask.layout import lay_out
from labelwright.endmodels.torch.multitask.loss import segmented_softmax

WIDTHS = st.lists(st.integers(2, 6), min_size=1, max_size=7)


def _drawn(widths, seed, b=5):
    layout = lay_out({f"t{t}": k for t, k in enumerate(widths)}, {}, chained=False)
    chance = np.random.default_rng(seed)
    scores = torch.from_numpy(4 * chance.normal(size=(b, layout.columns))).float()
    probs = torch.cat([torch.from_numpy(chance.dirichlet(np.ones(k), size=b)).float() for k in layout.widths], dim=1)
    weight = torch.from_numpy(chance.random((b, len(widths))) * (chance.random((b, len(widths))) > 0.3)).float()
    return layout, scores, probs, weight


@given(WIDTHS, st.integers(0, 10**6))
def test_each_task_has_its_own_noise_aware_loss(widths, seed):
    layout, scores, probs, weight = _drawn(widths, seed)
    found = multitask_cross_entropy(scores, probs, weight, layout)
    own, soft = layout.split(scores), layout.split(probs)
    for slot, name in enumerate(layout.names):
        expected = soft_cross_entropy(own[name], soft[name], reduction="none") * weight[:, slot]
        torch.testing.assert_close(found[:, slot], expected)
    distributions = layout.split(segmented_softmax(scores, layout))
    for name, rows in distributions.items():
        torch.testing.assert_close(rows, torch.softmax(own[name], dim=1))


@given(WIDTHS, st.integers(0, 10**6))
def test_each_task_has_its_own_marginal_loss(widths, seed):
    layout, scores, probs, weight = _drawn(widths, seed)
    balance = probs.mean(dim=0)
    found = multitask_marginal_cross_entropy(scores, probs, weight, layout, balance)
    own, soft, balances = layout.split(scores), layout.split(probs), layout.split(balance[None])
    for slot, name in enumerate(layout.names):
        alone = marginal_cross_entropy(own[name], soft[name], balances[name][0], reduction="none")
        torch.testing.assert_close(found[:, slot], alone * weight[:, slot])


@given(st.integers(2, 9), st.integers(0, 10**6))
def test_of_one_task_it_is_the_single_task_loss_bit_for_bit(k, seed):
    layout, scores, probs, weight = _drawn([k], seed)
    single = soft_cross_entropy(scores, probs, reduction="none") * weight[:, 0]
    assert torch.equal(multitask_cross_entropy(scores, probs, weight, layout)[:, 0], single)


@given(WIDTHS, st.integers(0, 10**6))
def test_soft_labels_cost_what_hard_ones_cost_on_average(widths, seed):
    layout, scores, probs, weight = _drawn(widths, seed)
    found = multitask_cross_entropy(scores, probs, weight, layout)
    for slot, (start, width) in enumerate(zip(layout.starts, layout.widths, strict=True)):
        expected = torch.zeros(len(scores))
        for c in range(width):
            hard = torch.zeros_like(probs)
            hard[:, start + c] = 1
            expected += probs[:, start + c] * multitask_cross_entropy(scores, hard, weight, layout)[:, slot]
        torch.testing.assert_close(found[:, slot], expected)


@given(WIDTHS, st.integers(0, 10**6))
def test_where_the_weight_is_zero_so_are_loss_and_gradient(widths, seed):
    layout, scores, probs, weight = _drawn(widths, seed)
    scores.requires_grad_()
    losses = multitask_cross_entropy(scores, probs, weight, layout)
    losses.sum().backward()
    gradients = layout.split(scores.grad)
    for slot, name in enumerate(layout.names):
        masked = weight[:, slot] == 0
        assert not losses[masked, slot].any()
        assert not gradients[name][masked].any()
        assert (gradients[name][~masked].abs().sum(dim=1) > 0).all()


def test_a_class_that_is_ruled_out_twice_costs_nothing():
    layout = lay_out({"a": 2, "b": 3}, {}, chained=False)
    scores = torch.tensor([[0.0, -torch.inf, 0.0, 0.0, 0.0]], requires_grad=True)
    probs = torch.tensor([[1.0, 0.0, 0.0, 1.0, 0.0]])
    loss = multitask_cross_entropy(scores, probs, torch.ones(1, 2), layout)
    assert loss[0].tolist() == pytest.approx([0.0, np.log(3)])
    loss.sum().backward()
    assert torch.isfinite(scores.grad).all()
