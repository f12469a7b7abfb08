"""What each task counts in the loss: the same, weights that are given, or weights that are learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import nn

from labelwright.core.errors import ModelError

from .layout import Layout

__all__ = ["FixedWeights", "GradNorm", "TaskWeighting", "TaskWeights", "UncertaintyWeights", "make_weighting"]

TaskWeights: TypeAlias = Literal["equal", "uncertainty", "gradnorm"] | Mapping[str, float]

# Chen et al. 2018: how strongly slower tasks are pushed, and the step of the weights.
_ASYMMETRY, _WEIGHT_STEP = 1.5, 0.025


class TaskWeighting(nn.Module):
    """Turns the losses of the tasks into the objective of a step.

    Its parameters are trained with the network's; its buffers go into checkpoints.
    """

    def objective(self, losses: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Return a scalar.

        Parameters
        ----------
        losses : torch.Tensor, shape (tasks,)
            Sum of weighted losses over the batch, divided by the number of its examples.
        shares : torch.Tensor, shape (tasks,)
            Mean weight of the batch's examples on each task.
        """
        raise NotImplementedError

    def learn(self, losses: torch.Tensor, shares: torch.Tensor, features: torch.Tensor) -> None:
        """Take in a step's losses before their gradients are computed; by default nothing."""


class FixedWeights(TaskWeighting):
    """Each task's loss times a weight that stays.

    Parameters
    ----------
    weights : torch.Tensor of float, shape (tasks,)

    Examples
    --------
    >>> FixedWeights(torch.tensor([1.0, 0.5])).objective(torch.tensor([2.0, 4.0]), torch.ones(2)).item()
    4.0
    """

    weights: torch.Tensor

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def objective(self, losses: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return the weighted sum."""
        return (losses * self.weights).sum()


class UncertaintyWeights(TaskWeighting):
    """Each task's loss times its precision ``exp(-s)``, plus ``s / 2`` for each labelled example, s learned.

    Parameters
    ----------
    tasks : int

    Notes
    -----
    Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018, equation 10, with
    ``s = log sigma^2``. The best s is ``log(2 * mean loss)``, so that a task with few labels counts as one with many.

    Examples
    --------
    >>> UncertaintyWeights(2).objective(torch.tensor([2.0, 4.0]), torch.ones(2)).item()
    6.0
    """

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(tasks))

    def objective(self, losses: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Return the sum over tasks."""
        return (torch.exp(-self.log_variance) * losses + self.log_variance * shares / 2).sum()


class GradNorm(TaskWeighting):
    """Weights that even out how strongly the tasks pull at the trunk, those that learn slowly somewhat more.

    Parameters
    ----------
    classes : torch.Tensor of float, shape (tasks,)
        Classes of each task; their logarithm stands for the first loss.

    Notes
    -----
    Chen, Badrinarayanan, Lee and Rabinovich, "GradNorm", ICML 2018, algorithm 1, with alpha 1.5 and steps of .025. Two
    differences: norms are those of the gradient at the features that the heads share, where the paper takes the last
    shared layer's weights; and steps are taken relative to the mean norm, so that they have no unit. Weights sum to the
    number of tasks. Each step costs a gradient through the head for every task.

    Examples
    --------
    >>> GradNorm(torch.tensor([2.0, 2.0])).objective(torch.tensor([2.0, 4.0]), torch.ones(2)).item()
    6.0
    """

    weights: torch.Tensor
    first: torch.Tensor

    def __init__(self, classes: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones_like(classes))
        self.register_buffer("first", torch.log(classes), persistent=False)

    def objective(self, losses: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Return the weighted sum."""
        return (losses * self.weights).sum()

    def learn(self, losses: torch.Tensor, shares: torch.Tensor, features: torch.Tensor) -> None:
        """Move the weights by one step; tasks without labels in the batch keep theirs."""
        if not features.requires_grad:
            raise ModelError("task_weights='gradnorm' needs a trunk with weights to learn; this one has none.")
        seen = torch.nonzero(shares > 0)[:, 0]
        norms = torch.stack(
            [torch.autograd.grad(losses[t], features, retain_graph=True)[0].norm() for t in seen.tolist()]
        )
        with torch.no_grad():
            pulls = self.weights[seen] * norms
            progress = losses[seen] / shares[seen] / self.first[seen]
            target = pulls.mean() * (progress / progress.mean().clamp_min(1e-12)) ** _ASYMMETRY
            step = torch.sign(pulls - target) * norms / norms.mean().clamp_min(1e-12)
            moved = self.weights.clone()
            moved[seen] = (moved[seen] - _WEIGHT_STEP * step).clamp_min(1e-3)
            self.weights.copy_(moved * len(moved) / moved.sum())


def make_weighting(weights: TaskWeights, layout: Layout) -> TaskWeighting:
    """Return the weighting of that name, or one with the weights given, 1 for tasks that are not named.

    Raises
    ------
    ModelError
        If there is no such name or task, or a weight is not a finite number of at least 0.
    """
    if isinstance(weights, Mapping):
        if unknown := [name for name in weights if name not in layout.names]:
            raise ModelError(
                f"task_weights name {unknown[0]!r}; there is no such task. There are: {', '.join(layout.names)}."
            )
        if wrong := [name for name, value in weights.items() if not (math.isfinite(value) and value >= 0)]:
            raise ModelError(f"the weight of task {wrong[0]!r} is {weights[wrong[0]]}; it must be at least 0.")
        return FixedWeights(torch.tensor([float(weights.get(name, 1.0)) for name in layout.names]))
    if weights == "equal":
        return FixedWeights(torch.ones(len(layout.names)))
    if weights == "uncertainty":
        return UncertaintyWeights(len(layout.names))
    if weights == "gradnorm":
        return GradNorm(torch.tensor(layout.widths, dtype=torch.get_default_dtype()))
    raise ModelError(
        f"task_weights is {weights!r}; allowed: 'equal', 'uncertainty', 'gradnorm', or a weight for each task."
    )
