"""The tables of the catalog, their version, and how older ones are brought up to date."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from labelwright.core.errors import DataError

__all__ = ["DERIVATIONS", "HEADS", "LEASES", "METADATA", "RUNS", "SCHEMA_VERSION", "SNAPSHOTS", "prepare", "version_of"]

SCHEMA_VERSION = 3

METADATA = sa.MetaData()
_SCHEMA = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.String(64), nullable=False, index=True),
    sa.Column("finished", sa.String(32), nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("artifacts", sa.Text, nullable=False),
    sa.Column("operations", sa.Text),
    sa.Column("collected", sa.Boolean, nullable=False, server_default=sa.false()),
)
SNAPSHOTS = sa.Table(
    "snapshots",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("made", sa.String(32), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
HEADS = sa.Table(
    "heads",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
DERIVATIONS = sa.Table(
    "derivations",
    METADATA,
    sa.Column("recipe", sa.String(64), primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("output", sa.String(120), nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("made", sa.String(32), nullable=False),
    sa.Column("versions", sa.Text, nullable=False),
    # What was collected is lineage still, but no longer an answer.
    sa.Column("collected", sa.Boolean, nullable=False),
)
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("lease", sa.String(32), primary_key=True),
    sa.Column("purpose", sa.String(200), nullable=False),
    sa.Column("began", sa.String(32), nullable=False),
    sa.Column("until", sa.String(32), nullable=False),
    # Which process holds it, as JSON; nothing where the platform does not say.
    sa.Column("holder", sa.Text),
)


def version_of(connection: sa.Connection, place: str) -> int | None:
    """Return the version of the schema in a database, or ``None`` where there is none yet.

    Raises
    ------
    DataError
        If it is newer than this version of Labelwright.
    """
    if not sa.inspect(connection).has_table(_SCHEMA.name):  # a first writer was killed before its commit
        return None
    version: int | None = connection.execute(sa.select(_SCHEMA.c.version)).scalar()
    if version is not None and version > SCHEMA_VERSION:
        raise DataError(
            f"{place} has schema version {version}, and this Labelwright knows version {SCHEMA_VERSION}; update it: "
            "pip install --upgrade labelwright."
        )
    return version


def prepare(connection: sa.Connection, place: str) -> None:
    """Make the tables, or bring those of an older version up to date, inside the caller's transaction."""
    version = version_of(connection, place)
    if version == SCHEMA_VERSION:
        return
    if version is None:
        METADATA.create_all(connection)
        connection.execute(sa.insert(_SCHEMA).values(version=SCHEMA_VERSION))
        return
    for before in range(version, SCHEMA_VERSION):
        _MIGRATIONS[before](connection)
    connection.execute(sa.update(_SCHEMA).values(version=SCHEMA_VERSION))


def _from_1(connection: sa.Connection) -> None:
    """Runs count operations and may be collected; snapshots, heads, derivations and leases are new."""
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN operations TEXT")
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN collected BOOLEAN DEFAULT false NOT NULL")
    METADATA.create_all(connection, tables=[SNAPSHOTS, HEADS, DERIVATIONS, LEASES])


def _from_2(connection: sa.Connection) -> None:
    """Leases say who holds them; those of version 1 were made just now, and do."""
    if LEASES.c.holder.name not in {column["name"] for column in sa.inspect(connection).get_columns(LEASES.name)}:
        connection.exec_driver_sql("ALTER TABLE leases ADD COLUMN holder TEXT")


_MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {1: _from_1, 2: _from_2}
