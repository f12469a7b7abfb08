"""Noise-aware losses for networks: cross-entropy expected under soft labels, and the likelihood of the votes."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch

from labelwright.core.errors import ModelError

__all__ = ["NoiseAwareLoss", "Reduction", "check_loss", "marginal_cross_entropy", "mean_label", "soft_cross_entropy"]

Reduction: TypeAlias = Literal["mean", "sum", "none"]
NoiseAwareLoss: TypeAlias = Literal["expected", "marginal"]


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
    return _reduced(losses, reduction)


def marginal_cross_entropy(
    logits: torch.Tensor, probs: torch.Tensor, balance: torch.Tensor, reduction: Reduction = "mean"
) -> torch.Tensor:
    """Return the negative log-likelihood of the votes, where these tell of the inputs through the class alone.

    ``loss_i = -log sum_c r_ic softmax(logits_i)_c``, where ``r_ic``, a soft label over the class balance, is up to a
    factor the probability of the votes on example i if its class is c. The factor is chosen so that the largest is 1.

    Parameters
    ----------
    logits : torch.Tensor of float, shape (..., k)
        Unnormalised scores.
    probs : torch.Tensor, shape (..., k)
        Soft labels; rows sum to 1.
    balance : torch.Tensor, shape (k,), or one that broadcasts against ``probs``
        Probability of each class before any vote; see `mean_label`.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    torch.Tensor
        A scalar, or shape (...) for ``"none"``; at least 0. Of one-hot labels it is the cross-entropy.

    Raises
    ------
    ModelError
        If shapes do not fit or the reduction is not known.

    Notes
    -----
    The likelihood of Raykar et al., "Learning from crowds", JMLR 2010, equation 3, with what the label model knows of
    its sources held fixed. Its gradient is softmax minus what soft label and network say together: a class that the
    label leaves open is not held against a network that sees it. Where votes speak of features beside the class (a
    keyword, and a network that reads it), the sum is not their likelihood; there `soft_cross_entropy` is in place.

    Examples
    --------
    >>> logits, even = torch.tensor([[2.0, 0.0]]), torch.tensor([0.5, 0.5])
    >>> unsure, sure = torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]])
    >>> [round(marginal_cross_entropy(logits, label, even).item(), 4) for label in (unsure, sure)]
    [0.0, 0.1269]
    """
    if probs.shape != logits.shape or balance.shape[-1:] != logits.shape[-1:]:
        raise ModelError(
            f"logits and probs must have one shape (..., k), and balance (k,); got {tuple(logits.shape)}, "
            f"{tuple(probs.shape)} and {tuple(balance.shape)}."
        )
    ratio = torch.where(balance > 0, probs / balance, 0.0).to(logits)
    largest = ratio.amax(dim=-1, keepdim=True)
    # An example that counts nothing may be of a class that no other has; it says nothing.
    known = torch.where(largest > 0, ratio / largest, 1.0)
    losses = -torch.logsumexp(torch.log_softmax(logits, dim=-1) + known.log(), dim=-1)
    return _reduced(losses, reduction)


def mean_label(probs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of soft labels, shape (k,): at a label model's optimum, its class balance.

    Parameters
    ----------
    probs : torch.Tensor, shape (n, k)
    weight : torch.Tensor, shape (n,)
        Not all 0.
    """
    return weight @ probs / weight.sum()


def check_loss(loss: str) -> None:
    """Check the name of a noise-aware loss.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    if loss not in get_args(NoiseAwareLoss):
        raise ModelError(f"loss is {loss!r}; allowed: {', '.join(map(repr, get_args(NoiseAwareLoss)))}.")


def _reduced(losses: torch.Tensor, reduction: Reduction) -> torch.Tensor:
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ModelError(f"reduction is {reduction!r}; allowed: 'mean', 'sum', 'none'.")
