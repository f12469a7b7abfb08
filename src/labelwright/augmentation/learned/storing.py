"""Numbers and plain records in one file: safetensors with JSON in its header, never a pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from labelwright.core import atomic_path
from labelwright.core.errors import DataError

__all__ = ["read_tensors", "write_tensors"]

_RECORD = "labelwright"


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], record: Any) -> None:
    """Write named tensors and a plain record (what JSON can hold), whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_tensors(Path(folder) / "a.safetensors", {"w": torch.ones(2)}, {"step": 3})
    ...     read_tensors(Path(folder) / "a.safetensors")
    ({'w': tensor([1., 1.])}, {'step': 3})
    """
    # Cloned, since the format refuses tensors that share memory.
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata={_RECORD: json.dumps(record)})


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], Any]:
    """Read what `write_tensors` wrote, tensors on the CPU.

    Raises
    ------
    DataError
        If the file cannot be read, or is not one of these.
    """
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads((file.metadata() or {})[_RECORD])
            # Cloned out of the mapped file, which may be replaced while they are in use.
            return {name: file.get_tensor(name).clone() for name in file.keys()}, record  # noqa: SIM118
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise DataError(f"{Path(path)} cannot be read ({error!r}); remove it to begin again.") from error
