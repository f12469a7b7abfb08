"""The noise-aware loss of many tasks at once: one segmented log-softmax, masked per task and example."""

from __future__ import annotations

import torch

from .layout import Layout

__all__ = ["multitask_cross_entropy", "segmented_softmax"]


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
    parts = []
    for group in layout.groups:
        mass, logs = group.of(probs), torch.log_softmax(group.of(scores), dim=2)
        # 0 * -inf would be NaN, and poison the gradient of every other class.
        parts.append(-(mass * torch.where(mass > 0, logs, torch.zeros_like(logs))).sum(dim=2))
    return (parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)) * weight


def segmented_softmax(scores: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Return a distribution over the classes of each task, shape (b, columns)."""
    parts = [torch.softmax(group.of(scores), dim=2).flatten(1) for group in layout.groups]
    return torch.cat(parts, dim=1)
