"""Examples with their soft labels on many tasks, as torch wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.endmodels.base import Uncovered
from labelwright.endmodels.torch.data import as_inputs, stack

from .layout import Layout
from .targets import task_targets

__all__ = ["Inputs", "MultiTaskDataset", "TaskBatches", "count_of", "read_inputs", "rows_of"]

Inputs: TypeAlias = torch.Tensor | Sequence[torch.Tensor] | dict[str, torch.Tensor]


class MultiTaskDataset:
    """Inputs, and for each task a distribution over its classes and what each example counts.

    Parameters
    ----------
    X : torch.Tensor, array_like of shape (n, ...), sequence of n tensors, or mapping of str to tensors
        As for `SoftLabelDataset`; a mapping (``input_ids``, ``attention_mask``) is what an encoder is called with.
    labels, tasks, weights, uncovered
        See `task_targets`. Tasks of the graph without labels here are masked.

    Attributes
    ----------
    graph : TaskGraph
    inputs : torch.Tensor, sequence or dict of torch.Tensor
        All inputs, also those left out.
    kept : torch.Tensor of int64, shape (number kept,)
        Positions of the examples that count on at least one task.
    probs : dict of str to torch.Tensor, shape (number kept, classes)
        Given that the task applies.
    weight : dict of str to torch.Tensor, shape (number kept,)

    Examples
    --------
    >>> data = MultiTaskDataset([[1.0], [2.0], [3.0]], {"shape": [0, -1, 1], "size": [1, -1, -1]})
    >>> len(data), data.kept.tolist(), data.weight["size"].tolist()
    (2, [0, 2], [1.0, 0.0])
    """

    def __init__(
        self,
        X: Any,
        labels: TaskLabels | Mapping[str, Any],
        *,
        tasks: TaskGraph | None = None,
        weights: Mapping[str, npt.ArrayLike] | None = None,
        uncovered: Uncovered = "drop",
    ) -> None:
        found = task_targets(labels, tasks=tasks, weights=weights, uncovered=uncovered)
        self.graph = found.graph
        self.inputs = read_inputs(X)
        counts = np.stack([found.weight[name] for name in self.graph.names], axis=1)
        if count_of(self.inputs) != len(counts):
            raise ModelError(f"X has {count_of(self.inputs)} examples, but there are labels for {len(counts)}.")
        kept = np.flatnonzero((counts > 0).any(axis=1))
        if not len(kept):
            raise ModelError(
                f"all {len(counts)} examples have weight zero on every task (uncovered={uncovered!r}): there is "
                "nothing to learn from. Write functions that cover more, or pass uncovered='keep'."
            )
        self.kept = torch.from_numpy(kept)
        as_float = torch.get_default_dtype()
        self.probs = {name: torch.as_tensor(found.probs[name][kept], dtype=as_float) for name in self.graph.names}
        self.weight = {name: torch.as_tensor(found.weight[name][kept], dtype=as_float) for name in self.graph.names}

    def __len__(self) -> int:
        return len(self.kept)

    def fingerprint(self) -> str:
        """Return a hash of labels and inputs (of inputs that are read item by item, of their number only)."""
        described = (count_of(self.inputs), [(task.name, task.classes) for task in self.graph.tasks])
        digest = hashlib.sha256(repr((described, self.graph.relations)).encode())
        inputs = self.inputs if isinstance(self.inputs, dict) else {"": self.inputs}
        for tensor in (self.kept, *self.probs.values(), *self.weight.values(), *inputs.values()):
            if isinstance(tensor, torch.Tensor):
                digest.update(repr((tensor.shape, tensor.dtype)).encode())
                digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


class TaskBatches:
    """A data set with the labels of all tasks side by side, in the order in which a network gives its scores.

    Parameters
    ----------
    dataset : MultiTaskDataset
    layout : Layout
    """

    def __init__(self, dataset: MultiTaskDataset, layout: Layout) -> None:
        self.inputs, self.kept = dataset.inputs, dataset.kept
        self.probs = torch.cat([dataset.probs[name] for name in layout.names], dim=1)
        self.weight = torch.stack([dataset.weight[name] for name in layout.names], dim=1)

    def __len__(self) -> int:
        return len(self.kept)

    def batch(self, index: torch.Tensor, place: torch.device) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Return inputs, soft labels (b, columns) and weights (b, tasks) at the positions ``index``."""
        inputs = rows_of(self.inputs, self.kept[index], place)
        return inputs, self.probs[index].to(place), self.weight[index].to(place)


def read_inputs(X: Any) -> Inputs:
    """Return inputs as one tensor, a dict of tensors, or, where they come as a sequence of tensors, as they are.

    Examples
    --------
    >>> sorted(read_inputs({"input_ids": [[1, 2]], "attention_mask": [[1, 0]]}))
    ['attention_mask', 'input_ids']
    """
    if not isinstance(X, Mapping):
        return as_inputs(X)
    tensors = {str(name): torch.as_tensor(value) for name, value in X.items()}
    if not tensors or len({len(tensor) for tensor in tensors.values()}) > 1:
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        raise ModelError(f"X is a mapping of tensors that must all have n rows; got the shapes {shapes}.")
    return tensors


def count_of(inputs: Inputs) -> int:
    """Return how many examples there are."""
    return len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)


def rows_of(inputs: Inputs, positions: torch.Tensor, place: torch.device) -> Any:
    """Return the inputs at ``positions``, stacked, on a device: a tensor, or a dict of tensors."""
    if isinstance(inputs, dict):
        return {name: tensor[positions].to(place) for name, tensor in inputs.items()}
    return stack(inputs, positions).to(place)
