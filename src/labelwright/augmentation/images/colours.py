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


def _grey(batch: Tensor, name: str) -> Tensor:
    """Return the grey image of each, shape (n, 1, h, w)."""
    if batch.shape[1] == 1:
        return batch
    if batch.shape[1] != 3:
        raise FunctionError(
            f"{name} takes images of 1 or 3 channels (grey, or red, green, blue), got {batch.shape[1]}."
        )
    red, green, blue = batch[:, :1], batch[:, 1:2], batch[:, 2:]
    return torch.add(torch.add(red * _LUMA[0], green, alpha=_LUMA[1]), blue, alpha=_LUMA[2])


def _brightened(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    return bounded(batch * each(magnitude, batch), images, magnitude, neutral=1.0)


def _contrasted(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    # The mean grey of an image is the grey of its mean colour, a thousandth of the work.
    level, factors = _grey(batch.mean((2, 3), keepdim=True), "contrast"), each(magnitude, batch)
    return bounded((batch * factors).add_(level * (1 - factors)), images, magnitude, neutral=1.0)


def _coloured(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    if batch.shape[1] == 1:
        return bounded(batch.clone(), images)
    grey, factors = _grey(batch, "colour"), each(magnitude, batch)
    return bounded(torch.addcmul(grey * (1 - factors), batch, factors), images, magnitude, neutral=1.0)


def _hued(images: Tensor, magnitude: Any) -> Tensor:
    batch = ready(images)
    n, channels, h, w = batch.shape
    if channels == 1:
        return bounded(batch.clone(), images)
    _grey(batch[:, :, :1, :1], "hue")
    to_yiq = torch.tensor((_LUMA, *_CHROMA), dtype=torch.float64)
    from_yiq = torch.linalg.inv(to_yiq).to(batch)
    to_yiq = to_yiq.to(batch)
    angle = each(magnitude, batch, 3) * (2 * math.pi)
    # The grey axis stays; the chroma plane turns.
    keeps = from_yiq[:, :1] @ to_yiq[:1]
    along = from_yiq[:, 1:] @ to_yiq[1:]
    across = torch.outer(from_yiq[:, 1], to_yiq[2]) - torch.outer(from_yiq[:, 2], to_yiq[1])
    turn = keeps + torch.cos(angle) * along + torch.sin(angle) * across
    return bounded((turn @ batch.reshape(n, 3, h * w)).reshape(n, 3, h, w), images, magnitude)


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
