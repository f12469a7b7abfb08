"""Erosion and dilation of grey levels, by a radius that need not be whole."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .making import made, not_negative
from .tensors import bounded, each, ready

__all__ = ["dilate", "erode"]

Footprint: TypeAlias = Literal["diamond", "square"]


def _eroded(images: Tensor, magnitude: Any, radius: int, footprint: Footprint) -> Tensor:
    return _grown(images, magnitude, radius, footprint, torch.minimum)


def _dilated(images: Tensor, magnitude: Any, radius: int, footprint: Footprint) -> Tensor:
    return _grown(images, magnitude, radius, footprint, torch.maximum)


def _grown(images: Tensor, magnitude: Any, radius: int, footprint: Footprint, extreme: Any) -> Tensor:
    """Grow step by step: after r steps of radius 1 the footprint has radius r; between them, the mean of both."""
    batch = ready(images)
    size = each(magnitude, batch)
    result = level = batch
    for step in range(radius):
        if footprint == "square":
            level = _along(_along(level, level, 3, extreme), None, 2, extreme)
        else:
            level = _along(_along(level, level, 3, extreme), level, 2, extreme)
        result = torch.lerp(result, level, (size - step).clamp(0, 1))
    return bounded(result, images, magnitude)


def _along(images: Tensor, around: Tensor | None, axis: int, extreme: Any) -> Tensor:
    """Return the extreme of each pixel of ``images`` and its two neighbours on ``axis`` of ``around``."""
    around = images if around is None else around
    length = images.shape[axis]
    result = images
    if length > 1:
        first, last = around.narrow(axis, 0, 1), around.narrow(axis, length - 1, 1)
        # What lies outside does not count; the edge pixel itself stands in for it.
        before = torch.cat((first, around.narrow(axis, 0, length - 1)), axis)
        after = torch.cat((around.narrow(axis, 1, length - 1), last), axis)
        result = extreme(extreme(images, before), after)
    return result


def _morphology(name: str, function: Any, low: float, high: float, footprint: Footprint) -> TransformationFunction:
    if footprint not in ("diamond", "square"):
        raise FunctionError(f'footprint is {footprint!r}; allowed: "diamond" or "square".')
    magnitude = not_negative(low, high, "pixels")
    return made(name, function, magnitude, radius=math.ceil(high), footprint=footprint)


def erode(low: float = 0.0, high: float = 1.0, *, footprint: Footprint = "diamond") -> TransformationFunction:
    """Replace each pixel by the darkest around it: bright strokes get thinner.

    Parameters
    ----------
    low, high : float
        Bounds of the radius in pixels, from 0 on, which is neutral. Between whole radii the image is the mean of the
        two, weighted by their nearness, so that the magnitude can be tuned.
    footprint : {"diamond", "square"}
        What counts as around: as many steps along the axes as the radius says, or also across the corners.

    Raises
    ------
    FunctionError
        If the bounds or ``footprint`` are not allowed.

    Examples
    --------
    >>> import numpy as np, torch
    >>> stroke = torch.tensor([[[[0.0, 1.0, 1.0, 1.0, 0.0]]]])
    >>> thin = erode()
    >>> thin.function(stroke, magnitude=np.array([0.5]), **thin.resources)
    tensor([[[[0.0000, 0.5000, 1.0000, 0.5000, 0.0000]]]])
    """
    return _morphology("erode", _eroded, low, high, footprint)


def dilate(low: float = 0.0, high: float = 1.0, *, footprint: Footprint = "diamond") -> TransformationFunction:
    """Replace each pixel by the brightest around it: bright strokes get thicker.

    Parameters
    ----------
    low, high : float
        Bounds of the radius in pixels, as for `erode`.
    footprint : {"diamond", "square"}
        As for `erode`.

    Examples
    --------
    >>> dilate(0, 2).magnitude.unit
    'pixels'
    """
    return _morphology("dilate", _dilated, low, high, footprint)
