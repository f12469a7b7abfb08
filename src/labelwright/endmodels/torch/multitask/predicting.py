"""What a network says of each task: probabilities that agree along the hierarchy, and answers that do not clash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright.core.task_graph import TaskGraph
from labelwright.endmodels.torch.devices import pick_device
from labelwright.endmodels.torch.epochs import blocks

from .data import count_of, read_inputs, rows_of
from .layout import Parent, parents_in
from .loss import segmented_softmax
from .network import MultiTaskNetwork

__all__ = ["compose", "decode", "predict_task_probs"]

Floats = npt.NDArray[np.float64]


def predict_task_probs(
    network: MultiTaskNetwork, X: Any, *, batch_size: int = 1024, device: str | torch.device = "auto"
) -> dict[str, Floats]:
    """Return the probability of each state of each task.

    Parameters
    ----------
    network : MultiTaskNetwork
    X : as for `MultiTaskDataset`, n examples
    batch_size : int, default 1024
    device : {"auto", "cpu", "cuda", "mps"} or torch.device, default "auto"

    Returns
    -------
    dict of str to numpy.ndarray of float, shape (n, states)
        In the order of the graph's tasks; see `compose`.
    """
    place, inputs = pick_device(device), read_inputs(X)
    network.to(place).eval()
    with torch.inference_mode():
        parts = [
            segmented_softmax(network(rows_of(inputs, index, place)), network.layout).cpu()
            for index in blocks(count_of(inputs), batch_size)
        ]
    found = network.layout.split(torch.cat(parts))
    own = {name: found[name].numpy().astype(np.float64) for name in network.graph.names}
    return compose(own, network.parents)


def compose(given: Mapping[str, Floats], parents: Mapping[str, Parent]) -> dict[str, Floats]:
    """Turn distributions given that a task applies into distributions over its states.

    Parameters
    ----------
    given : mapping of str to numpy.ndarray of float, shape (n, classes)
    parents : mapping of str to Parent

    Returns
    -------
    dict of str to numpy.ndarray of float, shape (n, states)
        A refined task's classes share the probability that its parent is in one of the classes at which it applies; N/A
        has exactly 1 minus that.

    Examples
    --------
    >>> given = {"finding": np.array([[0.25, 0.75]]), "kind": np.array([[0.5, 0.5]])}
    >>> compose(given, {"kind": Parent("finding", (1,))})["kind"].tolist()
    [[0.375, 0.375, 0.25]]
    """
    done: dict[str, Floats] = {}

    def of(name: str) -> Floats:
        if name not in done:
            done[name] = given[name]
            if name in parents:
                applies = of(parents[name].task)[:, list(parents[name].codes)].sum(axis=1)
                done[name] = np.column_stack([given[name] * applies[:, None], 1 - applies])
        return done[name]

    return {name: of(name) for name in given}


def decode(probs: Mapping[str, Floats], graph: TaskGraph) -> dict[str, npt.NDArray[np.int64]]:
    """Return an answer to each task, codes of states, such that no answer contradicts that of its parent.

    From the top: the most probable state of a task that nothing is refined from, and then, where it applies, the most
    probable class of each child. So an answer further up never depends on how finely it is refined.

    Parameters
    ----------
    probs : mapping of str to numpy.ndarray of float, shape (n, states)
    graph : TaskGraph

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> probs = {"finding": np.array([[0.4, 0.6]]), "kind": np.array([[0.25, 0.35, 0.4]])}
    >>> {task: codes.tolist() for task, codes in decode(probs, graph).items()}
    {'finding': [1], 'kind': [1]}
    """
    parents = parents_in(graph)
    done: dict[str, npt.NDArray[np.int64]] = {}

    def of(name: str) -> npt.NDArray[np.int64]:
        if name not in done:
            if name in parents:
                last = probs[name].shape[1] - 1
                applies = np.isin(of(parents[name].task), parents[name].codes)
                done[name] = np.where(applies, probs[name][:, :last].argmax(axis=1), last)
            else:
                done[name] = probs[name].argmax(axis=1)
        return done[name]

    return {name: of(name) for name in graph.names}
