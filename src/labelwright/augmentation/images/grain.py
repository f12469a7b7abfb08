"""Noise and blur."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor
from torch.nn import functional

from labelwright.augmentation.base import TransformationFunction

from .making import made, not_negative
from .tensors import bounded, by_tiles, each, ready

__all__ = ["blur", "noise"]

# Longer side, in pixels, up to which products of matrices are faster than a convolution.
_PRODUCTS_UP_TO = 128


def _noised(images: Tensor, magnitude: Any, rng: np.random.Generator) -> Tensor:
    batch = ready(images)
    seed = int(rng.integers(2**63))
    # One after the other the tiles take their draws from it.
    chance = np.random.SFC64(seed) if batch.device.type == "cpu" else torch.Generator(batch.device).manual_seed(seed)

    def noised(tile: Tensor, size: Tensor) -> Tensor:
        return torch.addcmul(tile, _normal(tile, chance), size)

    return bounded(by_tiles(noised, batch, each(magnitude, batch)), images, magnitude)


def _normal(like: Tensor, chance: np.random.SFC64 | torch.Generator) -> Tensor:
    """Return standard normal draws in the shape of ``like``.

    On the processor they are looked up, 16 random bits each, in a table of 65,536 quantiles (up to 4.3 standard
    deviations): half the time of torch's own, which come from one thread.
    """
    if isinstance(chance, torch.Generator):
        return torch.randn(like.shape, generator=chance, dtype=like.dtype, device=like.device)
    bits = chance.random_raw(-(-like.numel() // 4)).view(np.uint16)[: like.numel()]
    codes = torch.from_numpy(bits.astype(np.int32))
    return _quantiles(like.dtype).index_select(0, codes).reshape(like.shape)


@functools.cache
def _quantiles(dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(ndtri((np.arange(2**16) + 0.5) / 2**16)).to(dtype)


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
    sigma = each(magnitude, batch, 2)
    places = torch.arange(-reach, reach + 1, dtype=batch.dtype, device=batch.device)
    # At sigma 0 the weights are those of the pixel alone; the floor keeps 0 / 0 out of values and gradients.
    weights = torch.exp(-0.5 * (places / sigma.clamp_min(1e-3)) ** 2)
    weights = weights * (places.abs() <= (4 * sigma + 0.5).floor())
    weights = weights / weights.sum(1, keepdim=True)
    smoothed = _by_products if max(batch.shape[-2:]) <= _PRODUCTS_UP_TO else _by_convolution
    return bounded(smoothed(batch, weights, reach), images, magnitude)


def _by_products(batch: Tensor, weights: Tensor, reach: int) -> Tensor:
    """Multiply by a matrix for each image and axis: more sums, but small images go through them much faster."""
    h, w = batch.shape[-2:]
    across = _sources(w, reach, weights)
    down = across if h == w else _sources(h, reach, weights)

    def smoothed(tile: Tensor, weights: Tensor) -> Tensor:
        n, channels = tile.shape[:2]
        columns = (weights @ across).reshape(n, w, w)
        lines = columns if h == w else (weights @ down).reshape(n, h, h)
        rows = torch.bmm(tile.reshape(n, channels * h, w), columns.mT).reshape(n * channels, h, w)
        return torch.bmm(lines.repeat_interleave(channels, 0), rows).reshape(tile.shape)

    return by_tiles(smoothed, batch, weights)


def _sources(length: int, reach: int, like: Tensor) -> Tensor:
    """Return which pixel of a side each weight takes for each pixel, shape (weights, length * length); edges repeat."""
    places = torch.arange(length, device=like.device)
    sources = (places[:, None] + torch.arange(-reach, reach + 1, device=like.device)).clamp(0, length - 1)
    return functional.one_hot(sources, length).to(like).transpose(0, 1).reshape(2 * reach + 1, length * length)


def _by_convolution(batch: Tensor, weights: Tensor, reach: int) -> Tensor:
    n, channels, h, w = batch.shape
    weights = weights.repeat_interleave(channels, 0)[:, None]
    flat = functional.pad(batch, (reach, reach, reach, reach), mode="replicate")
    flat = flat.reshape(1, n * channels, h + 2 * reach, w + 2 * reach)
    flat = functional.conv2d(flat, weights[:, :, None, :], groups=n * channels)
    return functional.conv2d(flat, weights[:, :, :, None], groups=n * channels).reshape(batch.shape)


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
