"""Images read at other places: bilinear, one pass for the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .making import Fill

__all__ = ["affine_places", "centred", "sampled"]

_PADDING = {"edge": "border", "reflect": "reflection"}


def centred(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the x of the columns, shape (w,), and the y of the rows, shape (h, 1), in pixels from the centre."""
    h, w = images.shape[-2:]
    x = torch.arange(w, dtype=images.dtype, device=images.device) - (w - 1) / 2
    y = torch.arange(h, dtype=images.dtype, device=images.device) - (h - 1) / 2
    return x, y[:, None]


def affine_places(
    images: Tensor,
    *,
    x: tuple[Tensor | float, Tensor | float] = (1.0, 0.0),
    y: tuple[Tensor | float, Tensor | float] = (0.0, 1.0),
    shift: tuple[Tensor | float, Tensor | float] = (0.0, 0.0),
) -> Tensor:
    """Return where an affine map reads each pixel, for `sampled`.

    Parameters
    ----------
    images : torch.Tensor, shape (n, channels, h, w)
    x : pair of torch.Tensor, shape (n, 1, 1), or float
        How far across one reads for each pixel across, and for each pixel down.
    y : pair of torch.Tensor, shape (n, 1, 1), or float
        How far down one reads for each pixel across, and for each pixel down.
    shift : pair of torch.Tensor, shape (n, 1, 1), or float
        How far across and down one reads at the centre, in pixels.
    """
    n = len(images)
    h, w = images.shape[-2:]
    column, row = centred(images)
    # What depends on the column and what depends on the row are small; one addition makes the field of both.
    along = [(x[0] * column * (2 / w)).expand(n, 1, w), (y[0] * column * (2 / h)).expand(n, 1, w)]
    down = [((x[1] * row + shift[0]) * (2 / w)).expand(n, h, 1), ((y[1] * row + shift[1]) * (2 / h)).expand(n, h, 1)]
    return torch.stack(along, dim=1) + torch.stack(down, dim=1)


def sampled(images: Tensor, places: Tensor, fill: Fill) -> Tensor:
    """Read each image at ``places``, bilinearly.

    Parameters
    ----------
    images : torch.Tensor, shape (n, channels, h, w)
    places : torch.Tensor, shape (n, 2, h, w)
        x and y of where each pixel of the result is read, 0 at the centre, -1 and 1 at the outer edges of the outermost
        pixels; y grows downwards. Planes of their own, because a plane is made and read faster than pairs.
    fill : float, "edge" or "reflect"
        What lies outside; "reflect" repeats the edge pixel, as scipy.ndimage's does.
    """
    grid = places.permute(0, 2, 3, 1)
    if isinstance(fill, str):
        return functional.grid_sample(images, grid, padding_mode=_PADDING[fill], align_corners=False)
    # Outside is zero for grid_sample; another level is made zero first.
    moved = images - fill if fill else images
    found = functional.grid_sample(moved, grid, padding_mode="zeros", align_corners=False)
    return found + fill if fill else found
