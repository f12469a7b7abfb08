"""The noise-aware loss for networks: cross-entropy expected under soft labels."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from labelwright.core.errors import ModelError

__all__ = ["Reduction", "soft_cross_entropy"]

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def soft_cross_entropy(
    logits: torch.Tensor, probs: torch.Tensor, weight: torch.Tensor | None = None, reduction: Reduction = "mean"
) -> torch.Tensor:
    """Return the cross-entropy that is expected when each label is drawn from its soft label.

    ``loss_i = sum_c probs_ic * weight_c * -log softmax(logits_i)_c``: what ``torch.nn.functional.cross_entropy`` would
    give on each hard label, averaged with the probability of that label.

    Parameters
    ----------
    logits : torch.Tensor of float, shape (n, k)
        Unnormalised scores.
    probs : torch.Tensor, shape (n, k)
        Soft labels; rows sum to 1.
    weight : torch.Tensor, shape (k,), optional
        Weight of each class. Default: all 1.
    reduction : {"mean", "sum", "none"}
        ``"mean"`` divides by n, also with class weights (torch divides by the sum of the weights of the hard labels,
        which soft labels do not have).

    Returns
    -------
    torch.Tensor
        A scalar, or shape (n,) for ``"none"``.

    Raises
    ------
    ModelError
        If shapes do not fit or the reduction is not known.

    Notes
    -----
    Computed from ``log_softmax``, so that it is finite for any finite logits; a class of probability 0 adds 0 even
    where its logit is ``-inf``. Noise-aware loss: Ratner et al., "Data programming", NeurIPS 2016, equation 4.

    Examples
    --------
    >>> logits = torch.tensor([[0.0, 0.0]])
    >>> round(soft_cross_entropy(logits, torch.tensor([[0.25, 0.75]])).item(), 4)
    0.6931
    """
    if logits.ndim != 2 or probs.shape != logits.shape or (weight is not None and weight.shape != logits.shape[1:]):
        given = None if weight is None else tuple(weight.shape)
        raise ModelError(
            f"logits and probs must both have shape (n, k), and weight (k,); got {tuple(logits.shape)}, "
            f"{tuple(probs.shape)} and {given}."
        )
    mass = probs.to(logits) if weight is None else probs.to(logits) * weight.to(logits)
    log_probs = torch.log_softmax(logits, dim=1)
    # 0 * -inf would be NaN, and poison the gradient of every other class.
    losses = -(mass * torch.where(mass > 0, log_probs, torch.zeros_like(log_probs))).sum(dim=1)
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ModelError(f"reduction is {reduction!r}; allowed: 'mean', 'sum', 'none'.")
