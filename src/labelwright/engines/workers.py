"""What runs inside a worker process, and how tasks and errors travel to and from it."""

from __future__ import annotations

import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import cloudpickle

from .base import Outcome, Task

__all__ = ["begin", "compute", "dump", "rebuilt"]

# The state of this worker process: what it was started for.
_blob: bytes | None = None
_task: Task | None = None


def dump(task: Task) -> bytes:
    """Pickle a task with the user's functions by value, where a worker could not import them."""
    stray = [module for module in list(sys.modules.values()) if _is_stray(module)]
    for module in stray:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cast(bytes, cloudpickle.dumps(task))
    finally:
        for module in stray:
            cloudpickle.unregister_pickle_by_value(module)


def _is_stray(module: Any) -> bool:
    """Whether a module was loaded from a file that is not on the path (a project's ``supervision.py``, say)."""
    name = getattr(module, "__name__", None)
    if not isinstance(module, ModuleType) or not isinstance(name, str) or not getattr(module, "__file__", None):
        return False
    return name in sys.modules and not _is_importable(name.partition(".")[0])


def _is_importable(package: str) -> bool:
    # importlib.util.find_spec would answer from sys.modules, where the stray ones stand too.
    if package in sys.stdlib_module_names or package in sys.builtin_module_names or package == "__main__":
        return True
    try:
        return any(finder.find_spec(package, None) is not None for finder in sys.meta_path)
    except (ImportError, ValueError, AttributeError):
        return True


def begin(blob: bytes) -> None:
    """Start a worker. Ctrl-C reaches the whole group of processes; the parent alone decides what it means."""
    global _blob
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _blob = blob


def compute(name: Any, part: Any) -> Outcome:
    """Compute one part; an exception becomes an outcome that can travel."""
    global _task
    try:
        if _task is None:
            assert _blob is not None
            task = cast(Task, pickle.loads(_blob))
            task.setup()
            _task = task
        return Outcome(name, _task(part))
    except Exception as error:
        cause = None if error.__cause__ is None else _portable(error.__cause__)
        return Outcome(name, _Parcel(_portable(error), cause, "".join(traceback.format_exception(error))))


@dataclass(frozen=True, slots=True)
class _Parcel:
    """An exception with its cause and the text of its traceback, which pickling alone would lose."""

    error: BaseException
    cause: BaseException | None
    text: str


def _portable(error: BaseException) -> BaseException:
    """Return the error, or one that says the same where it cannot be pickled both ways."""
    try:
        copied = pickle.loads(cloudpickle.dumps(error))
    except Exception:
        copied = None
    return copied if isinstance(copied, type(error)) else RuntimeError(f"{type(error).__name__}: {error}")


def rebuilt(outcome: Outcome) -> Outcome:
    """Turn a travelled error into the exception that was raised, with its cause and a note of where."""
    parcel = outcome.value
    if not isinstance(parcel, _Parcel):
        return outcome
    error = parcel.error if isinstance(parcel.error, Exception) else RuntimeError(repr(parcel.error))
    error.__cause__ = parcel.cause
    error.add_note(f"In a worker process:\n{parcel.text}")
    return Outcome(outcome.part_id, error=error)
