"""Applying labeling functions to data: a map over parts, from examples to votes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, Votes, check_classes
from labelwright.core.errors import DataError, FunctionError, SlowPathWarning
from labelwright.core.votes import merge_failures
from labelwright.data import Dataset, Part, read
from labelwright.engines import Engine, LocalEngine, Outcome

from .base import LabelingFunction, VectorisedFunction
from .batch import BatchFunction
from .codebook import declared_classes, final_classes
from .limits import check_timeout
from .progress import Progress, reporting
from .python import PythonFunction
from .task import ApplyTask, OnError, PartVotes

__all__ = ["apply"]

# Parts of slow Python functions are cut so that one takes about this long: work spreads, and progress shows.
_PART_SECONDS = 0.5
_FIRST_ROWS = 16
_GROWTH = 8


def apply(
    functions: Iterable[LabelingFunction],
    data: Any,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    progress: Progress = None,
    classes: int | Iterable[Class] | None = None,
    id: str | None = None,
    timeout: float | None = None,
) -> Votes:
    """Apply labeling functions to data and return their votes, shape (n, m).

    Parameters
    ----------
    functions : iterable of LabelingFunction
        At least one, with different names; they become the sources, in this order.
    data : object
        Anything that `labelwright.data.read` takes, or what it returns.
    engine : Engine, optional
        Where the work is done. Default: this machine, with threads for vectorised functions and processes for Python
        ones once they have taken about a second.
    on_error : {"raise", "abstain"}, default "raise"
        What happens when a function raises: stop, or let it abstain there and count it in ``Votes.failures``.
    progress : bool or callable, optional
        Show a bar on standard error (default: where that is a terminal), or call ``progress(rows done, rows in all)``.
    classes : int or sequence of (str or int), optional
        The classes in the order of their codes. Default: the names that the functions declare, in order of first
        appearance, then other names they vote for, sorted; or the numbers from 0 to the highest.
    id : str, optional
        Column with the example ids. Default: positions.
    timeout : float, optional
        Seconds that a Python function (with its preprocessors) may take on one example; then it is stopped, and that
        counts as a failure. Needs a POSIX system.

    Returns
    -------
    Votes
        The same for every engine and every size of parts.

    Raises
    ------
    FunctionError
        If there are no functions, names repeat, or a function does not fit the columns.
    DataError
        If the data is empty or cannot be read.
    LabelingError
        If a function raises, or votes for what is no class.
    LabelingTimeoutError
        If a function takes too long on an example.
    VoteError
        If example ids repeat.

    Warns
    -----
    SlowPathWarning
        If a vectorised function has to go through Python.

    Examples
    --------
    >>> from labelwright.labeling import labeling_function
    >>> @labeling_function(labels=["spam"])
    ... def link(x):
    ...     return "spam" if "http" in x.text else None
    >>> @labeling_function(labels=["ham"])
    ... def short(x):
    ...     return "ham" if len(x.text) < 10 else None
    >>> votes = apply([link, short], [{"text": "see http://a.b"}, {"text": "nice"}])
    >>> votes.classes, votes.values.tolist()
    (('spam', 'ham'), [[0, -1], [-1, 1]])
    """
    chosen = _check_functions(functions)
    if on_error not in get_args(OnError):
        raise FunctionError(f"on_error is {on_error!r}; allowed: 'raise' or 'abstain'.")
    limit = check_timeout(timeout)
    dataset = read(data, id=id)
    if not dataset.columns or dataset.rows == 0:
        raise DataError("the data holds no examples; there is nothing to apply functions to.")
    declared = declared_classes(chosen) if classes is None else check_classes(classes)
    known, closed = _known_classes(chosen, classes, declared)
    task = ApplyTask(chosen, dataset.schema, known, closed=closed, on_error=on_error, timeout=limit)
    _note_slow_paths(task)
    values = list(_run(task, dataset, engine or LocalEngine(), progress))
    return _joined(chosen, values, declared if not closed else known, closed)


def _check_functions(functions: Iterable[Any]) -> tuple[LabelingFunction, ...]:
    if isinstance(functions, LabelingFunction):
        raise FunctionError(f"functions is the single function {functions.name!r}; pass a list, [{functions.name}].")
    chosen = tuple(functions)
    if not chosen:
        raise FunctionError("the list of labeling functions is empty; pass at least one.")
    seen: set[str] = set()
    for function in chosen:
        if not isinstance(function, LabelingFunction):
            name = getattr(function, "__name__", repr(function))
            raise FunctionError(f"{name} is not a labeling function; decorate it with @labeling_function.")
        if not isinstance(function, (VectorisedFunction, PythonFunction, BatchFunction)):
            raise FunctionError(
                f"labeling function {function.name!r} is a {type(function).__name__}, no kind that apply can run; "
                "derive it from VectorisedFunction, or make it with labeling_function or batch_lf."
            )
        if function.name in seen:
            raise FunctionError(f"two labeling functions are called {function.name!r}; give one of them another name.")
        seen.add(function.name)
    return chosen


def _known_classes(
    functions: Sequence[LabelingFunction], classes: Any, declared: tuple[Class, ...]
) -> tuple[tuple[Class, ...], bool]:
    """Return the classes known ahead, and whether these are all."""
    if classes is None:
        closed = all(f.labels is not None for f in functions)
        return (final_classes(declared, ()), True) if closed else (declared, False)
    codes = range(len(declared))
    for function in functions:
        wrong = [label for label in function.labels or () if label not in declared and label not in codes]
        if wrong:
            raise FunctionError(
                f"labeling function {function.name!r} declares class {wrong[0]!r}, which is not among the classes "
                f"{list(declared)}."
            )
    return declared, True


def _note_slow_paths(task: ApplyTask) -> None:
    reasons = {f.name: f.slow_path(task.schema) for _, f in task.vectorised}
    slow = [f"{name} ({reason})" for name, reason in reasons.items() if reason]
    if slow:
        warnings.warn(
            f"{len(slow)} of {len(reasons)} vectorised functions go through Python, at a tenth of the speed or less: "
            f"{'; '.join(slow)}.",
            SlowPathWarning,
            stacklevel=3,
        )


class _Pieces(Iterator[Part]):
    """Cut parts to pieces that each take about as long as they should, learned from the pieces that are done.

    Its length hint lets an engine judge whether what is left is worth starting workers for.
    """

    def __init__(self, parts: Iterable[Part], rows: int | None) -> None:
        self.size = _FIRST_ROWS
        self._left = rows
        # Pieces are numbered afresh.
        self._pieces = enumerate(self._cut(parts))

    def learn(self, rows: int, seconds: float) -> None:
        """Note that a piece of so many rows took so long."""
        fitting = int(rows * _PART_SECONDS / max(seconds, 1e-9))
        self.size = max(_FIRST_ROWS, min(fitting, self.size * _GROWTH))

    def _cut(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            if self.size >= part.rows:
                yield part
                continue
            held, start = part.slice(0, part.rows), 0
            while start < held.rows:
                piece = held.slice(start, self.size)
                start += piece.rows
                yield piece

    def __next__(self) -> Part:
        index, piece = next(self._pieces)
        if self._left is not None:
            self._left -= piece.rows
        return replace(piece, index=index)

    def __length_hint__(self) -> int:
        return NotImplemented if self._left is None else -(-self._left // self.size)


def _run(task: ApplyTask, dataset: Dataset, engine: Engine, progress: Progress) -> Iterator[PartVotes]:
    parts: Iterable[Part] = dataset.parts(task.columns)
    pieces = _Pieces(parts, dataset.rows)
    outcomes = engine.map(task, pieces if task.python else parts)
    done = 0
    with reporting(progress, "Applying", dataset.rows) as report, _closed(outcomes):
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
            value: PartVotes = outcome.value
            pieces.learn(len(value.values), value.seconds)
            done += len(value.values)
            report(done, dataset.rows)
            yield value


@contextmanager
def _closed(outcomes: Iterator[Outcome]) -> Iterator[None]:
    """Stop the engine's work on leaving; an engine may also return an iterator that has nothing to stop."""
    try:
        yield
    finally:
        close = getattr(outcomes, "close", None)
        if close is not None:
            close()


def _joined(
    functions: Sequence[LabelingFunction], values: list[PartVotes], declared: Sequence[Class], closed: bool
) -> Votes:
    if not values:
        raise DataError("the data holds no examples; there is nothing to apply functions to.")
    failed = merge_failures(f for value in values for f in value.failures)
    seen = dict.fromkeys(c for value in values for c in value.classes)
    classes = tuple(declared) if closed else final_classes(declared, seen)
    return Votes(
        np.concatenate([_recoded(value, classes) for value in values]),
        classes=classes,
        sources=[f.name for f in functions],
        example_ids=_stacked([value.ids for value in values]),
        groups=_stacked([value.groups for value in values]),
        # In the order of the functions: which of them failed first depends on the parts.
        failures=[failed[f.name] for f in functions if f.name in failed],
    )


def _recoded(value: PartVotes, classes: tuple[Class, ...]) -> npt.NDArray[Any]:
    if value.classes == classes[: len(value.classes)]:
        return value.values
    # The last entry answers for -1, abstain.
    table = np.array([*(classes.index(c) for c in value.classes), -1], dtype=np.int16)
    return cast("npt.NDArray[Any]", table[value.values])


def _stacked(arrays: list[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    present = [a for a in arrays if a is not None]
    return np.concatenate(present) if present else None
