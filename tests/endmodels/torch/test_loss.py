"""Noise-aware losses: the expectation over hard labels, and the likelihood of votes; values, gradients, extremes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import (
    SoftLabelDataset,
    marginal_cross_entropy,
    soft_cross_entropy,
    train,
)
from labelwright.endmodels.torch.loss import mean_label


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


def _likelihoods(seed, votes, k):
    """Draw P(vote | class), shape (votes, k)."""
    chance = torch.Generator().manual_seed(seed)
    return torch.softmax(2 * torch.randn(votes, k, generator=chance, dtype=torch.float64), dim=0)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**31), st.integers(1, 8), st.integers(2, 6))
def test_the_marginal_loss_is_the_likelihood_of_the_votes_up_to_a_constant(seed, n, k):
    logits, _, _ = _problem(seed, n, k)
    balance = torch.softmax(torch.arange(k, dtype=torch.float64) / 3, dim=0)
    likelihood = _likelihoods(seed, n, k)
    posterior = likelihood * balance / (likelihood @ balance)[:, None]
    ours = marginal_cross_entropy(logits, posterior, balance, reduction="none")
    theirs = -(torch.softmax(logits, dim=1) * likelihood).sum(dim=1).log() + likelihood.amax(dim=1).log()
    torch.testing.assert_close(ours, theirs)
    assert (ours > -1e-12).all()
    (gradient,) = torch.autograd.grad(ours.sum(), logits)
    together = torch.softmax(logits.detach() + likelihood.log(), dim=1)
    torch.testing.assert_close(gradient, torch.softmax(logits.detach(), dim=1) - together)


def test_of_one_hot_labels_the_marginal_loss_is_the_cross_entropy_whatever_the_balance():
    logits, _, _ = _problem(2, 6, 3)
    hard = functional.one_hot(torch.tensor([0, 1, 2, 2, 1, 0]), 3).double()
    balance = torch.tensor([0.2, 0.7, 0.1], dtype=torch.float64)
    torch.testing.assert_close(marginal_cross_entropy(logits, hard, balance), soft_cross_entropy(logits, hard))


def test_what_says_nothing_costs_nothing_in_the_marginal_loss():
    balance = torch.tensor([0.75, 0.25, 0.0])
    logits = torch.tensor([[3.0, -1.0, 0.5], [3.0, -1.0, 0.5]], requires_grad=True)
    # The balance itself; and a class that no example has, as where the weight is 0.
    silent = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.0, 1.0]])
    losses = marginal_cross_entropy(logits, silent, balance, reduction="none")
    losses.sum().backward()
    assert losses[1].item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().max() < 1e-6


def _minimised(loss, start):
    """Return the softmax of the logits that minimise a loss."""
    logits = start.clone().requires_grad_()
    descent = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure():
        descent.zero_grad()
        value = loss(logits)
        value.backward()
        return value

    descent.step(closure)
    return torch.softmax(logits.detach(), dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_votes_that_know_inputs_through_the_class_alone_teach_the_marginal_loss_the_truth(seed):
    """Of the whole population: inputs of two kinds, three classes, five votes."""
    likelihood, truth = _likelihoods(seed, 5, 3), _likelihoods(seed + 9, 3, 2)  # P(vote | class), P(class | kind)
    balance = truth.mean(dim=1)
    posterior = likelihood * balance / (likelihood @ balance)[:, None]
    kinds, labels = torch.arange(2).repeat_interleave(5), posterior.repeat(2, 1)
    share = (likelihood @ truth / 2).T.flatten()  # P(kind, vote)
    torch.testing.assert_close(mean_label(labels, share), balance)
    start = torch.zeros(2, 3, dtype=torch.float64)
    found = _minimised(lambda z: share @ marginal_cross_entropy(z[kinds], labels, balance, reduction="none"), start)
    torch.testing.assert_close(found, truth.T, rtol=0, atol=1e-4)
    # Under the expected loss each class stays mixed with those that votes mistake it for.
    mixed = (posterior.T @ likelihood @ truth).T
    found = _minimised(lambda z: share @ soft_cross_entropy(z[kinds], labels, reduction="none"), start)
    torch.testing.assert_close(found, mixed, rtol=0, atol=1e-4)
    assert (mixed - truth.T).abs().max() > 0.02


def test_training_follows_the_loss_that_is_asked_for():
    X, probs = [[0.0], [1.0], [2.0]], torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    data, network = SoftLabelDataset(X, probs), torch.nn.Linear(1, 2)
    with torch.no_grad():
        logits = network(torch.tensor(X))
    result = train(network, data, loss="marginal", epochs=1, device="cpu")
    expected = marginal_cross_entropy(logits, probs, probs.mean(dim=0)).item()
    assert result.history[0].train == pytest.approx(expected, rel=1e-5)


def test_marginal_losses_that_do_not_fit_are_refused():
    even = torch.tensor([0.5, 0.5])
    with pytest.raises(ModelError, match=r"got \(2, 3\), \(2, 2\) and \(2,\)"):
        marginal_cross_entropy(torch.zeros(2, 3), torch.zeros(2, 2), even)
    data = SoftLabelDataset([[0.0], [1.0]], [[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(ModelError, match="loss is 'likely'; allowed: 'expected', 'marginal'"):
        train(torch.nn.Linear(1, 2), data, loss="likely", device="cpu")
    with pytest.raises(ModelError, match="class_weight weighs the expected loss"):
        train(torch.nn.Linear(1, 2), data, loss="marginal", class_weight=[1, 2], device="cpu")
