"""Leases: how a run in progress says that what it made, or is about to use again, must not be collected."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from labelwright.core.errors import DataError

from .catalog import Catalog
from .holders import Holder, this_process
from .schema import LEASES

__all__ = ["LeaseRow", "current_leases", "hold_lease", "leases_in"]


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Work in progress.

    Parameters
    ----------
    purpose : str
        What is being done, for people.
    began, until : datetime.datetime
        When it began, and when the lease ends if nobody renews it (UTC).
    holder : Holder or None
        The process that holds it; ``None`` where its platform does not say.
    """

    purpose: str
    began: datetime
    until: datetime
    holder: Holder | None = None

    def __str__(self) -> str:
        since = f"{self.purpose} since {self.began:%Y-%m-%d %H:%M:%S} UTC"
        whose, ends = "", f"if it was killed, until {self.until:%H:%M:%S}"
        if self.holder is not None:
            whose = f"process {self.holder.process}"
            if self.holder.here:
                return f"{since} ({whose})"
            whose = f"{whose} on {self.holder.host}; "
        return f"{since} ({whose}{ends})"


@contextlib.contextmanager
def hold_lease(catalog: Catalog, purpose: str, *, seconds: float = 600.0) -> Iterator[None]:
    """Keep everything in the store for as long as the block runs.

    A run may use an artifact that no other run has needed for months, and its own artifacts belong to no run until it
    ends. While any lease is held, `collect` removes nothing.

    Parameters
    ----------
    catalog : Catalog
    purpose : str
        What is being done, for people.
    seconds : float
        How long the lease outlives a process that was killed on another machine. A process that lives renews it from
        a thread; one that was killed on this machine is seen to be gone.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     catalog = Catalog(Path(folder) / "catalog.sqlite")
    ...     with hold_lease(catalog, "run"):
    ...         print([row.purpose for row in current_leases(catalog)])
    ...     print(current_leases(catalog))
    ['run']
    []
    """
    lease, began, done, holder = uuid.uuid4().hex, datetime.now(UTC), threading.Event(), this_process()
    with catalog.writing() as connection:
        connection.execute(sa.delete(LEASES).where(LEASES.c.until < _text_of(began)))
        values = {"lease": lease, "purpose": purpose[:200], "began": _text_of(began), "until": _text_of(began, seconds)}
        connection.execute(sa.insert(LEASES).values(holder=None if holder is None else holder.text, **values))
    thread = threading.Thread(
        target=_renew, args=(catalog, lease, seconds, done), daemon=True, name="labelwright-lease"
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        # Work that failed, perhaps for want of space, must not fail for this: the lease ends by itself.
        with contextlib.suppress(DataError), catalog.writing() as connection:
            connection.execute(sa.delete(LEASES).where(LEASES.c.lease == lease))


def current_leases(catalog: Catalog) -> list[LeaseRow]:
    """Return the leases that are held now, oldest first."""
    with catalog.reading() as connection:
        return [] if connection is None else leases_in(connection)


def leases_in(connection: sa.Connection) -> list[LeaseRow]:
    """Return the leases that are held now, as this transaction sees them; who was killed on this machine holds none."""
    # A catalog of version 2 is read as it is: its leases do not say who holds them.
    names = {column["name"] for column in sa.inspect(connection).get_columns(LEASES.name)}
    query = sa.select(*(column for column in LEASES.c if column.name in names))
    rows = connection.execute(query.where(LEASES.c.until >= _text_of(datetime.now(UTC))).order_by(LEASES.c.began))
    found = [
        LeaseRow(r.purpose, datetime.fromisoformat(r.began), datetime.fromisoformat(r.until), _holder(r)) for r in rows
    ]
    return [row for row in found if row.holder is None or row.holder.lives]


def _holder(row: sa.Row[Any]) -> Holder | None:
    text = row._mapping.get("holder")
    return None if text is None else Holder.parse(text)


def _renew(catalog: Catalog, lease: str, seconds: float, done: threading.Event) -> None:
    while not done.wait(seconds / 4):
        with contextlib.suppress(DataError), catalog.writing() as connection:
            until = _text_of(datetime.now(UTC), seconds)
            connection.execute(sa.update(LEASES).where(LEASES.c.lease == lease).values(until=until))


def _text_of(moment: datetime, later: float = 0.0) -> str:
    return (moment + timedelta(seconds=later)).isoformat(timespec="milliseconds")
