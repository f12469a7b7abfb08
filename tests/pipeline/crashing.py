"""A process that dies while it writes to the store or the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from labelwright.store import ArtifactFolder, Catalog

WRITES = (
    (ArtifactFolder, "put_bytes"),
    (ArtifactFolder, "put_many"),
    (Catalog, "add_derivations"),
    (Catalog, "add_run"),
)


class CrashError(BaseException):
    """What a killed process would not even see."""


@contextmanager
def crashing(after: int, writes: Sequence[tuple[type, str]] = WRITES) -> Iterator[None]:
    """Let writing to store or catalog fail after so many times."""
    left = [after]

    def counted(method: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise CrashError
            return method(*arguments, **options)

        return write

    with ExitStack() as patched:
        for owner, name in writes:
            patched.enter_context(mock.patch.object(owner, name, counted(getattr(owner, name))))
        yield
