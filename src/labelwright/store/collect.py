"""Collecting what no kept run needs: first a plan that says what would go and why the rest stays, then the deed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from labelwright.core.errors import DataError

from .base import ArtifactId, Entry, Store
from .catalog import Catalog
from .leases import leases_in
from .schema import DERIVATIONS, HEADS, RUNS, SNAPSHOTS

__all__ = ["Collected", "CollectionPlan", "collect", "plan_collection"]

# An artifact refers to others by their ids, as text anywhere in its JSON.
_REFERENCE = re.compile(rb"[a-z][a-z_]*:[0-9a-f]{64}")

_AT_ONCE = 500

# What everything is kept for while somebody works.
_IN_PROGRESS = "work in progress"


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """What `collect` would do.

    Parameters
    ----------
    doomed : tuple of Entry
        What would be removed, sorted.
    kept : mapping of str to (int, int)
        Number of artifacts and their bytes, by the first reason to keep them: ``"latest run"``, ``"snapshot NAME"``,
        ``"head NAME"``, ``"younger than ..."``, ``"work in progress"``.
    in_progress : tuple of str
        Work for whose sake nothing is removed now, in words.
    before : datetime.datetime
        Only what was last put before this is removed.
    """

    doomed: tuple[Entry, ...]
    kept: Mapping[str, tuple[int, int]]
    in_progress: tuple[str, ...]
    before: datetime

    @property
    def size(self) -> int:
        """Bytes that would be free."""
        return sum(entry.size for entry in self.doomed)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "remove": [{"artifact": str(e.key), "bytes": e.size} for e in self.doomed],
            "bytes": self.size,
            "kept": {why: {"artifacts": count, "bytes": size} for why, (count, size) in self.kept.items()},
            "in_progress": list(self.in_progress),
        }


@dataclass(frozen=True, slots=True)
class Collected:
    """What `collect` did: how many artifacts went, how many bytes, and how many leftovers of killed writers."""

    artifacts: int
    size: int
    leftovers: int


@dataclass(frozen=True, slots=True)
class _Roots:
    """What a catalog wants kept, at one moment."""

    runs: tuple[tuple[str, tuple[ArtifactId, ...]], ...]
    outputs: frozenset[str]
    in_progress: tuple[str, ...]


def plan_collection(
    store: Store, catalog: Catalog, *, grace: timedelta = timedelta(hours=1), now: datetime | None = None
) -> CollectionPlan:
    """Work out what no kept run needs; nothing is changed.

    Kept are the artifacts of the latest run, of runs with a snapshot, and of heads; those put within ``grace``; and
    whatever these refer to. While a lease is held, everything is kept.

    Parameters
    ----------
    store : Store
    catalog : Catalog
    grace : datetime.timedelta
        Age under which an artifact is kept whatever refers to it: its writer may not have ended.
    now : datetime.datetime, optional
        Default: the present.

    Raises
    ------
    DataError
        If a kept artifact that may refer to others is damaged: what it refers to cannot be known.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from labelwright.store import ArtifactFolder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store, catalog = ArtifactFolder(folder), Catalog(Path(folder) / "catalog.sqlite")
    ...     for votes in ([0, 1], [1, 1]):
    ...         manifest = {"votes": [str(store.put_json("votes", votes))]}
    ...         _ = catalog.add_run("a", seconds=1.0, artifacts={"votes": store.put_json("manifest", manifest)})
    ...     plan = plan_collection(store, catalog, grace=timedelta(0))
    ...     print(sorted(entry.key.kind for entry in plan.doomed), plan.kept["latest run"][0])
    ...     collect(store, catalog, plan).artifacts
    ['manifest', 'votes'] 2
    2
    """
    before = (now or datetime.now(UTC)) - grace
    return _plan(store, _read_roots(catalog), before, f"younger than {grace}")


def collect(store: Store, catalog: Catalog, plan: CollectionPlan) -> Collected:
    """Remove what a plan names, if nobody needs it still.

    First the catalog learns, in one transaction, that these are no answers any more; then files go. Rows of runs and
    derivations stay, so what there was can still be told. A collection that is stopped half-way is ended by the next.

    Raises
    ------
    DataError
        If work is in progress; nothing is removed.
    """
    doomed: tuple[Entry, ...] = ()
    for _ in range(5):
        roots = _read_roots(catalog)
        again = _plan(store, roots, plan.before, "young")
        if again.in_progress:
            raise DataError(f"nothing was collected: {'; '.join(again.in_progress)}. Try again when it has ended.")
        named = {entry.key for entry in plan.doomed}
        doomed = tuple(entry for entry in again.doomed if entry.key in named)
        if _disown(catalog, roots, {e.key for e in doomed}, _lost(store, roots)):
            break
    else:
        raise DataError("nothing was collected: runs kept ending meanwhile. Try again later.")
    gone = [entry for entry in doomed if store.delete(entry.key, unless_put_since=plan.before)]
    return Collected(len(gone), sum(entry.size for entry in gone), store.sweep(plan.before))


def _plan(store: Store, roots: _Roots, before: datetime, young: str) -> CollectionPlan:
    # The same bytes may be kept in two formats; as JSON they refer to others.
    entries = {entry.key: entry for entry in sorted(store.entries(), key=lambda entry: entry.suffix == ".json")}
    reasons: dict[ArtifactId, str] = {}
    for why, keys in roots.runs:
        _keep(store, entries, reasons, keys, why)
    _keep(store, entries, reasons, [e.key for e in entries.values() if e.modified >= before], young)
    if roots.in_progress:
        _keep(store, entries, reasons, entries, _IN_PROGRESS)
    counts: Counter[str] = Counter(reasons[key] for key in entries if key in reasons)
    sizes: Counter[str] = Counter()
    for key, why in reasons.items():
        sizes[why] += entries[key].size
    doomed = tuple(sorted(entry for key, entry in entries.items() if key not in reasons))
    return CollectionPlan(doomed, {why: (counts[why], sizes[why]) for why in counts}, roots.in_progress, before)


def _keep(
    store: Store,
    entries: Mapping[ArtifactId, Entry],
    reasons: dict[ArtifactId, str],
    keys: Iterable[ArtifactId],
    why: str,
) -> None:
    """Keep ``keys`` and all that they refer to."""
    rest = list(keys)
    while rest:
        key = rest.pop()
        if key in reasons or key not in entries:
            continue
        reasons[key] = why
        if entries[key].suffix == ".json":
            found = _REFERENCE.findall(store.get_bytes(key, ".json"))
            rest.extend(ArtifactId.parse(text.decode()) for text in found)


def _read_roots(catalog: Catalog) -> _Roots:
    with catalog.reading() as connection:
        # Outputs are read before the store is listed: what is listed here and not found there is gone for good.
        return _Roots((), frozenset(), ()) if connection is None else _roots(connection)


def _roots(connection: sa.Connection) -> _Roots:
    runs: list[tuple[str, tuple[ArtifactId, ...]]] = []
    latest = connection.execute(sa.select(RUNS.c.artifacts).order_by(RUNS.c.number.desc()).limit(1)).scalar()
    if latest is not None:
        runs.append(("latest run", _references(latest)))
    named = sa.select(SNAPSHOTS.c.name, RUNS.c.artifacts).join(RUNS, RUNS.c.number == SNAPSHOTS.c.number)
    for name, artifacts in connection.execute(named.order_by(SNAPSHOTS.c.made, SNAPSHOTS.c.name)):
        runs.append((f"snapshot {name}", _references(artifacts)))
    for name, value in connection.execute(sa.select(HEADS.c.name, HEADS.c.value).order_by(HEADS.c.name)):
        runs.append((f"head {name}", _references(value)))
    live = sa.select(DERIVATIONS.c.output).where(~DERIVATIONS.c.collected).distinct()
    outputs = frozenset(connection.execute(live).scalars())
    held = tuple(map(str, leases_in(connection)))
    return _Roots(tuple(runs), outputs, held)


def _references(text: str) -> tuple[ArtifactId, ...]:
    return tuple(ArtifactId.parse(found.decode()) for found in _REFERENCE.findall(text.encode()))


def _lost(store: Store, roots: _Roots) -> set[ArtifactId]:
    """Return the outputs of derivations that are not in the store, whoever removed them."""
    kept = {key for key, _ in store.list()}
    return {key for key in map(ArtifactId.parse, roots.outputs) if key not in kept}


def _disown(catalog: Catalog, roots: _Roots, doomed: set[ArtifactId], lost: set[ArtifactId]) -> bool:
    """Mark derivations and runs as collected; say whether the catalog was still as it was when ``roots`` were read."""
    with catalog.writing() as connection:
        now = _roots(connection)
        if now.in_progress or now.runs != roots.runs:
            return False
        gone = sorted(str(key) for key in doomed | lost)
        for start in range(0, len(gone), _AT_ONCE):
            some = DERIVATIONS.c.output.in_(gone[start : start + _AT_ONCE])
            connection.execute(sa.update(DERIVATIONS).where(some).values(collected=True))
        for number, artifacts in connection.execute(sa.select(RUNS.c.number, RUNS.c.artifacts)).all():
            if not doomed.isdisjoint(_references(artifacts)):
                connection.execute(sa.update(RUNS).where(RUNS.c.number == number).values(collected=True))
        return True
