"""Transformation functions on time series: batches (n, channels, length) of numbers."""

from __future__ import annotations

from .values import drop_channels, jitter, magnitude_warp, scale
from .warping import flip, permute_segments, time_warp, window_slice

__all__ = [
    "drop_channels",
    "flip",
    "jitter",
    "magnitude_warp",
    "permute_segments",
    "scale",
    "time_warp",
    "window_slice",
]
