"""Time bent, cut and mixed: each new value is read between two old ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import TransformationFunction
from labelwright.augmentation.tables.base import ArrayFunction, Floating, declared, drawn
from labelwright.core.errors import FunctionError

__all__ = [
    "AXES",
    "FlipFunction",
    "PermuteFunction",
    "SliceFunction",
    "TimeWarpFunction",
    "flip",
    "permute_segments",
    "read_at",
    "smooth_curves",
    "time_warp",
    "window_slice",
]

AXES = ("n", "channels", "length")

Floats = npt.NDArray[np.float64]


def smooth_curves(shape: tuple[int, ...], length: int, waves: int, rng: np.random.Generator) -> Floats:
    """Draw smooth curves around 0 with variance 1: sums of ``waves`` slow cosines with normal weights.

    Returns
    -------
    numpy.ndarray, shape (*shape, length)
    """
    time = (np.arange(length) + 0.5) / max(length, 1)
    basis = np.cos(np.pi * np.arange(1, waves + 1)[:, None] * time) * np.sqrt(2 / waves)
    return np.asarray(rng.standard_normal((*shape, waves)) @ basis)


def read_at(x: Floating, positions: Floats) -> Floating:
    """Read series between their values, on straight lines.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, channels, length)
    positions : numpy.ndarray, shape (n, length)
        Times, within 0 to length - 1.

    Returns
    -------
    numpy.ndarray, shape (n, channels, length)

    Examples
    --------
    >>> read_at(np.array([[[0.0, 10.0, 30.0]]]), np.array([[0.0, 0.5, 2.0]])).tolist()
    [[[0.0, 5.0, 30.0]]]
    """
    before = np.floor(positions).astype(np.int64)
    after = np.minimum(before + 1, x.shape[2] - 1)
    weight = (positions - before).astype(x.dtype)[:, None, :]
    left = np.take_along_axis(x, before[:, None, :], axis=2)
    right = np.take_along_axis(x, after[:, None, :], axis=2)
    # A missing value beside one that is read exactly leaves it alone.
    return np.where(weight > 0, left + weight * (right - left), left)


@dataclass(frozen=True, eq=False, kw_only=True)
class TimeWarpFunction(ArrayFunction):
    """Lets time run faster and slower; made by `time_warp`."""

    axes: ClassVar[tuple[str, ...]] = AXES
    waves: int

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series, read at warped times."""
        return read_at(x, self.times(len(x), x.shape[2], magnitude[:, 0], rng))

    def times(self, n: int, length: int, magnitude: npt.NDArray[np.floating], rng: np.random.Generator) -> Floats:
        """Return increasing times from 0 to length - 1, shape (n, length)."""
        steps = max(length - 1, 0)
        speed = np.exp(magnitude.astype(np.float64) * smooth_curves((n,), steps, self.waves, rng))
        out = np.zeros((n, length))
        np.cumsum(speed, axis=1, out=out[:, 1:])
        if steps:
            out *= steps / out[:, -1:]
            out[:, -1] = steps
        return np.minimum(out, steps)


@dataclass(frozen=True, eq=False, kw_only=True)
class SliceFunction(ArrayFunction):
    """Cuts out a window and stretches it; made by `window_slice`."""

    axes: ClassVar[tuple[str, ...]] = AXES

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the windows, stretched to the length of the series."""
        steps = max(x.shape[2] - 1, 0)
        cut = magnitude[:, 0].astype(np.float64)
        start = rng.random((len(x), 1)) * cut * steps
        return read_at(x, np.minimum(start + np.arange(x.shape[2]) * (1 - cut), steps))


@dataclass(frozen=True, eq=False, kw_only=True)
class PermuteFunction(ArrayFunction):
    """Cuts series into segments and mixes some of them; made by `permute_segments`."""

    axes: ClassVar[tuple[str, ...]] = AXES
    segments: int

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series with some segments in each other's places."""
        n, _, length = x.shape
        cuts = np.sort(rng.random((n, self.segments - 1)), axis=1) * length
        time = np.arange(length)
        segment = (time[None, :, None] >= cuts[:, None, :]).sum(axis=2)
        moving = drawn(magnitude[:, 0], self.segments, rng)
        # Those that move change places among themselves: the i-th of them goes where the i-th of a mix of them is.
        mixed = np.where(moving, rng.random(moving.shape), np.inf).argsort(axis=1)
        ordered = np.where(moving, np.arange(self.segments), self.segments).argsort(axis=1, kind="stable")
        place = np.tile(np.arange(self.segments), (n, 1))
        counts = moving.sum(axis=1, keepdims=True)
        held = np.arange(self.segments) < counts
        rows = np.broadcast_to(np.arange(n)[:, None], held.shape)
        place[rows[held], ordered[held]] = mixed[held]
        order = (np.take_along_axis(place, segment, axis=1) * length + time).argsort(axis=1)
        return np.take_along_axis(x, order[:, None, :], axis=2)


@dataclass(frozen=True, eq=False, kw_only=True)
class FlipFunction:
    """Turns series round; made by `flip`."""

    what: Literal["time", "values"]

    def __call__(self, batch: Any) -> Any:
        """Return the batch, turned round."""
        if self.what == "values":
            return -batch
        return batch.flip(-1) if hasattr(batch, "flip") else np.flip(batch, axis=-1).copy()


def time_warp(*, waves: int = 4, high: float = 0.3, name: str = "time_warp") -> TransformationFunction:
    """Let time run faster here and slower there, smoothly.

    Keeps the first and the last value and the order of everything between; all channels are warped alike. Values
    between two times are read on a straight line, so the highest and lowest values never grow.

    Parameters
    ----------
    waves : int, default 4
        Cosines that the speed is made of: more of them, and it changes faster.
    high : float, default 0.3
        Largest magnitude: the standard deviation of the speed's logarithm.
    name : str, default "time_warp"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Notes
    -----
    As in Um et al. 2017, "Data augmentation of wearable sensor data for Parkinson's disease monitoring using
    convolutional neural networks"; the logarithm of the speed is smooth here, so time never runs backwards.

    Examples
    --------
    >>> ramp = np.arange(6.0).reshape(1, 1, 6)
    >>> time_warp()(ramp, magnitude=np.array([0.3]), rng=np.random.default_rng(0)).round(1).tolist()
    [[[0.0, 1.1, 2.0, 3.0, 4.1, 5.0]]]
    """
    if waves < 1:
        raise FunctionError(f"{name}: waves is {waves!r}; at least 1 is needed.")
    return declared(
        TimeWarpFunction(waves=int(waves)), name, high=high, unit="standard deviation of the logarithm of the speed"
    )


def window_slice(*, high: float = 0.2, name: str = "window_slice") -> TransformationFunction:
    """Cut out a window at a place drawn by chance, and stretch it to the length of the series.

    Keeps the order of what is in the window; what lies outside it is lost.

    Parameters
    ----------
    high : float, default 0.2
        Largest magnitude: the share of the series cut off.
    name : str, default "window_slice"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Notes
    -----
    Le Guennec, Malinowski & Tavenard 2016, "Data augmentation for time series classification using convolutional neural
    networks".

    Examples
    --------
    >>> ramp = np.arange(5.0).reshape(1, 1, 5)
    >>> window_slice(high=0.5)(ramp, magnitude=np.array([0.5]), rng=np.random.default_rng(0)).round(1).tolist()
    [[[1.3, 1.8, 2.3, 2.8, 3.3]]]
    """
    return declared(SliceFunction(), name, high=high, unit="share of the length")


def permute_segments(*, segments: int = 4, high: float = 1.0, name: str = "permute_segments") -> TransformationFunction:
    """Cut the series into segments at places drawn by chance, and let some of them change places.

    Keeps every value, and what happens within a segment; for series whose class does not lie in the order of events.

    Parameters
    ----------
    segments : int, default 4
        How many, at least 2.
    high : float, default 1.0
        Largest magnitude: the share of segments that change places among themselves (some may come back to theirs).
    name : str, default "permute_segments"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Examples
    --------
    >>> ramp = np.arange(6.0).reshape(1, 1, 6)
    >>> permute_segments()(ramp, magnitude=np.array([1.0]), rng=np.random.default_rng(0)).tolist()
    [[[1.0, 4.0, 5.0, 2.0, 3.0, 0.0]]]
    """
    if segments < 2:
        raise FunctionError(f"{name}: segments is {segments!r}; at least 2 are needed.")
    return declared(PermuteFunction(segments=int(segments)), name, high=high, unit="share of segments")


def flip(*, what: Literal["time", "values"] = "time", name: str | None = None) -> TransformationFunction:
    """Turn series round: the last value first, or every value with the other sign.

    Parameters
    ----------
    what : {"time", "values"}
    name : str, optional
        Default: ``flip_time`` or ``flip_values``.

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers; without a magnitude.

    Examples
    --------
    >>> flip()(np.array([[[1.0, 2.0, 3.0]]])).tolist()
    [[[3.0, 2.0, 1.0]]]
    """
    chosen = name or f"flip_{what}"
    if what not in ("time", "values"):
        raise FunctionError(f"{chosen}: what is {what!r}; allowed are 'time' and 'values'.")
    return TransformationFunction(name=chosen, function=FlipFunction(what=what), batched=True)
