"""One pass over the examples: the loss, its gradient, a step; and the loss on a dev set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from labelwright.core.errors import ModelError

from .augmenting import Copies
from .data import SoftLabelDataset
from .loss import soft_cross_entropy
from .progress import Reporter
from .schedules import Schedule, WeightAverage

__all__ = ["Course", "batches_in", "blocks", "mean_loss", "one_epoch"]


@dataclass(slots=True)
class Course:
    """What stays the same, or goes along, from epoch to epoch."""

    model: torch.nn.Module
    descent: torch.optim.Optimizer
    schedule: Schedule | None
    average: WeightAverage | None
    copies: Copies
    class_weights: torch.Tensor | None
    batch_size: int


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
    for index in torch.randperm(len(dataset)).tensor_split(batches_in(len(dataset), course.batch_size)):
        batch = tuple(tensor.to(place) for tensor in dataset.batch(index))
        total += _step(course, batch, rng, plain=plain) * len(index)
        seen += len(index)
        reporter.saw(epoch, seen, len(index), last_valid)
    loss = float(total / dataset.weight.sum())
    if not math.isfinite(loss):
        raise ModelError(
            f"the training loss of epoch {epoch} is {loss}. Look for NaN or infinite inputs, or lower the "
            "learning rate."
        )
    return loss


def _step(course: Course, batch: tuple[torch.Tensor, ...], rng: np.random.Generator, *, plain: bool) -> torch.Tensor:
    inputs, probs, weight = batch
    rows, origins, labelled = course.copies.of(inputs, rng, plain=plain)
    logits = course.model(rows)
    own = origins[:labelled]
    losses = soft_cross_entropy(logits[:labelled], probs[own], course.class_weights, reduction="none") * weight[own]
    mean = losses.mean()
    regularisation = course.copies.regularisation
    objective = mean if regularisation is None or plain else mean + regularisation.term(logits, origins)
    course.descent.zero_grad(set_to_none=True)
    objective.backward()  # type: ignore[no-untyped-call]
    course.descent.step()
    if course.schedule is not None:
        course.schedule.step()
    if course.average is not None:
        course.average.step(course.model)
    return mean.detach()


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
