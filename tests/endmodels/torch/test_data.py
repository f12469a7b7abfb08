"""Data sets of soft labels: what is kept, in which types, and how a batch is made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError
from labelwright.endmodels.torch import SoftLabelDataset

SOFT = SoftLabels([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], [True, False, True], classes=["ham", "spam"])
X = np.arange(6, dtype=np.float64).reshape(3, 2)


@pytest.mark.parametrize(("uncovered", "kept", "weight"), [("drop", [0, 2], [1, 1]), (0.25, [0, 1, 2], [1, 0.25, 1])])
def test_uncovered_examples_follow_the_policy(uncovered, kept, weight):
    data = SoftLabelDataset(X, SOFT, uncovered=uncovered)
    inputs, probs, weights = data.batch(torch.arange(len(data)))
    assert inputs.tolist() == X[kept].tolist()
    np.testing.assert_allclose(probs, SOFT.probs[kept], atol=1e-7)
    assert weights.tolist() == weight
    assert data.classes == ("ham", "spam")


def test_items_are_pairs_that_torch_can_load():
    data = SoftLabelDataset(X, SOFT)
    ((inputs, probs),) = DataLoader(data, batch_size=2)
    assert inputs.tolist() == [[0, 1], [4, 5]]
    np.testing.assert_allclose(probs, SOFT.probs[[0, 2]], atol=1e-7)


def test_types_follow_torchs_default_and_tensors_stay_as_they_are():
    assert SoftLabelDataset(X, SOFT).inputs.dtype == torch.float32
    assert SoftLabelDataset(torch.from_numpy(X), SOFT).inputs.dtype == torch.float64
    assert SoftLabelDataset(X.astype(np.int32), SOFT).inputs.dtype == torch.int32


def test_inputs_may_be_read_item_by_item():
    class Images:
        reads = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            self.reads += 1
            return torch.full((2, 2), float(index))

    images = Images()
    data = SoftLabelDataset(images, SOFT)
    images.reads = 0
    inputs, _, _ = data.batch(torch.tensor([1]))
    assert images.reads == 1
    assert inputs.tolist() == [[[2, 2], [2, 2]]]


def test_hard_labels_are_one_hot():
    data = SoftLabelDataset(X, ["spam", "ham", "spam"])
    assert data.classes == ("ham", "spam")
    assert data.probs.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_the_fingerprint_changes_with_what_is_learnt_from():
    def base():
        return SoftLabelDataset(X, SOFT)

    assert base().fingerprint() == base().fingerprint()
    others = [
        SoftLabelDataset(X + 1, SOFT),
        SoftLabelDataset(X, SOFT, uncovered="keep"),
        SoftLabelDataset(X, SoftLabels(SOFT.probs[::-1], SOFT.covered, classes=SOFT.classes)),
        SoftLabelDataset(X, SoftLabels(SOFT.probs, SOFT.covered)),
        SoftLabelDataset(X.reshape(3, 1, 2), SOFT),
    ]
    assert len({base().fingerprint(), *(other.fingerprint() for other in others)}) == 6


def test_what_does_not_fit_is_refused():
    with pytest.raises(ModelError, match="X has 2 examples, but there are labels for 3"):
        SoftLabelDataset(X[:2], SOFT)
    with pytest.raises(ModelError, match="nothing to learn from"):
        SoftLabelDataset(X[:1], SoftLabels([[0.5, 0.5]], [False]))
    with pytest.raises(ModelError, match="X has dtype <U1"):
        SoftLabelDataset(["a", "b", "c"], SOFT)
