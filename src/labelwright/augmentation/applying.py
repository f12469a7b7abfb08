"""Sequences of transformation functions applied to a batch."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core.failures import Failure

from .base import Batch, TransformationFunction
from .sequences import NOTHING, Sequences

__all__ = ["Augmented", "OnError", "apply_sequences"]

OnError: TypeAlias = Literal["raise", "skip"]


@dataclass(frozen=True, eq=False)
class Augmented:
    """Augmented examples, and where they come from.

    Parameters
    ----------
    examples : Batch
        s examples, of the same kind as the batch (tensor, array or list).
    sequences : Sequences
        What was asked for; ``sequences.origins`` carries labels over: ``probs[augmented.origins]``.
    applied : numpy.ndarray of bool, shape (s, length)
        Which steps took effect: False where nothing was asked, the function returned ``None``, or it failed under
        ``on_error="skip"``; the example then went on unchanged to the next step.
    failures : tuple of Failure
        Functions that raised, or broke a rule, under ``on_error="skip"``.
    """

    examples: Batch
    sequences: Sequences
    applied: npt.NDArray[np.bool_]
    failures: tuple[Failure, ...] = ()

    @property
    def origins(self) -> npt.NDArray[np.int64]:
        """Position in the batch of the example that each augmented one comes from, shape (s,)."""
        return self.sequences.origins


def apply_sequences(
    functions: Sequence[TransformationFunction],
    batch: Batch,
    sequences: Sequences,
    rng: np.random.Generator,
    *,
    on_error: OnError = "raise",
) -> Augmented:
    """Apply each sequence to the example it starts from.

    Parameters
    ----------
    functions : sequence of TransformationFunction
        What the codes of ``sequences`` mean.
    batch : Batch
        n examples; never written to.
    sequences : Sequences
    rng : numpy.random.Generator
    on_error : {"raise", "skip"}
        What happens when a function raises or breaks a rule on an example: an error that names both, or a counted
        failure, and the example goes on as it was.
    """
    del on_error  # the counted policy comes with the checks of what functions return
    examples = _taken(batch, sequences.origins)
    applied = np.zeros(sequences.functions.shape, dtype=bool)
    for step, (codes, magnitudes) in enumerate(sequences.steps()):
        for code in np.unique(codes[codes != NOTHING]):
            rows = np.flatnonzero(codes == code)
            examples = _transform(functions[code], examples, rows, magnitudes[rows], rng, applied[:, step])
    return Augmented(examples, sequences, applied)


def _taken(batch: Batch, origins: npt.NDArray[np.int64]) -> Any:
    if hasattr(batch, "shape"):
        return batch[origins]
    return [batch[i] for i in origins.tolist()]


def _transform(
    function: TransformationFunction,
    examples: Any,
    rows: npt.NDArray[np.int64],
    magnitudes: npt.NDArray[np.float64],
    rng: np.random.Generator,
    applied: npt.NDArray[np.bool_],
) -> Any:
    takes = inspect.signature(function.function).parameters
    more: dict[str, Any] = dict(function.resources)
    if "rng" in takes:
        more["rng"] = rng
    if function.batched:
        if "magnitude" in takes:
            more["magnitude"] = magnitudes
        examples[rows] = function.function(examples[rows], **more)
        applied[rows] = True
        return examples
    for row, magnitude in zip(rows.tolist(), magnitudes.tolist(), strict=True):
        if "magnitude" in takes:
            more["magnitude"] = magnitude
        found = function.function(examples[row], **more)
        if found is not None:
            examples[row] = found
            applied[row] = True
    return examples
