"""Work on parts in threads, in the order of the parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["side_by_side"]

T = TypeVar("T")

# Beyond four threads, memory is what is waited for; and each holds the votes of one part.
_MOST_THREADS = 4
# Parts whose results are handed over, and recorded, together.
_TOGETHER = 16


def side_by_side(
    work: Callable[[int], T], parts: Sequence[int], *, workers: int | None = None
) -> Iterator[tuple[T, ...]]:
    """Yield what ``work`` returns for each of ``parts``, in their order, up to 16 at a time.

    Parameters
    ----------
    work : callable
        Of a part; it must not write what another part reads. numpy lets go of the interpreter for most of its time.
    parts : sequence of int
    workers : int, optional
        Most threads. Default: the cores that this process may use; never more than 4.

    Notes
    -----
    Each part is computed by one thread alone, so what comes out does not depend on how many there are.

    Examples
    --------
    >>> list(side_by_side(lambda part: 2 * part, [1, 2, 3]))
    [(2, 4, 6)]
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(workers or usable, _MOST_THREADS, len(parts))
    if threads < 2:
        yield from ((work(part),) for part in parts)
        return
    # Here, because looking for the libraries that use threads takes milliseconds.
    from threadpoolctl import threadpool_limits

    pool = ThreadPoolExecutor(threads, thread_name_prefix="labelwright")
    try:
        # Around all threads: what one of them sets, and sets back, would count for the others.
        with threadpool_limits(limits=1, user_api="blas"):
            for first in range(0, len(parts), _TOGETHER):
                yield tuple(pool.map(work, parts[first : first + _TOGETHER]))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
