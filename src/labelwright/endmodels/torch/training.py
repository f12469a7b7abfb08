"""A compact training loop: noise-aware loss, early stopping, checkpoints that resume to the very same bits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.errors import ModelError

from .augmenting import Augment, Copies
from .checkpoints import read_checkpoint, write_checkpoint
from .data import SoftLabelDataset, as_inputs, stack
from .devices import pick_device, seeded
from .epochs import Course, batches_in, blocks, mean_loss, one_epoch
from .progress import Progress, Reporter
from .regularisation import TransformationRegularisation
from .schedules import Scheduler, WeightAverage, make_schedule

__all__ = ["EpochLoss", "TrainingResult", "predict_proba", "train"]

_CHECKPOINT = "checkpoint.npz"
# Sets the generator for augmentation apart from that of the order.
_AUGMENTING = 1


@dataclass(frozen=True, slots=True)
class EpochLoss:
    """Mean noise-aware loss of one epoch: on the training batches as they came, and on the dev set after it."""

    train: float
    valid: float | None


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training came to.

    Parameters
    ----------
    model : torch.nn.Module
        The module that was passed in, trained, in evaluation mode; with a dev set, as it was after ``best_epoch``.
    history : tuple of EpochLoss
        One for each epoch, also those before a resume.
    best_epoch : int
        From 1: the epoch with the lowest dev loss, or the last one where there is no dev set.
    stopped_early : bool
        Whether the dev loss had stopped improving.
    outcome : str
        The same in a sentence.
    """

    model: torch.nn.Module
    history: tuple[EpochLoss, ...]
    best_epoch: int
    stopped_early: bool
    outcome: str


@dataclass(slots=True)
class _State:
    """What a resumed run must know, beside the weights and the optimiser: nothing of random generators (see _seed)."""

    history: list[EpochLoss] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict[str, torch.Tensor] | None = None

    @property
    def epoch(self) -> int:
        return len(self.history)

    def exhausted(self, patience: int) -> bool:
        return self.best_weights is not None and self.epoch - self.best_epoch >= patience

    def note(self, loss: EpochLoss, weights: dict[str, torch.Tensor]) -> None:
        best = self.history[self.best_epoch - 1].valid if self.best_epoch else None
        self.history.append(loss)
        if loss.valid is None:
            self.best_epoch = self.epoch
        elif best is None or loss.valid < best:
            self.best_epoch = self.epoch
            self.best_weights = {name: value.detach().clone() for name, value in weights.items()}


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
    class_weight : sequence of k floats, optional
        Weight of each class in the training loss.
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
    >>> with seeded(0):
    ...     network = torch.nn.Linear(1, 2)
    >>> result = train(network, data, epochs=50, learning_rate=0.1, device="cpu")
    >>> predict_proba(network, [[-1.0], [1.0]], device="cpu").argmax(axis=1).tolist()
    [0, 1]
    """
    _check_settings(epochs=epochs, batch_size=batch_size, patience=patience)
    if not 0 <= plain_epochs <= epochs:
        raise ModelError(f"plain_epochs is {plain_epochs}; it must lie between 0 and epochs, {epochs}.")
    place = pick_device(device)
    model.to(place)
    descent = optimizer(model.parameters(), lr=learning_rate)
    path = None if checkpoint is None else Path(checkpoint) / _CHECKPOINT
    copies = Copies(augment, regularisation, model)
    steps = epochs * batches_in(len(dataset), batch_size)
    settings = {}
    if path is not None:
        settings = _settings(dataset, valid, descent, batch_size, class_weight, random_state)
        settings |= _further_settings(
            copies, scheduler, steps, epochs - plain_epochs if plain_epochs else None, average
        )
    class_weights = None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.get_default_dtype())
    course = Course(
        model,
        descent,
        make_schedule(scheduler, descent, steps),
        None if average is None else WeightAverage(model, average),
        copies,
        None if class_weights is None else class_weights.to(place),
        batch_size,
    )
    state = _run(course, dataset, valid, path, settings, epochs, plain_epochs, patience, random_state, progress)
    model.load_state_dict(
        state.best_weights or (model.state_dict() if course.average is None else course.average.weights)
    )
    model.eval()
    early = state.exhausted(patience)
    return TrainingResult(model, tuple(state.history), state.best_epoch, early, _outcome(state, early, patience))


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


def _check_settings(**settings: int) -> None:
    for name, value in settings.items():
        if value < 1:
            raise ModelError(f"{name} is {value}; it must be at least 1.")


def _seed(random_state: int, epoch: int) -> int:
    # A seed of its own for each epoch: a resumed run needs the number of the epoch, not the state of a generator.
    return int(np.random.SeedSequence([random_state, epoch]).generate_state(1, np.uint64)[0])


def _run(
    course: Course,
    dataset: SoftLabelDataset,
    valid: SoftLabelDataset | None,
    path: Path | None,
    settings: dict[str, str],
    epochs: int,
    plain_epochs: int,
    patience: int,
    random_state: int,
    progress: Callable[[Progress], None] | None,
) -> _State:
    """Go through the epochs that are still to do."""
    if path is not None and path.exists():
        state = _resumed(path, settings, course)
    else:
        state = _State()
        # The first weights are kept too: a run that is stopped in its first epoch must not begin from others.
        _write(path, settings, state, course)
    reporter = Reporter(progress, epochs=epochs, examples_per_epoch=len(dataset))
    try:
        while state.epoch < epochs and not state.exhausted(patience):
            plain = state.epoch >= epochs - plain_epochs
            rng = np.random.default_rng([random_state, state.epoch, _AUGMENTING])
            last = state.history[-1].valid if state.history else None
            with seeded(_seed(random_state, state.epoch)):
                loss = one_epoch(course, dataset, reporter, rng, epoch=state.epoch + 1, plain=plain, last_valid=last)
            with _scored_weights(course) as weights:
                found = None if valid is None else mean_loss(course.model, valid, course.batch_size)
                state.note(EpochLoss(loss, found), weights)
            _write(path, settings, state, course)
    finally:
        reporter.close()
    return state


@contextlib.contextmanager
def _scored_weights(course: Course) -> Iterator[dict[str, torch.Tensor]]:
    """Put the averaged weights into the model for a while, where there are such."""
    if course.average is None:
        yield course.model.state_dict()
        return
    own = {name: value.detach().clone() for name, value in course.model.state_dict().items()}
    course.model.load_state_dict(course.average.weights)
    try:
        yield course.average.weights
    finally:
        course.model.load_state_dict(own)


def _settings(
    dataset: SoftLabelDataset,
    valid: SoftLabelDataset | None,
    descent: torch.optim.Optimizer,
    batch_size: int,
    class_weight: Sequence[float] | None,
    random_state: int,
) -> dict[str, str]:
    """Describe everything that the course of training depends on, beside the model's weights."""
    groups = [{name: value for name, value in group.items() if name != "params"} for group in descent.param_groups]
    return {
        "training data": dataset.fingerprint(),
        "dev set": "none" if valid is None else valid.fingerprint(),
        "optimizer": f"{type(descent).__name__} {groups}",
        "batch_size": str(batch_size),
        "class_weight": str(None if class_weight is None else list(class_weight)),
        "random_state": str(random_state),
    }


def _further_settings(
    copies: Copies, scheduler: Scheduler | None, steps: int, augmented_epochs: int | None, average: float | None
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
    return found


def _write(path: Path | None, settings: dict[str, str], state: _State, course: Course) -> None:
    if path is None:
        return
    written = {
        "settings": settings,
        "history": [(loss.train, loss.valid) for loss in state.history],
        "best_epoch": state.best_epoch,
        "best_weights": state.best_weights,
        "weights": dict(course.model.state_dict()),
        "optimizer": course.descent.state_dict(),
    }
    if course.schedule is not None:
        written["schedule"] = course.schedule.state_dict()
    if course.average is not None:
        written["average"] = {"steps": course.average.steps, "weights": course.average.weights}
    write_checkpoint(path, written)


def _resumed(path: Path, settings: dict[str, str], course: Course) -> _State:
    stored = read_checkpoint(path)
    here, there = settings, stored["settings"]
    differing = [name for name in [*here, *(set(there) - set(here))] if here.get(name) != there.get(name)]
    if differing:
        raise ModelError(
            f"the checkpoint {path} is of another run: its {' and '.join(differing)} differ. Choose another folder, or "
            "remove the file to begin again."
        )
    try:
        course.model.load_state_dict(stored["weights"])
        course.descent.load_state_dict(stored["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the checkpoint {path} is of another model: {error}") from error
    if course.schedule is not None:
        course.schedule.load_state_dict(stored["schedule"])
    if course.average is not None:
        place = next(course.model.parameters()).device
        course.average.steps = stored["average"]["steps"]
        course.average.weights = {name: value.to(place) for name, value in stored["average"]["weights"].items()}
    history = [EpochLoss(*losses) for losses in stored["history"]]
    return _State(history, stored["best_epoch"], stored["best_weights"])


def _outcome(state: _State, early: bool, patience: int) -> str:
    if state.best_weights is None:
        return f"Trained for {state.epoch} epochs; there was no dev set to stop by."
    best = state.history[state.best_epoch - 1].valid
    why = f"stopped, as the dev loss had not improved for {patience} epochs" if early else "all epochs were used"
    return (
        f"Trained for {state.epoch} epochs ({why}); the weights are those of epoch {state.best_epoch}, "
        f"dev loss {best:.4f}."
    )
