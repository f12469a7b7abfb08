"""Swirls and elastic distortion: each pixel has a way of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

from .making import Fill, checked_fill, made, not_negative
from .resampling import affine_places, centred, sampled
from .tensors import bounded, each, ready

__all__ = ["elastic", "swirl"]

# Knots of the elastic field lie one width of their bell apart: the field's variance then varies by 1e-4 between them,
# and is made exactly 1 (see _bells).
_MARGIN = 2


def _swirled(images: Tensor, magnitude: Any, radius: float, fill: Fill) -> Tensor:
    batch = ready(images)
    x, y = centred(batch)
    fall = math.log(2) * radius * min(batch.shape[-2:]) / 5
    angle = each(magnitude, batch, 3) * torch.exp(-torch.hypot(x, y) / fall)
    cos, sin = torch.cos(angle), torch.sin(angle)
    h, w = batch.shape[-2:]
    places = torch.stack(((cos * x - sin * y) * (2 / w), (sin * x + cos * y) * (2 / h)), dim=1)
    return bounded(sampled(batch, places, fill), images, magnitude)


def swirl(low: float = -1.0, high: float = 1.0, *, radius: float = 2.0, fill: Fill = 0.0) -> TransformationFunction:
    """Turn the centre of each image further than its edge; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the angle at the centre, in radians; positive turns counter-clockwise, neutral is 0.
    radius : float
        Where the turn has fallen to a thousandth, as a share of the shorter side.
    fill : float, "edge" or "reflect"
        What comes in from outside: a level in [0, 1], the nearest pixel of the edge, or the image mirrored.

    Raises
    ------
    FunctionError
        If the bounds, ``radius`` or ``fill`` are not allowed.

    Notes
    -----
    The map of ``skimage.transform.swirl``: at distance r the angle is ``magnitude * exp(-5 r / (ln 2 * radius))``.

    Examples
    --------
    >>> swirl().magnitude.unit
    'radians at the centre'
    """
    if not radius > 0:
        raise FunctionError(f"radius is {radius!r}; it must be above 0.")
    magnitude = Magnitude(low, high, unit="radians at the centre")
    return made("swirl", _swirled, magnitude, radius=float(radius), fill=checked_fill(fill))


def _distorted(images: Tensor, magnitude: Any, rng: np.random.Generator, smoothness: float, fill: Fill) -> Tensor:
    batch = ready(images)
    h, w = batch.shape[-2:]
    side = min(h, w)
    down, across = _bells(h, smoothness * side), _bells(w, smoothness * side)
    # Drawn by numpy whatever the device, so that a seed means the same field everywhere; it is a few knots an image.
    knots = rng.standard_normal((len(images), 2, across.shape[1], down.shape[1]))
    rows, columns, drawn = (torch.from_numpy(part).to(batch) for part in (down, across, knots))
    # Everything is scaled while it is small, and the batch goes through two products as one matrix.
    sizes = torch.tensor([2 * side / w, 2 * side / h], dtype=batch.dtype, device=batch.device).reshape(2, 1, 1)
    ways = (drawn * (each(magnitude, batch) * sizes) @ rows.T).transpose(2, 3) @ columns.T
    return bounded(sampled(batch, ways.add_(affine_places(batch[:1])), fill), images, magnitude)


def _bells(length: int, width: float) -> npt.NDArray[np.float64]:
    """Return the weight of each knot at each pixel of a side, shape (length, knots), squares summing to 1 a pixel."""
    knots = np.arange(-_MARGIN, math.ceil((length - 1) / width) + _MARGIN + 1) * width
    bells = np.exp(-0.5 * ((np.arange(length)[:, None] - knots) / width) ** 2)
    weights: npt.NDArray[np.float64] = bells / np.sqrt((bells**2).sum(axis=1, keepdims=True))
    return weights


def elastic(
    low: float = 0.0, high: float = 0.05, *, smoothness: float = 0.15, fill: Fill = 0.0
) -> TransformationFunction:
    """Distort each image by a smooth random field; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds, from 0 on, of how far pixels move: standard deviation along each axis, as a share of the shorter side.
    smoothness : float
        Over what distance the field changes, as a share of the shorter side, above 0.
    fill : float, "edge" or "reflect"
        As for `swirl`.

    Raises
    ------
    FunctionError
        If the bounds, ``smoothness`` or ``fill`` are not allowed.

    Notes
    -----
    Elastic distortion of Simard, Steinkraus & Platt (2003), "Best practices for convolutional neural networks", where
    white noise at every pixel is smoothed by a Gaussian of width sigma. Here the noise lives on knots sigma apart, each
    with a bell of that width: the same covariance, ``exp(-d**2 / (4 sigma**2))``, from sigma**2 times fewer draws. On
    28 x 28 pixels their sigma = 4, alpha = 34 are ``smoothness`` 0.14 and a magnitude of 0.05.

    Examples
    --------
    >>> elastic().magnitude.neutral
    0.0
    """
    if not smoothness > 0:
        raise FunctionError(f"smoothness is {smoothness!r}; it must be above 0.")
    magnitude = not_negative(low, high, "share of the shorter side")
    return made("elastic", _distorted, magnitude, smoothness=float(smoothness), fill=checked_fill(fill))
