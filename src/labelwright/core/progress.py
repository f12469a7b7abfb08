"""How long work is going: a line on a terminal, silence elsewhere, or a call to whoever asked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

__all__ = ["ProgressLine", "duration"]

# Often enough to see it move, rarely enough to cost nothing.
_SECONDS_BETWEEN_REPORTS = 0.2


class ProgressLine:
    """Calls ``progress`` a few times a second; without one, keeps a line on ``stream`` if that is a terminal.

    Parameters
    ----------
    progress : callable or None
        Gets what is told; its ``str`` is what a terminal shows.
    stream : text file, optional
        Default: standard error.

    Examples
    --------
    >>> seen = []
    >>> line = ProgressLine(seen.append)
    >>> if line.due(finished=True) is not None:
    ...     line.tell("done")
    >>> seen
    ['done']
    """

    def __init__(self, progress: Callable[[Any], None] | None, *, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = progress is None and self._stream.isatty()
        self._report = self._show if self._shown else progress
        self._start = self._last = time.monotonic()

    def due(self, *, finished: bool) -> float | None:
        """Return the seconds since the beginning if it is time to tell something, else None.

        Parameters
        ----------
        finished : bool
            Whether something has come to an end, which is told in any case.
        """
        now = time.monotonic()
        if self._report is None or (not finished and now - self._last < _SECONDS_BETWEEN_REPORTS):
            return None
        self._last = now
        return max(now - self._start, 1e-9)

    def tell(self, record: Any) -> None:
        """Pass ``record`` on."""
        if self._report is not None:
            self._report(record)

    def close(self) -> None:
        """End the line."""
        if self._shown:
            self._stream.write("\n")

    def _show(self, record: Any) -> None:
        # Back to the start of the line, and erase what a longer text left there.
        self._stream.write(f"\r\x1b[K{record}")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Return seconds as minutes and seconds, or hours, minutes and seconds.

    Examples
    --------
    >>> duration(75), duration(3725)
    ('1:15', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
