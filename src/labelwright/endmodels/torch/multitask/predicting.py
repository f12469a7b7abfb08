"""What a network says of each task."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelwright.endmodels.composing import compose
from labelwright.endmodels.torch.devices import pick_device
from labelwright.endmodels.torch.epochs import blocks

from .data import count_of, read_inputs, rows_of
from .loss import segmented_softmax
from .network import MultiTaskNetwork

__all__ = ["predict_given_applicable", "predict_task_probs"]

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
    return compose(predict_given_applicable(network, X, batch_size=batch_size, device=device), network.graph)


def predict_given_applicable(
    network: MultiTaskNetwork, X: Any, *, batch_size: int = 1024, device: str | torch.device = "auto"
) -> dict[str, Floats]:
    """Return what each head says, shape (n, classes): a distribution over classes, given that the task applies."""
    place, inputs = pick_device(device), read_inputs(X)
    network.to(place).eval()
    with torch.inference_mode():
        parts = [
            segmented_softmax(network(rows_of(inputs, index, place)), network.layout).cpu()
            for index in blocks(count_of(inputs), batch_size)
        ]
    found = network.layout.split(torch.cat(parts))
    return {name: found[name].numpy().astype(np.float64) for name in network.graph.names}
