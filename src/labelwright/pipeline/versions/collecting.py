"""Removing what no kept run needs: what would go, in words, and the deed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from labelwright.pipeline.kept.placing import open_store
from labelwright.store import Collected, CollectionPlan, RunRow, collect, plan_collection

__all__ = ["Collection", "collect_now", "plan_project_collection"]


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection would remove.

    Parameters
    ----------
    plan : CollectionPlan
    kinds : mapping of str to (int, int)
        Artifacts and bytes that would go, by kind; most bytes first.
    unreadable : tuple of RunRow
        Runs that could only be told about afterwards, and not read.
    """

    plan: CollectionPlan
    kinds: Mapping[str, tuple[int, int]]
    unreadable: tuple[RunRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "artifacts": len(self.plan.doomed),
            "bytes": self.plan.size,
            "kinds": {kind: {"artifacts": count, "bytes": size} for kind, (count, size) in self.kinds.items()},
            "runs": [row.number for row in self.unreadable],
            "kept": self.plan.to_dict()["kept"],
            "in_progress": list(self.plan.in_progress),
        }


def plan_project_collection(folder: Path, *, grace: timedelta) -> Collection:
    """Work out what no snapshot and not the last run needs; nothing is changed.

    Parameters
    ----------
    folder : Path
    grace : datetime.timedelta
        What is younger stays, whoever needs it.
    """
    store, catalog = open_store(folder)
    plan = plan_collection(store, catalog, grace=grace)
    sizes: dict[str, tuple[int, int]] = {}
    for entry in plan.doomed:
        count, size = sizes.get(entry.key.kind, (0, 0))
        sizes[entry.key.kind] = (count + 1, size + entry.size)
    doomed = {entry.key for entry in plan.doomed}
    lost = [row for row in catalog.runs() if not row.collected and not doomed.isdisjoint(row.artifacts.values())]
    return Collection(plan, dict(sorted(sizes.items(), key=lambda item: -item[1][1])), tuple(lost))


def collect_now(folder: Path, collection: Collection) -> Collected:
    """Remove what was planned, if nobody needs it still.

    Raises
    ------
    DataError
        If work is in progress; nothing is removed then.
    """
    store, catalog = open_store(folder)
    return collect(store, catalog, collection.plan)
