"""Images read at other places: coordinates in pixels from the centre, bilinear, one pass for the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .making import Fill

__all__ = ["centred", "sampled"]

_PADDING = {"edge": "border", "reflect": "reflection"}


def centred(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the x of the columns, shape (w,), and the y of the rows, shape (h, 1), in pixels from the centre."""
    h, w = images.shape[-2:]
    x = torch.arange(w, dtype=images.dtype, device=images.device) - (w - 1) / 2
    y = torch.arange(h, dtype=images.dtype, device=images.device) - (h - 1) / 2
    return x, y[:, None]


def sampled(images: Tensor, x: Tensor, y: Tensor, fill: Fill) -> Tensor:
    """Read each image at (x, y), bilinearly.

    Parameters
    ----------
    images : torch.Tensor, shape (n, channels, h, w)
    x, y : torch.Tensor, shape (n, h, w)
        Where each pixel of the result is read, in pixels from the centre; y grows downwards.
    fill : float, "edge" or "reflect"
        What lies outside; "reflect" repeats the edge pixel, as scipy.ndimage's does.
    """
    h, w = images.shape[-2:]
    grid = torch.stack((x * (2 / w), y * (2 / h)), dim=-1)
    if isinstance(fill, str):
        return functional.grid_sample(images, grid, padding_mode=_PADDING[fill], align_corners=False)
    # Outside is zero for grid_sample; another level is made zero first.
    moved = images - fill if fill else images
    found = functional.grid_sample(moved, grid, padding_mode="zeros", align_corners=False)
    return found + fill if fill else found
