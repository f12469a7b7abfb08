"""Generators: distributions over sequences that draw what they say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation.learned.generators import make_generator  # noqa: E402
from labelwright.core.errors import ModelError  # noqa: E402

NAMES = ["mean_field", "lstm", "gru", "transformer"]
PRIOR = [0.4, 0.3, 0.2, 0.1]


def made(name, *, spread=0.0, length=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        generator = make_generator(name, PRIOR, length)
        if spread:
            # The last layer begins at zero.
            for parameter in (generator.parameters if name == "mean_field" else generator.head.parameters)():
                torch.nn.init.normal_(parameter, std=spread)
    return generator


@pytest.mark.parametrize("name", NAMES)
def test_an_untrained_generator_draws_the_prior(name):
    logs = made(name).log_probabilities(torch.tensor([[0, 1, 2], [3, 3, 3]]))
    assert torch.allclose(logs.exp(), torch.tensor(PRIOR).expand(2, 3, 4), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_the_probabilities(name):
    generator = made(name, spread=0.5, length=2)
    pairs = torch.tensor(list(itertools.product(range(4), repeat=2)))
    with torch.no_grad():
        exact = generator.log_probabilities(pairs).gather(2, pairs[:, :, None]).sum(dim=(1, 2)).exp().numpy()
    assert exact.sum() == pytest.approx(1.0, abs=1e-5)
    codes = generator.draw(np.random.default_rng(0).random((20_000, 2)))
    counts = np.bincount(codes @ [4, 1], minlength=16)
    # Chi square with 15 degrees of freedom: beyond 45 once in ten thousand.
    assert ((counts - 20_000 * exact) ** 2 / (20_000 * exact)).sum() < 45


@pytest.mark.parametrize("name", NAMES)
def test_later_actions_do_not_change_earlier_probabilities(name):
    generator = made(name, spread=0.5)
    with torch.no_grad():
        logs = generator.log_probabilities(torch.tensor([[1, 0, 0], [1, 3, 2]]))
    assert torch.allclose(logs[0, :2], logs[1, :2], atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_earlier_actions_do(name):
    generator = made(name, spread=0.5)
    with torch.no_grad():
        logs = generator.log_probabilities(torch.tensor([[1, 0, 0], [2, 0, 0]]))
    assert (logs[0, 1] - logs[1, 1]).abs().max() > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_no_action_becomes_impossible(name):
    generator = made(name, spread=100.0)
    with torch.no_grad():
        logs = generator.log_probabilities(torch.tensor([[0, 1, 2]]))
    away = logs - torch.tensor(PRIOR).log()
    assert (away.max(dim=-1).values - away.min(dim=-1).values).max() <= 6 + 1e-4


def test_without_trust_it_is_the_prior():
    generator = made("gru", spread=1.0)
    generator.trust.fill_(0.0)
    with torch.no_grad():
        logs = generator.log_probabilities(torch.tensor([[0, 1, 2]]))
    assert torch.allclose(logs.exp(), torch.tensor(PRIOR).expand(1, 3, 4), atol=1e-6)


def test_an_unknown_name_is_refused():
    with pytest.raises(ModelError, match="allowed: 'gru'"):
        make_generator("rnn", PRIOR, 2)
