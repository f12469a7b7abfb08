"""Noise and blur."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from labelwright.augmentation.base import TransformationFunction

from .making import made, not_negative
from .tensors import bounded, each, ready

__all__ = ["blur", "noise"]


def _noised(images: Tensor, magnitude: Any, rng: np.random.Generator) -> Tensor:
    batch = ready(images)
    chance = torch.Generator(batch.device).manual_seed(int(rng.integers(2**63)))
    drawn = torch.randn(batch.shape, generator=chance, dtype=batch.dtype, device=batch.device)
    return bounded(torch.addcmul(batch, drawn, each(magnitude, batch)), images, magnitude)


def noise(low: float = 0.0, high: float = 0.1) -> TransformationFunction:
    """Add Gaussian noise, independent for each pixel and channel.

    Parameters
    ----------
    low, high : float
        Bounds of its standard deviation, as a share of the range of levels; from 0 on, which is neutral.

    Raises
    ------
    FunctionError
        If the bounds are not allowed.

    Examples
    --------
    >>> noise().magnitude.high
    0.1
    """
    return made("noise", _noised, not_negative(low, high, "share of the range"))


def _blurred(images: Tensor, magnitude: Any, reach: int) -> Tensor:
    batch = ready(images)
    n, channels, h, _ = batch.shape
    sigma = each(magnitude, batch, 2)
    places = torch.arange(-reach, reach + 1, dtype=batch.dtype, device=batch.device)
    # At sigma 0 the weights are those of the pixel alone; the floor keeps 0 / 0 out of values and gradients.
    weights = torch.exp(-0.5 * (places / sigma.clamp_min(1e-3)) ** 2)
    weights = weights * (places.abs() <= (4 * sigma + 0.5).floor())
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = functional.pad(batch, (reach, reach, reach, reach), mode="replicate").reshape(
        1, n * channels, h + 2 * reach, -1
    )
    flat = functional.conv2d(flat, weights[:, None, None, :], groups=n * channels)
    flat = functional.conv2d(flat, weights[:, None, :, None], groups=n * channels)
    return bounded(flat.reshape(batch.shape), images, magnitude)


def blur(low: float = 0.0, high: float = 1.5) -> TransformationFunction:
    """Blur by a Gaussian.

    Parameters
    ----------
    low, high : float
        Bounds of its standard deviation in pixels; from 0 on, which is neutral.

    Raises
    ------
    FunctionError
        If the bounds are not allowed.

    Notes
    -----
    Cut off at four standard deviations, edge pixels repeated, as scipy.ndimage's ``gaussian_filter(mode="nearest")``.

    Examples
    --------
    >>> blur().magnitude.unit
    'pixels'
    """
    return made("blur", _blurred, not_negative(low, high, "pixels"), reach=max(1, math.floor(4 * high + 0.5)))
