"""Values of series: noise, factors, channels left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import TransformationFunction
from labelwright.augmentation.tables.base import ArrayFunction, Floating, declared, drawn
from labelwright.core.errors import FunctionError

from .warping import AXES, smooth_curves

__all__ = [
    "ChannelFunction",
    "JitterFunction",
    "MagnitudeWarpFunction",
    "ScaleFunction",
    "drop_channels",
    "jitter",
    "magnitude_warp",
    "scale",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class JitterFunction(ArrayFunction):
    """Adds noise; made by `jitter`."""

    axes: ClassVar[tuple[str, ...]] = AXES
    scales: npt.NDArray[np.float64] | None

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series with noise."""
        if self.scales is None:
            spread: Floating = x.std(axis=2, keepdims=True)
        elif len(self.scales) == x.shape[1]:
            spread = self.scales.astype(x.dtype)[None, :, None]
        else:
            raise FunctionError(f"the series have {x.shape[1]} channels; the function was made for {len(self.scales)}.")
        return np.asarray(x + magnitude * spread * rng.standard_normal(x.shape).astype(x.dtype))


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaleFunction(ArrayFunction):
    """Multiplies each channel by a factor; made by `scale`."""

    axes: ClassVar[tuple[str, ...]] = AXES

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series, multiplied."""
        return x * np.exp(magnitude * rng.standard_normal((*x.shape[:2], 1)).astype(x.dtype))


@dataclass(frozen=True, eq=False, kw_only=True)
class MagnitudeWarpFunction(ArrayFunction):
    """Multiplies by smooth curves; made by `magnitude_warp`."""

    axes: ClassVar[tuple[str, ...]] = AXES
    waves: int

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series, multiplied."""
        curves = smooth_curves(x.shape[:2], x.shape[2], self.waves, rng)
        return x * np.exp(magnitude * curves.astype(x.dtype))


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelFunction(ArrayFunction):
    """Puts one value in the place of whole channels; made by `drop_channels`."""

    axes: ClassVar[tuple[str, ...]] = AXES
    fill: float

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the series, some channels filled."""
        gone = drawn(magnitude[:, 0], x.shape[1], rng)
        # A series of which nothing is left says nothing of its class.
        gone[gone.all(axis=1), rng.integers(x.shape[1]) if x.shape[1] else 0] = False
        return np.where(gone[:, :, None], np.asarray(self.fill, dtype=x.dtype), x)


def jitter(*, scales: npt.ArrayLike | None = None, high: float = 0.1, name: str = "jitter") -> TransformationFunction:
    """Add independent normal noise to every value of a series.

    Keeps the mean.

    Parameters
    ----------
    scales : array_like, shape (channels,), optional
        What the noise is measured in. Default: the standard deviation of each channel of each series over time.
    high : float, default 0.1
        Largest magnitude: the noise's standard deviation, in those units.
    name : str, default "jitter"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Examples
    --------
    >>> x = np.array([[[0.0, 10.0, 0.0, 10.0]]])
    >>> jitter()(x, magnitude=np.array([0.1]), rng=np.random.default_rng(0)).round(1).tolist()
    [[[0.1, 9.9, 0.3, 10.1]]]
    """
    spread = None if scales is None else np.array(scales, dtype=np.float64)
    if spread is not None and (spread.ndim != 1 or not (np.isfinite(spread) & (spread >= 0)).all()):
        raise FunctionError(f"{name}: scales must be one finite number, 0 or more, for each channel; got {scales!r}.")
    return declared(JitterFunction(scales=spread), name, high=high, unit="standard deviations")


def scale(*, high: float = 0.1, name: str = "scale") -> TransformationFunction:
    """Multiply each channel of a series by a factor of its own, drawn around 1.

    Keeps the shape of every channel, and zeros.

    Parameters
    ----------
    high : float, default 0.1
        Largest magnitude: the standard deviation of the factor's logarithm.
    name : str, default "scale"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Examples
    --------
    >>> x = np.array([[[1.0, 2.0, 3.0]]])
    >>> scale()(x, magnitude=np.array([0.1]), rng=np.random.default_rng(0)).round(2).tolist()
    [[[1.01, 2.03, 3.04]]]
    """
    return declared(ScaleFunction(), name, high=high, unit="standard deviation of the logarithm")


def magnitude_warp(*, waves: int = 4, high: float = 0.2, name: str = "magnitude_warp") -> TransformationFunction:
    """Multiply each channel of a series by a smooth curve around 1.

    Keeps signs, zeros and when things happen.

    Parameters
    ----------
    waves : int, default 4
        Cosines that the curve is made of: more of them, and it changes faster.
    high : float, default 0.2
        Largest magnitude: the standard deviation of the curve's logarithm.
    name : str, default "magnitude_warp"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Notes
    -----
    Um et al. 2017, "Data augmentation of wearable sensor data for Parkinson's disease monitoring using convolutional
    neural networks".

    Examples
    --------
    >>> magnitude_warp()(np.ones((1, 1, 4)), magnitude=np.array([0.2]), rng=np.random.default_rng(0)).round(2).tolist()
    [[[1.04, 0.94, 1.09, 0.94]]]
    """
    if waves < 1:
        raise FunctionError(f"{name}: waves is {waves!r}; at least 1 is needed.")
    return declared(
        MagnitudeWarpFunction(waves=int(waves)), name, high=high, unit="standard deviation of the logarithm"
    )


def drop_channels(*, fill: float = 0.0, high: float = 0.5, name: str = "drop_channels") -> TransformationFunction:
    """Put one value in the place of whole channels.

    Keeps all other channels, and at least one.

    Parameters
    ----------
    fill : float, default 0.0
        What a missing channel is filled with.
    high : float, default 0.5
        Largest magnitude: the share of channels. The count is rounded up or down by chance.
    name : str, default "drop_channels"

    Returns
    -------
    TransformationFunction
        For batches (n, channels, length) of floating numbers.

    Examples
    --------
    >>> x = np.ones((1, 2, 3))
    >>> drop_channels()(x, magnitude=np.array([0.5]), rng=np.random.default_rng(0)).tolist()
    [[[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]
    """
    if not np.isfinite(fill):
        raise FunctionError(f"{name}: fill is {fill!r}; it must be a finite number.")
    return declared(ChannelFunction(fill=float(fill)), name, high=high, unit="share of channels")
