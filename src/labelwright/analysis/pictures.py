"""Small pictures of examples: images as PNG in the page itself, series as lines, texts with what changed marked."""

from __future__ import annotations

import base64
import difflib
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .markup import Child, Markup, tag
from .palette import BLUE, MUTED

__all__ = ["changed_words", "inline_image", "line_picture", "pixels", "png"]

# Longest side of an image that goes into a page as it is, in pixels; larger ones are thinned out.
_SIDE = 160
_WIDTH, _HEIGHT = 160.0, 56.0


def pixels(image: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return an image as bytes, of shape (h, w) or (h, w, 3).

    Parameters
    ----------
    image : array_like
        (h, w), (h, w, 1 or 3) or (1 or 3, h, w); uint8, or numbers in [0, 1], which are cut off outside.

    Raises
    ------
    ValueError
        If it has another shape.

    Examples
    --------
    >>> pixels([[[0.0, 0.5, 2.0]]]).tolist()
    [[0, 128, 255]]
    """
    found = np.asarray(image)
    if found.ndim == 3 and found.shape[0] in (1, 3) and found.shape[2] not in (1, 3):
        found = np.moveaxis(found, 0, 2)
    if found.ndim == 3 and found.shape[0] == 1 and found.shape[2] == 3:
        found = np.moveaxis(found, 0, 2) if found.shape[1] != 3 else found
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[:, :, 0]
    if found.ndim not in (2, 3) or (found.ndim == 3 and found.shape[2] != 3) or not found.size:
        raise ValueError(f"an image has shape (h, w), (h, w, 1 or 3) or (1 or 3, h, w), got {np.shape(image)}")
    if found.dtype != np.uint8:
        found = np.round(np.clip(np.nan_to_num(found.astype(np.float64)), 0, 1) * 255).astype(np.uint8)
    step = -(-max(found.shape[:2]) // _SIDE)
    return np.ascontiguousarray(found[::step, ::step])


def png(values: npt.NDArray[np.uint8]) -> bytes:
    """Return bytes of shape (h, w), grey, or (h, w, 3), red-green-blue, as a PNG file.

    Examples
    --------
    >>> png(np.zeros((2, 2), dtype=np.uint8))[1:4]
    b'PNG'
    """
    h, w = values.shape[:2]
    # Each row begins with the number of its filter: 0 = none.
    rows = np.concatenate([np.zeros((h, 1), dtype=np.uint8), values.reshape(h, -1)], axis=1)
    header = struct.pack(">IIBBBBB", w, h, 8, 2 if values.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def inline_image(image: npt.ArrayLike, *, alt: str) -> Markup:
    """Return an image that stands in the page itself; pixels stay squares when it grows."""
    address = "data:image/png;base64," + base64.b64encode(png(pixels(image))).decode()
    return tag("img", src=address, alt=alt)


def line_picture(series: npt.ArrayLike, *, name: str, title: str, beside: npt.ArrayLike | None = None) -> Markup:
    """Return a series as a small drawing of its lines, one per channel; ``beside`` is drawn under it in grey.

    Parameters
    ----------
    series : array_like of float, shape (length,) or (channels, length)
    name : str
        Of the drawing, unlike any other on the page.
    title : str
        What it shows, for those who do not see it.
    beside : array_like of float, optional
        Another series, such as the original, on the same scale.
    """
    lines = np.atleast_2d(np.asarray(series, dtype=np.float64))
    under = np.empty((0, 1)) if beside is None else np.atleast_2d(np.asarray(beside, dtype=np.float64))
    known = np.concatenate([lines[np.isfinite(lines)], under[np.isfinite(under)]])
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    drawn = [_line(one, low, high, MUTED, "1", "3 2") for one in under]
    drawn += [_line(one, low, high, BLUE, "1.6", None) for one in lines]
    return tag(
        "svg",
        tag("title", title, id=f"{name}-t"),
        drawn,
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
        aria_labelledby=f"{name}-t",
    )


def _line(
    values: npt.NDArray[np.float64], low: float, high: float, colour: str, width: str, dash: str | None
) -> Markup:
    x = np.linspace(2, _WIDTH - 2, len(values))
    y = _HEIGHT - 3 - (values - low) / ((high - low) or 1) * (_HEIGHT - 6)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if np.isfinite(b))
    return tag("polyline", points=points, fill="none", stroke=colour, stroke_width=width, stroke_dasharray=dash)


def changed_words(before: str, after: str) -> list[Child]:
    """Return a text with what changed marked word by word: new words as insertions, lost ones as deletions.

    Examples
    --------
    >>> from labelwright.analysis.markup import tag
    >>> tag("p", changed_words("win a prize now", "win a reward now"))
    '<p>win a <del>prize</del> <ins>reward</ins> now</p>'
    """
    old, new = before.split(), after.split()
    found: list[Child] = []
    for kind, i, j, a, b in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(" ".join(new[a:b]))
            continue
        if j > i:
            found.append(tag("del", " ".join(old[i:j])))
        if b > a:
            found.append(tag("ins", " ".join(new[a:b])))
    return [piece for one in found for piece in (one, " ")][:-1]


def same(first: Any, second: Any) -> bool:
    """Whether two values of a field are the same, NaN being the same as NaN."""
    return bool(first == second or (first != first and second != second))
