"""How the learning rate goes, and weights averaged along the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch

from labelwright.core.errors import ModelError

__all__ = ["Schedule", "Scheduler", "WeightAverage", "make_schedule"]

Schedule: TypeAlias = torch.optim.lr_scheduler.LRScheduler
Scheduler: TypeAlias = Literal["one_cycle", "cosine"] | Callable[[torch.optim.Optimizer, int], Schedule]

# Share of the steps in which "one_cycle" rises to the learning rate.
_RISE = 0.2


def make_schedule(scheduler: Scheduler | None, optimizer: torch.optim.Optimizer, steps: int) -> Schedule | None:
    """Return the schedule of the learning rate over ``steps`` steps of the optimiser, the first one made.

    Parameters
    ----------
    scheduler : {"one_cycle", "cosine"}, callable or None
        ``"one_cycle"`` rises for a fifth of the steps to the learning rate and falls to nearly 0; ``"cosine"`` falls to
        0 from the start; a callable gets the optimiser and the number of steps.
    optimizer : torch.optim.Optimizer
    steps : int

    Raises
    ------
    ModelError
        If there is no schedule of that name.

    Examples
    --------
    >>> descent = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    >>> make_schedule("cosine", descent, 100).T_max
    100
    """
    if scheduler is None:
        return None
    if callable(scheduler):
        return scheduler(optimizer, steps)
    if scheduler == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    if scheduler == "one_cycle":
        highest = [group["lr"] for group in optimizer.param_groups]
        # A cycle needs a step to rise and one to fall.
        return torch.optim.lr_scheduler.OneCycleLR(  # momentum stays: not every optimiser has one
            optimizer, highest, total_steps=max(steps, 8), pct_start=_RISE, cycle_momentum=False
        )
    raise ModelError(f"scheduler is {scheduler!r}; allowed: 'one_cycle', 'cosine', a callable or None.")


class WeightAverage:
    """Running exponential average of a network's weights and running statistics.

    Early on it averages over few steps (``decay`` is reached as ``(t + 1) / (t + 10)`` grows to it), so that the first,
    untrained weights leave it soon.

    Parameters
    ----------
    model : torch.nn.Module
    decay : float in (0, 1)
        Share of the average that a step leaves.

    Examples
    --------
    >>> layer = torch.nn.Linear(1, 1)
    >>> average = WeightAverage(layer, 0.9)
    >>> average.step(layer)
    >>> bool((average.weights["weight"] == layer.weight).all())
    True
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ModelError(f"average is {decay}; it must lie between 0 and 1.")
        self.decay = decay
        self.steps = 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def step(self, model: torch.nn.Module) -> None:
        """Take in the weights as they are after a step of the optimiser."""
        share = 1 - min(self.decay, (self.steps + 1) / (self.steps + 10))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, share)
            else:
                self.weights[name].copy_(value)
        self.steps += 1
