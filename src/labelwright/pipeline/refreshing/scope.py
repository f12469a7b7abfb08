"""What is asked of a refresh: which earlier run it compares with, how much of that it relies on, what else it tells."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from labelwright.core.errors import ProjectError
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import STORE_FOLDER, KeptRun, open_store
from labelwright.pipeline.kept.unwritten import Unwritten
from labelwright.store import Catalog, Store

__all__ = ["Scope", "base_of", "check_write_access", "database_of"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked of a refresh.

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
    diagnose : bool
        Of several tasks: also work out how far chance may have moved what is learned, for the report.
    """

    since: str | None = None
    only: tuple[str, ...] = ()
    full: bool = False
    mend: bool = False
    diagnose: bool = False


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


def database_of(folder: Path) -> Database:
    """Return a project's database; where nothing can be written, what is made is held in memory."""
    store, catalog = open_store(folder)
    try:
        check_write_access(folder)
    except ProjectError:
        return Database(Unwritten(store), catalog)
    return Database(store, catalog)
