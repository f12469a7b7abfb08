"""The catalog: which runs there were, what they made and from what, and which of them have names."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labelwright.core.errors import DataError

from .base import ArtifactId
from .databases import SqliteFile, open_database
from .recipes import Derivation, Recipe
from .schema import DERIVATIONS, HEADS, RUNS, SNAPSHOTS, prepare, version_of

__all__ = ["Catalog", "RunRow", "SnapshotRow"]

# Values in one list of a query: both databases take more, and longer lists gain nothing.
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run that came to its end.

    Parameters
    ----------
    number : int
        1, 2, ... in the order in which runs ended.
    run_id : str
        Hash of what went in and what came out; two runs that changed nothing share it.
    finished : datetime.datetime
        When it ended (UTC).
    seconds : float
        How long it took.
    artifacts : mapping of str to ArtifactId
        What it made, by role (``"votes.train"``, ``"end_model"``).
    operations : mapping of str to int
        How much work it did, by name (``"function_applications"``); empty where it was not counted.
    collected : bool
        Whether something that it made has been collected since: then it can be told about, but not read.
    """

    number: int
    run_id: str
    finished: datetime
    seconds: float
    artifacts: Mapping[str, ArtifactId]
    operations: Mapping[str, int] = field(default_factory=dict)
    collected: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A run that was given a name, and is kept for as long as it has it.

    Parameters
    ----------
    name : str
    number : int
        Number of the run.
    made : datetime.datetime
        When it was named (UTC).
    note : str
        What somebody wanted to say about it.
    """

    name: str
    number: int
    made: datetime
    note: str = ""


class Catalog:
    """Runs, snapshots, heads and derivations of one project.

    Parameters
    ----------
    path_or_url : path-like or str
        The SQLite file, made with its folder on the first write; or ``postgresql://user@host/database``.

    Raises
    ------
    DataError
        On use: if the file is no catalog or cannot be reached, or is of a newer schema than this version of Labelwright
        knows. An older schema is read as it is, and brought up to date by the first write.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     catalog = Catalog(Path(folder) / "catalog.sqlite")
    ...     row = catalog.add_run("c0ffee", seconds=1.5, artifacts={})
    ...     _ = catalog.add_snapshot("first", row.number)
    ...     catalog.latest().run_id, catalog.snapshot("first").number
    ('c0ffee', 1)
    """

    def __init__(self, path_or_url: str | os.PathLike[str]) -> None:
        self.database = open_database(path_or_url)

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or an address without its password."""
        return self.database.place

    @property
    def path(self) -> Path | None:
        """The SQLite file, or ``None`` for a server."""
        return self.database.path if isinstance(self.database, SqliteFile) else None

    def add_run(
        self,
        run_id: str,
        *,
        seconds: float,
        artifacts: Mapping[str, ArtifactId],
        operations: Mapping[str, int] | None = None,
    ) -> RunRow:
        """Record a run that has ended, in one transaction: its artifacts must have been written before."""
        finished = _now()
        with self.writing() as connection:
            number = (connection.execute(sa.select(sa.func.max(RUNS.c.number))).scalar() or 0) + 1
            row = {
                "number": number,
                "run_id": run_id,
                "finished": _text_of(finished),
                "seconds": seconds,
                "artifacts": json.dumps({role: str(key) for role, key in artifacts.items()}, sort_keys=True),
                "operations": json.dumps(dict(operations or {}), sort_keys=True),
                "collected": False,
            }
            connection.execute(sa.insert(RUNS).values(**row))
        return RunRow(number, run_id, finished, seconds, dict(artifacts), dict(operations or {}))

    def runs(self, *, last: int | None = None, also: Iterable[int] = ()) -> list[RunRow]:
        """Return every run, oldest first; or the ``last`` few of them, and those of the numbers in ``also``."""
        if last is None:
            return self._runs(lambda query: query.order_by(RUNS.c.number))
        newest = sa.select(RUNS.c.number).order_by(RUNS.c.number.desc()).limit(last)
        wanted = RUNS.c.number.in_(newest) | RUNS.c.number.in_(sorted(set(also)))
        return self._runs(lambda query: query.where(wanted).order_by(RUNS.c.number))

    def run(self, number: int) -> RunRow | None:
        """Return the run of that number, or ``None`` where there is none."""
        found = self._runs(lambda query: query.where(RUNS.c.number == number))
        return found[0] if found else None

    def latest(self) -> RunRow | None:
        """Return the run that ended last, or ``None`` where there was none."""
        found = self._runs(lambda query: query.order_by(RUNS.c.number.desc()).limit(1))
        return found[0] if found else None

    def add_snapshot(self, name: str, number: int, note: str = "") -> SnapshotRow:
        """Give a run a name: what it made is kept until the name is taken away.

        Raises
        ------
        DataError
            If the name is taken or no name, or there is no such run, or it has been collected.
        """
        if not 1 <= len(name) <= 200 or not name.isprintable() or name != name.strip():
            raise DataError(f"{name!r} cannot name a snapshot; use 1 to 200 letters, digits and signs.")
        row = SnapshotRow(name, number, _now(), note)
        with self.writing() as connection:
            collected = connection.execute(sa.select(RUNS.c.collected).where(RUNS.c.number == number)).scalar()
            if collected is None:
                raise DataError(f"{self.place} has no run {number}.")
            if collected:
                raise DataError(f"run {number} has been collected: what it made is no longer there to be named.")
            values = {"name": name, "number": number, "made": _text_of(row.made), "note": note}
            if connection.execute(sa.select(SNAPSHOTS.c.name).where(SNAPSHOTS.c.name == name)).scalar() is not None:
                raise DataError(f"there is a snapshot {name!r} already; choose another name, or remove that one first.")
            connection.execute(sa.insert(SNAPSHOTS).values(**values))
        return row

    def snapshots(self) -> list[SnapshotRow]:
        """Return every snapshot, oldest first."""
        rows = self._read(sa.select(SNAPSHOTS).order_by(SNAPSHOTS.c.made, SNAPSHOTS.c.name))
        return [SnapshotRow(r.name, r.number, datetime.fromisoformat(r.made), r.note) for r in rows]

    def snapshot(self, name: str) -> SnapshotRow | None:
        """Return the snapshot of that name, or ``None`` where there is none."""
        rows = self._read(sa.select(SNAPSHOTS).where(SNAPSHOTS.c.name == name))
        return next((SnapshotRow(r.name, r.number, datetime.fromisoformat(r.made), r.note) for r in rows), None)

    def remove_snapshot(self, name: str) -> bool:
        """Take a name away; say whether it was there. The run's row stays."""
        with self.writing() as connection:
            return connection.execute(sa.delete(SNAPSHOTS).where(SNAPSHOTS.c.name == name)).rowcount == 1

    def head(self, name: str) -> str | None:
        """Return what a head points at, or ``None`` where it was never set."""
        return next((str(r.value) for r in self._read(sa.select(HEADS).where(HEADS.c.name == name))), None)

    def swap_head(self, name: str, expected: str | None, new: str | None) -> bool:
        """Point a head at ``new`` if it points at ``expected``; say whether it did.

        Of several writers that expect the same, one succeeds; the others read again. ``None`` stands for no head. What
        a head points at is kept by `collect` where it is, or names, an artifact.
        """
        with self.writing() as connection:
            # There is one writer at a time, so nobody comes between looking and writing.
            here = HEADS.c.name == name
            if connection.execute(sa.select(HEADS.c.value).where(here)).scalar() != expected:
                return False
            connection.execute(sa.delete(HEADS).where(here))
            if new is not None:
                connection.execute(sa.insert(HEADS).values(name=name, value=new))
            return True

    def heads(self) -> dict[str, str]:
        """Return every head and what it points at."""
        return {r.name: r.value for r in self._read(sa.select(HEADS))}

    def add_derivations(self, derivations: Iterable[Derivation]) -> None:
        """Record how artifacts came to be, in one transaction: they must have been written before.

        A recipe that was followed before is recorded anew: what was just written is certainly there.
        """
        # There is one writer at a time, so nobody comes between deleting and writing.
        rows = {values["recipe"]: values for values in map(_derivation_values, derivations)}
        if not rows:
            return
        with self.writing() as connection:
            for digests in _batches(rows):
                connection.execute(sa.delete(DERIVATIONS).where(DERIVATIONS.c.recipe.in_(digests)))
            connection.execute(sa.insert(DERIVATIONS), list(rows.values()))

    def find(self, recipe_digests: Iterable[str]) -> dict[str, ArtifactId]:
        """Return what recipes made, by the recipe's digest, for those that were followed and whose output is kept.

        Hold a `lease` from before this until the run is recorded, or the artifacts may be collected in between.
        """
        found: dict[str, ArtifactId] = {}
        with self.reading() as connection:
            if connection is None:
                return found
            query = sa.select(DERIVATIONS.c.recipe, DERIVATIONS.c.output).where(~DERIVATIONS.c.collected)
            for digests in _batches(recipe_digests):
                rows = connection.execute(query.where(DERIVATIONS.c.recipe.in_(digests)))
                found.update((recipe, ArtifactId.parse(output)) for recipe, output in rows)
        return found

    def derivations_of(self, output: ArtifactId) -> list[Derivation]:
        """Return every recipe that made ``output``, oldest first; also where it has been collected since."""
        query = sa.select(DERIVATIONS).where(DERIVATIONS.c.output == str(output)).order_by(DERIVATIONS.c.made)
        return [_derivation(r) for r in self._read(query)]

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection in one transaction on tables that are up to date."""
        with self.database.writing() as connection:
            prepare(connection, self.place)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Yield a connection, or ``None`` where there are no tables yet, or only those of version 1."""
        with self.database.reading() as connection:
            old = connection is None or version_of(connection, self.place) in (None, 1)
            yield None if old else connection

    def _read(self, query: sa.Select[Any]) -> list[sa.Row[Any]]:
        with self.reading() as connection:
            return [] if connection is None else list(connection.execute(query))

    def _runs(self, narrow: Any) -> list[RunRow]:
        with self.database.reading() as connection:
            version = None if connection is None else version_of(connection, self.place)
            if connection is None or version is None:
                return []
            # Version 1 had fewer columns; reading must not change a catalog, so it is read as it is.
            columns = [c for c in RUNS.c if version > 1 or c.name not in {"operations", "collected"}]
            return [_run(r) for r in connection.execute(narrow(sa.select(*columns)))]


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(digests)
    while batch := list(itertools.islice(rest, _AT_ONCE)):
        yield batch


def _now() -> datetime:
    return datetime.now(UTC)


def _text_of(moment: datetime) -> str:
    """Write a time so that the order of texts is the order of times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _run(row: sa.Row[Any]) -> RunRow:
    values = row._mapping
    return RunRow(
        number=row.number,
        run_id=row.run_id,
        finished=datetime.fromisoformat(row.finished),
        seconds=row.seconds,
        artifacts={role: ArtifactId.parse(key) for role, key in json.loads(row.artifacts).items()},
        operations=json.loads(values.get("operations") or "{}"),
        collected=bool(values.get("collected")),
    )


def _derivation_values(derivation: Derivation) -> dict[str, Any]:
    return {
        "recipe": derivation.recipe.digest,
        "content": derivation.recipe.text,
        "output": str(derivation.output),
        "seconds": derivation.seconds,
        "rows": derivation.rows,
        "made": _text_of(derivation.made),
        "versions": json.dumps(dict(derivation.versions), sort_keys=True),
        "collected": False,
    }


def _derivation(row: sa.Row[Any]) -> Derivation:
    return Derivation(
        recipe=Recipe.parse(row.content),
        output=ArtifactId.parse(row.output),
        seconds=row.seconds,
        rows=row.rows,
        made=datetime.fromisoformat(row.made),
        versions=json.loads(row.versions),
    )
