"""Rotation, shear, zoom and translation about the centre of the image."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labelwright.augmentation.base import Magnitude, TransformationFunction

from .making import Fill, checked_fill, factor, made
from .resampling import affine_places, sampled
from .tensors import bounded, each, ready

__all__ = ["rotate", "shear_x", "shear_y", "translate_x", "translate_y", "zoom"]


def _rotated(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    angle = torch.deg2rad(each(magnitude, batch, 3))
    cos, sin = torch.cos(angle), torch.sin(angle)
    return bounded(sampled(batch, affine_places(batch, x=(cos, -sin), y=(sin, cos)), fill), images, magnitude)


def _zoomed(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    step = 1 / each(magnitude, batch, 3)
    places = affine_places(batch, x=(step, 0.0), y=(0.0, step))
    return bounded(sampled(batch, places, fill), images, magnitude, neutral=1.0)


def _sheared_x(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    places = affine_places(batch, x=(1.0, each(magnitude, batch, 3)))
    return bounded(sampled(batch, places, fill), images, magnitude)


def _sheared_y(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    places = affine_places(batch, y=(each(magnitude, batch, 3), 1.0))
    return bounded(sampled(batch, places, fill), images, magnitude)


def _translated_x(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    places = affine_places(batch, shift=(each(magnitude, batch, 3) * -batch.shape[-1], 0.0))
    return bounded(sampled(batch, places, fill), images, magnitude)


def _translated_y(images: Tensor, magnitude: Any, fill: Fill) -> Tensor:
    batch = ready(images)
    places = affine_places(batch, shift=(0.0, each(magnitude, batch, 3) * -batch.shape[-2]))
    return bounded(sampled(batch, places, fill), images, magnitude)


def rotate(low: float = -30.0, high: float = 30.0, *, fill: Fill = 0.0) -> TransformationFunction:
    """Turn each image about its centre; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the angle in degrees; positive turns counter-clockwise, neutral is 0.
    fill : float, "edge" or "reflect"
        What comes in from outside: a level in [0, 1], the nearest pixel of the edge, or the image mirrored.

    Raises
    ------
    FunctionError
        If the bounds or ``fill`` are not allowed.

    Examples
    --------
    >>> import numpy as np, torch
    >>> images = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    >>> rotate(-90, 90).function(images, magnitude=np.array([90.0]), fill=0.0).round(decimals=4)
    tensor([[[[1., 0.],
              [0., 0.]]]])
    """
    magnitude = Magnitude(low, high, unit="degrees")
    return made("rotate", _rotated, magnitude, fill=checked_fill(fill))


def shear_x(low: float = -0.3, high: float = 0.3, *, fill: Fill = 0.0) -> TransformationFunction:
    """Lean each image sideways; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the slope: pixels across for each pixel up. Positive leans to the right, as italics do; neutral is 0.
    fill : float, "edge" or "reflect"
        As for `rotate`.

    Examples
    --------
    >>> shear_x().magnitude.unit
    'pixels across a pixel up'
    """
    magnitude = Magnitude(low, high, unit="pixels across a pixel up")
    return made("shear_x", _sheared_x, magnitude, fill=checked_fill(fill))


def shear_y(low: float = -0.3, high: float = 0.3, *, fill: Fill = 0.0) -> TransformationFunction:
    """Slope each image upwards or downwards; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the slope: pixels up for each pixel to the right. Positive lifts the right side; neutral is 0.
    fill : float, "edge" or "reflect"
        As for `rotate`.

    Examples
    --------
    >>> shear_y(-0.1, 0.1).magnitude.high
    0.1
    """
    magnitude = Magnitude(low, high, unit="pixels up a pixel across")
    return made("shear_y", _sheared_y, magnitude, fill=checked_fill(fill))


def zoom(low: float = 0.75, high: float = 1.25, *, fill: Fill = 0.0) -> TransformationFunction:
    """Enlarge or shrink each image about its centre; bilinear, the size of the image stays.

    Parameters
    ----------
    low, high : float
        Bounds of the factor, at least 0.05: 2 shows everything twice as large; neutral is 1.
    fill : float, "edge" or "reflect"
        As for `rotate`.

    Examples
    --------
    >>> zoom().magnitude.neutral
    1.0
    """
    magnitude = factor(low, high, least=0.05)
    return made("zoom", _zoomed, magnitude, fill=checked_fill(fill))


def translate_x(low: float = -0.2, high: float = 0.2, *, fill: Fill = 0.0) -> TransformationFunction:
    """Move each image sideways; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the way as a share of the width; positive moves to the right, neutral is 0.
    fill : float, "edge" or "reflect"
        As for `rotate`.

    Examples
    --------
    >>> translate_x().magnitude.unit
    'share of the width'
    """
    magnitude = Magnitude(low, high, unit="share of the width")
    return made("translate_x", _translated_x, magnitude, fill=checked_fill(fill))


def translate_y(low: float = -0.2, high: float = 0.2, *, fill: Fill = 0.0) -> TransformationFunction:
    """Move each image up or down; bilinear.

    Parameters
    ----------
    low, high : float
        Bounds of the way as a share of the height; positive moves down, neutral is 0.
    fill : float, "edge" or "reflect"
        As for `rotate`.

    Examples
    --------
    >>> translate_y().magnitude.unit
    'share of the height'
    """
    magnitude = Magnitude(low, high, unit="share of the height")
    return made("translate_y", _translated_y, magnitude, fill=checked_fill(fill))
