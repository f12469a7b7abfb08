"""What a trunk gives, as one vector for each example: features as they are, or an encoder's tokens pooled."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from labelwright.core.errors import ModelError

__all__ = ["Pooling", "pooled", "width_of"]

Pooling: TypeAlias = Literal["mean", "first", "pooler"]


def pooled(found: Any, mask: torch.Tensor | None, pooling: Pooling) -> torch.Tensor:
    """Return one vector for each example.

    Parameters
    ----------
    found : torch.Tensor, or what a Hugging Face encoder gives
        An object with ``last_hidden_state`` (b, tokens, width), and ``pooler_output`` (b, width) where it has one.
    mask : torch.Tensor, shape (b, tokens), or None
        1 for tokens, 0 for padding.
    pooling : {"mean", "first", "pooler"}

    Returns
    -------
    torch.Tensor, shape (b, width)

    Raises
    ------
    ModelError
        If the trunk gave neither, or has no pooler.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> encoded = SimpleNamespace(last_hidden_state=torch.tensor([[[1.0], [3.0], [9.0]]]))
    >>> pooled(encoded, torch.tensor([[1, 1, 0]]), "mean").item(), pooled(encoded, None, "first").item()
    (2.0, 1.0)
    """
    if isinstance(found, torch.Tensor):
        return found
    if pooling == "pooler":
        pooler = getattr(found, "pooler_output", None)
        if not isinstance(pooler, torch.Tensor):
            raise ModelError("pooling is 'pooler', but the encoder gives no pooler_output; use 'mean' or 'first'.")
        return pooler
    states = getattr(found, "last_hidden_state", None)
    if not isinstance(states, torch.Tensor):
        raise ModelError(
            f"the trunk gave a {type(found).__name__}; it must give a tensor, or an object with last_hidden_state."
        )
    if pooling == "first":
        return states[:, 0]
    if pooling == "mean":
        if mask is None:
            return states.mean(dim=1)
        counted = mask.to(states)[:, :, None]
        return (states * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
    raise ModelError(f"pooling is {pooling!r}; allowed: 'mean', 'first', 'pooler'.")


def width_of(trunk: nn.Module) -> int:
    """Return how many features a trunk gives, as its ``config.hidden_size`` or its last linear layer says.

    Raises
    ------
    ModelError
        If neither says it.

    Examples
    --------
    >>> width_of(nn.Sequential(nn.Linear(4, 8), nn.ReLU()))
    8
    """
    said = getattr(getattr(trunk, "config", None), "hidden_size", None)
    linear = [module.out_features for module in trunk.modules() if isinstance(module, nn.Linear)]
    width = said if said is not None else linear[-1] if linear else None
    if width is None:
        raise ModelError("how many features the trunk gives is not to be seen; pass width=.")
    return int(width)
