"""Erosion and dilation of grey levels, by a radius that need not be whole."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .making import made, not_negative
from .tensors import by_tiles, each, kept, ready

__all__ = ["dilate", "erode"]

Footprint: TypeAlias = Literal["diamond", "square"]


def _eroded(images: Tensor, magnitude: Any, radius: int, footprint: Footprint) -> Tensor:
    return _grown(images, magnitude, radius, footprint, torch.minimum)


def _dilated(images: Tensor, magnitude: Any, radius: int, footprint: Footprint) -> Tensor:
    return _grown(images, magnitude, radius, footprint, torch.maximum)


def _grown(images: Tensor, magnitude: Any, radius: int, footprint: Footprint, extreme: Any) -> Tensor:
    batch = ready(images)

    def grown(tile: Tensor, sizes: Tensor, out: Tensor | None) -> Tensor:
        return _steps(tile, sizes, radius, footprint, extreme, out)

    return kept(by_tiles(grown, batch, each(magnitude, batch)), images, magnitude)


def _steps(batch: Tensor, size: Tensor, radius: int, footprint: Footprint, extreme: Any, out: Tensor | None) -> Tensor:
    """Grow step by step: after r steps of radius 1 the footprint has radius r; between them, the mean of both."""
    result = level = batch
    for step in range(radius):
        across = level.clone()
        _spread(across, level, 3, extreme)
        grown = across.clone() if footprint == "square" else across
        _spread(grown, across if footprint == "square" else level, 2, extreme)
        level = grown
        # At 0 and 1 torch.lerp gives one or the other to the bit.
        result = torch.lerp(result, level, (size - step).clamp(0, 1), out=out)
    return result


def _spread(target: Tensor, source: Tensor, axis: int, extreme: Any) -> None:
    """Take into each pixel of ``target`` its two neighbours on ``axis`` of ``source``; what lies outside is nothing."""
    rest = source.shape[axis] - 1
    for to, start in ((1, 0), (0, 1)):
        here, neighbour = target.narrow(axis, to, rest), source.narrow(axis, start, rest)
        if here.requires_grad or neighbour.requires_grad:
            here.copy_(extreme(here.clone(), neighbour))  # the way back needs what was here
        else:
            # Memory for what lies between costs more than the comparison.
            extreme(here, neighbour, out=here)


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
