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
from .tensors import by_tiles, each, kept, ready

__all__ = ["blur", "noise"]

# Longer side, in pixels, up to which products of matrices are faster than a convolution.
_PRODUCTS_UP_TO = 128
# How many random bits a pair of normal variates takes, and the golden ratio less one in as many; being odd, it sends
# each place to another one.
_BITS, _GOLDEN = 14, 10125


def _noised(images: Tensor, magnitude: Any, rng: np.random.Generator) -> Tensor:
    batch = ready(images)
    seed = int(rng.integers(2**63))
    # One after the other the tiles take their draws from it.
    chance = np.random.SFC64(seed) if batch.device.type == "cpu" else torch.Generator(batch.device).manual_seed(seed)

    def noised(tile: Tensor, size: Tensor, out: Tensor | None) -> Tensor:
        return torch.addcmul(tile, _normal(tile, chance, out), size, out=out)

    return kept(by_tiles(noised, batch, each(magnitude, batch)), images, magnitude)


def _normal(like: Tensor, chance: np.random.SFC64 | torch.Generator, out: Tensor | None) -> Tensor:
    """Return standard normal draws in the shape of ``like``, in ``out`` if they go there.

    On the processor they are looked up, two at a time by 14 random bits: see `_pairs`.
    """
    if isinstance(chance, torch.Generator):
        return torch.randn(like.shape, generator=chance, dtype=like.dtype, device=like.device)
    count = -(-like.numel() // 2)
    bits = chance.random_raw(-(-count // 4)).view(np.uint16)[:count]
    places = torch.from_numpy((bits >> (16 - _BITS)).astype(np.int32))
    if out is not None and out.numel() == 2 * count:
        torch.index_select(_pairs(like.dtype), 0, places, out=torch.view_as_complex(out.view(count, 2)))
        return out
    found = _pairs(like.dtype).index_select(0, places)
    return torch.view_as_real(found).flatten()[: like.numel()].reshape(like.shape)


@functools.cache
def _pairs(dtype: torch.dtype) -> Tensor:
    """Return 16,384 pairs of standard normal variates, each pair as one complex number.

    Points of a lattice in the unit square (i / N, and the fraction of i times the golden ratio and a half: Niederreiter
    (1992), "Random number generation and quasi-Monte Carlo methods", chapter 5) through the normal quantile function.
    Either number of a pair takes each of the 16,384 quantiles once, up to 4 standard deviations. Points of the plane
    are less fine: of half planes and of discs about 0 the share is off by .003, half as much as in as many independent
    draws.
    """
    # That many fit a core's cache beside the images; 2**16 would take twice the time.
    places = np.arange(2**_BITS)
    pair = [ndtri((number + 0.5) / 2**_BITS) for number in (places, (places * _GOLDEN + 2 ** (_BITS - 1)) % 2**_BITS)]
    return torch.complex(*(torch.from_numpy(numbers).to(dtype) for numbers in pair))


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
    magnitude = not_negative(low, high, "share of the range")
    return made("noise", _noised, magnitude, depends_on=(f"{_BITS} bits a pair",))


def _blurred(images: Tensor, magnitude: Any, reach: int) -> Tensor:
    batch = ready(images)
    sigma = each(magnitude, batch, 2)
    places = torch.arange(-reach, reach + 1, dtype=batch.dtype, device=batch.device)
    # At sigma 0 the weights are those of the pixel alone; the floor keeps 0 / 0 out of values and gradients.
    weights = torch.exp(-0.5 * (places / sigma.clamp_min(1e-3)) ** 2)
    weights = weights * (places.abs() <= (4 * sigma + 0.5).floor())
    weights = weights / weights.sum(1, keepdim=True)
    smoothed = _by_products if max(batch.shape[-2:]) <= _PRODUCTS_UP_TO else _by_convolution
    return kept(smoothed(batch, weights, reach), images, magnitude)


def _by_products(batch: Tensor, weights: Tensor, reach: int) -> Tensor:
    """Multiply by a matrix for each image and axis: more sums, but small images go through them much faster."""
    h, w = batch.shape[-2:]
    across = _sources(w, reach, weights)
    down = across if h == w else _sources(h, reach, weights)

    def smoothed(tile: Tensor, weights: Tensor, out: Tensor | None) -> Tensor:  # noqa: ARG001
        n, channels = tile.shape[:2]
        columns = (weights @ across).reshape(n, w, w)
        lines = columns if h == w else (weights @ down).reshape(n, h, h)
        # With the channels between lines and columns, each axis is one product for an image.
        rows = torch.bmm(lines, tile.transpose(1, 2).reshape(n, h, channels * w))
        rows = torch.bmm(rows.reshape(n, h * channels, w), columns.mT)
        return rows.reshape(n, h, channels, w).transpose(1, 2)

    return by_tiles(smoothed, batch, weights)


def _sources(length: int, reach: int, like: Tensor) -> Tensor:
    """Return which pixel of a side each weight takes for each pixel, shape (weights, length * length); edges repeat."""
    places = torch.arange(length, device=like.device)
    sources = (places[:, None] + torch.arange(-reach, reach + 1, device=like.device)).clamp(0, length - 1)
    return functional.one_hot(sources, length).to(like).transpose(0, 1).reshape(2 * reach + 1, length * length)


def _by_convolution(batch: Tensor, weights: Tensor, reach: int) -> Tensor:
    def smoothed(tile: Tensor, weights: Tensor, out: Tensor | None) -> Tensor:  # noqa: ARG001
        n, channels, h, w = tile.shape
        weights = weights.repeat_interleave(channels, 0)[:, None]
        flat = functional.pad(tile, (reach, reach, reach, reach), mode="replicate")
        flat = flat.reshape(1, n * channels, h + 2 * reach, w + 2 * reach)
        flat = functional.conv2d(flat, weights[:, :, None, :], groups=n * channels)
        return functional.conv2d(flat, weights[:, :, :, None], groups=n * channels).reshape(tile.shape)

    return by_tiles(smoothed, batch, weights)


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
