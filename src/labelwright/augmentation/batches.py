"""What a batch is: a tensor, an array or a list of examples, behind the same few operations."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError

__all__ = ["batch_of", "is_dense", "is_tensor", "joined", "put", "stacked", "take"]


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_dense(batch: Any) -> bool:
    """Whether a batch is one tensor or array, rather than a list of examples."""
    return isinstance(batch, np.ndarray) or is_tensor(batch)


def batch_of(batch: Any) -> Any:
    """Return a batch as a tensor, an array of numbers, or a list of examples; nothing is copied that is one of these.

    Raises
    ------
    DataError
        If it is none of these: a frame, a single text, a number.
    """
    if is_tensor(batch) or (isinstance(batch, np.ndarray) and batch.dtype.kind in "biufc"):
        if batch.ndim:
            return batch
        raise DataError("a batch has the examples along its first axis; got an array without axes.")
    if hasattr(batch, "columns"):
        raise DataError(
            "a frame is no batch; hand over its records: frame.to_dicts() (polars), frame.to_dict('records')."
        )
    if isinstance(batch, (str, bytes, Mapping)) or not (hasattr(batch, "__len__") and hasattr(batch, "__iter__")):
        raise DataError(
            f"a batch is a tensor, an array or a list of examples, got {type(batch).__name__}; "
            "for one example write [example]."
        )
    if isinstance(batch, np.ndarray):  # of texts or objects
        return batch.tolist()
    return batch if isinstance(batch, list) else list(batch)


def take(batch: Any, index: npt.NDArray[np.int64]) -> Any:
    """Return the examples at the positions ``index``: a copy, but for the examples in a list themselves."""
    if is_tensor(batch):
        # Five times faster than square brackets.
        return batch.index_select(0, _index_for(batch, index))
    return batch[index] if isinstance(batch, np.ndarray) else [batch[i] for i in index.tolist()]


def put(batch: Any, index: npt.NDArray[np.int64], found: Any, done: npt.NDArray[np.bool_]) -> None:
    """Write those of ``found`` that are ``done`` into ``batch`` at their positions ``index``."""
    if not is_dense(batch):
        for position in np.flatnonzero(done).tolist():
            batch[index[position]] = found[position]
        return
    if not done.all():
        index, found = index[done], take(found, np.flatnonzero(done))
    if is_tensor(batch):
        batch.index_copy_(0, _index_for(batch, index), found)
    else:
        batch[index] = found


def _index_for(batch: Any, index: npt.NDArray[np.int64]) -> Any:
    # torch warns of arrays that cannot be written to, such as those of `Sequences`.
    writable = index if index.flags.writeable else index.copy()
    return sys.modules["torch"].from_numpy(writable).to(batch.device)


def stacked(like: Any, found: list[Any]) -> Any:
    """Stack examples into a batch of the kind of ``like``."""
    return sys.modules["torch"].stack(found) if is_tensor(like) else np.stack(found)


def joined(parts: list[Any]) -> Any:
    """Put parts of a batch together again."""
    if is_tensor(parts[0]):
        return sys.modules["torch"].cat(parts)
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else [one for part in parts for one in part]
