"""A slice-aware end model: a head for everybody, and for each slice an indicator and an expert, joined by attention."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from torch.nn.functional import binary_cross_entropy_with_logits

from labelwright.core.errors import ModelError, NotFittedError
from labelwright.core.slices import Slices, as_slices
from labelwright.endmodels.base import Uncovered

from .augmenting import Copies
from .data import SoftLabelDataset, stack
from .devices import pick_device, seeded
from .epochs import Course, batches_in, blocks
from .loss import soft_cross_entropy
from .multitask.trunks import Trunk, features_of, make_trunk, shape_of, trunk_inputs
from .progress import Progress, Reporter
from .runs import TrainingResult, run
from .schedules import WeightAverage, make_schedule
from .slice_network import Confidence, SliceNetwork, SliceOutput
from .training import predict_proba, train

__all__ = ["SliceAwareClassifier", "slice_loss"]


def slice_loss(output: SliceOutput, probs: torch.Tensor, member: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the loss of each example: of the answer, of the head for everybody, of indicators and of experts.

    Parameters
    ----------
    output : SliceOutput
    probs : torch.Tensor, shape (batch, k)
        Soft labels.
    member : torch.Tensor of float, shape (batch, s)
        1 where the example belongs to the slice: an expert learns from its members alone.
    weight : torch.Tensor, shape (batch,)

    Returns
    -------
    torch.Tensor, shape (batch,)

    Examples
    --------
    >>> network = SliceNetwork(torch.nn.Linear(4, 8), 8, classes=2, slices=1)
    >>> output = network.outputs(torch.zeros(5, 4))
    >>> slice_loss(output, torch.full((5, 2), 0.5), torch.ones(5, 1), torch.ones(5)).shape
    torch.Size([5])
    """
    answer = soft_cross_entropy(output.logits, probs, reduction="none")
    heads = output.heads.flatten(0, 1)
    each = soft_cross_entropy(heads, probs.repeat_interleave(output.heads.shape[1], dim=0), reduction="none")
    taught = torch.cat([torch.ones_like(member[:, :1]), member], dim=1)
    belongs = binary_cross_entropy_with_logits(output.indicators, member, reduction="none")
    return weight * (answer + (each.view_as(taught) * taught).sum(dim=1) + belongs.sum(dim=1))


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
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Any, y: Any, slices: Slices | npt.ArrayLike | None = None) -> Self:
        """Train a network anew.

        Parameters
        ----------
        X : array_like of float, shape (n, features), images, or what the trunk takes
        y : SoftLabels, array_like of float of shape (n, k), or hard labels of shape (n,)
        slices : Slices, or array_like of bool of shape (n, s), optional
            Known while training only. A slice of all examples changes nothing, to the last bit, nor do no slices.

        Raises
        ------
        SliceError
            If membership is not of n examples, or not of truth values.
        ModelError
            If a slice is empty or too small, two are the same, or inputs, labels or settings are not as they must be.
        """
        for name, value in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if value < 1:
                raise ModelError(f"{name} is {value}; it must be at least 1.")
        inputs = _checked(trunk_inputs(self.trunk, X))
        data = SoftLabelDataset(inputs, y, uncovered=self.uncovered)
        useful = _useful(as_slices(slices, len(inputs)).take(data.kept.numpy()), self.smallest)
        shape = shape_of(inputs)
        with seeded(self.random_state):
            trunk = make_trunk(self.trunk, shape)
            network = SliceNetwork(
                trunk,
                features_of(trunk, inputs, "mean"),
                len(data.classes),
                len(useful),
                temperature=self.temperature,
                confidence=self.confidence,
            )
        self.result_: TrainingResult = self._trained(network, data, useful)
        self.network_, self.shape_, self.slices_ = network, shape, useful.names
        self.classes_: npt.NDArray[Any] = np.array(data.classes)
        return self

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

    def _trained(self, network: SliceNetwork, data: SoftLabelDataset, useful: Slices) -> TrainingResult:
        optimizer = partial(torch.optim.AdamW, weight_decay=5e-4)
        if not len(useful):
            return train(
                network,
                data,
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
        descent = optimizer(network.parameters(), lr=self.learning_rate)
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
        try:
            return run(
                course,
                lambda epoch, _: _one_epoch(network, course, data, member, reporter, epoch + 1),
                None,
                path=None,
                settings={},
                epochs=self.epochs,
                patience=1,
                random_state=self.random_state,
            )
        finally:
            reporter.close()

    def _given(self, X: Any) -> torch.Tensor:
        if not hasattr(self, "network_"):
            raise NotFittedError("this SliceAwareClassifier is not fitted yet; call fit first.")
        inputs = _checked(trunk_inputs(self.trunk, X))
        if self.trunk in ("mlp", "linear") and shape_of(inputs) != self.shape_:
            raise ModelError(
                f"X holds examples of shape {shape_of(inputs)}, but the network was trained on {self.shape_}."
            )
        return inputs


def _one_epoch(
    network: SliceNetwork,
    course: Course,
    data: SoftLabelDataset,
    member: torch.Tensor,
    reporter: Reporter,
    epoch: int,
) -> float:
    """Take each example once, in a random order; return the mean loss, all heads together."""
    network.train()
    place = next(network.parameters()).device
    total, seen = 0.0, 0
    for index in torch.randperm(len(data)).tensor_split(batches_in(len(data), course.batch_size)):
        inputs, probs, weight, inside = (tensor.to(place) for tensor in (*data.batch(index), member[index]))
        loss = slice_loss(network.outputs(inputs), probs, inside, weight).mean()
        course.descent.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        course.descent.step()
        if course.schedule is not None:
            course.schedule.step()
        if course.average is not None:
            course.average.step(network)
        total += float(loss.detach()) * len(index)
        seen += len(index)
        reporter.saw(epoch, seen, len(index), None)
    mean = total / float(data.weight.sum())
    if not np.isfinite(mean):
        raise ModelError(f"the training loss of epoch {epoch} is {mean}; scale the inputs or lower the learning rate.")
    return mean


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
