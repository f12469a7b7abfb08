"""What a prefix costs: nothing where it looks no stranger than real examples, and something for likeness."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation.learned.rewards import prefix_losses, usual_bar  # noqa: E402


class FirstNumber(torch.nn.Module):
    """A discriminator that says the first number, and sees the second."""

    def forward(self, rows):
        return rows[:, :1], rows[:, 1:]


@pytest.mark.parametrize(("held", "bar"), [(99, 4.0), (100, 4.0), (119, 5.0), (18, 0.0), (3, 0.0)])
def test_one_in_twenty_lies_below_the_bar(held, bar):
    numbers = torch.randperm(held, generator=torch.Generator().manual_seed(0)).float()
    found = usual_bar(FirstNumber(), torch.stack([numbers, numbers], dim=1))
    assert found == bar
    if held >= 19:
        # Of all that could come next, exchangeably: the ranks below the bar.
        assert bar / (held + 1) <= 0.05 < (bar + 2) / (held + 1)


def test_what_is_no_stranger_than_real_examples_costs_nothing():
    # Two sequences, each of the original and one step.
    encoded = torch.tensor([[[0.0, 1.0], [2.0, -1.0]], [[-3.0, 1.0], [5.0, -1.0]]])
    within = prefix_losses(FirstNumber(), encoded, diversity=0.0, bar=-1.0)
    assert within.losses.tolist() == [[0.0, 2.0], [0.0, 0.0]]
    half = prefix_losses(FirstNumber(), encoded, diversity=0.0, bar=-1.0, weight=0.5)
    assert half.losses.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    usual = prefix_losses(FirstNumber(), encoded, diversity=0.0)
    assert usual.losses[0, 1].item() == pytest.approx(math.log(1 + math.exp(3.0)))


def test_what_stays_as_it_was_costs_its_likeness():
    encoded = torch.tensor([[[0.0, 1.0], [0.0, -1.0]], [[0.0, 1.0], [0.0, -0.9]]])
    cost = prefix_losses(FirstNumber(), encoded, diversity=0.5, bar=-1.0).losses
    assert cost[0].tolist() == pytest.approx([0.5, 0.5])
    assert cost[1, 1] < 0.5
