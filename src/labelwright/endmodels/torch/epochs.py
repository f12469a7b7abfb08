"""One pass over the examples: the loss, its gradient, a step; and the loss on a dev set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from labelwright.core.errors import ModelError

from .augmenting import Copies, StepRows
from .data import SoftLabelDataset
from .loss import marginal_cross_entropy, soft_cross_entropy
from .progress import Reporter
from .runs import Learner
from .schedules import Schedule, WeightAverage

__all__ = ["Course", "advance", "batches_in", "blocks", "finite_loss", "follow", "mean_loss", "one_epoch"]


# Examples that are augmented at once, for several steps if need be: half the time of doing it for each batch of 64.
_AUGMENTED_TOGETHER = 512


@dataclass(slots=True)
class Course:
    """What stays the same, or goes along, from epoch to epoch; with a class balance, the loss is the marginal one."""

    model: torch.nn.Module
    descent: torch.optim.Optimizer
    schedule: Schedule | None
    average: WeightAverage | None
    copies: Copies
    class_weights: torch.Tensor | None
    batch_size: int
    balance: torch.Tensor | None = None


def batches_in(examples: int, batch_size: int) -> int:
    """Return how many batches an epoch is split into, evenly."""
    return math.ceil(examples / batch_size)


def one_epoch(
    course: Course,
    dataset: SoftLabelDataset,
    reporter: Reporter,
    rng: np.random.Generator,
    *,
    epoch: int,
    plain: bool,
    last_valid: float | None,
) -> float:
    """Take each example once, in a random order; return the mean loss, without the regularisation.

    Parameters
    ----------
    course : Course
    dataset : SoftLabelDataset
    reporter : Reporter
    rng : numpy.random.Generator
        For what augments; the order comes from torch's generator, as the chance within the model does.
    epoch : int
        From 1.
    plain : bool
        Whether examples are left as they are.
    last_valid : float or None
        For the progress.
    """
    course.model.train()
    place = next(course.model.parameters()).device
    total, seen = torch.zeros((), device=place), 0
    indices = torch.randperm(len(dataset)).tensor_split(batches_in(len(dataset), course.batch_size))
    together = 1 if plain or course.copies.augment is None else max(1, _AUGMENTED_TOGETHER // course.batch_size)
    for first in range(0, len(indices), together):
        sizes = [len(index) for index in indices[first : first + together]]
        block = dataset.batch(torch.cat(indices[first : first + together]))
        inputs, probs, weight = (tensor.to(place) for tensor in block)
        for size, step in zip(sizes, course.copies.of(inputs, probs, sizes, rng, plain=plain), strict=True):
            total += _step(course, step, probs, weight, plain=plain) * size
            seen += size
            reporter.saw(epoch, seen, size, last_valid)
    return finite_loss(float(total / dataset.weight.sum()), epoch)


def _step(course: Course, step: StepRows, probs: torch.Tensor, weight: torch.Tensor, *, plain: bool) -> torch.Tensor:
    if not step.labelled:
        raise ModelError("augment left no copy of any example of a batch; it must return at least one of each.")
    logits = course.model(step.inputs)
    own = step.origins[: step.labelled]
    said = logits[: step.labelled]
    if course.balance is None:
        losses = soft_cross_entropy(said, probs[own], course.class_weights, reduction="none")
    else:
        losses = marginal_cross_entropy(said, probs[own], course.balance, reduction="none")
    mean = (losses * weight[own]).mean()
    regularisation = course.copies.regularisation
    objective = mean if regularisation is None or plain else mean + regularisation.term(logits, step.origins)
    follow(course, objective)
    return mean.detach()


def follow(course: Learner, objective: torch.Tensor) -> None:
    """Take one step against the gradient of an objective."""
    course.descent.zero_grad(set_to_none=True)
    objective.backward()  # type: ignore[no-untyped-call]
    advance(course)


def advance(course: Learner) -> None:
    """Take one step against the gradients that are there, and let schedule and average go along."""
    course.descent.step()
    if course.schedule is not None:
        course.schedule.step()
    if course.average is not None:
        course.average.step(course.model)


def finite_loss(loss: float, epoch: int) -> float:
    """Return the training loss of an epoch, from 1.

    Raises
    ------
    ModelError
        If it is not finite.
    """
    if not math.isfinite(loss):
        raise ModelError(
            f"the training loss of epoch {epoch} is {loss}. Look for NaN or infinite inputs, or lower the "
            "learning rate."
        )
    return loss


def blocks(n: int, size: int) -> list[torch.Tensor]:
    """Return the positions 0 to n - 1 in blocks of at most ``size``."""
    return [torch.arange(start, min(start + size, n)) for start in range(0, n, size)]


def mean_loss(model: torch.nn.Module, dataset: SoftLabelDataset, batch_size: int) -> float:
    """Return the weighted mean noise-aware loss of a network in evaluation mode."""
    model.eval()
    place = next(model.parameters()).device
    total = 0.0
    with torch.inference_mode():
        for index in blocks(len(dataset), batch_size):
            inputs, probs, weight = (tensor.to(place) for tensor in dataset.batch(index))
            total += float((soft_cross_entropy(model(inputs), probs, reduction="none") * weight).sum())
    return total / float(dataset.weight.sum())
