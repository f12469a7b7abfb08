"""Drift: the votes on examples that a reference did not have, against the votes on those that it had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis.drift import Drift, compare_drift, measure_votes
from labelwright.analysis.shares import Tally
from labelwright.core import Votes
from labelwright.pipeline.versions.aligning import align

from .state import LabelledState, StateSplit

__all__ = ["NEW", "ChangedVotes", "DriftReport", "monitor_drift"]

NEW = "new examples"

# Fewer new examples than this in a file or part tell nothing that the whole does not tell better.
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class ChangedVotes:
    """A function that votes otherwise than before on the same examples. That is a fact, and needs no test.

    Parameters
    ----------
    function : str
    n : int
        Examples that both have.
    changed : int
        On how many of them the vote is another.
    before, now : int
        How many of them it votes on.
    edited : bool
        Whether its version changed. Where it did not, the examples did, or something that its version does not hold.
    """

    function: str
    n: int
    changed: int
    before: int
    now: int
    edited: bool

    def __str__(self) -> str:
        why = "edited" if self.edited else "not edited"
        return (
            f"{self.function} ({why}): other votes on {self.changed:,} of {self.n:,} examples; it voted on "
            f"{self.before:,}, and now on {self.now:,}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "function": self.function,
            "n": self.n,
            "changed": self.changed,
            "before": self.before,
            "now": self.now,
            "edited": self.edited,
        }


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What moved since a reference: new examples by a test, the same examples as they are.

    Parameters
    ----------
    reference, present : str
        What was compared.
    old, new : int
        Examples of the present that the reference has, and that it has not.
    drift : Drift
        Votes of the present functions on the new examples against those on the old ones; no rows where nothing is new.
    changed : tuple of ChangedVotes
        Functions that vote otherwise on the old examples.
    """

    reference: str
    present: str
    old: int
    new: int
    drift: Drift
    changed: tuple[ChangedVotes, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "reference": self.reference,
            "present": self.present,
            "old": self.old,
            "new": self.new,
            **self.drift.to_dict(),
            "changed": [one.to_dict() for one in self.changed],
        }


def monitor_drift(
    reference: Mapping[str, LabelledState],
    present: Mapping[str, LabelledState],
    *,
    level: float,
    tolerance: float = 0.0,
) -> DriftReport:
    """Compare votes on new examples with those on old ones, and say which functions vote otherwise on the old.

    Parameters
    ----------
    reference, present : mapping of str to LabelledState
        By task; the one task of a project is called ``""``.
    level : float
        Without any drift, the chance of any alarm is at most this.
    tolerance : float
        Shares that moved by no more than this are no drift.

    Notes
    -----
    Both sides of the test are votes of the present functions, so an edit is no drift. Examples are new where the
    reference has no such id, or where a field that a function reads was another. Each file and each part of the data
    with new examples is tested too, where there are several. Votes on several tasks are tested together, so that the
    chance is that of all of them. Of several data sets a function is tested on those where it votes: that more examples
    come to another is no drift of its votes.
    """
    first = next(iter(reference.values()))
    sides = [_Side.of(task, reference.get(task, first), state) for task, state in present.items()]
    places = dict.fromkeys(name for side in sides for name in side.places)
    measured = {name: _merged(side.measured(side.places.get(name)) for side in sides) for name in places}
    before = _merged(side.measured(side.old) for side in sides if side.places)
    # Of a data set that is all new, there is nothing to compare with.
    known = {source for source, _ in before}
    measured = {at: {key: t for key, t in found.items() if key[0] in known} for at, found in measured.items()}
    drift = compare_drift(before, measured if before else {}, level=level, tolerance=tolerance)
    changed = [
        c for task, state in present.items() if task in reference for c in _changed(task, reference[task], state)
    ]
    name = next(iter(present.values())).name
    return DriftReport(first.name, name, *_counted(sides), drift, tuple(changed))


@dataclass(frozen=True, eq=False)
class _Side:
    """The present votes on a task: on which examples, which of them the reference has, and where the new ones are."""

    task: str
    votes: Votes
    groups: npt.NDArray[Any] | None
    old: npt.NDArray[np.bool_]
    places: Mapping[str, npt.NDArray[np.bool_]]
    heard: Sequence[tuple[frozenset[str], npt.NDArray[np.bool_]]]

    @classmethod
    def of(cls, task: str, reference: LabelledState, present: LabelledState) -> _Side:
        parts = list(present.splits.values())
        old = np.concatenate([_known(reference, part, present.fields) for part in parts])
        places = {NEW: ~old} if not old.all() else {}
        places |= _within([part.files() for part in parts], ~old, "")
        places |= _within([part.parts() for part in parts], ~old, "part ")
        votes = _joined([part.votes for part in parts])
        return cls(task, votes, _joined_groups(present), old, places, _heard(votes, [p.data_sets() for p in parts]))

    def measured(self, inside: npt.NDArray[np.bool_] | None) -> Mapping[tuple[str, str], Tally]:
        """Count votes on some examples; nothing where there are no old ones to compare with."""
        if inside is None or not self.old.any():
            return {}
        found: dict[tuple[str, str], Tally] = {}
        for sources, there in self.heard:
            rows = inside & there
            if rows.any():
                units = None if self.groups is None else self.groups[rows]
                tallies = measure_votes(self.votes.take(rows), units)
                found |= {key: tally for key, tally in tallies.items() if key[0] in sources}
        return {(_called(source, self.task), measure): tally for (source, measure), tally in found.items()}


def _merged(found: Iterable[Mapping[tuple[str, str], Tally]]) -> dict[tuple[str, str], Tally]:
    return {key: tally for one in found for key, tally in one.items()}


def _counted(sides: Sequence[_Side]) -> tuple[int, int]:
    """Return how many examples are old and how many are new; where there are data sets, tasks may be about others."""
    old = sides[0].old
    if any(len(side.old) != len(old) for side in sides):
        ids = np.concatenate([side.votes.example_ids.astype(np.str_) for side in sides])
        _, first = np.unique(ids, return_index=True)
        old = np.concatenate([side.old for side in sides])[first]
    return int(old.sum()), int((~old).sum())


def _known(reference: LabelledState, part: StateSplit, fields: tuple[str, ...] | None) -> npt.NDArray[np.bool_]:
    """Return which examples of a split the reference has, in whichever split, with the same fields."""
    known = np.zeros(part.votes.n, dtype=bool)
    for other in reference.splits.values():
        rows, there = align(part.votes.example_ids, other.votes.example_ids)
        known[rows] = True
        hashes, before = part.hashes(), other.hashes()
        if hashes is None or before is None:
            continue
        differ = np.flatnonzero((hashes[rows] != before[there]).any(axis=1))
        known[rows[differ[_edited(part, other, rows[differ], there[differ], fields)]]] = False
    return known


def _edited(
    part: StateSplit,
    other: StateSplit,
    rows: npt.NDArray[np.int64],
    there: npt.NDArray[np.int64],
    fields: tuple[str, ...] | None,
) -> npt.NDArray[np.bool_]:
    """Return where a field that a function reads was another: new gold, or a new column, is no new example."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    now, before = part.read(fields)[rows], other.read(None)[there]
    names = [name for name in now.columns if name in before.columns]
    differ = np.zeros(len(rows), dtype=bool)
    for name in names:
        differ |= now[name].cast(before[name].dtype, strict=False).ne_missing(before[name]).to_numpy()
    return differ


def _heard(
    votes: Votes, data_sets: Sequence[npt.NDArray[Any] | None]
) -> list[tuple[frozenset[str], npt.NDArray[np.bool_]]]:
    """Return functions, and on which examples each is heard: those of the data sets where it votes at all."""
    known = [names for names in data_sets if names is not None]
    if len(known) < len(data_sets):
        return [(frozenset(votes.sources), np.ones(votes.n, dtype=bool))]
    of = np.concatenate(known)
    alike: dict[tuple[str, ...], set[str]] = {}
    for source in votes.sources:
        there = np.unique(of[votes.select([source]).covered])
        alike.setdefault(tuple(there.tolist()), set()).add(source)
    return [(frozenset(sources), np.isin(of, names)) for names, sources in alike.items()]


def _called(source: str, task: str) -> str:
    """Return what a function is called that votes on one of several tasks."""
    return f"{source} on {task}" if task else source


def _joined(pieces: Sequence[Votes]) -> Votes:
    return pieces[0] if len(pieces) == 1 else Votes.concat(list(pieces))


def _joined_groups(state: LabelledState) -> npt.NDArray[Any] | None:
    found = [part.groups for part in state.splits.values()]
    known = [groups for groups in found if groups is not None]
    return np.concatenate(known) if len(known) == len(found) else None


def _within(
    found: Sequence[npt.NDArray[Any] | None], new: npt.NDArray[np.bool_], prefix: str
) -> dict[str, npt.NDArray[np.bool_]]:
    """Return where the new examples of each file or part are, if they are in several."""
    known = [names for names in found if names is not None]
    if not new.any() or len(known) < len(found):
        return {}
    names = np.concatenate(known)
    inside = {f"{prefix}{name}": new & (names == name) for name in np.unique(names[new])}
    return {name: rows for name, rows in inside.items() if rows.sum() >= _FEWEST} if len(inside) > 1 else {}


def _changed(task: str, reference: LabelledState, present: LabelledState) -> tuple[ChangedVotes, ...]:
    there = [state.splits["train"].votes.sources for state in (reference, present)]
    both = [name for name in present.versions if all(name in sources for sources in there)]
    counts = {name: np.zeros(4, dtype=np.int64) for name in both}
    for split, part in present.splits.items():
        if split not in reference.splits:
            continue
        other = reference.splits[split].votes
        now_rows, old_rows = align(part.votes.example_ids, other.example_ids)
        if part.votes.classes != other.classes:
            continue  # codes would mean different things
        # A code may mean one set of classes here and another one there.
        one, two = part.votes, other.in_alphabet(part.votes.alphabet, strict=False)
        for name in both:
            now = one.select([name]).values[now_rows, 0]
            old = two.select([name]).values[old_rows, 0]
            counts[name] += [len(now), (now != old).sum(), (old >= 0).sum(), (now >= 0).sum()]
    return tuple(
        ChangedVotes(
            _called(name, task), n, changed, before, now, edited=present.versions[name] != reference.versions[name]
        )
        for name, (n, changed, before, now) in ((name, found.tolist()) for name, found in counts.items())
        if changed
    )
