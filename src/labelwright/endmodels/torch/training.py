"""A compact training loop: noise-aware loss, early stopping, checkpoints that resume to the very same bits."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.errors import ModelError

from .checkpoints import read_checkpoint, write_checkpoint
from .data import SoftLabelDataset, as_inputs, stack
from .devices import pick_device, seeded
from .loss import soft_cross_entropy
from .progress import Progress, Reporter

__all__ = ["EpochLoss", "TrainingResult", "predict_proba", "train"]

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

    def note(self, loss: EpochLoss, model: torch.nn.Module) -> None:
        best = self.history[self.best_epoch - 1].valid if self.best_epoch else None
        self.history.append(loss)
        if loss.valid is None:
            self.best_epoch = self.epoch
        elif best is None or loss.valid < best:
            self.best_epoch = self.epoch
            self.best_weights = {name: value.detach().clone() for name, value in model.state_dict().items()}


def train(
    model: torch.nn.Module,
    dataset: SoftLabelDataset,
    *,
    valid: SoftLabelDataset | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    class_weight: Sequence[float] | None = None,
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
    class_weight : sequence of k floats, optional
        Weight of each class in the training loss.
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
    place = pick_device(device)
    model.to(place)
    descent = optimizer(model.parameters(), lr=learning_rate)
    class_weights = None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.get_default_dtype())
    path = None if checkpoint is None else Path(checkpoint) / _CHECKPOINT
    settings = {} if path is None else _settings(dataset, valid, descent, batch_size, class_weight, random_state)
    if path is not None and path.exists():
        state = _resumed(path, settings, model, descent)
    else:
        state = _State()
        # The first weights are kept too: a run that is stopped in its first epoch must not begin from others.
        _write(path, settings, state, model, descent)
    reporter = Reporter(progress, epochs=epochs, examples_per_epoch=len(dataset))
    try:
        while state.epoch < epochs and not state.exhausted(patience):
            with seeded(_seed(random_state, state.epoch)):
                loss = _one_epoch(model, dataset, descent, batch_size, class_weights, state, reporter)
            state.note(EpochLoss(loss, None if valid is None else _mean_loss(model, valid, batch_size)), model)
            _write(path, settings, state, model, descent)
    finally:
        reporter.close()
    if state.best_weights is not None:
        model.load_state_dict(state.best_weights)
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
            for index in _blocks(len(inputs), batch_size)
        ]
    return torch.cat(parts).numpy().astype(np.float64)


def _check_settings(**settings: int) -> None:
    for name, value in settings.items():
        if value < 1:
            raise ModelError(f"{name} is {value}; it must be at least 1.")


def _seed(random_state: int, epoch: int) -> int:
    # A seed of its own for each epoch: a resumed run needs the number of the epoch, not the state of a generator.
    return int(np.random.SeedSequence([random_state, epoch]).generate_state(1, np.uint64)[0])


def _one_epoch(
    model: torch.nn.Module,
    dataset: SoftLabelDataset,
    descent: torch.optim.Optimizer,
    batch_size: int,
    class_weights: torch.Tensor | None,
    state: _State,
    reporter: Reporter,
) -> float:
    model.train()
    place = next(model.parameters()).device
    last_valid = state.history[-1].valid if state.history else None
    total, seen = torch.zeros((), device=place), 0
    for index in torch.randperm(len(dataset)).tensor_split(math.ceil(len(dataset) / batch_size)):
        inputs, probs, weight = (tensor.to(place) for tensor in dataset.batch(index))
        losses = soft_cross_entropy(model(inputs), probs, class_weights, reduction="none") * weight
        descent.zero_grad(set_to_none=True)
        losses.mean().backward()  # type: ignore[no-untyped-call]
        descent.step()
        total += losses.detach().sum()
        seen += len(index)
        reporter.saw(state.epoch + 1, seen, len(index), last_valid)
    loss = float(total / dataset.weight.sum())
    if not math.isfinite(loss):
        raise ModelError(
            f"the training loss of epoch {state.epoch + 1} is {loss}. Look for NaN or infinite inputs, or lower the "
            "learning rate."
        )
    return loss


def _blocks(n: int, size: int) -> list[torch.Tensor]:
    return [torch.arange(start, min(start + size, n)) for start in range(0, n, size)]


def _mean_loss(model: torch.nn.Module, dataset: SoftLabelDataset, batch_size: int) -> float:
    model.eval()
    place = next(model.parameters()).device
    total = 0.0
    with torch.inference_mode():
        for index in _blocks(len(dataset), batch_size):
            inputs, probs, weight = (tensor.to(place) for tensor in dataset.batch(index))
            total += float((soft_cross_entropy(model(inputs), probs, reduction="none") * weight).sum())
    return total / float(dataset.weight.sum())


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


def _write(
    path: Path | None, settings: dict[str, str], state: _State, model: torch.nn.Module, descent: torch.optim.Optimizer
) -> None:
    if path is None:
        return
    write_checkpoint(
        path,
        {
            "settings": settings,
            "history": [(loss.train, loss.valid) for loss in state.history],
            "best_epoch": state.best_epoch,
            "best_weights": state.best_weights,
            "weights": dict(model.state_dict()),
            "optimizer": descent.state_dict(),
        },
    )


def _resumed(path: Path, settings: dict[str, str], model: torch.nn.Module, descent: torch.optim.Optimizer) -> _State:
    stored = read_checkpoint(path)
    differing = [name for name, value in settings.items() if stored["settings"].get(name) != value]
    if differing:
        raise ModelError(
            f"the checkpoint {path} is of another run: its {' and '.join(differing)} differ. Choose another folder, or "
            "remove the file to begin again."
        )
    try:
        model.load_state_dict(stored["weights"])
        descent.load_state_dict(stored["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"the checkpoint {path} is of another model: {error}") from error
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
