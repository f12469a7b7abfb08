"""Pictures in a column of a table: the bytes of JPEG or PNG files, read as arrays of one size."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError, MissingExtraError

__all__ = ["read_pictures"]


def read_pictures(
    field: str, values: Sequence[Any], *, size: tuple[int, int] | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Read pictures in colour, all of one size.

    Parameters
    ----------
    field : str
        Name of the column, for errors.
    values : sequence of bytes or None, length n
        Contents of files; ``None`` where there is no picture.
    size : (width, height), optional
        In pixels, to which every picture is brought; a new pixel is the mean of those that it covers. Default: that of
        the first, which all others must have.

    Returns
    -------
    numpy.ndarray of uint8, shape (n, height, width, 3)
        Black where there is no picture.
    numpy.ndarray of bool, shape (n,)
        Whether there is one.

    Raises
    ------
    DataError
        If a value is no picture, sizes differ and none is asked for, or there is no picture and no size.
    MissingExtraError
        If Pillow is not installed.

    Examples
    --------
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("L", (4, 2), 255).save(file, "PNG")
    >>> pictures, there = read_pictures("photo", [file.getvalue(), None], size=(2, 1))
    >>> pictures.shape, pictures[0, 0, 0].tolist(), there.tolist()
    ((2, 1, 2, 3), [255, 255, 255], [True, False])
    """
    try:
        image = importlib.import_module("PIL.Image")
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading pictures (field {field!r})", "images") from None
    there = np.array([value is not None for value in values], dtype=bool)
    out: npt.NDArray[np.uint8] | None = None if size is None else np.zeros((len(values), *size[::-1], 3), np.uint8)
    for row in np.flatnonzero(there).tolist():
        picture = _opened(image, field, row, values[row])
        if size is not None and picture.size != size:
            picture = picture.resize(size, image.Resampling.BOX)
        if out is None:
            out = np.zeros((len(values), picture.height, picture.width, 3), np.uint8)
        if picture.size != (out.shape[2], out.shape[1]):
            raise DataError(
                f"field {field!r}, row {row} is a picture of {picture.width} x {picture.height} pixels, others have "
                f"{out.shape[2]} x {out.shape[1]}; say to which size, (width, height), all of them are brought."
            )
        out[row] = np.asarray(picture)
    if out is None:
        raise DataError(f"field {field!r} holds no picture: all {len(values)} values are missing.")
    return out, there


def _opened(image: Any, field: str, row: int, value: Any) -> Any:
    if not isinstance(value, bytes):
        raise DataError(
            f"field {field!r}, row {row} holds {value!r} ({type(value).__name__}), but this end model reads pictures: "
            "put the contents of JPEG or PNG files, as bytes, into the column."
        )
    try:
        return image.open(io.BytesIO(value)).convert("RGB")
    # Errors of Pillow: its own is an OSError, a broken PNG is a SyntaxError.
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise DataError(f"field {field!r}, row {row} cannot be read as a picture: {error}") from error
