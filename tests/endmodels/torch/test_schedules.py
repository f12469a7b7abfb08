"""Schedules of the learning rate, and the running average of weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import SoftLabelDataset, WeightAverage, make_schedule, train


def _rates(scheduler, steps):
    descent = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = make_schedule(scheduler, descent, steps)
    rates = []
    for _ in range(steps):
        rates.append(descent.param_groups[0]["lr"])
        descent.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("steps", [1, 3, 5, 50])
@pytest.mark.parametrize("scheduler", ["one_cycle", "cosine"])
def test_rates_stay_within_the_learning_rate(scheduler, steps):
    rates = _rates(scheduler, steps)
    assert len(rates) == steps
    assert 0 < min(rates) <= max(rates) <= 0.5 * (1 + 1e-9)


def test_one_cycle_rises_for_a_fifth_and_cosine_falls_by_the_cosine():
    rates = _rates("one_cycle", 100)
    assert int(np.argmax(rates)) == pytest.approx(20, abs=1)
    assert rates[-1] < 1e-4
    np.testing.assert_allclose(_rates("cosine", 10), 0.25 * (1 + np.cos(np.pi * np.arange(10) / 10)))


def test_a_schedule_steps_once_for_each_batch():
    seen = []

    def mine(descent, steps):
        seen.append(steps)
        return torch.optim.lr_scheduler.LambdaLR(descent, lambda step: seen.append(step) or 1.0)

    data = SoftLabelDataset(np.eye(2).repeat(10, axis=0), [0] * 10 + [1] * 10)
    train(torch.nn.Linear(2, 2), data, epochs=3, batch_size=5, scheduler=mine, device="cpu")
    assert seen == [12, *range(13)]


def test_unknown_schedules_and_averages_are_refused():
    with pytest.raises(ModelError, match="allowed: 'one_cycle', 'cosine'"):
        _rates("warm", 3)
    with pytest.raises(ModelError, match="average is 1"):
        WeightAverage(torch.nn.Linear(1, 1), 1.0)


def test_the_average_is_the_running_one_and_the_model_ends_with_it():
    layer = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(layer, 0.5)
    expected = float(layer.weight.detach())
    for step in range(30):
        with torch.no_grad():
            layer.weight.fill_(step)
        average.step(layer)
        decay = min(0.5, (step + 1) / (step + 10))
        expected = decay * expected + (1 - decay) * step
    assert float(average.weights["weight"]) == pytest.approx(expected)
    # A huge step back and forth: the average lies between, near the start; the last weights do not.
    data = SoftLabelDataset(np.eye(2), [[0.5, 0.5], [0.5, 0.5]])
    model = torch.nn.Linear(2, 2)
    before = model.weight.detach().clone()
    train(model, data, epochs=1, average=0.99, learning_rate=1e-30, device="cpu")
    assert torch.allclose(model.weight, before)
