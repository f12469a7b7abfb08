"""Examples with their soft labels, as torch wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset

from labelwright.core.errors import ModelError
from labelwright.endmodels.base import Uncovered, targets

__all__ = ["SoftLabelDataset"]


class SoftLabelDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pairs of an input and a distribution over the classes.

    Parameters
    ----------
    X : torch.Tensor, array_like of shape (n, ...), or sequence of n tensors
        Inputs. Arrays of float take torch's default float type; a tensor stays as it is. A sequence is read item by
        item when a batch is made, so it may read images from disk.
    soft_labels : SoftLabels, array_like of float of shape (n, k), or hard labels of shape (n,)
        As for `labelwright.endmodels.NoiseAwareClassifier`.
    uncovered : {"drop", "keep"} or float in [0, 1], default "drop"
        What becomes of examples on which no source voted: left out, or kept with weight 1 or the weight given.

    Attributes
    ----------
    inputs : torch.Tensor or sequence of torch.Tensor
        All inputs, also those left out.
    kept : torch.Tensor of int64, shape (number kept,)
        Positions in ``X`` of the examples in this data set.
    probs : torch.Tensor, shape (number kept, k)
    weight : torch.Tensor, shape (number kept,)
        Weight of each example in the loss, above 0.
    classes : tuple
        Names of the columns of ``probs``.

    Examples
    --------
    >>> from labelwright.core import SoftLabels
    >>> soft = SoftLabels([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], covered=[True, False, True])
    >>> data = SoftLabelDataset([[1.0], [2.0], [3.0]], soft)
    >>> len(data), data[1]
    (2, (tensor([3.]), tensor([0.2000, 0.8000])))
    """

    def __init__(self, X: Any, soft_labels: Any, *, uncovered: Uncovered = "drop") -> None:
        found = targets(soft_labels, uncovered=uncovered)
        self.inputs = as_inputs(X)
        if len(self.inputs) != len(found.probs):
            raise ModelError(f"X has {len(self.inputs)} examples, but there are labels for {len(found.probs)}.")
        kept = np.flatnonzero(found.weight > 0)
        if not len(kept):
            raise ModelError(
                f"all {len(found.probs)} examples have weight zero (uncovered={uncovered!r}): there is nothing to "
                "learn from. Write functions that cover more, or pass uncovered='keep'."
            )
        self.kept = torch.from_numpy(kept)
        self.probs = torch.as_tensor(found.probs[kept], dtype=torch.get_default_dtype())
        self.weight = torch.as_tensor(found.weight[kept], dtype=torch.get_default_dtype())
        self.classes = tuple(found.classes.tolist())

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inputs[int(self.kept[index])], self.probs[index]

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the inputs, soft labels and weights at the positions ``index`` of this data set, each stacked."""
        return stack(self.inputs, self.kept[index]), self.probs[index], self.weight[index]

    def fingerprint(self) -> str:
        """Return a hash of labels and inputs (of inputs that are read item by item, of their number only)."""
        digest = hashlib.sha256(repr((len(self.inputs), self.classes)).encode())
        for tensor in (self.kept, self.probs, self.weight, self.inputs):
            if isinstance(tensor, torch.Tensor):
                digest.update(repr((tensor.shape, tensor.dtype)).encode())
                digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


def as_inputs(X: Any) -> torch.Tensor | Sequence[torch.Tensor]:
    """Return inputs as one tensor, or, where they come as a sequence of tensors, as they are."""
    if isinstance(X, torch.Tensor):
        return X
    if hasattr(X, "__getitem__") and len(X) and isinstance(X[0], torch.Tensor):
        return cast("Sequence[torch.Tensor]", X)
    array = np.asarray(X)
    if array.dtype.kind not in "biuf":
        raise ModelError(f"X has dtype {array.dtype}; pass numbers, a tensor, or a sequence of tensors.")
    return torch.as_tensor(array, dtype=torch.get_default_dtype() if array.dtype.kind == "f" else None)


def stack(inputs: torch.Tensor | Sequence[torch.Tensor], positions: torch.Tensor) -> torch.Tensor:
    """Return the inputs at ``positions`` as one tensor, shape (len(positions), ...)."""
    if isinstance(inputs, torch.Tensor):
        return inputs[positions]
    return torch.stack([inputs[i] for i in positions.tolist()])
