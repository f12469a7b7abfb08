"""One torch thread, and points on a disc with functions that push them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation import transformation_function  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def disc():
    """Uniform points on the unit disc, shape (1000, 2)."""
    rng = np.random.default_rng(7)
    radius, angle = np.sqrt(rng.random(1000)), 2 * np.pi * rng.random(1000)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.fixture
def push():
    """Make a function that pushes points by so much, in a direction given in turns."""

    def make(name, distance, turn):
        step = distance * np.array([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)])
        return transformation_function(name, batched=True, depends_on=[name])(lambda points: points + step)

    return make
