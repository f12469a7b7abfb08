"""Checkpoints: every state_dict comes back as it was, and no pickle is written or read."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from labelwright.core.errors import DataError, ModelError
from labelwright.endmodels.torch import read_checkpoint, write_checkpoint


def _same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and a == b


def test_a_tree_comes_back_as_it_was(tmp_path):
    tree = {
        0: torch.tensor(1.5),
        "half": torch.tensor([0.1, -2.0], dtype=torch.bfloat16),
        "codes": torch.tensor([[1, 2]], dtype=torch.int8),
        "flag": torch.tensor(True),
        "nothing": torch.empty(0, 3),
        "betas": (0.9, 0.999, math.inf),
        "list": [None, True, 3, "text", {"1": [], 1: ()}],
    }
    write_checkpoint(tmp_path / "c.npz", tree)
    assert _same(tree, read_checkpoint(tmp_path / "c.npz"))


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adagrad])
def test_optimisers_come_back_as_they_were(optimizer, tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    descent = optimizer(model.parameters(), lr=0.1)
    model(torch.ones(4, 2)).square().sum().backward()
    descent.step()
    state = {"model": dict(model.state_dict()), "optimizer": descent.state_dict()}
    write_checkpoint(tmp_path / "c.npz", state)
    assert _same(state, read_checkpoint(tmp_path / "c.npz"))


def test_what_only_pickle_could_write_is_refused_by_place(tmp_path):
    with pytest.raises(ModelError, match=r"state\.a\[1\] is a object"):
        write_checkpoint(tmp_path / "c.npz", {"a": [1, object()]})
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_is_not_read(tmp_path):
    np.savez(tmp_path / "c.npz", **{"tree.json": np.array([print], dtype=object)})
    with pytest.raises(DataError, match="Remove it to begin again"):
        read_checkpoint(tmp_path / "c.npz")


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_cut_file_is_an_error_that_says_so(keep, tmp_path):
    write_checkpoint(tmp_path / "c.npz", {"w": torch.ones(100)})
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(whole[:keep])
    with pytest.raises(DataError, match="not a checkpoint that can be read"):
        read_checkpoint(tmp_path / "c.npz")
