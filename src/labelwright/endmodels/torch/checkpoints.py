"""Checkpoints: one file that holds numbers and JSON, never a pickle, and is written whole or not at all."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelwright.core import atomic_path
from labelwright.core.errors import DataError, ModelError

__all__ = ["read_checkpoint", "write_checkpoint"]

_TREE = "tree.json"
# numpy has no bfloat16; its bits travel as int16.
_CARRIERS = {torch.bfloat16: torch.int16}


def write_checkpoint(path: str | os.PathLike[str], state: Any) -> None:
    """Write a tree of dicts, lists, tuples, tensors, strings, numbers and None, as ``state_dict()`` gives it.

    Parameters
    ----------
    path : path-like
        An npz file; a file that is there is replaced only when the new one is complete.
    state : tree
        Keys are strings or integers.

    Raises
    ------
    ModelError
        If the tree holds anything else: it could only be written by pickle, which runs code when it is read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(Path(folder) / "a.npz", {"step": 3, "w": torch.ones(2)})
    ...     read_checkpoint(Path(folder) / "a.npz")
    {'step': 3, 'w': tensor([1., 1.])}
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _encode(state, arrays, "state")
    arrays[_TREE] = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        # No array here holds objects, so nothing is pickled; the parameter allow_pickle came after numpy 2.0.
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_checkpoint(path: str | os.PathLike[str]) -> Any:
    """Read what `write_checkpoint` wrote, tensors on the CPU.

    Raises
    ------
    DataError
        If the file cannot be read, or is not a checkpoint.
    """
    try:
        # Opened here: numpy leaves the file open when it does not understand it.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return _decode(json.loads(arrays[_TREE].tobytes()), arrays)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{Path(path)} is not a checkpoint that can be read ({error!r}). Remove it to begin again."
        ) from error


def _encode(value: Any, arrays: dict[str, np.ndarray[Any, Any]], where: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        name = f"t{len(arrays)}"
        carrier = _CARRIERS.get(value.dtype, value.dtype)
        arrays[name] = value.detach().cpu().contiguous().view(carrier).numpy()
        return {"tensor": name, "dtype": str(value.dtype)}
    if isinstance(value, dict) and all(isinstance(key, (str, int)) for key in value):
        return {"dict": [[key, _encode(item, arrays, f"{where}.{key}")] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(item, arrays, f"{where}[{i}]") for i, item in enumerate(value)]}
    raise ModelError(
        f"{where} is a {type(value).__name__}; a checkpoint holds tensors, numbers, strings, lists and dicts only, so "
        "that reading one can never run code."
    )


def _decode(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content), *_) = value.items()
    if kind == "tensor":
        tensor = torch.from_numpy(np.array(arrays[content]))
        return tensor.view(getattr(torch, value["dtype"].removeprefix("torch.")))
    if kind == "dict":
        return {key: _decode(item, arrays) for key, item in content}
    items = [_decode(item, arrays) for item in content]
    return tuple(items) if kind == "tuple" else items
