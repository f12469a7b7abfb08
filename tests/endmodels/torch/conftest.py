"""One torch thread: with two on busy cores an epoch takes up to 55 times as long."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
