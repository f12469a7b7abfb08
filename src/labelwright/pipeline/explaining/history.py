"""The label of one example over the runs of a project."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from labelwright.analysis.explanation_content import PastLabel
from labelwright.core import Votes
from labelwright.core.errors import LabelwrightError, ProjectError
from labelwright.pipeline.kept.finding import find_place
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.store import ArtifactId, RunRow
from labelwright.store.bit_planes import SUFFIX, at

from .wording import said

__all__ = ["LookedUp", "label_history"]

# A probability that moves by less, while no vote changes, is no news: each edit moves every parameter a little.
_NEWS = 0.005


@dataclass(frozen=True, slots=True)
class _Point:
    """The label in one run: votes are source -> (what it said, version), where it spoke."""

    label: str
    probability: float
    votes: Mapping[str, tuple[str, str]]
    sources: frozenset[str]
    trouble: str = ""


def label_history(
    kept: KeptRun, example_id: str | int, *, most: int, looked: LookedUp | None = None
) -> tuple[PastLabel, ...]:
    """Return the label of an example over the last ``most`` runs and snapshots, oldest first.

    Stretches of runs in which no vote changed and the probability moved by less than half a point are one entry.

    Parameters
    ----------
    kept : KeptRun
        Any run of the project.
    example_id : str or int
    most : int
    looked : LookedUp, optional
        What was read of the example before.

    Returns
    -------
    tuple of PastLabel
    """
    _, catalog = open_store(kept.folder)
    names: dict[int, list[str]] = {}
    for snapshot in catalog.snapshots():
        names.setdefault(snapshot.number, []).append(snapshot.name)
    past = _Past(kept, looked or LookedUp(example_id))
    out: list[PastLabel] = []
    at_start: _Point | None = None
    for row in catalog.runs(last=most, also=sorted(names)[-most:]):
        point, named = past.point(row), tuple(names.get(row.number, ()))
        if at_start is not None and _unchanged(at_start, point):
            out[-1] = replace(out[-1], last=row.number, snapshots=(*out[-1].snapshots, *named))
        else:
            out.append(_stretch(row, named, at_start, point))
            at_start = point
    return tuple(out)


class LookedUp:
    """Looks one example up in runs; what runs share is read once.

    Parameters
    ----------
    example_id : str or int
    places : mapping of ArtifactId to (int, int)
        Data in which its place is known: part and row.
    """

    def __init__(self, example_id: str | int, places: Mapping[ArtifactId, tuple[int, int]] | None = None) -> None:
        self.example_id = example_id
        self._places: dict[ArtifactId, tuple[int, int] | None] = dict(places or {})
        self._versions: dict[ArtifactId, dict[str, str]] = {}
        self._codes: dict[tuple[str, int], int] = {}

    def place(self, run: KeptRun) -> tuple[int, int] | None:
        """Return part and row of the example, or ``None`` where the run does not have it."""
        data = run.artifact("data")
        if data not in self._places:
            try:
                self._places[data] = find_place(run.kept_data, self.example_id)
            except ProjectError:
                self._places[data] = None
        return self._places[data]

    def votes(self, run: KeptRun, part: int, row: int) -> Votes:
        """Return the votes on the example, n = 1."""
        kept = run.kept_votes
        codes = []
        for _, key in kept.part_record(part).votes:
            if (key, row) not in self._codes:
                self._codes[key, row] = at(run.store.get_bytes(ArtifactId.parse(key), SUFFIX), row)
            codes.append(self._codes[key, row])
        return Votes([codes], classes=kept.classes, sources=kept.sources, example_ids=[self.example_id])

    def versions(self, run: KeptRun) -> dict[str, str]:
        """Return the version of each function."""
        key = run.artifact("functions")
        if key not in self._versions:
            self._versions[key] = run.functions()
        return self._versions[key]


class _Past:
    """The labels of an example, run by run; runs that share what makes a label share it."""

    def __init__(self, kept: KeptRun, looked: LookedUp) -> None:
        self.kept, self.looked = kept, looked
        self.points: dict[tuple[ArtifactId | None, ...], _Point] = {}

    def point(self, row: RunRow) -> _Point:
        """Return the label in one run."""
        made = tuple(row.artifacts.get(role) for role in ("data", "functions", "votes", "label_model"))
        if made not in self.points:
            run = self.kept if row.number == self.kept.row.number else KeptRun(self.kept.folder, self.kept.store, row)
            try:
                self.points[made] = self._point(run)
            except (LabelwrightError, OSError):
                self.points[made] = _Point("", math.nan, {}, frozenset(), "not kept any more")
        return self.points[made]

    def _point(self, run: KeptRun) -> _Point:
        place = self.looked.place(run)
        if place is None:
            return _Point("", math.nan, {}, frozenset(), "not in this run")
        votes, versions = self.looked.votes(run, *place), self.looked.versions(run)
        soft = run.label_model().soft_labels(votes)
        code = int(soft.predict()[0])
        spoke = {
            source: (said(votes, source, int(c)), versions.get(source, ""))
            for source, c in zip(votes.sources, votes.values[0], strict=True)
            if c >= 0
        }
        label = "" if code < 0 or not spoke else str(votes.classes[code])
        return _Point(label, float(soft.confidence[0]), spoke, frozenset(votes.sources))


def _unchanged(old: _Point, new: _Point) -> bool:
    if old.trouble or new.trouble:
        return old.trouble == new.trouble
    return old.label == new.label and old.votes == new.votes and abs(old.probability - new.probability) < _NEWS


def _stretch(row: RunRow, names: tuple[str, ...], old: _Point | None, new: _Point) -> PastLabel:
    finished = row.finished.isoformat(timespec="seconds")
    changes = (new.trouble,) if new.trouble else _changes(old, new)
    return PastLabel(row.number, row.number, finished, names, new.label, new.probability, changes)


def _changes(old: _Point | None, new: _Point) -> tuple[str, ...]:
    """Say what is different; nothing for the first point, or after one that cannot be read."""
    if old is None or old.trouble:
        return ()
    out = []
    for name in dict.fromkeys([*old.votes, *new.votes]):
        was, now = old.votes.get(name), new.votes.get(name)
        if was == now:
            continue
        if now is None:
            gone = "is gone" if name not in new.sources else "abstains now"
            out.append(f"{name} {gone}; it said {was[0] if was else ''}")
        elif was is None:
            fresh = "is new" if name not in old.sources else "abstained before"
            out.append(f"{name} says {now[0]}; it {fresh}")
        elif was[0] != now[0]:
            out.append(f"{name} says {now[0]}, not {was[0]}")
        else:
            out.append(f"{name} was changed, and still says {now[0]}")
    return tuple(out) or ("the same votes count otherwise",)
