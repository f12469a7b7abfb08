"""Noise-aware losses of many tasks at once: one segmented log-softmax, masked per task and example."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from labelwright.endmodels.torch.loss import marginal_cross_entropy

from .layout import Layout

__all__ = ["multitask_cross_entropy", "multitask_marginal_cross_entropy", "segmented_softmax"]


def multitask_cross_entropy(
    scores: torch.Tensor, probs: torch.Tensor, weight: torch.Tensor, layout: Layout
) -> torch.Tensor:
    """Return each example's expected cross-entropy on each task, times its weight.

    Parameters
    ----------
    scores : torch.Tensor of float, shape (b, columns)
        Unnormalised scores of all tasks side by side.
    probs : torch.Tensor of float, shape (b, columns)
        Soft labels: for each task a distribution over its classes, given that the task applies.
    weight : torch.Tensor of float, shape (b, tasks)
        What the example counts on each task: the probability that the task applies, 0 where nothing is known.
    layout : Layout
        Order of columns and of tasks.

    Returns
    -------
    torch.Tensor, shape (b, tasks)
        Where the weight is 0 the loss is 0, and so is its gradient.

    Notes
    -----
    For one task this is `soft_cross_entropy` with ``reduction="none"`` times the weight, operation by operation. Over a
    hierarchy the sum over tasks is the expected negative log-likelihood of the label vector under the chain rule,
    ``log P(parent) + [applies] log P(child | applies)``.

    Examples
    --------
    >>> from labelwright.endmodels.torch.multitask.layout import lay_out
    >>> layout = lay_out({"a": 2, "b": 2}, {}, chained=False)
    >>> probs, weight = torch.tensor([[0.5, 0.5, 1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    >>> [round(loss, 4) for loss in multitask_cross_entropy(torch.zeros(1, 4), probs, weight, layout)[0].tolist()]
    [0.6931, 0.0]
    """
    found: torch.Tensor = _Losses.apply(scores, probs, weight, layout)  # type: ignore[no-untyped-call]
    return found


class _Losses(torch.autograd.Function):
    """The losses, and their gradient by the formula: half the time of a graph of small steps for each group."""

    @staticmethod
    def forward(
        ctx: Any, scores: torch.Tensor, probs: torch.Tensor, weight: torch.Tensor, layout: Layout
    ) -> torch.Tensor:
        parts, logs = [], []
        for group in layout.groups:
            mass = group.of(probs)
            logs.append(torch.log_softmax(group.of(scores), dim=2))
            # 0 * -inf would be NaN, and poison the gradient of every other class.
            parts.append(-(mass * logs[-1].masked_fill(mass <= 0, 0.0)).sum(dim=2))
        ctx.layout = layout
        ctx.save_for_backward(probs, weight, *logs)
        return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)) * weight

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        probs, weight, *logs = ctx.saved_tensors
        scale = -(upstream * weight)
        parts = []
        for group, log in zip(ctx.layout.groups, logs, strict=True):
            slope = scale[:, group.slots, None] * group.of(probs)
            # What autograd itself calls: so one task is the single-task model to the last bit.
            back = torch.ops.aten._log_softmax_backward_data(slope, log, 2, log.dtype)
            parts.append(back.flatten(1))
        return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)), None, None, None


def multitask_marginal_cross_entropy(
    scores: torch.Tensor, probs: torch.Tensor, weight: torch.Tensor, layout: Layout, balance: torch.Tensor
) -> torch.Tensor:
    """Return each example's `marginal_cross_entropy` on each task, times its weight.

    Parameters
    ----------
    scores, probs, weight, layout
        See `multitask_cross_entropy`.
    balance : torch.Tensor, shape (columns,)
        Probability of each class before any vote, given that its task applies.

    Returns
    -------
    torch.Tensor, shape (b, tasks)
    """
    balances = balance[None]
    parts = [
        marginal_cross_entropy(group.of(scores), group.of(probs), group.of(balances), reduction="none")
        for group in layout.groups
    ]
    return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)) * weight


def segmented_softmax(scores: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Return a distribution over the classes of each task, shape (b, columns)."""
    parts = [torch.softmax(group.of(scores), dim=2).flatten(1) for group in layout.groups]
    return torch.cat(parts, dim=1)
