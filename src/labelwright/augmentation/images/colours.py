"""Brightness, contrast, colour and hue."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

from .making import factor, made
from .tensors import bounded, each, ready

__all__ = ["brightness", "colour", "contrast", "hue"]

# Shares of red, green and blue in what is seen as grey: ITU-R BT.601, as Pillow and YIQ have them.
_LUMA = (0.299, 0.587, 0.114)
# Red, green and blue to the two chroma axes I and Q of YIQ.
_CHROMA = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def _checked_channels(batch: Tensor, name: str) -> int:
    """Return 1 or 3, or say that there must be so many."""
    if batch.shape[1] in (1, 3):
        return batch.shape[1]
    raise FunctionError(f"{name} takes images of 1 or 3 channels (grey, or red, green, blue), got {batch.shape[1]}.")


def _brightened(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    return bounded(batch * each(magnitude, batch), images, magnitude, neutral=1.0)


def _contrasted(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    level = batch.flatten(2).mean(2)
    if _checked_channels(batch, "contrast") == 3:
        # The mean grey of an image is the grey of its mean colour, a thousandth of the work.
        level = level @ torch.tensor(_LUMA, dtype=batch.dtype, device=batch.device)[:, None]
    factors = each(magnitude, batch)
    # Two passes with a number for each image are vectorised, one with two numbers (lerp, addcmul) is not.
    return bounded((batch * factors).add_(level[:, :, None, None] * (1 - factors)), images, magnitude, neutral=1.0)


def _coloured(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    if _checked_channels(batch, "colour") == 1:
        return bounded(batch.clone(), images)
    # Three passes over a third of the batch and one over all of it: faster than a product with a matrix of 3 x 3.
    red, green, blue = batch[:, :1], batch[:, 1:2], batch[:, 2:]
    grey = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return bounded(torch.lerp(grey, batch, each(magnitude, batch)), images, magnitude, neutral=1.0)


def _hued(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    n, _, h, w = batch.shape
    if _checked_channels(batch, "hue") == 1:
        return bounded(batch.clone(), images)
    to_yiq = torch.tensor((_LUMA, *_CHROMA), dtype=torch.float64)
    from_yiq = torch.linalg.inv(to_yiq).to(batch)
    to_yiq = to_yiq.to(batch)
    angle = each(magnitude, batch, 3) * (2 * math.pi)
    # The grey axis stays; the chroma plane turns.
    keeps = from_yiq[:, :1] @ to_yiq[:1]
    along = from_yiq[:, 1:] @ to_yiq[1:]
    across = torch.outer(from_yiq[:, 1], to_yiq[2]) - torch.outer(from_yiq[:, 2], to_yiq[1])
    turn = keeps + torch.cos(angle) * along + torch.sin(angle) * across
    return bounded(torch.bmm(turn, batch.reshape(n, 3, h * w)).reshape(batch.shape), images, magnitude)


def brightness(low: float = 0.5, high: float = 1.5) -> TransformationFunction:
    """Multiply every level of an image by a factor.

    Parameters
    ----------
    low, high : float
        Bounds of the factor, from 0 (black) on; neutral is 1.

    Raises
    ------
    FunctionError
        If the bounds are not allowed.

    Examples
    --------
    >>> import numpy as np, torch
    >>> brightness().function(torch.full((1, 1, 1, 2), 0.5), magnitude=np.array([1.5]))
    tensor([[[[0.7500, 0.7500]]]])
    """
    return made("brightness", _brightened, factor(low, high, least=0.0))


def contrast(low: float = 0.5, high: float = 1.5) -> TransformationFunction:
    """Move every level away from the image's mean grey, or towards it.

    Parameters
    ----------
    low, high : float
        Bounds of the factor on the distance from the mean, from 0 (all grey) on; neutral is 1.

    Raises
    ------
    FunctionError
        If the bounds are not allowed; when applied, if images have neither 1 nor 3 channels.

    Examples
    --------
    >>> import numpy as np, torch
    >>> contrast().function(torch.tensor([[[[0.4, 0.6]]]]), magnitude=np.array([0.5]))
    tensor([[[[0.4500, 0.5500]]]])
    """
    return made("contrast", _contrasted, factor(low, high, least=0.0))


def colour(low: float = 0.5, high: float = 1.5) -> TransformationFunction:
    """Make colours stronger or weaker: every pixel moves away from its own grey, or towards it.

    Grey images (one channel) are their own grey, and stay as they are.

    Parameters
    ----------
    low, high : float
        Bounds of the factor on the distance from grey, from 0 (a grey image) on; neutral is 1.

    Raises
    ------
    FunctionError
        If the bounds are not allowed; when applied, if images have neither 1 nor 3 channels.

    Examples
    --------
    >>> colour().magnitude.neutral
    1.0
    """
    return made("colour", _coloured, factor(low, high, least=0.0))


def hue(low: float = -0.1, high: float = 0.1) -> TransformationFunction:
    """Turn the colours of an image around the colour circle; brightness and strength of colour stay.

    Grey images (one channel) have no hue, and stay as they are.

    Parameters
    ----------
    low, high : float
        Bounds in full turns; neutral is 0, and so is every whole turn. Positive goes from red by way of green to blue.

    Raises
    ------
    FunctionError
        If the bounds are not allowed; when applied, if images have neither 1 nor 3 channels.

    Notes
    -----
    A turn of the chroma plane of YIQ, one 3 x 3 matrix for each image. Unlike a shift of the hue of HSV (which
    Pillow-like libraries make) it keeps what is seen as brightness, and its gradient has no kinks; what leaves [0, 1]
    is cut off. For shifts below a tenth of a turn the two are close.

    Examples
    --------
    >>> hue().magnitude.unit
    'turns'
    """
    return made("hue", _hued, Magnitude(low, high, unit="turns"))
