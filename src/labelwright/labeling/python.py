"""Labeling functions written in Python, one example at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from labelwright.core.errors import FunctionError
from labelwright.functions.per_example import PerExample
from labelwright.functions.preprocessors import Preprocessor, apply_preprocessors
from labelwright.functions.reading import as_example
from labelwright.functions.versions import version_of

from .base import LabelingFunction
from .examples import Example
from .task_answers import Answer, Labels, as_tasks
from .votes import checked

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PythonFunction", "labeling_function"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PythonFunction(PerExample, LabelingFunction):
    """A Python function of one example; made by `labeling_function`.

    Parameters
    ----------
    function : callable
        Gets the example, and ``resources`` as keyword arguments; returns a class, ``None`` or -1.
    resources : mapping of str to object
        Keyword arguments of every call.
    pre : sequence of Preprocessor
        Run on the example first.
    depends_on : sequence of object
        What else the version depends on.
    name, labels, fields, examples, tasks
        As for `LabelingFunction`. Without ``fields``, they are worked out from the syntax tree.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", self._settle(f"labeling function {self.name!r}", self.fields))
        super().__post_init__()

    def _version(self) -> str:
        return version_of(self)

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of, besides ``depends_on``; also for a function that calls this one."""
        return {
            "function": self.function,
            "labels": self.labels,
            "pre": self.pre,
            "resources": self.resources,
            **self._task_parts(),
        }

    def columns(self, schema: pl.Schema) -> tuple[str, ...]:
        """Return the columns that it reads; those it asks for with ``x.get`` only where the data has them."""
        found = super().columns(schema)
        return found if self.fields is None else (*found, *self._asked(schema))

    def __call__(self, x: Any) -> Answer:
        """Vote on one example of any kind: a record, mapping, namespace or pandas row.

        Raises
        ------
        FunctionError
            If the function returns something that is no class, ``None`` or -1.
        """
        return checked(self, self.answer(apply_preprocessors(self.pre, as_example(x))))


@overload
def labeling_function(name: Callable[..., Any], /) -> PythonFunction: ...
@overload
def labeling_function(
    name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    *,
    labels: Labels | None = None,
    fields: Sequence[str] | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> Callable[[Callable[..., Any]], PythonFunction]: ...
def labeling_function(
    name: str | Callable[..., Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    pre: Sequence[Preprocessor] | None = None,
    *,
    labels: Labels | None = None,
    fields: Sequence[str] | None = None,
    task: str | None = None,
    tasks: Sequence[str] | None = None,
    depends_on: Sequence[Any] = (),
    examples: Iterable[Example] = (),
) -> PythonFunction | Callable[[Callable[..., Any]], PythonFunction]:
    """Make a Python function a labeling function: a decorator, with or without parentheses.

    The function gets one example and returns a class (by name or number), or ``None`` or -1 to abstain. It reads
    fields as attributes (``x.text``) or items (``x["text"]``); a missing value is ``None`` (NaN in a column of
    floating-point numbers).

    Parameters
    ----------
    name : str, optional
        Name of the source. Default: the function's name.
    resources : mapping of str to object, optional
        Keyword arguments of every call: word lists, a knowledge base, a model.
    pre : sequence of Preprocessor, optional
        Preprocessors to run on the example first.
    labels : sequence of (str or int), optional
        The classes it may vote for; any other vote is then an error.
    fields : sequence of str, optional
        The columns that it and its preprocessors read. Default: worked out from the syntax tree where the example is
        only used as ``x.field``, ``x["field"]`` or ``x.get("field")``; otherwise all columns are built.
    task, tasks : str, sequence of str, optional
        The task, or tasks, it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`). With
        ``tasks`` it returns a mapping of task to class, and ``labels`` is one too; a task that is missing
        there is abstained on. A list or set of classes says that one of them holds.
    depends_on : sequence of object, optional
        What else the version depends on, where that cannot be worked out.
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    PythonFunction or decorator

    Examples
    --------
    >>> @labeling_function(labels=["spam"], examples=[("subscribe now", "spam"), ("nice song", None)])
    ... def asks_to_subscribe(x):
    ...     return "spam" if "subscribe" in x.text.lower() else None
    >>> asks_to_subscribe({"text": "Please SUBSCRIBE"})
    'spam'
    """
    if callable(name):
        return _decorate(name, None, labels, fields, task, tasks)
    given = name
    made: dict[str, Any] = {"resources": resources or {}, "pre": tuple(pre or ()), "depends_on": tuple(depends_on)}
    made["examples"] = examples
    return lambda function: _decorate(function, given, labels, fields, task, tasks, **made)


def _decorate(
    function: Any,
    name: str | None,
    labels: Labels | None,
    fields: Sequence[str] | None,
    task: str | None,
    tasks: Sequence[str] | None,
    **more: Any,
) -> PythonFunction:
    if isinstance(function, LabelingFunction):
        raise FunctionError(f"{function.name!r} is a labeling function already.")
    if not callable(function):
        raise FunctionError(f"labeling_function decorates a function of one example, not a {type(function).__name__}.")
    chosen = name if name is not None else getattr(function, "__name__", type(function).__name__)
    # The base class checks labels and fields and makes tuples of them.
    own: Any = {"labels": labels, "fields": fields, "tasks": as_tasks(task, tasks, chosen)}
    return PythonFunction(name=chosen, function=function, **own, **more)
