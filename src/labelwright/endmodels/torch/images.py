"""An end model for images, with scikit-learn's face: soft labels in, probabilities out, files that hold no code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from labelwright.core import check_classes
from labelwright.core.classes import Class
from labelwright.core.errors import ModelError
from labelwright.endmodels.base import Uncovered

from .augmenting import Augment
from .data import SoftLabelDataset
from .devices import seeded
from .loss import NoiseAwareLoss
from .networks import resnet, small_cnn
from .progress import Progress
from .regularisation import TransformationRegularisation
from .saved import check_fitted, maker_of, read_network, with_weights, write_network
from .training import TrainingResult, predict_proba, train

__all__ = ["ImageClassifier", "Network", "as_images"]

# Gets the number of channels and of classes.
Network: TypeAlias = Literal["small", "resnet"] | Callable[[int, int], torch.nn.Module]

_KIND, _CALLED = "image", "image classifier"


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """A convolutional network trained on soft labels with the noise-aware loss, one cycle of the learning rate.

    Parameters
    ----------
    network : {"small", "resnet"} or callable, default "small"
        `small_cnn`, `resnet` of 56 layers (for a GPU), or what makes a module from the numbers of channels and classes.
    epochs : int, default 60
    batch_size : int, default 64
    learning_rate : float, optional
        The highest of the cycle. Default: 0.004 with AdamW, 0.1 with momentum for "resnet".
    average : float in (0, 1) or None, default 0.99
        See `train`.
    loss, augment, regularisation, plain_epochs
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
    network_ : torch.nn.Module
    result_ : TrainingResult
        Losses of every epoch, and the outcome in a sentence; absent from a model that was loaded.

    Examples
    --------
    >>> images = np.zeros((8, 1, 16, 16), dtype=np.float32)
    >>> images[4:] = 1.0
    >>> model = ImageClassifier(epochs=5, batch_size=4, device="cpu").fit(images, ["dark"] * 4 + ["light"] * 4)
    >>> model.predict(images[[0, 7]]).tolist()
    ['dark', 'light']
    """

    def __init__(
        self,
        network: Network = "small",
        *,
        epochs: int = 60,
        batch_size: int = 64,
        learning_rate: float | None = None,
        average: float | None = 0.99,
        loss: NoiseAwareLoss = "expected",
        augment: Augment | None = None,
        regularisation: TransformationRegularisation | None = None,
        plain_epochs: int = 0,
        uncovered: Uncovered = "drop",
        patience: int = 5,
        device: str | torch.device = "auto",
        random_state: int = 0,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.average = average
        self.loss = loss
        self.augment = augment
        self.regularisation = regularisation
        self.plain_epochs = plain_epochs
        self.uncovered = uncovered
        self.patience = patience
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        valid: tuple[Any, Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train a network anew.

        Parameters
        ----------
        X : torch.Tensor or array_like
            Images: float of shape (n, channels, h, w) with values from 0 to 1; or integers from 0 to 255 of shape
            (n, h, w), or (n, h, w, channels) with 1 or 3 channels.
        y : SoftLabels, array_like of float of shape (n, k), or hard labels of shape (n,)
        valid : (X, y), optional
            Dev set to stop by.
        checkpoint : path-like, optional
            Folder from which a stopped run goes on; see `train`.

        Raises
        ------
        ModelError
            If images or settings are not as they must be.
        """
        images = as_images(X)
        data = SoftLabelDataset(images, y, uncovered=self.uncovered)
        dev = None if valid is None else SoftLabelDataset(as_images(valid[0]), valid[1])
        module = self._new_network(images.shape[1], len(data.classes))
        self.result_: TrainingResult = train(
            module,
            data,
            valid=dev,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate or (0.1 if self.network == "resnet" else 0.004),
            optimizer=self._optimizer(),
            scheduler="one_cycle",
            loss=self.loss,
            augment=self.augment,
            regularisation=self.regularisation,
            plain_epochs=self.plain_epochs,
            average=self.average,
            patience=self.patience,
            checkpoint=checkpoint,
            device=self.device,
            random_state=self.random_state,
            progress=self.progress,
        )
        self.network_ = self.result_.model
        self.channels_ = int(images.shape[1])
        self.classes_: npt.NDArray[Any] = np.array(data.classes)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape (n, k), columns in the order of ``classes_``."""
        check_fitted(self)
        images = as_images(X)
        if images.shape[1] != self.channels_:
            raise ModelError(f"X has {images.shape[1]} channels, but the network was trained on {self.channels_}.")
        return predict_proba(self.network_, images, batch_size=500, device=self.device)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of each image, shape (n,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted network to a folder, whole or not at all: safetensors and JSON, never code.

        Raises
        ------
        NotFittedError
            If there is nothing to save.
        DataError
            If the folder exists and is not a saved image classifier.
        """
        check_fitted(self)
        description = {
            "network": self.network if isinstance(self.network, str) else None,
            "channels": self.channels_,
            "classes": self.classes_.tolist(),
        }
        write_network(folder, self.network_, kind=_KIND, description=description)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        network: Callable[[int, int], torch.nn.Module] | None = None,
        device: str | torch.device = "auto",
    ) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path-like
        network : callable, optional
            What made the module, where it was one of your own.
        device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"

        Raises
        ------
        DataError
            If the folder is not a saved image classifier, or is damaged.
        ModelError
            If the network was one of your own and ``network`` is not given, or is another.
        """
        (name, channels, classes), weights = read_network(folder, kind=_KIND, called=_CALLED, read=_described)
        model = cls(maker_of(name, network, what="network", folder=folder), device=device)
        model.network_ = with_weights(model._new_network(channels, len(classes)), weights, folder)
        model.channels_, model.classes_ = channels, np.array(classes)
        return model

    def _new_network(self, channels: int, classes: int) -> torch.nn.Module:
        named: dict[str, Callable[[int, int], torch.nn.Module]] = {"small": small_cnn, "resnet": resnet}
        make = named.get(self.network) if isinstance(self.network, str) else self.network
        if make is None:
            raise ModelError(f"network is {self.network!r}; allowed: 'small', 'resnet', or a callable.")
        with seeded(self.random_state):
            # Convolutions on a CPU are up to twice as fast with the channels last.
            return make(channels, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _optimizer(self) -> Callable[..., torch.optim.Optimizer]:
        if self.network == "resnet":
            return partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=2e-4)
        return partial(torch.optim.AdamW, weight_decay=5e-4)


def _described(description: Mapping[str, Any]) -> tuple[Any, int, tuple[Class, ...]]:
    """Return the network's name or None, how many channels it takes, and its classes."""
    return description["network"], int(description["channels"]), check_classes(description["classes"])


def as_images(images: Any) -> torch.Tensor:
    """Return images as float32 of shape (n, channels, h, w)."""
    given = images if isinstance(images, torch.Tensor) else torch.as_tensor(np.asarray(images))
    if not given.is_floating_point():
        given = given[..., None] if given.ndim == 3 else given
        if given.ndim != 4 or given.shape[3] not in (1, 3):
            raise ModelError(f"integer images need shape (n, h, w) or (n, h, w, 1 or 3), got {tuple(given.shape)}.")
        given = given.permute(0, 3, 1, 2) / 255
    if given.ndim != 4 or not len(given):
        raise ModelError(f"images need shape (n, channels, h, w) with n at least 1, got {tuple(given.shape)}.")
    return given.to(torch.get_default_dtype())
