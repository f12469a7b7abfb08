"""How training is going: a line on a terminal, silence elsewhere, or a call to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from labelwright.core.progress import ProgressLine, duration

__all__ = ["Progress", "Reporter"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands.

    Parameters
    ----------
    epoch, epochs : int
        Epoch that is running, from 1, and how many there are to be at most.
    examples, examples_per_epoch : int
        Seen in this epoch, and in all of it.
    examples_per_second : float
        Mean rate since training (or resuming) began.
    seconds_left : float
        At that rate, if no early stop comes.
    valid_loss : float or None
        Loss on the dev set after the last finished epoch.
    """

    epoch: int
    epochs: int
    examples: int
    examples_per_epoch: int
    examples_per_second: float
    seconds_left: float
    valid_loss: float | None

    def __str__(self) -> str:
        share = self.examples / self.examples_per_epoch
        valid = "" if self.valid_loss is None else f" · dev loss {self.valid_loss:.4f}"
        return (
            f"epoch {self.epoch}/{self.epochs} {share:4.0%} · {self.examples_per_second:,.0f} examples/s · "
            f"{duration(self.seconds_left)} left{valid}"
        )


class Reporter:
    """Calls ``progress`` a few times a second; without one, keeps a line on ``stream`` if that is a terminal."""

    def __init__(
        self,
        progress: Callable[[Progress], None] | None,
        *,
        epochs: int,
        examples_per_epoch: int,
        stream: TextIO | None = None,
    ) -> None:
        self._line = ProgressLine(progress, stream=stream)
        self._epochs, self._per_epoch = epochs, examples_per_epoch
        self._seen = 0

    def saw(self, epoch: int, examples: int, count: int, valid_loss: float | None) -> None:
        """Note ``count`` more examples, ``examples`` in all of ``epoch`` (from 1)."""
        self._seen += count
        seconds = self._line.due(finished=examples == self._per_epoch)
        if seconds is None:
            return
        rate = self._seen / seconds
        left = ((self._epochs - epoch) * self._per_epoch + self._per_epoch - examples) / rate
        self._line.tell(Progress(epoch, self._epochs, examples, self._per_epoch, rate, left, valid_loss))

    def close(self) -> None:
        """End the line."""
        self._line.close()
