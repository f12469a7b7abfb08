"""Chance for transforms that draw from torch's shared generator: seeded for one call, and put back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from labelwright.augmentation.batches import is_tensor

__all__ = ["seeded", "through_tensors"]


@contextmanager
def seeded(rng: np.random.Generator, example: Any) -> Iterator[None]:
    """Let torch's shared generators start from ``rng``, on the CPU and where ``example`` lies; then put them back.

    Parameters
    ----------
    rng : numpy.random.Generator
        One number is drawn from it.
    example : object
        A tensor on a GPU has the generator of that GPU seeded too.
    """
    torch: Any = sys.modules["torch"]  # a transform that needs it has imported it
    seed = int(rng.integers(2**63))
    devices = [example.device.index] if is_tensor(example) and example.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        for device in devices:
            torch.cuda.default_generators[device].manual_seed(seed)
        yield


def through_tensors(transform: Any, example: Any) -> Any:
    """Apply a transform of tensors to a tensor or an array and return the kind that was given; others as they are."""
    if not isinstance(example, np.ndarray):
        return transform(example)
    torch: Any = sys.modules["torch"]
    found = transform(torch.from_numpy(np.array(example)))
    return found.numpy() if is_tensor(found) else found
