"""A time limit on one call of user code.

It rests on the interval timer of POSIX systems, whose signal Python delivers in the main thread of a process, between
two bytecode instructions and now and then inside ``re``. Native code that never looks up (a long matrix product) is
stopped when it returns.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from labelwright.core.errors import FunctionError

__all__ = ["Overrun", "check_timeout", "limited", "time_limits"]


class Overrun(BaseException):
    """The limit has passed. Not an ``Exception``, so that ``except Exception`` in user code does not swallow it."""


def check_timeout(timeout: float | None) -> float | None:
    """Return the limit in seconds, checked.

    Raises
    ------
    FunctionError
        If it is not a positive number, or if this system has no interval timer.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0:
        raise FunctionError(f"timeout is {timeout!r}; it must be a number of seconds above 0.")
    if not hasattr(signal, "setitimer"):
        raise FunctionError("timeout needs the interval timer of a POSIX system, which this one does not have.")
    return float(timeout)


@contextmanager
def time_limits(timeout: float | None) -> Iterator[None]:
    """Within the block, functions made by `limited` can be stopped; whoever used the timer gets it back."""
    if timeout is None:
        yield
        return
    handler = signal.signal(signal.SIGALRM, _overrun)
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def limited(call: Callable[[Any], Any], timeout: float | None) -> Callable[[Any], Any]:
    """Return a function that does the same and raises `Overrun` when one call takes too long."""
    if timeout is None:
        return call
    # The timer goes off again and again, in case a bare ``except:`` in user code swallows the first.
    again = max(timeout, 0.1)

    def run(x: Any) -> Any:
        signal.setitimer(signal.ITIMER_REAL, timeout, again)
        try:
            return call(x)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    return run


def _overrun(*_: Any) -> None:
    raise Overrun
