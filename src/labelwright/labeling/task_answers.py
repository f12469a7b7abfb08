"""What a function over tasks may return: for each task a class, or several of which one holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from labelwright.core import ABSTAIN, Class
from labelwright.core.errors import FunctionError

__all__ = [
    "TRUTHS",
    "Answer",
    "Label",
    "Labels",
    "as_class",
    "as_labels",
    "as_tasks",
    "by_task",
    "checked_tasks",
    "choices",
    "fixed_answer",
    "wrong_answer",
]

# A class; several of which one holds; a mapping of task to either; or ``None``.
Answer: TypeAlias = Any
# What a function may vote for: classes, or classes by task.
Labels: TypeAlias = "Iterable[Class] | Mapping[str, Iterable[Class]]"

# What a function says wherever it fires: an answer that is no abstain.
Label: TypeAlias = "Class | Collection[Class] | Mapping[str, Class | Collection[Class]]"

# How labels of one class each are asked for: a truth value says which.
TRUTHS = ("no", "yes")

_SEVERAL = (list, tuple, set, frozenset)


def choices(value: Any) -> tuple[Any, ...]:
    """Return the classes of which a vote on one task says that one holds; none where it abstains.

    A set is sorted, so that what is said of it does not depend on the process.

    Examples
    --------
    >>> choices("mass"), choices(["mass", "nodule"]), choices(None), choices(-1)
    (('mass',), ('mass', 'nodule'), (), ())
    """
    value = _plain(value)
    if value is None or (isinstance(value, int) and value == ABSTAIN):
        return ()
    if not isinstance(value, _SEVERAL):
        return (value,)
    return tuple(map(_plain, sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value))


def as_class(one: Any) -> Any:
    """Return the class that a truth value stands for, and any other class as it is."""
    return TRUTHS[one] if isinstance(one, bool) else one


def by_task(answer: Any, tasks: tuple[str, ...]) -> Mapping[str, Any]:
    """Return an answer as a mapping; a function of one task may leave its name out.

    Examples
    --------
    >>> by_task("mass", ("kind",)), by_task(None, ("kind", "side"))
    ({'kind': 'mass'}, {})
    """
    if isinstance(answer, Mapping):
        return answer
    return {tasks[0]: answer} if choices(answer) else {}


def wrong_answer(answer: Any, tasks: tuple[str, ...]) -> str | None:
    """Say what is wrong with the form of an answer, or return ``None``; whether the classes are known is not asked.

    Examples
    --------
    >>> wrong_answer("mass", ("kind", "side"))
    "it votes on several tasks (kind, side), so it returns a mapping, such as {'kind': ...}, or None."
    """
    if isinstance(answer, Mapping):
        foreign = [task for task in answer if task not in tasks]
        if foreign:
            return f"{foreign[0]!r} is no task of it; its tasks are: {', '.join(tasks)}."
        return next((said for task, v in answer.items() if (said := _wrong_value(v, f" on task {task!r}"))), None)
    if len(tasks) > 1 and choices(answer):
        return (
            f"it votes on several tasks ({', '.join(tasks)}), so it returns a mapping, such as "
            f"{{{tasks[0]!r}: ...}}, or None."
        )
    return _wrong_value(answer, "")


def as_tasks(task: str | None, tasks: Iterable[str] | None, name: object) -> tuple[str, ...] | None:
    """Return the tasks that a user named by ``task=`` or ``tasks=``.

    Raises
    ------
    FunctionError
        If both are given, or they are not different names.
    """
    if task is not None and tasks is not None:
        raise FunctionError(f"labeling function {name!r} has task= and tasks=; give one of them.")
    if task is None and tasks is None:
        return None
    if isinstance(tasks, str):
        raise FunctionError(f"tasks of labeling function {name!r} is {tasks!r}; pass task={tasks!r}.")
    return checked_tasks((task,) if tasks is None else tasks, name)


def checked_tasks(tasks: Any, name: object) -> tuple[str, ...]:
    """Return the names of tasks, if they are different strings that are not empty."""
    if isinstance(tasks, str) or not isinstance(tasks, Iterable):
        raise FunctionError(f"tasks of labeling function {name!r} is {tasks!r}; pass a list of names of tasks.")
    named = tuple(tasks)
    if not named or not all(isinstance(t, str) and t.strip() for t in named) or len(set(named)) < len(named):
        raise FunctionError(f"tasks of labeling function {name!r} must be different names of tasks, got {list(named)}.")
    return named


def fixed_answer(answer: Any, tasks: tuple[str, ...], name: object) -> Any:
    """Return what a function always says where it votes, in one form: a class, a sorted tuple, or a mapping to these.

    Raises
    ------
    FunctionError
        If it is no answer, or says nothing.

    Examples
    --------
    >>> fixed_answer({"kind": {"nodule", "mass"}, "side": "left"}, ("kind", "side"), "left_one")
    {'kind': ('mass', 'nodule'), 'side': 'left'}
    """
    reason = wrong_answer(answer, tasks)
    if reason:
        raise FunctionError(f"label of labeling function {name!r} is {answer!r}: {reason}")
    given = {
        task: tuple(sorted(set(map(as_class, choices(v))), key=repr)) for task, v in by_task(answer, tasks).items()
    }
    if not given or not all(given.values()):
        raise FunctionError(
            f"label of labeling function {name!r} is {answer!r}; name a class for each of its tasks. A function that "
            "does not fire abstains by itself."
        )
    fixed = {task: found[0] if len(found) == 1 else found for task, found in given.items()}
    return fixed if isinstance(answer, Mapping) else fixed[tasks[0]]


def as_labels(labels: Any, tasks: tuple[str, ...] | None, name: object) -> tuple[Any, Mapping[str, Any] | None]:
    """Split what a user gave as ``labels=`` into the classes of the one task, or those of several tasks.

    Raises
    ------
    FunctionError
        If the form does not fit the tasks.

    Examples
    --------
    >>> as_labels(["spam"], None, "link")
    (['spam'], None)
    >>> as_labels({"kind": ["mass"], "side": ["left"]}, ("kind", "side"), "left_mass")
    (None, {'kind': ['mass'], 'side': ['left']})
    """
    if not isinstance(labels, Mapping):
        if labels is not None and tasks is not None and len(tasks) > 1:
            raise FunctionError(
                f"labeling function {name!r} votes on several tasks, so its labels are a mapping, such as "
                f"labels={{{tasks[0]!r}: [...]}}; got {labels!r}."
            )
        return labels, None
    foreign = [task for task in labels if task not in (tasks or ())]
    if foreign:
        there = f"its tasks are: {', '.join(tasks)}" if tasks else "it names no tasks; pass tasks=[...]"
        raise FunctionError(f"labels of labeling function {name!r} speak of a task {foreign[0]!r}, but {there}.")
    assert tasks is not None
    return (labels[tasks[0]], None) if len(tasks) == 1 and labels else (None, dict(labels))


def _wrong_value(value: Any, where: str) -> str | None:
    for one in choices(value):
        if not isinstance(one, (str, int)):
            return (
                f"{one!r}{where} is a {type(one).__name__}; a vote is the name of a class, a whole number, a list of "
                "classes of which one holds, or None."
            )
    return None


def _plain(value: Any) -> Any:
    """Return what a scalar of numpy's holds, and anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
