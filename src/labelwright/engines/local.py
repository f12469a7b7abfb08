"""The machine at hand: in the calling thread, in threads, or in processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from operator import length_hint
from typing import Any, Literal, get_args

from labelwright.core.errors import EngineError, SlowPathWarning

from .base import Outcome, Task, combined, part_id

__all__ = ["LocalEngine"]

Kind = Literal["auto", "threads", "processes", "inline"]

# Starting a process and its imports takes most of a second; work that is done by then never pays for it.
_INLINE_SECONDS = 1.0
# With few cores, workers save time only where what is left takes several times as long as starting them.
_WORTH_SECONDS = 3.0


class LocalEngine:
    """Runs tasks on this machine.

    Parameters
    ----------
    workers : int, optional
        Number of threads or processes. Default: the number of cores that this process may use.
    kind : {"auto", "threads", "processes", "inline"}, default "auto"
        Where tasks run. ``"auto"`` does what the task prefers; a task that prefers processes first runs in this one
        for about a second, and stays while little is left (by the length hint of ``parts``, where it has one).

    Notes
    -----
    Processes are started afresh (never forked) and do not import the main script, so that it needs no
    ``if __name__ == "__main__"`` guard; functions travel by value, lambdas and closures too. They end with the call,
    also when it is interrupted.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> class Double:
    ...     prefers, main_thread = "threads", False
    ...     def setup(self): ...
    ...     def __call__(self, part): return 2 * part
    >>> [outcome.value for outcome in LocalEngine(workers=2).map(Double(), [1, 2, 3])]
    [2, 4, 6]
    """

    def __init__(self, workers: int | None = None, kind: Kind = "auto") -> None:
        if kind not in get_args(Kind):
            raise EngineError(f"kind is {kind!r}; allowed: {', '.join(get_args(Kind))}.")
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise EngineError(f"workers is {workers!r}; it must be a number, 1 or more.")
        self.workers = workers
        self.kind = kind

    def map(
        self,
        task: Task,
        parts: Iterable[Any],
        *,
        combine: Callable[[Any, Any], Any] | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Iterator[Outcome]:
        """Yield one outcome per part, in order; see `labelwright.engines.Engine`.

        Raises
        ------
        EngineError
            If a worker process dies, or if the task cannot run where it was told to.
        """
        del resources  # this machine is all there is
        outcomes = self._outcomes(task, iter(parts))
        return outcomes if combine is None else combined(outcomes, combine)

    def close(self) -> None:
        """Do nothing: workers end with each call of ``map``."""

    def _outcomes(self, task: Task, source: Iterator[Any]) -> Iterator[Outcome]:
        parts = ((part_id(part, position), part) for position, part in enumerate(source))
        kind = task.prefers if self.kind == "auto" else self.kind
        workers = self.workers or _cores()
        main_thread = threading.current_thread() is threading.main_thread()
        if task.main_thread and (kind == "threads" or (kind == "inline" and not main_thread)):
            raise EngineError(
                "a time limit needs the main thread of a process; use LocalEngine(kind='processes'), or call from the "
                "main thread."
            )
        if kind == "inline":
            task.setup()
            yield from _inline(task, parts)
        elif kind == "threads":
            yield from _in_threads(task, parts, workers)
        elif self.kind == "processes":
            yield from _in_processes(_pickled(task), parts, workers)
        else:
            yield from _inline_then_processes(task, parts, workers, main_thread, lambda: length_hint(source, -1))


def _cores() -> int:
    import loky

    return int(loky.cpu_count())


def _inline(
    task: Task, parts: Iterator[tuple[Any, Any]], enough: Callable[[float, float], bool] | None = None
) -> Iterator[Outcome]:
    """Run parts here with a task that is set up, until done or ``enough(seconds in all, seconds of the last part)``."""
    spent = 0.0
    for name, part in parts:
        started = time.perf_counter()
        outcome = _attempt(task, name, part)
        last = time.perf_counter() - started
        spent += last
        yield outcome
        if enough is not None and enough(spent, last):
            return


def _attempt(task: Task, name: Any, part: Any) -> Outcome:
    try:
        return Outcome(name, task(part))
    except Exception as error:
        return Outcome(name, error=error)


def _inline_then_processes(
    task: Task, parts: Iterator[tuple[Any, Any]], workers: int, main_thread: bool, left: Callable[[], int]
) -> Iterator[Outcome]:
    def enough(spent: float, last: float) -> bool:
        return workers > 1 and spent > _INLINE_SECONDS and (left() < 0 or left() * last > _WORTH_SECONDS)

    here = main_thread or not task.main_thread
    if here:
        task.setup()
        yield from _inline(task, parts, enough)
    first = next(parts, None)
    if first is None:
        return
    rest = _chained(first, parts)
    try:
        blob = _pickled(task)
    except EngineError as error:
        if not here:
            raise
        warnings.warn(f"{error} It runs in this process alone.", SlowPathWarning, stacklevel=2)
        yield from _inline(task, rest)
        return
    yield from _in_processes(blob, rest, workers)


def _chained(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _in_threads(task: Task, parts: Iterator[tuple[Any, Any]], workers: int) -> Iterator[Outcome]:
    task.setup()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="labelwright")
    try:
        yield from _windowed(lambda name, part: pool.submit(_attempt, task, name, part), parts, workers + 1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_processes(blob: bytes, parts: Iterator[tuple[Any, Any]], workers: int) -> Iterator[Outcome]:
    from .workers import compute, rebuilt

    with _process_pool(blob, workers) as pool:
        for outcome in _windowed(lambda name, part: pool.submit(compute, name, part), parts, 2 * workers):
            yield rebuilt(outcome)


@contextmanager
def _process_pool(blob: bytes, workers: int) -> Iterator[Any]:
    import loky

    from .workers import begin

    # Each worker gets its share of the cores: oversubscription costs several times more than it brings.
    share = str(max(1, _cores() // workers))
    names = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    pool = loky.ProcessPoolExecutor(workers, initializer=begin, initargs=(blob,), env=dict.fromkeys(names, share))
    finished = False
    try:
        yield pool
        finished = True
    except loky.process_executor.TerminatedWorkerError as error:
        raise EngineError(
            "a worker process died without a word: out of memory, killed, or a crash in native code. Use fewer "
            "workers, or LocalEngine(kind='inline') to see where."
        ) from error
    finally:
        if finished:
            pool.shutdown(wait=True)
        else:
            _kill(pool)


def _kill(pool: Any) -> None:
    """End the workers of a loky pool at once, whatever they are at."""
    with _without_interrupts(), warnings.catch_warnings():
        # loky asks pgrep for children of workers (ours have none). Where that fails it warns, and then calls what its
        # processes lack: nothing would be killed, and this process would wait for its workers when it ends.
        warnings.filterwarnings("ignore", message="Failed to kill subprocesses")
        for process in list((pool._processes or {}).values()):
            process._popen.kill = process.terminate if sys.platform == "win32" else partial(_kill_process, process.pid)
        pool.shutdown(wait=True, kill_workers=True)


def _kill_process(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C within the block, here and in programs that it starts: a second one would undo the cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _pickled(task: Task) -> bytes:
    from .workers import dump

    try:
        return dump(task)
    except Exception as error:
        raise EngineError(f"the task cannot be sent to other processes ({type(error).__name__}: {error}).") from error


def _windowed(
    submit: Callable[[Any, Any], Future[Outcome]], parts: Iterator[tuple[Any, Any]], window: int
) -> Iterator[Outcome]:
    """Keep a few parts at work and hand over outcomes in order, so that memory does not grow with the data."""
    waiting: deque[Future[Outcome]] = deque()
    for name, part in parts:
        waiting.append(submit(name, part))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
