"""A compact training loop: noise-aware loss, early stopping, checkpoints that resume to the very same bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.errors import ModelError

from .augmenting import Augment, Copies
from .data import SoftLabelDataset, as_inputs, stack
from .descents import describe_descent, make_descent
from .devices import pick_device
from .epochs import Course, batches_in, blocks, mean_loss, one_epoch
from .loss import NoiseAwareLoss, check_loss, mean_label
from .progress import Progress, Reporter
from .regularisation import TransformationRegularisation
from .runs import EpochLoss, TrainingResult, check_counts, run
from .schedules import Scheduler, WeightAverage, make_schedule

__all__ = ["EpochLoss", "TrainingResult", "predict_proba", "train"]

# Sets the generator for augmentation apart from that of the order.
_AUGMENTING = 1


def train(
    model: torch.nn.Module,
    dataset: SoftLabelDataset,
    *,
    valid: SoftLabelDataset | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    scheduler: Scheduler | None = None,
    loss: NoiseAwareLoss = "expected",
    class_weight: Sequence[float] | None = None,
    augment: Augment | None = None,
    regularisation: TransformationRegularisation | None = None,
    plain_epochs: int = 0,
    average: float | None = None,
    patience: int = 5,
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    random_state: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a network on soft labels with the noise-aware loss.

    Parameters
    ----------
    model : torch.nn.Module
        Maps a batch of inputs to logits of shape (batch, k). Trained in place, as modules are. Its first weights are
        yours to choose; make it within `seeded` to have the same ones each time.
    dataset : SoftLabelDataset
    valid : SoftLabelDataset, optional
        Dev set, with gold or soft labels: training stops when its loss has not improved for ``patience`` epochs, and
        the weights of the best epoch are restored.
    epochs : int, default 10
        At most.
    batch_size : int, default 64
        At most: an epoch is split evenly, so that no small batch is left over.
    learning_rate : float, default 1e-3
    optimizer : callable, default torch.optim.AdamW
        Called as ``optimizer(parameters, lr=learning_rate)``; ``functools.partial`` adds further settings.
    scheduler : {"one_cycle", "cosine"} or callable, optional
        How the learning rate goes, step by step: see `labelwright.endmodels.torch.make_schedule`. A callable gets the
        optimiser and the number of all steps. Default: it stays.
    loss : {"expected", "marginal"}, default "expected"
        `soft_cross_entropy`; or `marginal_cross_entropy` with the mean label as class balance, for votes that tell of
        the inputs through the class alone, such as those of functions on another modality. The dev set is scored by
        the expected one.
    class_weight : sequence of k floats, optional
        Weight of each class in the expected loss.
    augment : callable, optional
        Called with the inputs of one batch or of several at once, and a `numpy.random.Generator`; returns augmented
        inputs, shape (s, ...), and for each the row that it comes from, shape (s,): there it takes its label and
        weight. Chance must come from that generator alone. If it names a parameter ``losses``, it is also handed a
        callable, ``losses(examples, origins)``: the losses, shape (s,), of candidates under the network as it is then.
    regularisation : TransformationRegularisation, optional
        Asks for the same answer on augmented copies, also of unlabelled examples.
    plain_epochs : int, default 0
        Epochs at the end in which ``augment`` is left out (10 of 150 in Ratner et al., NeurIPS 2017).
    average : float in (0, 1), optional
        Share that each step leaves of a running average of the weights; the dev set then scores the average, and the
        trained network holds it.
    patience : int, default 5
    checkpoint : path-like, optional
        Folder. At the start and after each epoch the whole state is written there; calling ``train`` again with the
        same arguments goes on from it (after Ctrl-C, a crash, or to add epochs), on the CPU to the very same bits as an
        unbroken run.
    device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"
        "auto" takes CUDA, else MPS, else the CPU.
    random_state : int, default 0
        Order of the examples and the chance within the model (dropout). The global generators are left as they were.
    progress : callable, optional
        Called a few times a second with a `Progress`. By default a line is shown where standard error is a
        terminal, and nothing elsewhere.

    Raises
    ------
    ModelError
        If a setting is not allowed, the loss is not finite, or the checkpoint belongs to another run.

    Notes
    -----
    Each example's loss is multiplied by its weight in the data set and divided by the number of examples in its batch,
    so that every step is an unbiased estimate, up to that constant, of the gradient over all examples.

    Examples
    --------
    >>> X = torch.linspace(-1, 1, 20)[:, None]
    >>> data = SoftLabelDataset(X, torch.cat([torch.sigmoid(-9 * X), torch.sigmoid(9 * X)], dim=1))
    >>> from labelwright.endmodels.torch.devices import seeded
    >>> with seeded(0):
    ...     network = torch.nn.Linear(1, 2)
    >>> result = train(network, data, epochs=50, learning_rate=0.1, device="cpu")
    >>> predict_proba(network, [[-1.0], [1.0]], device="cpu").argmax(axis=1).tolist()
    [0, 1]
    """
    check_counts(epochs=epochs, batch_size=batch_size, patience=patience)
    check_loss(loss)
    if loss == "marginal" and class_weight is not None:
        raise ModelError("class_weight weighs the expected loss; leave it out, or set loss='expected'.")
    if not 0 <= plain_epochs <= epochs:
        raise ModelError(f"plain_epochs is {plain_epochs}; it must lie between 0 and epochs, {epochs}.")
    model.to(place := pick_device(device))
    descent = make_descent(optimizer, model.parameters(), learning_rate)
    copies = Copies(augment, regularisation, model)
    steps = epochs * batches_in(len(dataset), batch_size)
    course = Course(
        model,
        descent,
        make_schedule(scheduler, descent, steps),
        None if average is None else WeightAverage(model, average),
        copies,
        None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.get_default_dtype(), device=place),
        batch_size,
        mean_label(dataset.probs, dataset.weight).to(place) if loss == "marginal" else None,
    )
    reporter = Reporter(progress, epochs=epochs, examples_per_epoch=len(dataset))
    augmented = epochs - plain_epochs

    def epoch_loss(epoch: int, last: float | None) -> float:
        rng = np.random.default_rng([random_state, epoch, _AUGMENTING])
        return one_epoch(course, dataset, reporter, rng, epoch=epoch + 1, plain=epoch >= augmented, last_valid=last)

    return run(
        course,
        epoch_loss,
        None if valid is None else lambda: mean_loss(model, valid, batch_size),
        checkpoint=checkpoint,
        settings=lambda: {
            **_settings(dataset, valid, descent, batch_size, class_weight, random_state),
            **_further_settings(copies, scheduler, steps, augmented if plain_epochs else None, average, loss),
        },
        epochs=epochs,
        patience=patience,
        random_state=random_state,
        reporter=reporter,
    )


def predict_proba(
    model: torch.nn.Module, X: Any, *, batch_size: int = 1024, device: str | torch.device = "auto"
) -> npt.NDArray[np.float64]:
    """Return the softmax of the network's logits.

    Parameters
    ----------
    model : torch.nn.Module
    X : as for `SoftLabelDataset`, n examples
    batch_size : int, default 1024
    device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"

    Returns
    -------
    numpy.ndarray of float, shape (n, k)
    """
    place, inputs = pick_device(device), as_inputs(X)
    model.to(place).eval()
    with torch.inference_mode():
        parts = [
            torch.softmax(model(stack(inputs, index).to(place)), dim=1).cpu()
            for index in blocks(len(inputs), batch_size)
        ]
    return torch.cat(parts).numpy().astype(np.float64)


def _settings(
    dataset: SoftLabelDataset,
    valid: SoftLabelDataset | None,
    descent: torch.optim.Optimizer,
    batch_size: int,
    class_weight: Sequence[float] | None,
    random_state: int,
) -> dict[str, str]:
    """Describe everything that the course of training depends on, beside the model's weights."""
    return {
        "training data": dataset.fingerprint(),
        "dev set": "none" if valid is None else valid.fingerprint(),
        "optimizer": describe_descent(descent),
        "batch_size": str(batch_size),
        "class_weight": str(None if class_weight is None else list(class_weight)),
        "random_state": str(random_state),
    }


def _further_settings(
    copies: Copies,
    scheduler: Scheduler | None,
    steps: int,
    augmented_epochs: int | None,
    average: float | None,
    loss: NoiseAwareLoss,
) -> dict[str, str]:
    """Describe the settings that came later; what is not in use is left out, as it is in older checkpoints."""
    found: dict[str, str] = {}
    if copies.augment is not None:
        found["augmentation"] = copies.describe()
    if augmented_epochs is not None:
        found["plain_epochs"] = f"after {augmented_epochs}"
    if scheduler is not None:
        name = scheduler if isinstance(scheduler, str) else getattr(scheduler, "__qualname__", "a callable")
        found["scheduler or epochs"] = f"{name} over {steps} steps"
    if average is not None:
        found["average"] = str(average)
    if loss != "expected":
        found["loss"] = loss
    return found
