"""The safety report: every function at every magnitude, held against the data and, with labels, against its classes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.augmentation.applying import apply_sequences
from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.augmentation.batches import batch_of, take
from labelwright.augmentation.sequences import Sequences
from labelwright.core import Failure, Seed, SoftLabels, generator
from labelwright.core.errors import FunctionError
from labelwright.core.failures import merge_failures

from .cells import Cell, judged, measured_cell
from .classes import classes_of
from .encoding import columns_of
from .halves import Half, halves_of, prepare
from .measured import smallest_found
from .report import SafetyReport
from .verdicts import verdict_of

__all__ = ["safety_report"]

# Examples looked at, and the fewest that say anything.
_MOST, _FEWEST = 5000, 40
_LEVEL = 0.05


def safety_report(
    functions: Sequence[TransformationFunction],
    examples: Batch,
    *,
    labels: SoftLabels | Iterable[Any] | None = None,
    groups: npt.ArrayLike | None = None,
    encode: Callable[[Batch], Any] | None = None,
    strengths: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    tolerance: float = 0.1,
    harm_tolerance: float = 0.05,
    random_state: Seed = 0,
) -> SafetyReport:
    """Measure how far each function leaves the data, at each magnitude, and which classes it confuses.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    examples : Batch
        Unlabelled originals, at least 40. Of more than 5,000, as many are drawn.
    labels : SoftLabels, or sequence of (class or None), shape (n,), optional
        Gold, hard or soft labels: with them, harm by class is measured too, and counts in the verdict. Of the examples
        looked at, up to half are labelled ones.
    groups : array_like, shape (n,), optional
        Examples of one group (a patient, an author) are alike.
    encode : callable, optional
        Examples -> array of shape (n, d) in which distances mean something, such as the features of a discriminator or
        of a pretrained network. Default, by kind of example: pixels, standardised columns, hashed words and letters.
    strengths : sequence of float
        Shares, in (0, 1], of the way from neutral to each bound, at which functions with a magnitude are tried.
    tolerance : float
        Departure that is accepted: of a hundred transformed examples, how many more than usual may be strange.
    harm_tolerance : float
        Share of a class that may come to look like another.
    random_state : int, Generator or None

    Returns
    -------
    SafetyReport

    Raises
    ------
    FunctionError
        If there are too few examples, no functions, two of one name, or options out of range.

    Notes
    -----
    Originals are split in two halves; each is held against the other, so nothing is compared with itself or its own
    origin. An example's strangeness is the distance to its fifth neighbour in the other half; its conformal p-value is
    the share of held-out originals at least as strange, and for an example exchangeable with them P(p <= 0.05) is at
    most 0.05, exactly. Departure is the share of transformed examples with p <= 0.05 less the share of their own
    originals: 0 for a function that does nothing, up to 0.95. A magnitude is not accepted where the departure exceeds
    ``tolerance``, where most examples become four times more alike than they were, or where it harms a class. Tests are
    one-sided and adjusted by Holm, for distances and for classes each at 5%.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function(magnitude=(0.0, 8.0), batched=True)
    ... def push(points, magnitude):
    ...     return points + magnitude[:, None]
    >>> points = np.random.default_rng(0).normal(size=(400, 2))
    >>> report = safety_report([push], points, strengths=[0.05, 1.0])
    >>> report["push"].outcome, report["push"].high
    ('narrowed', 0.4)
    >>> [f.magnitude.high for f in report.accepted_functions()]
    [0.4]
    """
    functions, examples = tuple(functions), batch_of(examples)
    _check(functions, examples, strengths, tolerance, harm_tolerance)
    rng = generator(random_state)
    seed = int(rng.integers(2**63))
    n = len(examples)
    chosen = np.sort(rng.permutation(n)[:_MOST])
    labelled = None if labels is None else classes_of(labels, n).take(chosen)
    alike = np.arange(len(chosen)) if groups is None else _codes(groups, n)[chosen]
    originals = take(examples, chosen)
    columns = columns_of(originals, encode=encode)
    measure = partial(measured_cell, groups=alike, labels=labelled, tolerance=tolerance, harm_tolerance=harm_tolerance)
    with threadpool_limits(limits=1, user_api="blas"):
        known = columns.read(originals)
        sides = halves_of(alike, rng)
        halves = [
            prepare(known, mine, other, scaled=columns.scaled, classes=labelled, rng=rng)
            for mine, other in (sides, sides[::-1])
        ]
        cells: list[Cell] = []
        failures: list[Failure] = []
        for function in functions:
            for place, at in enumerate(_grid(function, strengths)):
                chance = np.random.default_rng([seed, place, zlib.crc32(function.name.encode())])
                transformed, applied, failed = _transformed(function, originals, halves, at[1], chance)
                failures += failed
                cells.append(measure(function.name, at, halves, columns.read(transformed), applied))
        rows, harm = judged(cells, level=_LEVEL)
    tested = np.concatenate([half.tested for half in halves])
    return SafetyReport(
        functions=functions,
        rows=rows,
        harm=harm,
        verdicts=tuple(verdict_of(f, [r for r in rows if r.function == f.name], harm) for f in functions),
        failures=tuple(merge_failures(failures).values()),
        n=len(tested),
        tolerance=tolerance,
        harm_tolerance=harm_tolerance,
        detectable=smallest_found(len(tested), 2 * len(rows), tolerance=tolerance, level=_LEVEL),
        classifier_accuracy=float("nan") if labelled is None else _accuracy(halves, labelled.codes),
    )


def _check(
    functions: tuple[TransformationFunction, ...],
    examples: Batch,
    strengths: Sequence[float],
    tolerance: float,
    harm_tolerance: float,
) -> None:
    names = [f.name for f in functions]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not functions or twice:
        raise FunctionError(f"two functions are named {twice[0]!r}." if twice else "there is no function to check.")
    if len(examples) < _FEWEST:
        raise FunctionError(f"{len(examples)} examples are too few to say where the data lies; {_FEWEST} are needed.")
    if not strengths or not all(0 < s <= 1 for s in strengths):
        raise FunctionError(f"strengths are shares of the way to a bound, in (0, 1], got {list(strengths)}.")
    for name, value in (("tolerance", tolerance), ("harm_tolerance", harm_tolerance)):
        if not 0 < value < 1:
            raise FunctionError(f"{name} is a share between 0 and 1, got {value!r}.")


def _codes(groups: npt.ArrayLike, n: int) -> npt.NDArray[np.int64]:
    found = np.unique(np.asarray(groups), return_inverse=True)[1]
    if found.shape != (n,):
        raise FunctionError(f"groups have shape {np.shape(groups)}; {n:,} examples need one each.")
    if int(found.max()) < 3:
        raise FunctionError(f"there are {int(found.max()) + 1} groups; both halves of the data need at least two.")
    return found


def _grid(function: TransformationFunction, strengths: Sequence[float]) -> list[tuple[float, float]]:
    """Return (strength, magnitude) to try; NaN for a function without magnitude."""
    if function.magnitude is None:
        return [(float("nan"), float("nan"))]
    signed = [sign * s for sign in function.magnitude.sides for s in sorted(strengths)]
    # Worked out from its strength, a bound may be off by rounding.
    magnitudes = np.clip(function.magnitude.at(signed), function.magnitude.low, function.magnitude.high)
    return list(zip(signed, magnitudes.tolist(), strict=True))


def _transformed(
    function: TransformationFunction,
    originals: Batch,
    halves: Sequence[Half],
    magnitude: float,
    rng: np.random.Generator,
) -> tuple[Batch, npt.NDArray[np.bool_], tuple[Failure, ...]]:
    """Apply a function to the tested examples of both halves; a failure is counted, and the example left out."""
    tested = np.concatenate([half.tested for half in halves])
    count = len(tested)
    plan = Sequences(np.arange(count), np.zeros((count, 1), dtype=np.int64), np.full((count, 1), magnitude))
    found = apply_sequences([function], take(originals, tested), plan, rng, on_error="skip")
    return found.examples, found.applied[:, 0], found.failures


def _accuracy(halves: Sequence[Half], truth: npt.NDArray[np.int64]) -> float:
    looks = np.concatenate([half.before.classes for half in halves])
    labels = truth[np.concatenate([half.tested for half in halves])]
    return float((looks == labels)[labels >= 0].mean())
