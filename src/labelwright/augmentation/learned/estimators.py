"""Estimators of the policy gradient: from losses of prefixes to what each drawn action earns."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

__all__ = ["EstimatorName", "advantages", "policy_loss", "returns"]

EstimatorName: TypeAlias = Literal["batch_mean", "leave_one_out"]


def returns(losses: torch.Tensor, *, discount: float) -> torch.Tensor:
    """Turn losses of prefixes into what follows each action: rewards from there on, each step worth ``discount`` less.

    The reward of a step is by how much it lowers the loss of its prefix (TANDA, section 4: incremental rewards).

    Parameters
    ----------
    losses : torch.Tensor, shape (s, length + 1)
        Loss of each prefix, that of the untouched example first.
    discount : float
        In [0, 1]. With 1, what follows the first action is the whole change of loss.

    Returns
    -------
    torch.Tensor, shape (s, length)

    Examples
    --------
    >>> returns(torch.tensor([[3.0, 2.0, 2.0, 0.0]]), discount=0.5)
    tensor([[1.5000, 1.0000, 2.0000]])
    """
    rewards = losses[:, :-1] - losses[:, 1:]
    following = torch.zeros_like(rewards)
    after = torch.zeros_like(rewards[:, 0])
    for step in reversed(range(rewards.shape[1])):
        after = rewards[:, step] + discount * after
        following[:, step] = after
    return following


def advantages(returns: torch.Tensor, estimator: EstimatorName, *, samples: int) -> torch.Tensor:
    """Subtract from each return a baseline that is the mean of others, so that the gradient stays unbiased.

    Parameters
    ----------
    returns : torch.Tensor, shape (s, length)
        Sequences of the same example lie together, ``samples`` of each.
    estimator : {"batch_mean", "leave_one_out"}
        Mean over all other sequences at the same step (as released, where the sequence itself is in the mean too, which
        shrinks the gradient by 1 - 1/s); or over the other sequences of the same example (Kool et al. 2019).
    samples : int
        At least 2 for ``"leave_one_out"``.

    Returns
    -------
    torch.Tensor, shape (s, length)

    Examples
    --------
    >>> advantages(torch.tensor([[1.0], [3.0], [10.0], [10.0]]), "leave_one_out", samples=2).T
    tensor([[-2.,  2.,  0.,  0.]])
    """
    s, length = returns.shape
    size = samples if estimator == "leave_one_out" else s
    groups = returns.reshape(s // size, size, length)
    # r - mean of the others = (r - mean of all) * size / (size - 1)
    apart = (groups - groups.mean(dim=1, keepdim=True)) * (size / (size - 1))
    return apart.reshape(s, length)


def policy_loss(log_probabilities: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
    """Return a scalar whose gradient estimates that of the expected loss (REINFORCE; Williams 1992).

    Parameters
    ----------
    log_probabilities : torch.Tensor, shape (s, length)
        Of the actions drawn.
    advantages : torch.Tensor, shape (s, length)
        Held fixed.
    """
    return -(log_probabilities * advantages.detach()).sum(dim=1).mean()
