"""Pictures of any kind as the tensor that image functions take, and back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelwright.core.errors import DataError, MissingExtraError

__all__ = ["as_images", "to_arrays"]


def as_images(pictures: Any, *, device: str | torch.device = "cpu") -> Tensor:
    """Return pictures as a float32 tensor of shape (n, channels, h, w) with values in [0, 1].

    Parameters
    ----------
    pictures : numpy.ndarray, torch.Tensor, or sequence
        An array of shape (n, h, w) or (n, h, w, channels) with 1 or 3 channels; a tensor of shape (n, channels, h, w);
        or a sequence of arrays of shape (h, w) or (h, w, channels), of Pillow images, or of PNG or JPEG files (their
        bytes or paths). Integers count from 0 to 255, floats from 0 to 1. Pictures of one batch have one size.
    device : str or torch.device
        Where the tensor lies.

    Raises
    ------
    DataError
        If there is nothing in it, shapes differ or mean nothing, values leave their range or are not finite, or a file
        cannot be read.
    MissingExtraError
        If something else than arrays is given and Pillow is not installed.

    Notes
    -----
    Palettes and transparency become red, green and blue; grey pictures stay grey.

    Examples
    --------
    >>> import numpy as np
    >>> digits = np.array([[[0, 255], [51, 0]]], dtype=np.uint8)
    >>> images = as_images(digits)
    >>> images.shape, images[0, 0, 1, 0].item()
    (torch.Size([1, 1, 2, 2]), 0.2...)
    """
    if isinstance(pictures, Tensor):
        if pictures.ndim != 4:
            raise DataError(f"a tensor of images has shape (n, channels, h, w), got {tuple(pictures.shape)}.")
        return _levels(pictures.detach().cpu().numpy()).to(device)
    if isinstance(pictures, np.ndarray) and pictures.dtype != object:
        return _levels(_channels_first(pictures)).to(device)
    if isinstance(pictures, str | bytes | Path) or not isinstance(pictures, Sequence | np.ndarray):
        raise DataError(f"as_images takes an array, a tensor or a list of pictures, got {type(pictures).__name__}.")
    arrays = [_picture(picture, at) for at, picture in enumerate(pictures)]
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1:
        found = ", ".join(map(str, sorted(shapes))) or "none"
        raise DataError(f"pictures of one batch have one size and one number of channels, got {found}; resize them.")
    return _levels(_channels_first(np.stack(arrays))).to(device)


def to_arrays(images: Tensor, *, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
    """Return images as an array of shape (n, h, w) if they are grey, else (n, h, w, channels): the way back.

    Parameters
    ----------
    images : torch.Tensor, shape (n, channels, h, w)
        Values in [0, 1], on any device.
    dtype : dtype
        ``numpy.uint8`` gives levels from 0 to 255, rounded; a float type those from 0 to 1.

    Raises
    ------
    DataError
        If ``images`` has another shape, or ``dtype`` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> pictures = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    >>> bool((to_arrays(as_images(pictures)) == pictures).all())
    True
    """
    wanted = np.dtype(dtype)
    if images.ndim != 4 or not (wanted == np.uint8 or wanted.kind == "f"):
        raise DataError(
            f"to_arrays takes images of shape (n, channels, h, w) and dtype uint8 or a float type, got "
            f"{tuple(images.shape)} and {wanted}."
        )
    values = images.detach().cpu().double().numpy()
    values = np.moveaxis(values, 1, -1)
    values = values[..., 0] if values.shape[-1] == 1 else values
    if wanted == np.uint8:
        values = np.rint(values.clip(0, 1) * 255)
    return np.ascontiguousarray(values.astype(wanted))


def _levels(values: npt.NDArray[Any]) -> Tensor:
    """Return values, channels first, as levels in [0, 1]."""
    if values.size == 0:
        raise DataError(f"there are no pixels in pictures of shape {values.shape}.")
    if values.dtype.kind not in "buif":
        raise DataError(f"pictures hold numbers, got dtype {values.dtype}.")
    top = 255 if values.dtype.kind in "ui" else 1
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= top):  # written so that NaN fails too
        raise DataError(
            f"levels of {values.dtype} lie in [0, {top}], got {low} to {high}; rescale them (floats from 0 to 255: "
            "divide by 255)."
        )
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C")).div_(top)


def _channels_first(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.ndim == 3:
        return values[:, None]
    if values.ndim == 4 and values.shape[-1] in (1, 3):
        return np.moveaxis(values, -1, 1)
    raise DataError(
        f"an array of pictures has shape (n, h, w) or (n, h, w, channels) with 1 or 3 channels, got {values.shape}; "
        "channels-first pictures are passed as a torch tensor."
    )


def _picture(picture: Any, at: int) -> npt.NDArray[Any]:
    """Return one picture as an array of shape (h, w) or (h, w, channels)."""
    if isinstance(picture, np.ndarray):
        return picture
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading picture {at}, a {type(picture).__name__},", "images") from None
    if isinstance(picture, Image.Image):
        return _pillow(picture)
    if not isinstance(picture, bytes | str | Path):
        raise DataError(
            f"picture {at} is a {type(picture).__name__}; allowed: arrays, Pillow images, and the bytes or paths of "
            "PNG or JPEG files."
        )
    try:
        with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as opened:
            return _pillow(opened)
    except OSError as error:  # Pillow's own error is one
        raise DataError(f"picture {at} cannot be read as an image: {error}") from error


def _pillow(image: Any) -> npt.NDArray[Any]:
    # 16-bit and float grey keep their depth elsewhere; here every level is one of 256.
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))
