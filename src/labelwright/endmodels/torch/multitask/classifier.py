"""An end model for many tasks with scikit-learn's face: labels of all tasks in, a dict of probabilities out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator

from labelwright.core.classes import Class
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.endmodels.base import Uncovered
from labelwright.endmodels.composing import compose, decode
from labelwright.endmodels.torch.augmenting import Augment
from labelwright.endmodels.torch.devices import seeded
from labelwright.endmodels.torch.loss import NoiseAwareLoss
from labelwright.endmodels.torch.progress import Progress
from labelwright.endmodels.torch.runs import TrainingResult
from labelwright.endmodels.torch.saved import check_fitted, read_network, with_weights, write_network

from .data import MultiTaskDataset
from .graph_json import graph_from_json, graph_to_json
from .network import MultiTaskNetwork, Reads
from .pooling import Pooling
from .predicting import predict_given_applicable
from .training import train_multitask
from .trunks import (
    Trunk,
    describe_trunk,
    features_of,
    known_inputs,
    make_trunk,
    saved_trunk,
    shape_of,
    trunk_inputs,
)
from .weighting import TaskWeights

__all__ = ["MultiTaskClassifier"]

_KIND, _CALLED = "multitask", "model for many tasks"


class MultiTaskClassifier(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """One network for many tasks, trained on soft labels with the noise-aware loss, one cycle of the learning rate.

    Parameters
    ----------
    trunk : {"mlp", "linear", "small", "resnet"} or callable, default "mlp"
        What all tasks share: a hidden layer or nothing for features (scale them first), `small_cnn` or `resnet` without
        the last layer for images, or what makes a module from the shape of one example.
    tasks : TaskGraph, optional
        Default: the graph of the labels, or tasks without relations.
    head_width, reads, pooling
        See `MultiTaskNetwork`.
    loss : {"expected", "marginal"}, default "expected"
        See `train`.
    task_weights : {"equal", "uncertainty", "gradnorm"} or mapping of str to float, default "equal"
        See `train_multitask`.
    epochs : int, default 60
    batch_size : int, default 64
    learning_rate : float, optional
        The highest of the cycle. Default: 0.004 with AdamW, 0.1 with momentum for "resnet".
    average : float in (0, 1) or None, default 0.99
        See `train`.
    augment : callable, optional
        See `train_multitask`.
    uncovered : {"drop", "keep"} or float in [0, 1], default "drop"
        What becomes of examples on which no source voted, task by task.
    patience : int, default 5
        See `train`; only a dev set can stop training early.
    device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"
    random_state : int, default 0
    progress : callable, optional

    Attributes
    ----------
    graph_ : TaskGraph
    classes_ : dict of str to tuple
        The states of each task, in the order of the columns of its probabilities.
    network_ : MultiTaskNetwork
    result_ : TrainingResult
        Losses of every epoch, and the outcome in a sentence; absent from a model that was loaded.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 4)
    >>> labels = {"left": ["low", "low", "high", "high"] * 4, "right": [0, 1, 0, -1] * 4}
    >>> model = MultiTaskClassifier(epochs=20, batch_size=4, device="cpu").fit(X, labels)
    >>> {task: answers.tolist() for task, answers in model.predict(X[1:3]).items()}
    {'left': ['low', 'high'], 'right': [1, 0]}
    """

    def __init__(
        self,
        trunk: Trunk = "mlp",
        *,
        tasks: TaskGraph | None = None,
        head_width: int | None = None,
        reads: Reads = "nothing",
        pooling: Pooling = "mean",
        loss: NoiseAwareLoss = "expected",
        task_weights: TaskWeights = "equal",
        epochs: int = 60,
        batch_size: int = 64,
        learning_rate: float | None = None,
        average: float | None = 0.99,
        augment: Augment | None = None,
        uncovered: Uncovered = "drop",
        patience: int = 5,
        device: str | torch.device = "auto",
        random_state: int = 0,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.trunk = trunk
        self.tasks = tasks
        self.head_width = head_width
        self.reads = reads
        self.pooling = pooling
        self.loss = loss
        self.task_weights = task_weights
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.average = average
        self.augment = augment
        self.uncovered = uncovered
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: Any,
        y: TaskLabels | Mapping[str, Any],
        *,
        weights: Mapping[str, npt.ArrayLike] | None = None,
        valid: tuple[Any, TaskLabels | Mapping[str, Any]] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train a network anew.

        Parameters
        ----------
        X : array_like of float of shape (n, features), images as for `ImageClassifier`, or what the trunk takes
        y : TaskLabels, or mapping of str to labels of one task
            See `labelwright.endmodels.torch.multitask.task_targets`.
        weights : mapping of str to array_like of float, shape (n,), optional
            Weight of each example on a task.
        valid : (X, y), optional
            Dev set to stop by.
        checkpoint : path-like, optional
            Folder from which a stopped run goes on; see `train_multitask`.

        Raises
        ------
        ModelError
            If inputs, labels or settings are not as they must be.
        """
        inputs = trunk_inputs(self.trunk, X)
        data = MultiTaskDataset(inputs, y, tasks=self.tasks, weights=weights, uncovered=self.uncovered)
        dev = None
        if valid is not None:
            dev = MultiTaskDataset(trunk_inputs(self.trunk, valid[0]), valid[1], tasks=data.graph)
        shape = shape_of(inputs)
        with seeded(self.random_state):
            trunk = make_trunk(self.trunk, shape)
            network = self._new_network(trunk, data.graph, features_of(trunk, inputs, self.pooling))
        resnet = self.trunk == "resnet"
        momentum = partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=2e-4)
        self.result_: TrainingResult = train_multitask(
            network,
            data,
            valid=dev,
            loss=self.loss,
            task_weights=self.task_weights,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate or (0.1 if resnet else 0.004),
            optimizer=momentum if resnet else partial(torch.optim.AdamW, weight_decay=5e-4),
            scheduler="one_cycle",
            average=self.average,
            augment=self.augment,
            patience=self.patience,
            checkpoint=checkpoint,
            device=self.device,
            random_state=self.random_state,
            progress=self.progress,
        )
        self._fitted(network, shape)
        return self

    def predict_proba(self, X: Any) -> dict[str, npt.NDArray[np.float64]]:
        """Return for each task the probability of each of its states, shape (n, states), as `compose` gives them."""
        given = self._given(X)
        return compose(given, self.graph_)

    def predict(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        """Return for each task its answer, shape (n,): a class, or "N/A"; together feasible, as `decode` gives them."""
        answers = decode(self._given(X), self.graph_)
        return {name: _array(self.classes_[name])[codes] for name, codes in answers.items()}

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted network to a folder, whole or not at all: safetensors and JSON, never code.

        Raises
        ------
        NotFittedError
            If there is nothing to save.
        DataError
            If the folder exists and is not a saved model.
        """
        check_fitted(self)
        description = {
            **describe_trunk(self.trunk, self.shape_, self.network_.width),
            "head_width": self.head_width,
            "reads": self.reads,
            "pooling": self.pooling,
            "graph": graph_to_json(self.graph_),
        }
        write_network(folder, self.network_, kind=_KIND, description=description)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        trunk: Trunk | None = None,
        device: str | torch.device = "auto",
    ) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path-like
        trunk : callable, optional
            What made the trunk, where it was one of your own.
        device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"

        Raises
        ------
        DataError
            If the folder is not a saved model for many tasks, or is damaged.
        ModelError
            If the trunk was one of your own and ``trunk`` is not given, or is another.
        """
        (read, graph), weights = read_network(folder, kind=_KIND, called=_CALLED, read=_described)
        saved = saved_trunk(read, trunk, folder)
        settings = {name: read[name] for name in ("head_width", "reads", "pooling")}
        model = cls(saved.maker, tasks=graph, device=device, **settings)
        with seeded(0):
            network = model._new_network(saved.module, graph, saved.width)
        model._fitted(with_weights(network, weights, folder), saved.shape)
        return model

    def _new_network(self, trunk: torch.nn.Module, graph: TaskGraph, width: int) -> MultiTaskNetwork:
        return MultiTaskNetwork(
            trunk, graph, width=width, head_width=self.head_width, reads=self.reads, pooling=self.pooling
        )

    def _fitted(self, network: MultiTaskNetwork, shape: tuple[int, ...] | None) -> None:
        self.network_, self.shape_, self.graph_ = network, shape, network.graph
        self.classes_: dict[str, tuple[Class, ...]] = {name: self.graph_.states(name) for name in self.graph_.names}

    def _given(self, X: Any) -> dict[str, npt.NDArray[np.float64]]:
        check_fitted(self)
        inputs = known_inputs(self.trunk, X, self.shape_)
        return predict_given_applicable(self.network_, inputs, batch_size=500, device=self.device)


def _described(description: Mapping[str, Any]) -> tuple[dict[str, Any], TaskGraph]:
    """Return the settings of a saved model, and its graph."""
    needed = ("trunk", "shape", "width", "head_width", "reads", "pooling")
    return {name: description[name] for name in needed}, graph_from_json(description["graph"])


def _array(states: tuple[Class, ...]) -> npt.NDArray[Any]:
    # Numbers and "N/A" side by side must not all become strings.
    kinds = {isinstance(state, str) for state in states}
    return np.array(states, dtype=object if len(kinds) > 1 else None)
