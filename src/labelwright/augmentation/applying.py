"""Sequences of transformation functions applied to a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import DataError, FunctionError, TransformationError
from labelwright.core.failures import KEPT_FAILURES, Failure, merge_failures

from .base import Batch, TransformationFunction
from .batches import batch_of, put, take
from .breaches import ADVICE, Breach
from .calling import Outcome, call_batched, call_one_by_one
from .chance import Streams
from .fields import values_of
from .sequences import NOTHING, Sequences

__all__ = ["Augmented", "OnError", "apply_sequences"]

OnError: TypeAlias = Literal["raise", "skip"]


@dataclass(frozen=True, eq=False)
class Augmented:
    """Augmented examples, and where they come from.

    Parameters
    ----------
    examples : Batch
        s examples, of the same kind as the batch (tensor, array or list). In a list, examples to which nothing was done
        are the caller's own objects.
    sequences : Sequences
        What was asked for; ``sequences.origins`` carries labels over: ``probs[augmented.origins]``.
    applied : numpy.ndarray of bool, shape (s, length)
        Which steps took effect: False where nothing was asked, the function returned ``None``, or it failed under
        ``on_error="skip"``; the example then went on unchanged to the next step.
    failures : tuple of Failure
        Functions that raised, or broke a rule, under ``on_error="skip"``; examples are named by their position in the
        batch.
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
        Two numbers are drawn from it. A function of one example gets a generator that depends on them, the step and
        the position in ``sequences`` alone; a batched one a generator for each step, with all its examples of it.
    on_error : {"raise", "skip"}
        What happens when a function raises or breaks a rule on an example: an error that names both, or a counted
        failure, and the example goes on as it was.

    Returns
    -------
    Augmented

    Raises
    ------
    TransformationError
        If a function raises on an example, returns another type, shape or dtype, NaN or infinity where there was none,
        images outside [0, 1] where they were within, or edits its input in place; not under ``on_error="skip"``.
    DataError
        If the batch is none, or ``sequences`` start from examples that it does not have.

    Notes
    -----
    Numbers are checked in one vectorised pass over what each function returns. Edits in place are found on arrays,
    tensors and records at no cost; deeper ones (a list within a record) by `check_functions` alone.

    Examples
    --------
    >>> shout = TransformationFunction(name="shout", function=lambda text: text.upper() if text else None)
    >>> asked = Sequences([0, 1, 1], [[0], [0], [-1]], np.full((3, 1), np.nan))
    >>> augmented = apply_sequences([shout], ["yes", ""], asked, np.random.default_rng(0))
    >>> augmented.examples, augmented.applied.ravel().tolist()
    (['YES', '', ''], [True, False, False])
    """
    if on_error not in ("raise", "skip"):
        raise FunctionError(f"on_error is {on_error!r}; it may be 'raise' or 'skip'.")
    batch = batch_of(batch)
    if len(sequences) and sequences.origins.max() >= len(batch):
        raise DataError(f"a sequence starts from example {sequences.origins.max()} of a batch of {len(batch)}.")
    if sequences.functions.max(initial=NOTHING) >= len(functions):
        raise FunctionError(
            f"sequences use function {sequences.functions.max()} of {len(functions)}; codes start at 0."
        )
    return _Application(functions, batch, sequences, rng, on_error).run()


class _Application:
    """One run through all steps: the examples so far, what took effect, and what failed."""

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        batch: Any,
        sequences: Sequences,
        rng: np.random.Generator,
        on_error: OnError,
    ) -> None:
        self.functions = functions
        self.sequences = sequences
        self.examples = take(batch, sequences.origins)
        self.applied = np.zeros(sequences.functions.shape, dtype=bool)
        self.streams = Streams(rng)
        self.first = on_error == "raise"
        self.failures: list[Failure] = []

    def run(self) -> Augmented:
        for step, (codes, magnitudes) in enumerate(self.sequences.steps()):
            seeds = self.streams.seeds(-1 - np.arange(len(self.functions)), step=step)
            for code in np.unique(codes[codes != NOTHING]).tolist():
                rows = np.flatnonzero(codes == code)
                self._transform(self.functions[code], rows, magnitudes[rows], step, seeds[code])
        failures = tuple(merge_failures(self.failures).values())
        return Augmented(self.examples, self.sequences, self.applied, failures)

    def _transform(
        self,
        function: TransformationFunction,
        rows: npt.NDArray[np.int64],
        magnitudes: npt.NDArray[np.float64],
        step: int,
        seed: int,
    ) -> None:
        whole = take(self.examples, rows)
        given = values_of(function, whole)
        outcome: Outcome
        if function.batched:
            outcome = call_batched(function, given, magnitudes, self.streams, seed, first=self.first)
        else:
            seeds = self.streams.seeds(rows, step=step) if "rng" in function.takes else []
            outcome = call_one_by_one(function, given, magnitudes, self.streams, seeds, first=self.first)
        if outcome.wrong:
            self._went_wrong(function, rows, magnitudes, step, outcome.wrong)
        found = outcome.found
        if function.field is not None:
            found = [{**record, function.field: value} for record, value in zip(whole, found, strict=True)]
        put(self.examples, rows, found, outcome.done)
        self.applied[rows[outcome.done], step] = True

    def _went_wrong(
        self,
        function: TransformationFunction,
        rows: npt.NDArray[np.int64],
        magnitudes: npt.NDArray[np.float64],
        step: int,
        wrong: dict[int, Breach],
    ) -> None:
        positions = sorted(wrong)
        if self.first:
            position = positions[0]
            self._refuse(function, int(rows[position]), float(magnitudes[position]), step, wrong[position])
        first = tuple(
            (int(self.sequences.origins[rows[position]]), f"step {step + 1}: {wrong[position].said}")
            for position in positions[:KEPT_FAILURES]
        )
        self.failures.append(Failure(function.name, len(wrong), first))

    def _refuse(
        self, function: TransformationFunction, row: int, magnitude: float, step: int, breach: Breach
    ) -> NoReturn:
        origin = int(self.sequences.origins[row])
        at = "" if np.isnan(magnitude) else f", magnitude {magnitude:.4g}"
        raise TransformationError(
            f"transformation function {function.name!r} failed on example {origin} of the batch (step {step + 1} of "
            f"{self.sequences.length}{at}): it {breach.said}. {ADVICE[breach.kind]}",
            source=function.name,
            example_id=origin,
            step=step,
        ) from breach.cause
