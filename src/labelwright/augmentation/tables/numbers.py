"""Numbers of a table: noise, factors, values of other rows, values left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import TransformationFunction
from labelwright.core.errors import FunctionError

from .base import Floating, TableFunction, checked_columns, declared, drawn, learned_columns

__all__ = [
    "DroppingFunction",
    "JitterFunction",
    "ScaleFunction",
    "SwapNoiseFunction",
    "drop_features",
    "jitter",
    "scale",
    "swap_noise",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class JitterFunction(TableFunction):
    """Adds noise; made by `jitter`. ``scales`` has one number for each column that may change."""

    scales: npt.NDArray[np.float64]

    def in_columns(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the columns with noise."""
        noise = rng.standard_normal(x.shape).astype(x.dtype)
        return x + magnitude * noise * self.scales.astype(x.dtype)


@dataclass(frozen=True, eq=False, kw_only=True)
class ScaleFunction(TableFunction):
    """Multiplies by factors; made by `scale`."""

    def in_columns(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the columns, multiplied."""
        return x * np.exp(magnitude * rng.standard_normal(x.shape).astype(x.dtype))


@dataclass(frozen=True, eq=False, kw_only=True)
class DroppingFunction(TableFunction):
    """Puts one value in the place of some; made by `drop_features`. ``fill`` has one number for each column."""

    fill: npt.NDArray[np.float64]

    def in_columns(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the columns, some values replaced."""
        return np.where(drawn(magnitude, x.shape[1], rng), self.fill.astype(x.dtype), x)


@dataclass(frozen=True, eq=False, kw_only=True)
class SwapNoiseFunction(TableFunction):
    """Puts values of other rows in the place of some; made by `swap_noise`."""

    pool: npt.NDArray[np.float64] | None

    def in_columns(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the columns, some values replaced."""
        pool = x if self.pool is None else self.pool
        if not len(x):
            return x
        donors = rng.integers(len(pool), size=x.shape)
        values = pool[donors, np.arange(x.shape[1])].astype(x.dtype)
        return np.where(drawn(magnitude, x.shape[1], rng), values, x)


def jitter(
    table: npt.ArrayLike | None = None,
    *,
    scales: npt.ArrayLike | None = None,
    columns: Sequence[int] | None = None,
    high: float = 0.1,
    name: str = "jitter",
) -> TransformationFunction:
    """Add independent normal noise to the numbers of a table.

    Keeps the mean of every column; missing values (NaN) stay missing. Columns that hold codes or 0 and 1 stop doing so:
    name the others in ``columns``.

    Parameters
    ----------
    table : array_like, shape (rows, d), optional
        Where each column's standard deviation is learned; missing values do not count.
    scales : array_like, shape (d,), optional
        The standard deviations themselves.
    columns : sequence of int, optional
        Columns that may change. Default: all.
    high : float, default 0.1
        Largest magnitude: the noise's standard deviation, in those of each column.
    name : str, default "jitter"

    Returns
    -------
    TransformationFunction
        For batches (n, d) of floating numbers.

    Raises
    ------
    FunctionError
        If neither or both of ``table`` and ``scales`` are given, or their shapes are wrong.

    Examples
    --------
    >>> x = np.array([[0.0, 100.0], [1.0, 300.0]])
    >>> noisy = jitter(x, high=0.1)(x, magnitude=np.array([0.0, 0.1]), rng=np.random.default_rng(0))
    >>> noisy.round(2).tolist()
    [[0.0, 100.0], [1.03, 301.05]]
    """
    values, learn = learned_columns(table, scales, columns, name, "scales")
    spread = np.nanstd(values, axis=0) if learn else values
    if not (np.isfinite(spread) & (spread >= 0)).all():
        raise FunctionError(f"{name}: scales are {spread.tolist()}; each must be a finite number, 0 or more.")
    chosen = checked_columns(columns, name)
    function = JitterFunction(
        scales=spread if chosen is None else spread[list(chosen)], columns=chosen, width=len(spread)
    )
    return declared(function, name, high=high, unit="standard deviations")


def scale(*, columns: Sequence[int] | None = None, high: float = 0.1, name: str = "scale") -> TransformationFunction:
    """Multiply each number of a table by a factor of its own, drawn around 1.

    Keeps signs, zeros and missing values.

    Parameters
    ----------
    columns : sequence of int, optional
        Columns that may change. Default: all.
    high : float, default 0.1
        Largest magnitude: the standard deviation of the factor's logarithm.
    name : str, default "scale"

    Returns
    -------
    TransformationFunction
        For batches (n, d) of floating numbers.

    Examples
    --------
    >>> x = np.array([[2.0, 0.0, -1.0]])
    >>> scale()(x, magnitude=np.array([0.1]), rng=np.random.default_rng(0)).round(2).tolist()
    [[2.03, 0.0, -1.07]]
    """
    function = ScaleFunction(columns=checked_columns(columns, name))
    return declared(function, name, high=high, unit="standard deviation of the logarithm")


def drop_features(
    table: npt.ArrayLike | None = None,
    *,
    fill: npt.ArrayLike | None = None,
    columns: Sequence[int] | None = None,
    high: float = 0.2,
    name: str = "drop_features",
) -> TransformationFunction:
    """Put the column's mean, or what stands for missing, in the place of some numbers of each row.

    Keeps all other numbers as they are. Teaches a model not to lean on any one column.

    Parameters
    ----------
    table : array_like, shape (rows, d), optional
        Where the means are learned; missing values do not count.
    fill : array_like, shape (d,), optional
        What stands for a missing value in each column; NaN for models that know what that means.
    columns : sequence of int, optional
        Columns that may change. Default: all.
    high : float, default 0.2
        Largest magnitude: the share of the columns that may change. The count is rounded up or down by chance.
    name : str, default "drop_features"

    Returns
    -------
    TransformationFunction
        For batches (n, d) of floating numbers.

    Raises
    ------
    FunctionError
        If neither or both of ``table`` and ``fill`` are given, their shapes are wrong, or a value is infinite.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> drop_features(x, high=0.5)(x, magnitude=np.array([0.5, 0.5]), rng=np.random.default_rng(0)).tolist()
    [[1.0, 20.0], [2.0, 30.0]]
    """
    values, learn = learned_columns(table, fill, columns, name, "fill")
    means = np.nanmean(values, axis=0) if learn else values
    if np.isinf(means).any() or (learn and np.isnan(means).any()):
        raise FunctionError(f"{name}: fill is {means.tolist()}; each must be a number, or NaN that you give yourself.")
    chosen = checked_columns(columns, name)
    function = DroppingFunction(fill=means if chosen is None else means[list(chosen)], columns=chosen, width=len(means))
    may_change = ["missing"] if np.isnan(function.fill).any() else []
    return declared(function, name, high=high, unit="share of columns", may_change=may_change)


def swap_noise(
    table: npt.ArrayLike | None = None,
    *,
    columns: Sequence[int] | None = None,
    high: float = 0.2,
    name: str = "swap_noise",
) -> TransformationFunction:
    """Put values of other rows, from the same column, in the place of some numbers of each row.

    Keeps the distribution of every column, so codes and 0 and 1 stay what they are. Does not keep what ties columns
    together, so magnitudes are better small.

    Parameters
    ----------
    table : array_like, shape (rows, d), optional
        Where values are taken from. Default: the batch, so that a batch of one row stays as it is.
    columns : sequence of int, optional
        Columns that may change. Default: all.
    high : float, default 0.2
        Largest magnitude: the share of the columns that may change. The count is rounded up or down by chance.
    name : str, default "swap_noise"

    Returns
    -------
    TransformationFunction
        For batches (n, d) of floating numbers.

    Raises
    ------
    FunctionError
        If the table is not of shape (rows, d), or empty.

    Notes
    -----
    Where a row is drawn as its own donor nothing changes. The noise of denoising autoencoders on tables; Bahri et al.
    2022, "SCARF: self-supervised contrastive learning using random feature corruption".

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> swap_noise(x, high=1.0)(x, magnitude=np.array([0.0, 1.0]), rng=np.random.default_rng(0)).tolist()
    [[1.0, 10.0], [3.0, 10.0]]
    """
    pool = None if table is None else np.array(table, dtype=np.float64)
    if pool is not None and (pool.ndim != 2 or not len(pool)):
        raise FunctionError(f"{name}: the table has shape {pool.shape}; it must be (rows, columns), and not empty.")
    chosen = checked_columns(columns, name)
    width = None if pool is None else pool.shape[1]
    if pool is not None and chosen is not None:
        pool = pool[:, list(chosen)]
    return declared(SwapNoiseFunction(pool=pool, columns=chosen, width=width), name, high=high, unit="share of columns")
