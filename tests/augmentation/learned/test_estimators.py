"""The policy gradient against enumeration: three functions, sequences of two, every one of the nine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation.learned.estimators import advantages, policy_loss, returns  # noqa: E402
from labelwright.augmentation.learned.generators import make_generator  # noqa: E402

PAIRS = torch.tensor(list(itertools.product(range(3), repeat=2)))
EXAMPLES = 4


@pytest.fixture(params=["mean_field", "gru"])
def generator(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = make_generator(request.param, [0.5, 0.3, 0.2], 2)
        for parameter in (made.parameters if request.param == "mean_field" else made.head.parameters)():
            torch.nn.init.normal_(parameter, std=0.3)
    return made


@pytest.fixture
def losses():
    """Losses of prefixes for each example and pair, shape (EXAMPLES, 3, 3, 3): examples differ a lot among each other."""
    rng = np.random.default_rng(5)
    start = rng.normal(size=(EXAMPLES, 1, 1)) + np.zeros((EXAMPLES, 3, 3))
    one = 4 * rng.normal(size=(EXAMPLES, 1, 1)) + rng.normal(size=(EXAMPLES, 3, 1)) + np.zeros((EXAMPLES, 3, 3))
    two = one + rng.normal(size=(EXAMPLES, 3, 3))
    return torch.tensor(np.stack([start, one, two], axis=-1), dtype=torch.float32)


def gradient(generator, loss):
    generator.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in generator.parameters() if p.grad is not None])


def log_probabilities(generator, codes):
    return generator.log_probabilities(codes).gather(2, codes[:, :, None])[:, :, 0]


def exhaustive(generator, losses, discount):
    """Gradient of the estimator's expectation, summed over all nine sequences and all examples."""
    logs = log_probabilities(generator, PAIRS)
    weights = logs.sum(dim=1).exp().detach()
    by_example = losses[:, PAIRS[:, 0], PAIRS[:, 1]]
    following = torch.stack([returns(each, discount=discount) for each in by_example]).mean(dim=0)
    return gradient(generator, -(weights[:, None] * logs * following).sum())


def estimates(generator, losses, discount, estimator, samples, draws, batch=16):
    rng = np.random.default_rng(11)
    found = []
    for _ in range(draws):
        origins = np.repeat(rng.integers(EXAMPLES, size=batch // samples), samples)
        codes = generator.draw(rng.random((batch, 2)))
        following = returns(losses[origins, codes[:, 0], codes[:, 1]], discount=discount)
        loss = policy_loss(
            log_probabilities(generator, torch.from_numpy(codes)), advantages(following, estimator, samples=samples)
        )
        found.append(gradient(generator, loss))
    return torch.stack(found)


def test_without_discount_it_is_the_gradient_of_the_expected_loss(generator, losses):
    logs = log_probabilities(generator, PAIRS)
    final = losses[:, PAIRS[:, 0], PAIRS[:, 1], -1].mean(dim=0)
    exact = gradient(generator, (logs.sum(dim=1).exp() * final).sum())
    assert torch.allclose(exhaustive(generator, losses, 1.0), exact, atol=1e-5)


@pytest.mark.parametrize(("estimator", "samples"), [("batch_mean", 1), ("leave_one_out", 4)])
def test_estimates_are_unbiased(generator, losses, estimator, samples):
    found = estimates(generator, losses, 0.5, estimator, samples, draws=200)
    expected = exhaustive(generator, losses, 0.5)
    error = found.std(dim=0) / np.sqrt(len(found))
    moving = error > 0
    scores = ((found.mean(dim=0) - expected)[moving] / error[moving]).abs()
    # One in a million coordinates lies beyond five standard errors; their mean square is about one.
    assert scores.max() < 5
    assert scores.square().mean() < 2.5
    assert torch.allclose(expected[~moving], torch.zeros(()), atol=1e-5)


def test_leaving_one_out_has_the_lower_variance_where_examples_differ(generator, losses):
    mean = estimates(generator, losses, 0.5, "batch_mean", 1, draws=60).var(dim=0).sum()
    out = estimates(generator, losses, 0.5, "leave_one_out", 4, draws=60).var(dim=0).sum()
    assert out < 0.7 * mean


def test_returns_are_discounted_sums_of_what_each_step_wins():
    rng = np.random.default_rng(0)
    losses = torch.tensor(rng.normal(size=(5, 4)))
    found = returns(losses, discount=0.5)
    rewards = losses[:, :-1] - losses[:, 1:]
    for step in range(3):
        expected = sum(0.5 ** (later - step) * rewards[:, later] for later in range(step, 3))
        assert torch.allclose(found[:, step], expected)


def test_a_constant_reward_moves_nothing():
    for estimator, samples in (("batch_mean", 1), ("leave_one_out", 4)):
        assert not advantages(torch.full((8, 3), 2.0), estimator, samples=samples).any()
