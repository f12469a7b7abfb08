"""Labeling functions that get a whole part at once: for models, and for anything that numpy does better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import polars as pl

from labelwright.core.errors import FunctionError
from labelwright.functions.versions import version_of

from .base import LabelingFunction
from .examples import Example
from .task_answers import Answer, Labels, as_tasks
from .votes import checked

__all__ = ["BatchFunction", "batch_lf"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class BatchFunction(LabelingFunction):
    """A function of a whole part of the data; made by `batch_lf`.

    Parameters
    ----------
    function : callable
        Gets a Polars frame with the columns ``fields``, and ``resources`` as keyword arguments.
    resources : mapping of str to object
        Keyword arguments of every call.
    depends_on : sequence of object
        What else the version depends on.
    name, labels, fields, examples, tasks
        As for `LabelingFunction`.
    """

    function: Callable[..., Any]
    resources: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", dict(self.resources))
        object.__setattr__(self, "depends_on", tuple(self.depends_on))
        object.__setattr__(self, "__doc__", getattr(self.function, "__doc__", None))
        super().__post_init__()

    def _version(self) -> str:
        return version_of(self)

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of, besides ``depends_on``; also for a function that calls this one."""
        return {
            "function": self.function,
            "labels": self.labels,
            "fields": self.fields,
            "resources": self.resources,
            **self._task_parts(),
        }

    def votes(self, frame: pl.DataFrame) -> list[Any]:
        """Call the function on the rows of a frame and return one vote per row, not yet checked for its class.

        Over tasks it may return a mapping of task to a column of votes, or a frame: a vote is a mapping then.

        Raises
        ------
        FunctionError
            If it returns no sequence, or one of another length.
        """
        returned = self.function(frame, **self.resources)
        if self.tasks is None or not isinstance(returned, (Mapping, pl.DataFrame)):
            return _column(returned, frame.height)
        columns = {str(task): _column(returned[task], frame.height) for task in _names(returned)}
        rows = zip(*columns.values(), strict=True) if columns else [()] * frame.height
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def __call__(self, x: Any) -> Answer:
        """Vote on one example, as a part of one row."""
        named = x if isinstance(x, Mapping) else None
        if named is None:
            names = self.fields or tuple(x.keys() if hasattr(x, "keys") else vars(x))
            named = {name: getattr(x, name) for name in names}
        frame = pl.DataFrame([{name: named[name] for name in self.fields or named}], infer_schema_length=None)
        return checked(self, self.votes(frame)[0])


@overload
def batch_lf(name: Callable[..., Any], /) -> BatchFunction: ...
@overload
def batch_lf(
    name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    *,
    labels: Labels | None = None,
    fields: Sequence[str] | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> Callable[[Callable[..., Any]], BatchFunction]: ...
def batch_lf(
    name: str | Callable[..., Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    *,
    labels: Labels | None = None,
    fields: Sequence[str] | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> BatchFunction | Callable[[Callable[..., Any]], BatchFunction]:
    """Make a function of a whole part a labeling function: a decorator, with or without parentheses.

    The function gets a Polars frame and returns a list, array or series with one vote per row: a class, or ``None`` or
    -1 to abstain. The vote on a row must depend on that row alone, since parts may be cut anywhere.

    Parameters
    ----------
    name : str, optional
        Name of the source. Default: the function's name.
    resources : mapping of str to object, optional
        Keyword arguments of every call, such as a model.
    labels : sequence of (str or int), optional
        The classes it may vote for; any other vote is then an error.
    fields : sequence of str, optional
        The columns of the frame. Default: all.
    task, tasks : str, sequence of str, optional
        The task, or tasks, it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`). With
        ``tasks`` it returns a mapping of task to votes, one per row (or a frame, or a list of mappings of task to
        class), and ``labels`` is a mapping too; a task that is missing there is abstained on. A list or set of classes
        says that one of them holds.
    depends_on : sequence of object, optional
        What else the version depends on, where that cannot be worked out.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    BatchFunction or decorator

    Examples
    --------
    >>> @batch_lf(labels=[0, 1], fields=["text"])
    ... def long(part):
    ...     return (part["text"].str.len_chars() > 10).cast(int)
    >>> long({"text": "short"})
    0
    """
    if callable(name):
        return BatchFunction(name=_name(name), function=name)
    made: dict[str, Any] = {"resources": resources or {}, "depends_on": tuple(depends_on)}
    made["examples"] = examples
    made |= {"labels": labels, "fields": fields}

    def decorate(function: Callable[..., Any]) -> BatchFunction:
        chosen = name or _name(function)
        return BatchFunction(name=chosen, function=function, tasks=as_tasks(task, tasks, chosen), **made)

    return decorate


def _name(function: Any) -> str:
    if not callable(function) or isinstance(function, LabelingFunction):
        raise FunctionError(f"batch_lf decorates a function of a frame, not a {type(function).__name__}.")
    return str(getattr(function, "__name__", type(function).__name__))


def _names(returned: Mapping[Any, Any] | pl.DataFrame) -> list[Any]:
    return returned.columns if isinstance(returned, pl.DataFrame) else list(returned)


def _column(returned: Any, height: int) -> list[Any]:
    """Return what a function gave as one vote per row.

    Raises
    ------
    FunctionError
        If it is no sequence, or one of another length.
    """
    shape = getattr(returned, "shape", None)
    if shape is not None and len(shape) != 1:
        raise FunctionError(
            f"it returned an array of shape {tuple(shape)}; return one class per row, shape ({height},), such as the "
            "argmax of probabilities."
        )
    listed = getattr(returned, "tolist", None) or getattr(returned, "to_list", None)
    if listed is None and (isinstance(returned, (str, Mapping)) or not hasattr(returned, "__iter__")):
        raise FunctionError(f"it returned a {type(returned).__name__}; return a list or array with one vote per row.")
    votes = listed() if listed is not None else list(returned)
    if len(votes) != height:
        raise FunctionError(f"it returned {len(votes)} votes for a part of {height} examples.")
    return votes
