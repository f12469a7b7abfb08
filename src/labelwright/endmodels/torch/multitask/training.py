"""Train a network on the soft labels of many tasks: as `train` does for one, and for one task to the very same bits."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch.augmenting import Augment, describe_augment
from labelwright.endmodels.torch.descents import describe_descent, make_descent
from labelwright.endmodels.torch.devices import pick_device
from labelwright.endmodels.torch.loss import NoiseAwareLoss, check_loss, mean_label
from labelwright.endmodels.torch.progress import Progress, Reporter
from labelwright.endmodels.torch.runs import TrainingResult, check_counts, run
from labelwright.endmodels.torch.schedules import Scheduler, WeightAverage, make_schedule

from .data import MultiTaskDataset, TaskBatches
from .layout import Layout
from .network import MultiTaskNetwork
from .schedulers import TurnName, Turns, make_turns
from .steps import Chance, Objective, TaskCourse, examples_in, mean_task_loss, one_task_epoch
from .weighting import TaskWeights, make_weighting

__all__ = ["train_multitask"]

# Set the generators for augmentation and for the turns apart from that of the order.
_AUGMENTING, _TURNS = 1, 2


def train_multitask(
    network: MultiTaskNetwork,
    data: MultiTaskDataset | Sequence[MultiTaskDataset],
    *,
    valid: MultiTaskDataset | Sequence[MultiTaskDataset] | None = None,
    loss: NoiseAwareLoss = "expected",
    task_weights: TaskWeights = "equal",
    turns: TurnName | Turns = "proportional",
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
    scheduler: Scheduler | None = None,
    augment: Augment | None = None,
    average: float | None = None,
    patience: int = 5,
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | torch.device = "auto",
    random_state: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a network on soft labels of many tasks with the noise-aware loss, masked per task and example.

    Parameters
    ----------
    network : MultiTaskNetwork
        Trained in place. Make it within `seeded` to have the same first weights each time.
    data : MultiTaskDataset, or sequence of them
        Examples with labels on all tasks or some; several data sets where tasks have examples of their own.
    valid : MultiTaskDataset, or sequence of them, optional
        Dev set: training stops when the mean over tasks of its losses has not improved for ``patience`` epochs, and the
        weights of the best epoch are restored.
    loss : {"expected", "marginal"}, default "expected"
        See `labelwright.endmodels.torch.train`; class balances are means over the labelled examples of all data sets.
    task_weights : {"equal", "uncertainty", "gradnorm"} or mapping of str to float, default "equal"
        What each task counts; see `UncertaintyWeights` and `GradNorm`.
    turns : {"proportional", "round_robin", "mixed", "temperature"} or Turns, default "proportional"
        Whose batch comes next, where there are several data sets.
    epochs, batch_size, learning_rate, optimizer, scheduler, average, patience, checkpoint, device, random_state
        See `labelwright.endmodels.torch.train`.
    augment : callable, optional
        Called with the inputs of a batch (a tensor) and a `numpy.random.Generator`; returns augmented inputs and the
        row that each comes from, where it takes its labels on all tasks.
    progress : callable, optional
        See `labelwright.endmodels.torch.train`.

    Returns
    -------
    TrainingResult
        Losses in its history are means over tasks of the mean loss per labelled example.

    Raises
    ------
    ModelError
        If a setting is not allowed, a data set is of other tasks than the network, a task has no labels, the loss is
        not finite, or the checkpoint belongs to another run.

    Notes
    -----
    A step follows the gradient of the tasks' losses, each summed over the batch and divided by its size: every labelled
    answer counts the same, whatever its task, and over a hierarchy the sum is the expected log-likelihood of the label
    vector. Equal weights are the default since learned ones have not been shown to be better at the same tuning: Kurin
    et al., "In defense of the unitary scalarization for deep multi-task learning", and Xin et al., "Do current
    multi-task optimization methods in deep learning even help?", both NeurIPS 2022.

    Examples
    --------
    >>> from labelwright.endmodels.torch import seeded
    >>> from labelwright.endmodels.torch.multitask import predict_task_probs
    >>> X = torch.linspace(-1, 1, 40)[:, None]
    >>> data = MultiTaskDataset(X, {"sign": (X[:, 0] > 0).numpy(), "far": (X[:, 0].abs() > 0.5).numpy()})
    >>> with seeded(0):
    ...     trunk = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.ReLU())
    ...     network = MultiTaskNetwork(trunk, data.graph)
    >>> result = train_multitask(network, data, epochs=60, learning_rate=0.02, device="cpu")
    >>> predict_task_probs(network, [[-0.9], [0.1]], device="cpu")["far"].argmax(axis=1).tolist()
    [1, 0]
    """
    check_counts(epochs=epochs, batch_size=batch_size, patience=patience)
    check_loss(loss)
    if augment is not None and "losses" in inspect.signature(augment).parameters:
        raise ModelError("augment asks for losses, which are those of one task; pass one that does without.")
    place, order = pick_device(device), make_turns(turns)
    sets, dev = _arranged(network, data), [] if valid is None else _arranged(network, valid)
    _check_labelled(network, sets)
    model = Objective(network, make_weighting(task_weights, network.layout)).to(place)
    descent = make_descent(optimizer, model.parameters(), learning_rate)
    steps, examples = examples_in(order, [len(one) for one in sets], batch_size)
    schedule = make_schedule(scheduler, descent, epochs * steps)
    averaged = None if average is None else WeightAverage(model, average)
    course = TaskCourse(model, descent, schedule, averaged, order, batch_size, augment)
    course.balance = _balance(network.layout, sets).to(place) if loss == "marginal" else None
    reporter = Reporter(progress, epochs=epochs, examples_per_epoch=examples)

    def epoch_loss(epoch: int, last: float | None) -> float:
        chance = Chance(*(np.random.default_rng([random_state, epoch, part]) for part in (_TURNS, _AUGMENTING)))
        return one_task_epoch(course, sets, reporter, chance, epoch=epoch + 1, last_valid=last)

    result = run(
        course,
        epoch_loss,
        None if valid is None else lambda: mean_task_loss(network, dev, batch_size),
        checkpoint=checkpoint,
        settings=lambda: _described(course, data, valid, scheduler, task_weights, epochs * steps, random_state),
        epochs=epochs,
        patience=patience,
        random_state=random_state,
        reporter=reporter,
    )
    return replace(result, model=network)


def _several(data: MultiTaskDataset | Sequence[MultiTaskDataset]) -> list[MultiTaskDataset]:
    return [data] if isinstance(data, MultiTaskDataset) else list(data)


def _arranged(network: MultiTaskNetwork, data: MultiTaskDataset | Sequence[MultiTaskDataset]) -> list[TaskBatches]:
    here = [(task.name, len(task.classes)) for task in network.graph.tasks]
    sets = _several(data)
    for one in sets:
        if (there := [(task.name, len(task.classes)) for task in one.graph.tasks]) != here:
            raise ModelError(
                f"a data set is of the tasks (name, classes) {there}, the network of {here}. Pass tasks=network.graph "
                "to MultiTaskDataset."
            )
    if not sets:
        raise ModelError("there is no data set to train on.")
    return [TaskBatches(one, network.layout) for one in sets]


def _balance(layout: Layout, sets: Sequence[TaskBatches]) -> torch.Tensor:
    """Return the mean label of each task, side by side, shape (columns,)."""
    weight = torch.cat([one.weight for one in sets])
    probs = layout.split(torch.cat([one.probs for one in sets]))
    return torch.cat([mean_label(probs[name], weight[:, slot]) for slot, name in enumerate(layout.names)])


def _check_labelled(network: MultiTaskNetwork, sets: Sequence[TaskBatches]) -> None:
    mass = sum(one.weight.sum(dim=0) for one in sets)
    assert isinstance(mass, torch.Tensor)
    bare = [name for name, found in zip(network.layout.names, mass.tolist(), strict=True) if not found > 0]
    if bare:
        raise ModelError(
            f"no example has a label on {', '.join(map(repr, bare))}, so nothing would be learned of it. Write "
            "functions for it, or leave the task out."
        )


def _described(
    course: TaskCourse,
    data: MultiTaskDataset | Sequence[MultiTaskDataset],
    valid: MultiTaskDataset | Sequence[MultiTaskDataset] | None,
    scheduler: Scheduler | None,
    task_weights: TaskWeights,
    steps: int,
    random_state: int,
) -> dict[str, str]:
    """Describe everything that the course of training depends on, beside the network's weights."""
    found = {
        "training data": " ".join(one.fingerprint() for one in _several(data)),
        "dev set": "none" if valid is None else " ".join(one.fingerprint() for one in _several(valid)),
        "optimizer": describe_descent(course.descent),
        "batch_size": str(course.batch_size),
        "random_state": str(random_state),
        "task_weights": str(task_weights if isinstance(task_weights, str) else sorted(task_weights.items())),
        "turns": repr(course.turns),
        "average": str(None if course.average is None else course.average.decay),
    }
    if course.balance is not None:
        found["loss"] = "marginal"
    if course.augment is not None:
        found["augmentation"] = describe_augment(course.augment)
    if scheduler is not None:
        name = scheduler if isinstance(scheduler, str) else getattr(scheduler, "__qualname__", "a callable")
        found["scheduler or epochs"] = f"{name} over {steps} steps"
    return found
