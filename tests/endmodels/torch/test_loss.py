"""The soft cross-entropy is the expectation over hard labels: values, gradients, extremes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import soft_cross_entropy


def _problem(seed, n, k, scale=3.0):
    chance = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, k, generator=chance, dtype=torch.float64)
    probs = torch.softmax(3 * torch.randn(n, k, generator=chance, dtype=torch.float64), dim=1)
    weight = 0.1 + torch.rand(k, generator=chance, dtype=torch.float64)
    return logits.requires_grad_(), probs, weight


def _expectation(logits, probs, weight):
    """Draw each label in every possible way: sum over classes of P(class) times the loss on that hard label."""
    n, k = logits.shape
    total = torch.zeros(n, dtype=logits.dtype)
    for c in range(k):
        hard = torch.full((n,), c)
        total = total + probs[:, c] * functional.cross_entropy(logits, hard, weight=weight, reduction="none")
    return total


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**31), st.integers(1, 8), st.integers(2, 6), st.booleans(), st.sampled_from(["mean", "sum", "none"])
)
def test_it_is_the_explicit_expectation_gradients_too(seed, n, k, weighted, reduction):
    logits, probs, weight = _problem(seed, n, k)
    weight = weight if weighted else None
    ours = soft_cross_entropy(logits, probs, weight, reduction)
    theirs = _expectation(logits, probs, weight)
    theirs = {"mean": theirs.mean(), "sum": theirs.sum(), "none": theirs}[reduction]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    (a,) = torch.autograd.grad(ours.sum(), logits)
    (b,) = torch.autograd.grad(theirs.sum(), logits)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-7)


def test_the_gradient_is_softmax_minus_soft_label():
    logits, probs, _ = _problem(0, 5, 4)
    (gradient,) = torch.autograd.grad(soft_cross_entropy(logits, probs, reduction="sum"), logits)
    torch.testing.assert_close(gradient, torch.softmax(logits, dim=1) - probs)


def test_finite_differences_agree():
    logits, probs, weight = _problem(1, 3, 3)
    assert torch.autograd.gradcheck(lambda z: soft_cross_entropy(z, probs, weight), (logits,))


def test_one_hot_rows_are_ordinary_cross_entropy():
    logits, _, _ = _problem(2, 6, 3)
    hard = torch.tensor([0, 1, 2, 2, 1, 0])
    soft = functional.one_hot(hard, 3)
    torch.testing.assert_close(soft_cross_entropy(logits, soft), functional.cross_entropy(logits, hard))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_extreme_logits_stay_finite(dtype):
    logits = torch.tensor([[3e4, -3e4], [-3e4, 3e4]], dtype=dtype, requires_grad=True)
    loss = soft_cross_entropy(logits, torch.tensor([[1.0, 0.0], [0.5, 0.5]]), reduction="none")
    assert loss.dtype == dtype
    assert torch.isfinite(loss).all()
    assert loss[0] == 0
    loss.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_a_class_that_is_ruled_out_adds_nothing():
    logits = torch.tensor([[0.0, 1.0, -torch.inf]], requires_grad=True)
    loss = soft_cross_entropy(logits, torch.tensor([[0.25, 0.75, 0.0]]))
    loss.backward()
    two = soft_cross_entropy(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(loss.detach(), two)
    assert torch.isfinite(logits.grad).all()


def test_shapes_and_reductions_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match=r"\(n, k\).*got \(2, 3\), \(2, 2\) and None"):
        soft_cross_entropy(torch.zeros(2, 3), torch.zeros(2, 2))
    with pytest.raises(ModelError, match=r"and \(3,\)"):
        soft_cross_entropy(torch.zeros(2, 2), torch.zeros(2, 2), torch.ones(3))
    with pytest.raises(ModelError, match="allowed: 'mean', 'sum', 'none'"):
        soft_cross_entropy(torch.zeros(2, 2), torch.zeros(2, 2), reduction="median")
