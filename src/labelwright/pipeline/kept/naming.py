"""What a run may be called: a snapshot's name, a number, the start of a run id, ``latest``, ``latest~2``."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from labelwright.core.errors import ProjectError
from labelwright.store import Catalog, RunRow

__all__ = ["check_snapshot_name", "find_row"]

_BACK = re.compile(r"latest(?:~(\d{1,9}))?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# A start of a run id that is shorter says too little to be meant as one.
_FEWEST_DIGITS = 4
_RUN_ID = re.compile(rf"[0-9a-f]{{{_FEWEST_DIGITS},}}")


def find_row(catalog: Catalog, folder: Path, name: str) -> RunRow:
    """Return the run that ``name`` stands for.

    A snapshot's name comes before all else, then ``latest`` and ``latest~1`` (the run before the last), then a run's
    number, then the start of a run id, at least 4 digits of it; of several runs with one id, the last.

    Raises
    ------
    ProjectError
        If nothing is called so (the message names what comes closest), several ids start so, or what the run made has
        been collected.
    """
    row = _find(catalog, folder, name)
    if row.collected:
        raise ProjectError(
            f"run {row.number} has been collected: labelwright log tells of it, but what it made is gone. Runs with a "
            "name are kept: labelwright snapshot NAME."
        )
    return row


def _find(catalog: Catalog, folder: Path, name: str) -> RunRow:
    snapshot = catalog.snapshot(name)
    if snapshot is not None:
        row = catalog.run(snapshot.number)
        if row is None:
            raise ProjectError(f"the snapshot {name!r} is of run {snapshot.number}, which is not in {catalog.place}.")
        return row
    rows = catalog.runs()
    if not rows:
        raise ProjectError(f"the project in {folder} has no finished run; run it first: labelwright run.")
    if back := _BACK.fullmatch(name):
        steps = int(back[1] or 0)
        if steps < len(rows):
            return rows[-1 - steps]
        runs = "one run" if len(rows) == 1 else f"{len(rows)} runs"
        another = " Edit something and run again to have another: labelwright run." if len(rows) == 1 else ""
        raise ProjectError(f"the project in {folder} has {runs}, so there is no {name}.{another}")
    found = [row for row in rows if str(row.number) == name]
    if not found and _RUN_ID.fullmatch(name):
        found = [row for row in rows if row.run_id.startswith(name)]
    if len({row.run_id for row in found}) > 1:
        shown = ", ".join(sorted({row.run_id for row in found})[:5])
        raise ProjectError(f"several run ids start with {name}: {shown}; write more of the one that you mean.")
    if not found:
        raise ProjectError(_unknown(name, catalog, rows))
    return found[-1]


def check_snapshot_name(name: str) -> str:
    """Return ``name`` if a snapshot may have it.

    Raises
    ------
    ProjectError
        If it is not 1 to 64 letters, digits, dots, hyphens and underscores, or would be taken for something else.

    Examples
    --------
    >>> check_snapshot_name("v1.2")
    'v1.2'
    >>> check_snapshot_name("12")
    Traceback (most recent call last):
    labelwright.core.errors.ProjectError: '12' cannot name a snapshot: it would be taken for the number of a run.
    """
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"{name!r} cannot name a snapshot; a name has 1 to 64 letters (a to z), digits, dots, hyphens and "
            "underscores, and begins with a letter or digit."
        )
    if name.isdigit():
        raise ProjectError(f"{name!r} cannot name a snapshot: it would be taken for the number of a run.")
    if _BACK.fullmatch(name):
        raise ProjectError(f"{name!r} cannot name a snapshot: it stands for the last run.")
    return name


def _unknown(name: str, catalog: Catalog, rows: list[RunRow]) -> str:
    names = [row.name for row in catalog.snapshots()]
    close = difflib.get_close_matches(name, [*names, *(row.run_id for row in rows)], n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = f"snapshots: {', '.join(names[-5:])}{' and older ones' if len(names) > 5 else ''}; " if names else ""
    runs = f"runs {rows[0].number} to {rows[-1].number}" if len(rows) > 1 else f"run {rows[0].number}"
    return f"no snapshot or run is called {name!r}.{hint} Known: {known}{runs}; latest is the last run."
