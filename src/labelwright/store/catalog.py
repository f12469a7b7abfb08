"""The catalog: which runs there were, when, and what they made. SQLite through SQLAlchemy Core."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from labelwright.core.errors import DataError

from .base import ArtifactId

__all__ = ["SCHEMA_VERSION", "Catalog", "RunRow"]

SCHEMA_VERSION = 1

# How SQLite says that a file or its folder cannot be written to.
_NO_ACCESS = re.compile("readonly|unable to open")

_METADATA = sa.MetaData()
_SCHEMA = sa.Table("schema_version", _METADATA, sa.Column("version", sa.Integer, primary_key=True))
_RUNS = sa.Table(
    "runs",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.String(64), nullable=False, index=True),
    sa.Column("finished", sa.String(32), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("artifacts", sa.Text, nullable=False),
)


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
    """

    number: int
    run_id: str
    finished: datetime
    seconds: float
    artifacts: Mapping[str, ArtifactId]


class Catalog:
    """The table of runs of one project.

    Parameters
    ----------
    path : path-like
        The SQLite file; made, with its folder, on the first write.

    Raises
    ------
    DataError
        On use, if the file is no catalog, or is of a newer schema than this version of Labelwright knows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     catalog = Catalog(Path(folder) / "catalog.sqlite")
    ...     _ = catalog.add_run("c0ffee", seconds=1.5, artifacts={})
    ...     catalog.latest().run_id
    'c0ffee'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add_run(self, run_id: str, *, seconds: float, artifacts: Mapping[str, ArtifactId]) -> RunRow:
        """Record a run that has ended, in one transaction: its artifacts must have been written before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        finished = datetime.now(UTC)
        with self._open(write=True) as connection:
            _METADATA.create_all(connection)
            if connection.execute(sa.select(_SCHEMA.c.version)).scalar() is None:
                connection.execute(sa.insert(_SCHEMA).values(version=SCHEMA_VERSION))
            _check_version(connection, self.path)
            row = {
                "run_id": run_id,
                "finished": finished.isoformat(timespec="milliseconds"),
                "seconds": seconds,
                "artifacts": json.dumps({role: str(key) for role, key in artifacts.items()}, sort_keys=True),
            }
            number = connection.execute(sa.insert(_RUNS).values(**row)).inserted_primary_key
        assert number is not None
        return RunRow(number[0], run_id, finished, seconds, dict(artifacts))

    def runs(self) -> list[RunRow]:
        """Return every run, oldest first."""
        return self._select(sa.select(_RUNS).order_by(_RUNS.c.number))

    def latest(self) -> RunRow | None:
        """Return the run that ended last, or ``None`` where there was none."""
        found = self._select(sa.select(_RUNS).order_by(_RUNS.c.number.desc()).limit(1))
        return found[0] if found else None

    def _select(self, query: sa.Select[Any]) -> list[RunRow]:
        if not self.path.exists():
            return []
        with self._open(write=False) as connection:
            if not sa.inspect(connection).has_table(_RUNS.name):  # a first writer was killed before its commit
                return []
            _check_version(connection, self.path)
            return [_row(r) for r in connection.execute(query)]

    @contextlib.contextmanager
    def _open(self, *, write: bool) -> Iterator[sa.Connection]:
        """Yield a connection inside one transaction."""
        # NullPool: a catalog is asked a few times per run, and an open handle would outlive the project's folder.
        engine = sa.create_engine(
            "sqlite://",
            creator=self._connect if write else self._connect_to_read,
            poolclass=sa.NullPool,
            isolation_level="AUTOCOMMIT",
        )
        try:
            with engine.connect() as connection:
                if write:
                    # Readers and one writer work at once in WAL mode, and a killed writer leaves the last commit whole.
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                # A writer takes its lock first: two that begin by reading would both find no tables and both make them.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            reason = str(error.orig if isinstance(error, sa.exc.OperationalError) else error)
            if _NO_ACCESS.search(reason):
                raise DataError(f"no write access to {self.path.parent} ({reason}).") from error
            raise DataError(f"{self.path} cannot be used now: {reason}. Try again.") from error
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            reason = str(error.orig if isinstance(error, sa.exc.DatabaseError) else error)
            raise DataError(
                f"{self.path} cannot be used as a catalog: {reason}. If the file is damaged, delete it and run the "
                "project again; artifacts are kept beside it and are not lost."
            ) from error
        finally:
            engine.dispose()

    def _connect(self, mode: str = "rwc") -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30)

    def _connect_to_read(self) -> sqlite3.Connection:
        """Open without writing anything: the project may be where nothing can be written."""
        connection = self._connect("ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            connection.close()
            if not _NO_ACCESS.search(str(error)):
                raise
            # Readers in WAL mode want a file beside the database; one that cannot be made has no writer either.
            return self._connect("ro&immutable=1")
        except BaseException:
            connection.close()
            raise
        return connection


def _check_version(connection: sa.Connection, path: Path) -> None:
    version = connection.execute(sa.select(_SCHEMA.c.version)).scalar()
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema version {version}, and this Labelwright knows version {SCHEMA_VERSION}; update it: "
            "pip install --upgrade labelwright."
        )


def _row(row: sa.Row[Any]) -> RunRow:
    artifacts = {role: ArtifactId.parse(key) for role, key in json.loads(row.artifacts).items()}
    return RunRow(row.number, row.run_id, datetime.fromisoformat(row.finished), row.seconds, artifacts)
