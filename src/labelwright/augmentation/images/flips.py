"""Mirror images, and patches cut out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from labelwright.augmentation.base import TransformationFunction

from .making import checked_level, made, not_negative
from .resampling import centred
from .tensors import each, ready

__all__ = ["cutout", "flip_horizontal", "flip_vertical"]


def _mirrored_x(images: Tensor) -> Tensor:
    return ready(images).flip(-1).to(images.dtype)


def _mirrored_y(images: Tensor) -> Tensor:
    return ready(images).flip(-2).to(images.dtype)


def flip_horizontal() -> TransformationFunction:
    """Swap left and right; has no magnitude.

    Examples
    --------
    >>> import torch
    >>> flip_horizontal().function(torch.tensor([[[[0.0, 0.5, 1.0]]]]))
    tensor([[[[1.0000, 0.5000, 0.0000]]]])
    """
    return made("flip_horizontal", _mirrored_x)


def flip_vertical() -> TransformationFunction:
    """Swap top and bottom; has no magnitude.

    Examples
    --------
    >>> flip_vertical().magnitude is None
    True
    """
    return made("flip_vertical", _mirrored_y)


def _cut(images: Tensor, magnitude: Any, rng: np.random.Generator, fill: float) -> Tensor:
    batch = ready(images)
    h, w = batch.shape[-2:]
    # Few draws, so numpy makes them whatever the device: a seed means the same patches everywhere.
    centres = torch.as_tensor(rng.random((2, len(batch), 1, 1)) - 0.5, dtype=batch.dtype, device=batch.device)
    half = each(magnitude, batch, 3) * (min(h, w) / 2)
    x, y = centred(batch)
    hidden = ((x - centres[0] * w).abs() < half).to(batch) * ((y - centres[1] * h).abs() < half)
    # A product, since filling under a mask takes ten times as long; 1 and 0 leave levels exact.
    shown = batch * (1 - hidden)[:, None]
    return (shown.add_(fill * hidden[:, None]) if fill else shown).to(images.dtype)


def cutout(low: float = 0.0, high: float = 0.5, *, fill: float = 0.0) -> TransformationFunction:
    """Hide a square whose centre is anywhere in the image; part of it may lie outside.

    Parameters
    ----------
    low, high : float
        Bounds of its side, as a share of the shorter side; from 0 on, which is neutral.
    fill : float
        The level in [0, 1] that hides it.

    Raises
    ------
    FunctionError
        If the bounds or ``fill`` are not allowed.

    Notes
    -----
    DeVries & Taylor (2017), "Improved regularization of convolutional neural networks with cutout".

    Examples
    --------
    >>> cutout().magnitude.high
    0.5
    """
    magnitude = not_negative(low, high, "share of the shorter side")
    return made("cutout", _cut, magnitude, differentiable=False, fill=checked_level(fill))
