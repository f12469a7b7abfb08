"""The seam of functions on arrays: the door where batches come in, and how shares of columns are drawn."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

__all__ = ["ArrayFunction", "Floating", "TableFunction", "declared", "drawn", "learned_columns"]

# Arrays of any floating dtype: what comes in goes out.
Floating: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayFunction(abc.ABC):
    """What a function on batches of arrays does: `changed` alone; the rest is the same for all.

    Batches are numpy arrays or torch tensors; tensors are worked on as arrays, on the CPU, without gradients, and go
    out as tensors of their dtype on their device.
    """

    axes: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return a batch like ``x``; ``magnitude`` has shape (n, 1, ...), as many axes as ``x``."""

    def __call__(self, batch: Any, *, magnitude: Any, rng: np.random.Generator) -> Any:
        """Return the batch, changed; magnitudes of shape (n,), or one for all."""
        x = _as_array(batch)
        if x.ndim != len(self.axes) or x.dtype.kind != "f":
            raise FunctionError(
                f"the batch must have floating numbers and shape ({', '.join(self.axes)}), got {x.dtype} and shape "
                f"{x.shape}. Convert it first: batch.astype('float32')."
            )
        # Half precision is for keeping, not for sums.
        work = x.astype(np.float32) if x.dtype == np.float16 else x
        sizes = np.broadcast_to(_as_array(magnitude), len(x)).astype(work.dtype).reshape(-1, *[1] * (x.ndim - 1))
        out = np.asarray(self.changed(work, sizes, rng), dtype=x.dtype)
        return out if isinstance(batch, np.ndarray) else batch.new_tensor(out)


@dataclass(frozen=True, eq=False, kw_only=True)
class TableFunction(ArrayFunction):
    """A function on tables that may work on some of the columns only.

    Parameters
    ----------
    width : int, optional
        How many columns a table must have; None = any number.
    columns : tuple of int, optional
        Those that may change; None = all.
    """

    axes: ClassVar[tuple[str, ...]] = ("n", "columns")
    width: int | None = None
    columns: tuple[int, ...] | None = None

    def changed(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return a table like ``x`` with changes in some columns."""
        if self.width is not None and x.shape[1] != self.width:
            raise FunctionError(f"the table has {x.shape[1]} columns; the function was made for {self.width}.")
        if self.columns is None:
            return self.in_columns(x, magnitude, rng)
        if max(self.columns) >= x.shape[1]:
            raise FunctionError(f"the table has {x.shape[1]} columns, so there is no column {max(self.columns)}.")
        out = x.copy()
        out[:, self.columns] = self.in_columns(x[:, self.columns], magnitude, rng)
        return out

    @abc.abstractmethod
    def in_columns(self, x: Floating, magnitude: Floating, rng: np.random.Generator) -> Floating:
        """Return the columns that may change, changed."""


def declared(
    function: ArrayFunction, name: str, *, high: float, unit: str, may_change: Collection[str] = ()
) -> TransformationFunction:
    """Make the batched transformation function of a function on arrays, its magnitude from 0 to ``high``."""
    if not 0 < high < np.inf:
        raise FunctionError(f"{name}: high is {high!r}; it must be a positive number.")
    if unit.startswith("share") and high > 1:
        raise FunctionError(f"{name}: high is {high!r}; it is a {unit}, so it must lie in (0, 1].")
    return TransformationFunction(
        name=name,
        function=function,
        magnitude=Magnitude(0.0, float(high), unit=unit),
        batched=True,
        may_change=frozenset(may_change),
    )


def drawn(share: Floating, of: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw a share of ``of`` columns for each row, shape (n, of).

    Counts are rounded up or down by chance, so that they are right in the mean; ``share`` has shape (n, 1).
    """
    exact = np.round(share.astype(np.float64) * of, 6)
    wanted = np.floor(exact + rng.random(share.shape))
    return np.asarray(rng.random((len(share), of)).argsort(axis=1).argsort(axis=1) < wanted)


def learned_columns(
    table: npt.ArrayLike | None, given: npt.ArrayLike | None, columns: Sequence[int] | None, name: str, what: str
) -> tuple[npt.NDArray[np.float64], bool]:
    """Return the table to learn from, or what was given in its place, and whether it is the table; one is needed."""
    if (table is None) == (given is None):
        raise FunctionError(f"{name}: give either a table to learn from or {what}.")
    values = np.asarray(table if given is None else given, dtype=np.float64)
    if values.ndim != (2 if given is None else 1) or not len(values):
        raise FunctionError(
            f"{name}: {'the table' if given is None else what} has shape {values.shape}; it must be "
            f"{'(rows, columns)' if given is None else '(columns,)'}, and not empty."
        )
    checked_columns(columns, name)
    return values, given is None


def checked_columns(columns: Sequence[int] | None, name: str) -> tuple[int, ...] | None:
    """Check that columns are positions, all different."""
    if columns is None:
        return None
    found = tuple(int(column) for column in columns)
    if not found or min(found) < 0 or len(set(found)) < len(found):
        raise FunctionError(f"{name}: columns is {columns!r}; it must hold positions from 0 on, each once.")
    return found


def _as_array(value: Any) -> npt.NDArray[Any]:
    # Tensors are told by what they can do, so that torch is not imported here.
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
