"""Networks on disk: what is written comes back, and what is not such a model is refused by name."""

from __future__ import annotations

import pytest
import torch

from labelwright.core.errors import DataError, ModelError
from labelwright.endmodels.torch.saved import read_network, with_weights, write_network


def read(folder, *, kind="plain", needs="width"):
    return read_network(folder, kind=kind, called="plain model", read=lambda description: description[needs])


def test_weights_and_description_come_back(tmp_path):
    network = torch.nn.Linear(3, 2)
    write_network(tmp_path / "model", network, kind="plain", description={"width": 3})
    width, weights = read(tmp_path / "model")
    again = with_weights(torch.nn.Linear(width, 2), weights, tmp_path / "model")
    assert not again.training
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), network.parameters(), strict=True))
    with pytest.raises(ModelError, match="of another network"):
        with_weights(torch.nn.Linear(5, 2), weights, tmp_path / "model")


def test_other_kinds_and_damaged_models_are_refused(tmp_path):
    with pytest.raises(DataError, match="is not a saved plain model"):
        read(tmp_path)
    write_network(tmp_path / "model", torch.nn.Linear(3, 2), kind="plain", description={"width": 3})
    with pytest.raises(DataError, match="holds a 'plain' model of format 1; this reads 'other', 1"):
        read(tmp_path / "model", kind="other")
    with pytest.raises(DataError, match=r"is not a saved plain model .*KeyError"):
        read(tmp_path / "model", needs="depth")
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(DataError, match="is not a saved plain model"):
        read(tmp_path / "model")
