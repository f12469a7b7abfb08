"""Where a catalog's tables are: one SQLite file, or a PostgreSQL server. One transaction at a time, errors in words."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from labelwright.core.errors import DataError, MissingExtraError

__all__ = ["Database", "PostgresDatabase", "SqliteFile", "open_database", "out_of_space"]

# How SQLite says that a file or its folder cannot be written to.
_NO_ACCESS = re.compile("readonly|unable to open")

# Seconds that a writer waits for another one.
_PATIENCE = 30

# Bytes of the file that readers and writers of a WAL database share, at the least.
_SHARED = 32_768

# The lock that writers of one PostgreSQL catalog share: any number, as long as it is always the same.
_WRITERS = 7_210_541_927_406_411


class Database(Protocol):
    """One transaction for reading, or one for writing."""

    @property
    def place(self) -> str:
        """Where it is, for people: a path, or an address without its password."""
        ...

    def reading(self) -> contextlib.AbstractContextManager[sa.Connection | None]:
        """Yield a connection inside a transaction; ``None`` where nothing was ever written."""
        ...

    def writing(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """Yield a connection inside a transaction that no other writer interrupts."""
        ...


def open_database(path_or_url: str | os.PathLike[str]) -> Database:
    """Return the database at a path, or at a ``postgresql://`` or ``sqlite:///`` address; nothing is touched yet.

    Raises
    ------
    DataError
        If the address is of another kind.
    """
    text = os.fspath(path_or_url)
    if "://" not in text:
        return SqliteFile(Path(text))
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise DataError("the catalog's address cannot be read; write postgresql://user@host/database.") from None
    if url.get_backend_name() == "postgresql":
        return PostgresDatabase(url)
    if url.get_backend_name() == "sqlite" and url.database:
        return SqliteFile(Path(url.database))
    raise DataError(f"a catalog is a SQLite file or postgresql://user@host/database, not {url.get_backend_name()}://.")


class SqliteFile:
    """A catalog in one file, in WAL mode: readers and one writer work at once.

    Parameters
    ----------
    path : Path
        Made, with its folder, on the first write. Reading never writes, so a read-only project can be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Yield a connection inside a transaction; ``None`` where there is no file."""
        if not self.path.exists():
            yield None
            return
        with self._explaining(), self._reader.connect() as connection, _transaction(connection, "BEGIN"):
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection inside a transaction that no other writer interrupts."""
        with self._explaining():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._writer.connect() as connection:
                # A killed writer leaves the last commit whole.
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                # A writer takes its lock first: two that begin by reading would both find no tables and both make them.
                with _transaction(connection, "BEGIN IMMEDIATE"):
                    yield connection

    @cached_property
    def _reader(self) -> sa.Engine:
        return self._engine(reading=True)

    @cached_property
    def _writer(self) -> sa.Engine:
        return self._engine(reading=False)

    def _engine(self, *, reading: bool) -> sa.Engine:
        # NullPool: a catalog is asked a few times per run, and an open handle would outlive the project's folder.
        creator = self._connect_to_read if reading else self._connect
        return sa.create_engine("sqlite://", creator=creator, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            reason = str(error.orig if isinstance(error, sa.exc.OperationalError) else error)
            if "is full" in reason or self._is_full(reason):
                raise out_of_space(self.path.parent) from error
            if _NO_ACCESS.search(reason):
                raise DataError(f"no write access to {self.path.parent} ({reason}).") from error
            raise DataError(f"{self.path} cannot be used now: {reason}. Try again.") from error
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            reason = str(error.orig if isinstance(error, sa.exc.DatabaseError) else error)
            raise DataError(
                f"{self.path} cannot be used as a catalog: {reason}. If the file is damaged, delete it and run the "
                "project again; artifacts are kept beside it and are not lost."
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise out_of_space(self.path.parent) from error
            raise

    def _connect(self, mode: str = "rwc") -> sqlite3.Connection:
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE)

    def _connect_to_read(self) -> sqlite3.Connection:
        """Open without writing anything: the project may be where nothing can be written."""
        connection = self._connect("ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            connection.close()
            if not (_NO_ACCESS.search(str(error)) or self._is_full(str(error))):
                raise
            # Readers in WAL mode want a file beside the database; one that cannot be made has no writer either.
            return self._connect("ro&immutable=1")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_full(self, reason: str) -> bool:
        """Say whether the disk is why: SQLite calls it an I/O error where a file that writers share cannot grow."""
        return "disk I/O error" in reason and shutil.disk_usage(self.path.parent).free < _SHARED


class PostgresDatabase:
    """A catalog on a PostgreSQL server, for a team; needs the extra ``postgres``.

    Parameters
    ----------
    url : sqlalchemy.URL
        ``postgresql://user@host/database``; another schema than the default by ``?options=-csearch_path%3Dname``.
    """

    def __init__(self, url: sa.URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")

    @property
    def place(self) -> str:
        """The address without its password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """Yield a connection inside a transaction that sees one state of the tables."""
        with self._explaining(), self._engine.connect() as connection:
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            with _transaction(connection, begin):
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection inside a transaction that no other writer interrupts."""
        with self._explaining(), self._engine.connect() as connection, _transaction(connection, "BEGIN"):
            # One writer at a time, as in SQLite: runs are numbered in the order in which they end, without gaps.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
            yield connection

    @cached_property
    def _engine(self) -> sa.Engine:
        try:
            import psycopg  # noqa: F401 - is it there?
        except ImportError as error:
            raise MissingExtraError("a catalog on PostgreSQL", "postgres") from error
        return sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise DataError(
                f"the catalog {self.place} cannot be used now: {reason}. Is the server up, and may this user write "
                "there? Nothing was changed; try again."
            ) from error


@contextlib.contextmanager
def _transaction(connection: sa.Connection, begin: str) -> Iterator[None]:
    """Run one transaction on a connection that would otherwise commit each statement."""
    connection.exec_driver_sql(begin)
    try:
        yield
    except BaseException:
        # The connection may be what failed: the error that led here says more than the one of the rollback.
        with contextlib.suppress(sa.exc.DBAPIError):
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def out_of_space(folder: str | os.PathLike[str]) -> DataError:
    """Return the error that says that a disk is full: which folder, and how much is free."""
    free = "unknown"
    with contextlib.suppress(OSError):
        free = f"{shutil.disk_usage(folder).free:,} bytes"
    return DataError(
        f"no space left in {os.fspath(folder)} ({free} free); what was kept before is whole. Make room (labelwright gc "
        "removes what no kept snapshot needs) and run again: it goes on where it stopped."
    )
