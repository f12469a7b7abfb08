"""Who holds a lease: a process on a machine, told apart from a later one that was given the same number."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Holder", "this_process"]

_PROC = Path("/proc")

# States of a process that has ended: its parent has not asked how, or it is just going.
_ENDED = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process.

    Parameters
    ----------
    host : str
        Name of the machine, for people.
    machine : str
        Which start of which machine, and within it which set of process numbers (a container has its own).
    process : int
        Number of the process.
    began : int
        When the process began, in ticks since the machine's start: numbers are given out again.

    Examples
    --------
    >>> holder = this_process()
    >>> holder is None or (holder.here, holder.lives, Holder.parse(holder.text) == holder)
    (True, True, True)
    """

    host: str
    machine: str
    process: int
    began: int

    @property
    def text(self) -> str:
        """All of it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Holder:
        """Read `text`."""
        return cls(**json.loads(text))

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine, so that this process can see whether it lives."""
        return self.machine == _machine()

    @property
    def lives(self) -> bool:
        """Whether it may live still: ``False`` only for a process of this machine that has certainly ended."""
        if not self.here:
            return True
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody else's
            pass
        found = _state(self.process)
        # Other people's processes may be hidden.
        return found is None or (found[0] not in _ENDED and found[1] == self.began)


def this_process() -> Holder | None:
    """Return the process that asks, or ``None`` on a platform that does not say when a process began (not Linux)."""
    machine, found = _machine(), _state(os.getpid())
    if machine is None or found is None:
        return None
    return Holder(platform.node(), machine, os.getpid(), found[1])


def _machine() -> str | None:
    try:
        start = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{start} {os.readlink(_PROC / 'self/ns/pid')}"  # noqa: PTH115 - no path, but a name
    except OSError:
        return None


def _state(process: int) -> tuple[str, int] | None:
    """Return a process's state, and when it began; ``None`` where that is not told."""
    try:
        text = (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is a name in brackets, which may hold anything.
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[19])
