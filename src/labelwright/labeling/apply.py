"""Applying labeling functions to data: a map over parts, from examples to votes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast, get_args, overload

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, Votes, check_classes
from labelwright.core.errors import DataError, FunctionError, SlowPathWarning
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.core.votes import merge_failures
from labelwright.data import Dataset, read
from labelwright.engines import Engine, LocalEngine
from labelwright.engines.pieces import closing, run_pieces
from labelwright.engines.progress import Progress, reporting

from .base import LabelingFunction, VectorisedFunction
from .batch import BatchFunction
from .codebook import declared_classes, final_classes
from .limits import check_timeout
from .over_tasks import ApplyOverTasks, joined
from .python import PythonFunction
from .task import ApplyTask, OnError, PartVotes

__all__ = ["apply", "check_functions", "check_no_tasks", "known_classes", "note_slow_paths"]


@overload
def apply(
    functions: Iterable[LabelingFunction],
    data: Any,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    progress: Progress = None,
    classes: int | Iterable[Class] | None = None,
    id: str | None = None,
    group: str | None = None,
    timeout: float | None = None,
    tasks: None = None,
) -> Votes: ...
@overload
def apply(
    functions: Iterable[LabelingFunction],
    data: Any,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    progress: Progress = None,
    classes: int | Iterable[Class] | None = None,
    id: str | None = None,
    group: str | None = None,
    timeout: float | None = None,
    tasks: TaskGraph,
) -> TaskVotes: ...
def apply(
    functions: Iterable[LabelingFunction],
    data: Any,
    *,
    engine: Engine | None = None,
    on_error: OnError = "raise",
    progress: Progress = None,
    classes: int | Iterable[Class] | None = None,
    id: str | None = None,
    group: str | None = None,
    timeout: float | None = None,
    tasks: TaskGraph | None = None,
) -> Votes | TaskVotes:
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
    group : str, optional
        Column with the groups of examples that are alike (the patient of a scan, the video of a frame), for intervals.
        Functions read it as they read any column.
    timeout : float, optional
        Seconds that a Python function (with its preprocessors) may take on one example; then it is stopped, and that
        counts as a failure. Needs a POSIX system.
    tasks : TaskGraph, optional
        Related tasks, of which each function names those it votes on. The votes are then `TaskVotes`, the classes those
        of the graph, and an answer of one function that contradicts itself under the graph is a failure.

    Returns
    -------
    Votes or TaskVotes
        The same for every engine and every size of parts; `TaskVotes` where ``tasks`` is given.

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
    chosen = check_functions(functions)
    if on_error not in get_args(OnError):
        raise FunctionError(f"on_error is {on_error!r}; allowed: 'raise' or 'abstain'.")
    limit = check_timeout(timeout)
    dataset = read(data, id=id, group=group)
    if not dataset.columns or dataset.rows == 0:
        raise DataError("the data holds no examples; there is nothing to apply functions to.")
    if tasks is not None:
        return _over_tasks(chosen, dataset, tasks, engine or LocalEngine(), progress, classes, on_error, limit)
    check_no_tasks(chosen)
    declared = declared_classes(chosen) if classes is None else check_classes(classes)
    known, closed = known_classes(chosen, classes, declared)
    task = ApplyTask(chosen, dataset.schema, known, closed=closed, on_error=on_error, timeout=limit)
    note_slow_paths(task)
    values = list(_run(task, dataset, engine or LocalEngine(), progress))
    return _joined(chosen, values, declared if not closed else known, closed)


def check_functions(functions: Iterable[Any]) -> tuple[LabelingFunction, ...]:
    """Return the functions as a tuple, after checking that they can be applied together."""
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


def check_no_tasks(functions: Sequence[LabelingFunction]) -> None:
    """Refuse functions that name tasks where there is one task alone."""
    if named := [f for f in functions if f.tasks is not None]:
        raise FunctionError(
            f"labeling function {named[0].name!r} votes on {', '.join(map(repr, named[0].tasks or ()))}, but no task "
            "graph is given; pass it as apply(..., tasks=graph)."
        )


def _over_tasks(
    functions: tuple[LabelingFunction, ...],
    dataset: Dataset,
    graph: TaskGraph,
    engine: Engine,
    progress: Progress,
    classes: Any,
    on_error: OnError,
    timeout: float | None,
) -> TaskVotes:
    if not isinstance(graph, TaskGraph):
        raise FunctionError(f"tasks must be a TaskGraph, got {type(graph).__name__}; one Task is TaskGraph([task]).")
    if classes is not None:
        raise FunctionError("classes and tasks are both given; with tasks, the classes are those of the graph.")
    task = ApplyOverTasks(functions, dataset.schema, graph, on_error=on_error, timeout=timeout)
    note_slow_paths(task)
    return joined(graph, task.places, list(_run(task, dataset, engine, progress)))


def known_classes(
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


def note_slow_paths(task: ApplyTask) -> None:
    """Warn of vectorised functions that have to go through Python."""
    slow: dict[str, list[str]] = {}
    for _, function in task.vectorised:
        if reason := function.slow_path(task.schema):
            slow.setdefault(reason, []).append(function.name)
    if slow:
        listed = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in slow.items())
        warnings.warn(
            f"{sum(map(len, slow.values()))} of {len(task.vectorised)} vectorised functions go through Python, at a "
            f"tenth of the speed or less: {listed}.",
            SlowPathWarning,
            stacklevel=3,
        )


def _run(task: ApplyTask, dataset: Dataset, engine: Engine, progress: Progress) -> Iterator[PartVotes]:
    parts, done = dataset.parts(task.columns), 0
    values = run_pieces(engine, task, parts, dataset.rows, cut=bool(task.python))
    with reporting(progress, "Applying", dataset.rows) as report, closing(values):
        for value in values:
            done += value.rows
            report(done, dataset.rows)
            yield value


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
