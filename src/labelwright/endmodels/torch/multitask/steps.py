"""One pass over the data sets of many tasks: losses, their gradients, steps; and losses on a dev set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch.augmenting import Augment, augmented
from labelwright.endmodels.torch.epochs import advance, batches_in, blocks, finite_loss
from labelwright.endmodels.torch.progress import Reporter
from labelwright.endmodels.torch.schedules import Schedule, WeightAverage

from .data import TaskBatches
from .loss import multitask_cross_entropy, multitask_marginal_cross_entropy
from .network import MultiTaskNetwork
from .schedulers import Turns
from .weighting import TaskWeighting

__all__ = ["Chance", "Objective", "TaskCourse", "examples_in", "mean_task_loss", "one_task_epoch"]


class Objective(nn.Module):
    """A network and what weighs its tasks: trained together, kept together in checkpoints."""

    def __init__(self, network: MultiTaskNetwork, weighting: TaskWeighting) -> None:
        super().__init__()
        self.network, self.weighting = network, weighting


class Chance(NamedTuple):
    """Generators of one epoch: for the order of turns, and for what augments."""

    turns: np.random.Generator
    augmenting: np.random.Generator


@dataclass(slots=True)
class TaskCourse:
    """What stays the same, or goes along, from epoch to epoch; with class balances, the loss is the marginal one."""

    model: Objective
    descent: torch.optim.Optimizer
    schedule: Schedule | None
    average: WeightAverage | None
    turns: Turns
    batch_size: int
    augment: Augment | None = None
    balance: torch.Tensor | None = None


def one_task_epoch(
    course: TaskCourse,
    datasets: Sequence[TaskBatches],
    reporter: Reporter,
    chance: Chance,
    *,
    epoch: int,
    last_valid: float | None,
) -> float:
    """Take every turn of an epoch; return the mean over tasks of their mean losses.

    Parameters
    ----------
    course : TaskCourse
    datasets : sequence of TaskBatches
    reporter : Reporter
    chance : Chance
        For turns and for what augments; the order of examples comes from torch's generator, as the chance within the
        network does.
    epoch : int
        From 1.
    last_valid : float or None
        For the progress.
    """
    course.model.train()
    place = next(course.model.parameters()).device
    counts = [batches_in(len(data), course.batch_size) for data in datasets]
    orders = [_batches(len(data), count) for data, count in zip(datasets, counts, strict=True)]
    width = datasets[0].weight.shape[1]
    total, mass, seen = torch.zeros(width, device=place), torch.zeros(width, device=place), 0
    for step in course.turns.steps(counts, chance.turns):
        course.descent.zero_grad(set_to_none=True)
        for which in step:
            index = next(orders[which])
            losses, shares = _backward(course, datasets[which].batch(index, place), chance.augmenting)
            total += losses * len(index)
            mass += shares * len(index)
            seen += len(index)
            reporter.saw(epoch, seen, len(index), last_valid)
        advance(course)
    return finite_loss(_mean_over_tasks(total, mass), epoch)


def examples_in(turns: Turns, sizes: Sequence[int], batch_size: int) -> tuple[int, int]:
    """Return how many steps an epoch has, and how many examples are seen in it."""
    counts = [batches_in(size, batch_size) for size in sizes]
    steps = turns.steps(counts, np.random.default_rng(0))
    if not steps or not {which for step in steps for which in step} <= set(range(len(sizes))):
        raise ModelError(f"turns gave {steps[:3]} ... for {len(sizes)} data sets; see Turns.steps for what is needed.")
    examples = 0
    for which, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        rounds, rest = divmod(sum(step.count(which) for step in steps), count)
        examples += rounds * size + sum(len(part) for part in torch.arange(size).tensor_split(count)[:rest])
    return len(steps), examples


def mean_task_loss(network: MultiTaskNetwork, datasets: Sequence[TaskBatches], batch_size: int) -> float:
    """Return the mean over tasks of the weighted mean losses of a network in evaluation mode."""
    network.eval()
    place = next(network.parameters()).device
    width = datasets[0].weight.shape[1]
    total, mass = torch.zeros(width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64)
    with torch.inference_mode():
        for data in datasets:
            mass += data.weight.sum(dim=0)
            for index in blocks(len(data), batch_size):
                inputs, probs, weight = data.batch(index, place)
                losses = multitask_cross_entropy(network(inputs), probs, weight, network.layout)
                total += losses.sum(dim=0).cpu()
    return _mean_over_tasks(total, mass)


def _batches(n: int, count: int) -> Iterator[torch.Tensor]:
    """Yield the batches of one pass after the other, each in an order of its own."""
    while True:
        yield from torch.randperm(n).tensor_split(count)


def _backward(
    course: TaskCourse, batch: tuple[Any, torch.Tensor, torch.Tensor], chance: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add the gradients of one batch; return losses and mean weights of the tasks."""
    inputs, probs, weight = batch
    network, weighting = course.model.network, course.model.weighting
    if course.augment is not None:
        if not isinstance(inputs, torch.Tensor):
            raise ModelError("augment takes a tensor of inputs; the data set holds a mapping. Leave augment out.")
        inputs, origins = augmented(course.augment, inputs, chance)
        probs, weight = probs[origins], weight[origins]
    features = network.features(inputs)
    scores, layout = network.scores(features), network.layout
    if course.balance is None:
        losses = multitask_cross_entropy(scores, probs, weight, layout)
    else:
        losses = multitask_marginal_cross_entropy(scores, probs, weight, layout, course.balance)
    by_task, shares = losses.mean(dim=0), weight.mean(dim=0)
    weighting.learn(by_task, shares, features)
    weighting.objective(by_task, shares).backward()  # type: ignore[no-untyped-call]
    return by_task.detach(), shares


def _mean_over_tasks(total: torch.Tensor, mass: torch.Tensor) -> float:
    """Return the mean over the tasks that have labels."""
    there = mass > 0
    return float((total[there] / mass[there]).mean())
