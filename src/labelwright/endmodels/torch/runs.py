"""A run of training: epoch after epoch, early stopping, checkpoints that resume to the very same bits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from labelwright.core.errors import ModelError

from .checkpoints import read_checkpoint, write_checkpoint
from .devices import seeded
from .progress import Reporter
from .schedules import Schedule, WeightAverage

__all__ = ["EpochLoss", "Learner", "TrainingResult", "check_counts", "run"]

# Name of the file in the folder of a checkpoint.
_CHECKPOINT = "checkpoint.npz"


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


def _seed(random_state: int, epoch: int) -> int:
    # A seed of its own for each epoch: a resumed run needs the number of the epoch, not the state of a generator.
    return int(np.random.SeedSequence([random_state, epoch]).generate_state(1, np.uint64)[0])


def check_counts(**counts: int) -> None:
    """Check that settings that count something are at least 1.

    Raises
    ------
    ModelError
        That names the first which is not.
    """
    for name, value in counts.items():
        if value < 1:
            raise ModelError(f"{name} is {value}; it must be at least 1.")


class Learner(Protocol):
    """What is trained, and goes into checkpoints whole."""

    @property
    def model(self) -> torch.nn.Module:
        """What is trained."""
        ...

    @property
    def descent(self) -> torch.optim.Optimizer:
        """What makes the steps."""
        ...

    @property
    def schedule(self) -> Schedule | None:
        """How the learning rate goes."""
        ...

    @property
    def average(self) -> WeightAverage | None:
        """Weights averaged along the way."""
        ...


def run(
    course: Learner,
    one_epoch: Callable[[int, float | None], float],
    score: Callable[[], float] | None,
    *,
    checkpoint: str | os.PathLike[str] | None,
    settings: Callable[[], dict[str, str]],
    epochs: int,
    patience: int,
    random_state: int,
    reporter: Reporter,
) -> TrainingResult:
    """Go through the epochs that are still to do; leave the model in evaluation mode, as it is to be used.

    Parameters
    ----------
    course : Learner
    one_epoch : callable
        Gets the number of the epoch, from 0, and the last dev loss; returns the training loss. Torch's chance within
        it is seeded.
    score : callable or None
        Returns the dev loss of the model as it is.
    checkpoint : path-like or None
        Folder of the checkpoint.
    settings : callable
        Returns what the course of training depends on, beside the model's weights; asked where there is a checkpoint.
    epochs, patience, random_state : int
        See `train`.
    reporter : Reporter
        Closed at the end.

    Returns
    -------
    TrainingResult

    Raises
    ------
    ModelError
        If the checkpoint belongs to another run.
    """
    path = None if checkpoint is None else Path(checkpoint) / _CHECKPOINT
    described = {} if path is None else settings()
    if path is not None and path.exists():
        state = _resumed(path, described, course)
    else:
        state = _State()
        # The first weights are kept too: a run that is stopped in its first epoch must not begin from others.
        _write(path, described, state, course)
    with contextlib.closing(reporter):
        while state.epoch < epochs and not state.exhausted(patience):
            last = state.history[-1].valid if state.history else None
            with seeded(_seed(random_state, state.epoch)):
                loss = one_epoch(state.epoch, last)
            with _scored_weights(course) as weights:
                state.note(EpochLoss(loss, None if score is None else score()), weights)
            _write(path, described, state, course)
    course.model.load_state_dict(
        state.best_weights or (course.model.state_dict() if course.average is None else course.average.weights)
    )
    course.model.eval()
    early = state.exhausted(patience)
    return TrainingResult(course.model, tuple(state.history), state.best_epoch, early, _outcome(state, early, patience))


@contextlib.contextmanager
def _scored_weights(course: Learner) -> Iterator[dict[str, torch.Tensor]]:
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


def _write(path: Path | None, settings: dict[str, str], state: _State, course: Learner) -> None:
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


def _resumed(path: Path, settings: dict[str, str], course: Learner) -> _State:
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
