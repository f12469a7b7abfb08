"""The label of one example over the runs of a project."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from labelwright.analysis.explanation_content import PastLabel
from labelwright.core import Votes
from labelwright.core.errors import LabelwrightError, ProjectError
from labelwright.store import ArtifactId, RunRow
from labelwright.store.bit_planes import SUFFIX, at

from .keep import KeptRun, open_store
from .wording import said

__all__ = ["label_history"]

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


def label_history(kept: KeptRun, example_id: str | int, *, most: int) -> tuple[PastLabel, ...]:
    """Return the label of an example over the last ``most`` runs and snapshots, oldest first.

    Stretches of runs in which no vote changed and the probability moved by less than half a point are one entry.

    Parameters
    ----------
    kept : KeptRun
        Any run of the project.
    example_id : str or int
    most : int

    Returns
    -------
    tuple of PastLabel
    """
    _, catalog = open_store(kept.folder)
    names: dict[int, list[str]] = {}
    for snapshot in catalog.snapshots():
        names.setdefault(snapshot.number, []).append(snapshot.name)
    rows = catalog.runs()
    chosen = {row.number for row in rows[-most:]} | set(sorted(names)[-most:])
    past = _Past(kept, example_id)
    out: list[PastLabel] = []
    at_start: _Point | None = None
    for row in (r for r in rows if r.number in chosen):
        point, named = past.point(row), tuple(names.get(row.number, ()))
        if at_start is not None and _unchanged(at_start, point):
            out[-1] = replace(out[-1], last=row.number, snapshots=(*out[-1].snapshots, *named))
        else:
            out.append(_stretch(row, named, at_start, point))
            at_start = point
    return tuple(out)


class _Past:
    """Looks an example up in runs; what they share is read once."""

    def __init__(self, kept: KeptRun, example_id: str | int) -> None:
        self.kept, self.example_id = kept, example_id
        self.points: dict[tuple[ArtifactId | None, ...], _Point] = {}
        self.places: dict[ArtifactId, tuple[int, int] | None] = {}
        self.versions: dict[ArtifactId, dict[str, str]] = {}
        self.codes: dict[str, int] = {}

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
        data = run.artifact("data")
        if data not in self.places:
            try:
                self.places[data] = run.kept_data.find(self.example_id)
            except ProjectError:
                self.places[data] = None
        place = self.places[data]
        if place is None:
            return _Point("", math.nan, {}, frozenset(), "not in this run")
        votes = self._votes(run, *place)
        soft = run.label_model().soft_labels(votes)
        versions = self._versions(run)
        code = int(soft.predict()[0])
        spoke = {
            source: (said(votes, source, int(c)), versions.get(source, ""))
            for source, c in zip(votes.sources, votes.values[0], strict=True)
            if c >= 0
        }
        label = "" if code < 0 or not spoke else str(votes.classes[code])
        return _Point(label, float(soft.confidence[0]), spoke, frozenset(votes.sources))

    def _votes(self, run: KeptRun, part: int, row: int) -> Votes:
        """Return the votes on the example; those of a function that runs share are read once."""
        kept = run.kept_votes
        codes = []
        for _, key in kept.part_record(part).votes:
            place = f"{key} {row}"
            if place not in self.codes:
                self.codes[place] = at(run.store.get_bytes(ArtifactId.parse(key), SUFFIX), row)
            codes.append(self.codes[place])
        return Votes([codes], classes=kept.classes, sources=kept.sources)

    def _versions(self, run: KeptRun) -> dict[str, str]:
        key = run.artifact("functions")
        if key not in self.versions:
            self.versions[key] = run.functions()
        return self.versions[key]


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
