"""What every image function does first and last: check the batch, shape the magnitudes, keep what must not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from labelwright.core.errors import FunctionError

__all__ = ["bounded", "by_tiles", "each", "kept", "ready"]

# Numbers in a tile, at most: with what is made on the way it stays in a processor's cache.
_TILE = 2**18


def ready(images: Any) -> Tensor:
    """Return the batch as the functions compute on it: half precision as float32, all else as it is.

    Raises
    ------
    FunctionError
        If it is not a float tensor of shape (n, channels, h, w).
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or not images.is_floating_point():
        found = f"a tensor of {images.dtype}, shape {tuple(images.shape)}" if isinstance(images, Tensor) else ""
        raise FunctionError(
            "image functions take a float tensor of shape (n, channels, h, w) with values in [0, 1], got "
            f"{found or type(images).__name__}; images.as_images(...) makes one."
        )
    return images if images.dtype in (torch.float32, torch.float64) else images.float()


def each(magnitude: Any, images: Tensor, ndim: int = 4) -> Tensor:
    """Return the magnitudes, one for each image, shaped to broadcast over ``ndim`` axes.

    Parameters
    ----------
    magnitude : float, or numpy.ndarray or torch.Tensor of shape (n,)
    images : torch.Tensor, shape (n, channels, h, w)
        Gives dtype and device.
    ndim : int
        How many axes the result has, n first.

    Raises
    ------
    FunctionError
        If there are not n magnitudes.
    """
    # Copied, since torch warns of arrays that may not be written to.
    given = magnitude if isinstance(magnitude, Tensor) else np.array(magnitude, dtype=np.float64)
    values = torch.as_tensor(given, dtype=images.dtype, device=images.device)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != len(images)):
        raise FunctionError(f"{len(images)} images need as many magnitudes, got shape {tuple(values.shape)}.")
    return values.expand(len(images)).reshape(-1, *[1] * (ndim - 1))


def by_tiles(function: Callable[..., Tensor], images: Tensor, *values: Tensor) -> Tensor:
    """Return what ``function`` makes of ``images``, within [0, 1]; on a processor a few images at a time.

    What is made on the way is as large as the batch, and several times. In memory that the allocator has to ask for
    anew, the first touch of each page costs more than the arithmetic; so a function writes what it can where the result
    is to be, and each pass finds there what the one before has left in the cache.

    Parameters
    ----------
    function : callable
        ``function(images, *values, out=out)`` returns ``out``, or a new tensor of the shape and dtype of ``images``,
        each image by itself. ``out`` is contiguous; it is None where a gradient is asked for, and on a GPU.
    images : torch.Tensor, shape (n, channels, h, w)
    values : torch.Tensor, shape (n, ...)
        One for each image.
    """
    if images.device.type != "cpu":
        return _clamped(function(images, *values, out=None))
    learning = torch.is_grad_enabled() and any(one.requires_grad for one in (images, *values))
    result = torch.empty_like(images, memory_format=torch.contiguous_format)
    step = -(-len(images) // (images.numel() // _TILE + 1))
    for start in range(0, len(images), step or 1):
        part = slice(start, start + step)
        given = images[part], *(value[part] for value in values)
        if learning:
            result[part] = _clamped(function(*given, out=None))
        else:
            # Cut off, and put in its place if it is not there, in one pass.
            torch.clamp(function(*given, out=result[part]), 0, 1, out=result[part])
    return result


def _clamped(changed: Tensor) -> Tensor:
    return changed.clamp(0, 1) if changed.requires_grad else changed.clamp_(0, 1)


def bounded(changed: Tensor, images: Tensor, magnitude: Any = None, neutral: float = 0.0) -> Tensor:
    """Return ``changed`` within [0, 1] and in the dtype of ``images``; images at ``neutral`` to the bit as they were.

    Parameters
    ----------
    changed : torch.Tensor, shape (n, channels, h, w)
        May be written to where no gradient is asked for.
    images : torch.Tensor, shape (n, channels, h, w)
        As they came.
    magnitude : float, or numpy.ndarray or torch.Tensor of shape (n,), optional
    neutral : float
        Where nothing is to change. With a gradient such images keep the rounding of the way there (below 1e-6 in
        float32), because a short-cut around the way would cut off the gradient too.
    """
    return kept(_clamped(changed), images, magnitude, neutral)


def kept(changed: Tensor, images: Tensor, magnitude: Any = None, neutral: float = 0.0) -> Tensor:
    """Return ``changed``, which is within [0, 1], otherwise as `bounded` does."""
    changed = changed.to(images.dtype)
    if magnitude is None or (isinstance(magnitude, Tensor) and magnitude.requires_grad):
        return changed
    if isinstance(magnitude, Tensor):
        still = (magnitude == neutral).expand(len(images)).to(images.device)
    else:
        found = np.broadcast_to(np.asarray(magnitude) == neutral, len(images))
        if not found.any():
            return changed
        still = torch.as_tensor(found.copy(), device=images.device)
    return torch.where(still.reshape(-1, 1, 1, 1), images, changed)
