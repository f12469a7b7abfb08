"""What a refresh looks at: which earlier run it compares with, and how much of that it relies on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from labelwright.core.errors import ProjectError
from labelwright.pipeline.kept.keep import STORE_FOLDER, KeptRun
from labelwright.store import Catalog, Store

__all__ = ["Scope", "base_of", "check_write_access"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a refresh looks at.

    Parameters
    ----------
    since : str or None
        The run or snapshot to compare with; default the last run.
    only : tuple of str
        Functions whose votes are refreshed; data and all other functions are as the run compared with had them.
    full : bool
        Make everything again, as if nothing had been kept.
    mend : bool
        Rely on no earlier run, and on what was made before only where it can be read.
    """

    since: str | None = None
    only: tuple[str, ...] = ()
    full: bool = False
    mend: bool = False


def base_of(folder: Path, store: Store, catalog: Catalog, scope: Scope) -> KeptRun | None:
    """Return the run to compare with: the one that is named, or the last; none where nothing shall be relied on."""
    if scope.since is not None:
        return KeptRun(folder, store, KeptRun.named(folder, scope.since).row)
    row = None if (scope.full and not scope.only) or scope.mend else catalog.latest()
    return None if row is None else KeptRun(folder, store, row)


def check_write_access(folder: Path) -> None:
    """Fail before the work is done, not after it.

    Raises
    ------
    ProjectError
        If the project's folder or its store cannot be written to.
    """
    for place in (folder, folder / STORE_FOLDER):
        try:
            if place.exists():
                tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            raise ProjectError(
                f"no write access to {place} ({error.strerror}); a run keeps what it makes there. Copy the project "
                "to a folder of your own, or change the folder's permissions."
            ) from None
