"""Where networks run, and chance that stays inside a block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from labelwright.core.errors import ModelError

__all__ = ["pick_device", "seeded"]


def pick_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device asked for; ``"auto"`` takes CUDA, else MPS, else the CPU.

    Raises
    ------
    ModelError
        If there is no such device here.

    Examples
    --------
    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, available in there.items() if available))
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"device is {device!r}; allowed: 'auto', 'cpu', 'cuda', 'mps' or a torch.device.") from error
    if not there.get(found.type, True):
        raise ModelError(f"device {found.type!r} is not available here; pass device='auto' or 'cpu'.")
    return found


@contextlib.contextmanager
def seeded(random_state: int) -> Iterator[None]:
    """Seed torch for a block only: what is random inside is the same each time, what is outside is not touched.

    Examples
    --------
    >>> with seeded(0):
    ...     first = torch.rand(1)
    >>> with seeded(0):
    ...     bool(first == torch.rand(1))
    True
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        # Not torch.manual_seed: where CUDA is not in use yet, that files a stack trace away on every call.
        torch.default_generator.manual_seed(random_state)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(random_state)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(random_state)
        yield
