"""A slice-aware end model: a head for everybody, and for each slice an indicator and an expert, joined by attention."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator

from labelwright.core import check_classes
from labelwright.core.errors import ModelError
from labelwright.core.slices import Slices, as_slices
from labelwright.endmodels.base import Uncovered

from .augmenting import Copies
from .data import SoftLabelDataset, stack
from .descents import make_descent
from .devices import pick_device, seeded
from .epochs import Course, batches_in, blocks, finite_loss, follow, mean_loss
from .multitask.trunks import (
    Shape,
    Trunk,
    describe_trunk,
    features_of,
    known_inputs,
    make_trunk,
    saved_trunk,
    shape_of,
    trunk_inputs,
)
from .progress import Progress, Reporter
from .runs import TrainingResult, check_counts, run
from .saved import check_fitted, read_network, with_weights, write_network
from .schedules import WeightAverage, make_schedule
from .slice_loss import slice_loss
from .slice_network import Confidence, SliceNetwork
from .training import predict_proba, train

__all__ = ["SliceAwareClassifier"]

_KIND = "slices"


class SliceAwareClassifier(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A network that gives slices experts of their own, trained on soft labels with the noise-aware loss.

    Parameters
    ----------
    trunk : {"mlp", "linear", "small", "resnet"} or callable, default "mlp"
        As for `labelwright.endmodels.torch.multitask.MultiTaskClassifier`. Scale features first.
    temperature : float, default 1.0
        See `SliceNetwork`.
    confidence : {"gap", "probability"}, default "gap"
        See `confidence_of`.
    smallest : int, default 10
        A slice with fewer examples to learn from is refused: its expert would learn them by heart.
    epochs : int, default 60
    batch_size : int, default 64
    learning_rate : float, default 0.004
        The highest of one cycle, with AdamW.
    average : float in (0, 1) or None, default 0.99
        See `train`.
    uncovered : {"drop", "keep"} or float in [0, 1], default "drop"
        What becomes of examples on which no source voted.
    patience : int, default 5
        See `train`; only a dev set can stop training early.
    device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"
    random_state : int, default 0
    progress : callable, optional

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (k,)
    slices_ : tuple of str
        Slices with an expert: those that hold some examples and not others.
    network_ : SliceNetwork
    result_ : TrainingResult
        Absent from a model that was loaded.

    Examples
    --------
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]] * 10)
    >>> y = [0, 1, 1, 0] * 10  # where the second feature is 1, the other way round
    >>> odd = X[:, [1]] == 1
    >>> model = SliceAwareClassifier(epochs=30, batch_size=10, device="cpu").fit(X, y, Slices(odd, ["odd"]))
    >>> model.predict(X[:4]).tolist(), model.slices_
    ([0, 1, 1, 0], ('odd',))
    """

    def __init__(
        self,
        trunk: Trunk = "mlp",
        *,
        temperature: float = 1.0,
        confidence: Confidence = "gap",
        smallest: int = 10,
        epochs: int = 60,
        batch_size: int = 64,
        learning_rate: float = 0.004,
        average: float | None = 0.99,
        uncovered: Uncovered = "drop",
        patience: int = 5,
        device: str | torch.device = "auto",
        random_state: int = 0,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.trunk = trunk
        self.temperature = temperature
        self.confidence = confidence
        self.smallest = smallest
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.average = average
        self.uncovered = uncovered
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: Any,
        y: Any,
        slices: Slices | npt.ArrayLike | None = None,
        *,
        valid: tuple[Any, Any] | None = None,
    ) -> Self:
        """Train a network anew.

        Parameters
        ----------
        X : array_like of float, shape (n, features), images, or what the trunk takes
        y : SoftLabels, array_like of float of shape (n, k), or hard labels of shape (n,)
        slices : Slices, or array_like of bool of shape (n, s), optional
            Known while training only. A slice of all examples changes nothing, to the last bit, nor do no slices.
        valid : (X, y), optional
            Dev set to stop by: by the loss of its answers.

        Raises
        ------
        SliceError
            If membership is not of n examples, or not of truth values.
        ModelError
            If a slice is empty or too small, two are the same, or inputs, labels or settings are not as they must be.
        """
        check_counts(epochs=self.epochs, batch_size=self.batch_size, patience=self.patience)
        inputs = _checked(trunk_inputs(self.trunk, X))
        data = SoftLabelDataset(inputs, y, uncovered=self.uncovered)
        dev = None if valid is None else SoftLabelDataset(_checked(trunk_inputs(self.trunk, valid[0])), valid[1])
        useful = _useful(as_slices(slices, len(inputs)).take(data.kept.numpy()), self.smallest)
        shape = shape_of(inputs)
        with seeded(self.random_state):
            trunk = make_trunk(self.trunk, shape)
            shares = useful.member.mean(axis=0).tolist()
            network = self._new_network(trunk, features_of(trunk, inputs, "mean"), len(data.classes), shares)
        self.result_: TrainingResult = self._trained(network, data, useful, dev)
        self._fitted(network, shape, useful.names, np.array(data.classes))
        return self

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
            **describe_trunk(self.trunk, self.shape_, self.network_.head.in_features),
            "temperature": self.temperature,
            "confidence": self.confidence,
            "slices": list(self.slices_),
            "shares": self.network_.shares.tolist() if self.slices_ else [],
            "classes": self.classes_.tolist(),
        }
        write_network(folder, self.network_, kind=_KIND, description=description)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], *, trunk: Trunk | None = None, device: str | torch.device = "auto"
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
            If the folder is not a saved slice-aware model, or is damaged.
        ModelError
            If the trunk was one of your own and ``trunk`` is not given, or is another.
        """
        read, weights = read_network(folder, kind=_KIND, called="slice-aware model", read=_described)
        saved = saved_trunk(read, trunk, folder)
        settings = {name: read[name] for name in ("temperature", "confidence")}
        model = cls(saved.maker, device=device, **settings)
        with seeded(0):
            network = model._new_network(saved.module, saved.width, len(read["classes"]), read["shares"])
        trained, slices = with_weights(network, weights, folder), tuple(read["slices"])
        model._fitted(trained, saved.shape, slices, np.array(read["classes"]))
        return model

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (n, k); membership need not be known."""
        inputs = self._given(X)
        return predict_proba(self.network_, inputs, batch_size=500, device=self.device)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class, shape (n,)."""
        probs = self.predict_proba(X)
        return np.asarray(self.classes_[probs.argmax(axis=1)])

    def slice_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of belonging to each of ``slices_``, shape (n, s), as the indicators see it."""
        inputs, place = self._given(X), pick_device(self.device)
        self.network_.to(place).eval()
        with torch.inference_mode():
            parts = [
                torch.sigmoid(self.network_.outputs(stack(inputs, index).to(place)).indicators).cpu()
                for index in blocks(len(inputs), 500)
            ]
        return torch.cat(parts).numpy().astype(np.float64)

    def _new_network(self, trunk: torch.nn.Module, width: int, classes: int, shares: list[float]) -> SliceNetwork:
        return SliceNetwork(trunk, width, classes, shares, temperature=self.temperature, confidence=self.confidence)

    def _fitted(self, network: SliceNetwork, shape: Shape, slices: tuple[str, ...], classes: npt.NDArray[Any]) -> None:
        self.network_, self.shape_, self.slices_, self.classes_ = network, shape, slices, classes

    def _trained(
        self, network: SliceNetwork, data: SoftLabelDataset, useful: Slices, dev: SoftLabelDataset | None
    ) -> TrainingResult:
        optimizer = partial(torch.optim.AdamW, weight_decay=5e-4)
        if not len(useful):
            return train(
                network,
                data,
                valid=dev,
                patience=self.patience,
                epochs=self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                optimizer=optimizer,
                scheduler="one_cycle",
                average=self.average,
                device=self.device,
                random_state=self.random_state,
                progress=self.progress,
            )
        network.to(pick_device(self.device))
        descent = make_descent(optimizer, network.parameters(), self.learning_rate)
        steps = self.epochs * batches_in(len(data), self.batch_size)
        average = None if self.average is None else WeightAverage(network, self.average)
        course = Course(
            network,
            descent,
            make_schedule("one_cycle", descent, steps),
            average,
            Copies(None, None, network),
            None,
            self.batch_size,
        )
        member = torch.as_tensor(np.array(useful.member), dtype=torch.get_default_dtype())
        reporter = Reporter(self.progress, epochs=self.epochs, examples_per_epoch=len(data))
        return run(
            course,
            lambda epoch, last: _one_epoch(network, course, data, member, reporter, epoch + 1, last),
            None if dev is None else lambda: mean_loss(network, dev, 500),
            checkpoint=None,
            settings=dict,
            epochs=self.epochs,
            patience=self.patience,
            random_state=self.random_state,
            reporter=reporter,
        )

    def _given(self, X: Any) -> torch.Tensor:
        check_fitted(self)
        return _checked(known_inputs(self.trunk, X, self.shape_))


def _one_epoch(
    network: SliceNetwork,
    course: Course,
    data: SoftLabelDataset,
    member: torch.Tensor,
    reporter: Reporter,
    epoch: int,
    last: float | None,
) -> float:
    """Take each example once, in a random order; return the mean loss, all heads together."""
    network.train()
    place = next(network.parameters()).device
    total, seen = 0.0, 0
    for index in torch.randperm(len(data)).tensor_split(batches_in(len(data), course.batch_size)):
        inputs, probs, weight, inside = (tensor.to(place) for tensor in (*data.batch(index), member[index]))
        loss = slice_loss(network.outputs(inputs), probs, inside, weight, network.shares).mean()
        follow(course, loss)
        total += float(loss.detach()) * len(index)
        seen += len(index)
        reporter.saw(epoch, seen, len(index), last)
    return finite_loss(total / float(data.weight.sum()), epoch)


def _described(description: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a description what is needed."""
    found = {name: description[name] for name in ("trunk", "shape", "width", "temperature", "confidence", "shares")}
    names = [str(name) for name in description["slices"]]
    if len(names) != len(found["shares"]):
        raise ValueError("slices and their shares are not as many")
    return {**found, "slices": names, "classes": list(check_classes(description["classes"]))}


def _checked(inputs: Any) -> torch.Tensor:
    if not isinstance(inputs, torch.Tensor):
        raise ModelError("X must be an array or a tensor; a slice-aware model takes no mapping of tensors.")
    if inputs.is_floating_point() and not bool(torch.isfinite(inputs).all()):
        raise ModelError("X holds NaN or infinite values; fill them in or leave these examples out.")
    return inputs


def _useful(slices: Slices, smallest: int) -> Slices:
    """Return the slices that tell examples apart; refuse those that nothing can be learned from."""
    sizes = dict(zip(slices.names, slices.sizes.tolist(), strict=True))
    # What holds of every example says nothing: an expert would be the head for everybody once more.
    names = [name for name, size in sizes.items() if size < slices.n]
    for name in names:
        if sizes[name] < max(smallest, 1):
            raise ModelError(
                f"slice {name!r} holds {sizes[name]} of the {slices.n} examples to learn from; an expert needs at "
                f"least {max(smallest, 1)}. Leave the slice out, widen it, or lower smallest."
            )
    first: dict[bytes, str] = {}
    for name in names:
        other = first.setdefault(slices[name].tobytes(), name)
        if other != name:
            raise ModelError(f"slices {other!r} and {name!r} hold the same examples; leave one out.")
    return slices.select(names)
