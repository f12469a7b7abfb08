"""What differs between two states, so that it composes: named values in mappings, labels of examples in arrays.

A change is a key with its value before and after; what is equal before and after is no change and is not held. So two
changes in a row are one: the first's before, the second's after, and nothing where these are equal. Whatever counts or
shows changes is derived from them, never composed itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels
from labelwright.pipeline.settings import SPLITS

from .aligning import align, joined_ids

__all__ = ["ExampleChanges", "ExampleStates", "NamedChanges"]

# Probabilities are held in whole millionths: what no reader sees is no change, and integers are equal or they are not.
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class NamedChanges:
    """Changes of named values: functions, parameters, settings, parts of the data.

    Parameters
    ----------
    items : mapping of str to (before, after)
        JSON-able values; ``None`` where there is no such thing. Sorted by name.

    Examples
    --------
    >>> first = NamedChanges.between({"a": 1, "b": 2}, {"a": 1, "b": 3})
    >>> second = NamedChanges.between({"a": 1, "b": 3}, {"b": 2, "c": 4})
    >>> first.then(second).items
    {'a': (1, None), 'c': (None, 4)}
    """

    items: Mapping[str, tuple[Any, Any]]

    @classmethod
    def between(cls, before: Mapping[str, Any], after: Mapping[str, Any]) -> NamedChanges:
        """Compare two mappings by name."""
        return cls._of({name: (before.get(name), after.get(name)) for name in before.keys() | after.keys()})

    @classmethod
    def _of(cls, pairs: Mapping[str, tuple[Any, Any]]) -> NamedChanges:
        return cls({name: pairs[name] for name in sorted(pairs) if pairs[name][0] != pairs[name][1]})

    def then(self, other: NamedChanges) -> NamedChanges:
        """Return both as one: these changes, and then those of ``other``."""
        ends = dict(other.items)
        for name, (before, after) in self.items.items():
            ends[name] = (before, ends.get(name, (None, after))[1])
        return self._of(ends)

    @property
    def added(self) -> dict[str, Any]:
        """What there was not before, by name."""
        return {name: after for name, (before, after) in self.items.items() if before is None}

    @property
    def removed(self) -> dict[str, Any]:
        """What there is no more, by name."""
        return {name: before for name, (before, after) in self.items.items() if after is None}

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """What there was and is, and differs, by name."""
        return {name: pair for name, pair in self.items.items() if pair[0] is not None and pair[1] is not None}

    def __len__(self) -> int:
        return len(self.items)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: list(pair) for name, pair in self.items.items()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> NamedChanges:
        """Undo `to_dict`."""
        return cls._of({name: (before, after) for name, (before, after) in saved.items()})


@dataclass(frozen=True, slots=True, eq=False)
class ExampleStates:
    """What some examples were labelled, on one side of a comparison.

    Parameters
    ----------
    classes : tuple of (str or int)
    present : ndarray of bool, shape (c,)
        Whether the example was there.
    labels : ndarray of int32, shape (c,)
        Class codes; -1 where no function voted, classes tie, or the example was not there.
    millionths : ndarray of int32, shape (c, k)
        P(Y) in millionths; 0 where the example was not there.
    """

    classes: tuple[Class, ...]
    present: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]
    millionths: npt.NDArray[np.int32]

    @classmethod
    def of(cls, soft: SoftLabels) -> ExampleStates:
        """Take the states from soft labels."""
        labels = np.where(soft.covered, soft.predict(), -1).astype(np.int32)
        millionths = np.rint(soft.probs * MILLION).astype(np.int32)
        return cls(soft.classes, np.ones(soft.n, dtype=bool), labels, millionths)

    @classmethod
    def absent(cls, count: int, classes: tuple[Class, ...]) -> ExampleStates:
        """Return the states of examples that were not there."""
        nothing = np.zeros((count, len(classes)), dtype=np.int32)
        return cls(classes, np.zeros(count, dtype=bool), np.full(count, -1, dtype=np.int32), nothing)

    def take(self, rows: npt.NDArray[Any]) -> ExampleStates:
        """Return the states at ``rows`` (positions or a mask)."""
        return ExampleStates(self.classes, self.present[rows], self.labels[rows], self.millionths[rows])

    def same_as(self, other: ExampleStates) -> npt.NDArray[np.bool_]:
        """Say row by row whether two states are equal; with other classes, only those that are nowhere are."""
        if self.classes != other.classes:
            return ~self.present & ~other.present
        same = (self.present == other.present) & (self.labels == other.labels)
        for column in range(self.millionths.shape[1]):  # a column at a time: several times faster than all(axis=1)
            same &= self.millionths[:, column] == other.millionths[:, column]
        return np.asarray(same)

    @staticmethod
    def joined(pieces: list[ExampleStates]) -> ExampleStates:
        """Put states of the same classes one after another."""
        arrays = zip(*((p.present, p.labels, p.millionths) for p in pieces), strict=True)
        return ExampleStates(pieces[0].classes, *(np.concatenate(parts) for parts in arrays))


@dataclass(frozen=True, slots=True, eq=False)
class ExampleChanges:
    """The examples that came, went or were labelled otherwise, each with its state before and after.

    Parameters
    ----------
    splits : ndarray of int8, shape (c,)
        0 train, 1 valid, 2 test. An example that moved to another split went from one and came to the other.
    ids : ndarray of int or str, shape (c,)
        In any order: equality looks at what changed, not at the order in which it is held.
    before, after : ExampleStates, c rows

    Examples
    --------
    >>> a = {"train": SoftLabels([[0.9, 0.1], [0.2, 0.8]], classes=["ham", "spam"], example_ids=["x", "y"])}
    >>> b = {"train": SoftLabels([[0.9, 0.1], [0.7, 0.3]], classes=["ham", "spam"], example_ids=["x", "y"])}
    >>> ExampleChanges.between(a, b).flips()
    {('spam', 'ham'): 1}
    """

    splits: npt.NDArray[np.int8]
    ids: npt.NDArray[Any]
    before: ExampleStates
    after: ExampleStates

    @classmethod
    def between(cls, before: Mapping[str, SoftLabels], after: Mapping[str, SoftLabels]) -> ExampleChanges:
        """Compare the soft labels of two runs, by split; ids differ within a split."""
        classes = tuple(next(iter(side.values())).classes for side in (before, after))
        pieces = []
        for code, split in enumerate(SPLITS):
            if split in before or split in after:
                empty = [
                    SoftLabels(np.empty((0, len(c))), classes=c, example_ids=np.empty(0, dtype="U1")) for c in classes
                ]
                pieces.append(_between(code, before.get(split, empty[0]), after.get(split, empty[1])))
        return _joined(pieces)

    def then(self, other: ExampleChanges) -> ExampleChanges:
        """Return both as one: these changes, and then those of ``other``."""
        pieces = []
        for code in range(len(SPLITS)):
            one, two = np.flatnonzero(self.splits == code), np.flatnonzero(other.splits == code)
            both_one, both_two = align(self.ids[one], other.ids[two])
            first, second = one[_others(both_one, len(one))], two[_others(both_two, len(two))]
            one, two = one[both_one], two[both_two]
            for ids, b, a in (
                (self.ids[one], self.before.take(one), other.after.take(two)),
                # What one of the two does not hold is as the other left it, or found it.
                (self.ids[first], self.before.take(first), _unmoved(self.after.take(first), other.after.classes)),
                (other.ids[second], _unmoved(other.before.take(second), self.before.classes), other.after.take(second)),
            ):
                pieces.append(_changed(code, ids, b, a))
        return _joined(pieces)

    @property
    def stayed(self) -> npt.NDArray[np.bool_]:
        """Which examples were there before and are there after, shape (c,)."""
        return self.before.present & self.after.present

    @property
    def flipped(self) -> npt.NDArray[np.bool_]:
        """Which examples stayed and have another label: another class, a label for none, or none for a label."""
        return np.asarray(self.stayed & (self._common(self.before) != self._common(self.after)))

    @property
    def shift(self) -> npt.NDArray[np.float64]:
        """How far P(Y) moved: the total variation distance, 0 to 1; 0 for what came or went, or had other classes."""
        if self.before.classes != self.after.classes:
            return np.zeros(len(self))
        moved = np.zeros(len(self), dtype=np.int64)
        for column in range(self.before.millionths.shape[1]):
            moved += np.abs(self.before.millionths[:, column] - self.after.millionths[:, column])
        return np.asarray(np.where(self.stayed, moved / (2 * MILLION), 0.0))

    def added(self, split: str | None = None) -> int:
        """Count the examples that came, to one split or to all."""
        return int((~self.before.present & self._within(split)).sum())

    def removed(self, split: str | None = None) -> int:
        """Count the examples that went, from one split or from all."""
        return int((~self.after.present & self._within(split)).sum())

    def flips(self, where: str | npt.NDArray[np.bool_] | None = None) -> dict[tuple[Class | None, Class | None], int]:
        """Count the flipped labels by (before, after), most first; ``None`` stands for no label.

        Parameters
        ----------
        where : str or ndarray of bool, shape (c,), optional
            A split, or a mask over the changes; default: all.
        """
        mask = where if isinstance(where, np.ndarray) else self._within(where)
        rows = np.flatnonzero(self.flipped & mask)
        width = len(self.after.classes) + 1
        pairs = (self.before.labels[rows].astype(np.int64) + 1) * width + self.after.labels[rows] + 1
        codes, counts = np.unique(pairs, return_counts=True)
        before, after = (None, *self.before.classes), (None, *self.after.classes)
        order = np.argsort(-counts, kind="stable")
        return {(before[codes[i] // width], after[codes[i] % width]): int(counts[i]) for i in order}

    def movers(self, limit: int = 10) -> npt.NDArray[np.int64]:
        """Return the rows whose labels flipped or whose P(Y) moved most: flips first, then by `shift`."""
        size = self.shift + 2.0 * self.flipped
        moved = np.flatnonzero(size > 0)
        # Stable: equal moves come in the order of the data.
        return np.asarray(moved[np.argsort(-size[moved], kind="stable")][:limit])

    def _common(self, side: ExampleStates) -> npt.NDArray[np.int64]:
        """Return label codes that mean the same on both sides, whatever the classes of each were."""
        if self.before.classes == self.after.classes:
            return side.labels.astype(np.int64)
        every = list(dict.fromkeys((*self.before.classes, *self.after.classes)))
        return np.array([-1, *(every.index(c) for c in side.classes)])[side.labels + 1]

    def _within(self, split: str | None) -> npt.NDArray[np.bool_]:
        if split is None:
            return np.ones(len(self), dtype=bool)
        return np.asarray(self.splits == SPLITS.index(split))

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExampleChanges):
            return NotImplemented
        if len(self) != len(other):
            return False
        for code in range(len(SPLITS)):
            mine, theirs = np.flatnonzero(self.splits == code), np.flatnonzero(other.splits == code)
            one, two = align(self.ids[mine], other.ids[theirs])
            if not len(one) == len(mine) == len(theirs):
                return False
            for a, b in ((self.before, other.before), (self.after, other.after)):
                if a.classes != b.classes or not a.take(mine[one]).same_as(b.take(theirs[two])).all():
                    return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: columns, all of the same length."""
        sides = {
            name: {
                "classes": list(side.classes),
                "present": side.present.tolist(),
                "labels": side.labels.tolist(),
                "millionths": side.millionths.tolist(),
            }
            for name, side in (("before", self.before), ("after", self.after))
        }
        return {"splits": [SPLITS[code] for code in self.splits.tolist()], "ids": self.ids.tolist(), **sides}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> ExampleChanges:
        """Undo `to_dict`."""
        count = len(saved["ids"])
        sides = [
            ExampleStates(
                tuple(side["classes"]),
                np.array(side["present"], dtype=bool),
                np.array(side["labels"], dtype=np.int32),
                np.array(side["millionths"], dtype=np.int32).reshape(count, len(side["classes"])),
            )
            for side in (saved["before"], saved["after"])
        ]
        splits = np.array([SPLITS.index(name) for name in saved["splits"]], dtype=np.int8)
        ids = np.array(saved["ids"]) if count else np.empty(0, dtype=np.str_)
        return cls(splits, ids, *sides)


def _between(code: int, before: SoftLabels, after: SoftLabels) -> ExampleChanges:
    rows_before, rows_after = align(before.example_ids, after.example_ids)
    old, new = ExampleStates.of(before), ExampleStates.of(after)
    stayed = _changed(code, before.example_ids, old, new, rows_before, rows_after)
    went, came = _others(rows_before, before.n), _others(rows_after, after.n)
    ids_went, ids_came = before.example_ids[went], after.example_ids[came]
    return _joined(
        [
            stayed,
            _changed(code, ids_went, old.take(went), ExampleStates.absent(len(went), new.classes)),
            _changed(code, ids_came, ExampleStates.absent(len(came), old.classes), new.take(came)),
        ]
    )


def _others(rows: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Return the positions of n that are not among ``rows``."""
    if len(rows) == n:
        return np.empty(0, dtype=np.int64)
    rest = np.ones(n, dtype=bool)
    rest[rows] = False
    return np.flatnonzero(rest)


def _unmoved(states: ExampleStates, classes: tuple[Class, ...]) -> ExampleStates:
    """Return states that one of two changes does not hold: absent on both of its sides where the classes differ."""
    return states if states.classes == classes else ExampleStates.absent(len(states.present), classes)


def _changed(
    code: int,
    ids: npt.NDArray[Any],
    before: ExampleStates,
    after: ExampleStates,
    rows_before: npt.NDArray[np.int64] | None = None,
    rows_after: npt.NDArray[np.int64] | None = None,
) -> ExampleChanges:
    """Hold those of the examples (at these rows; default: all) whose states differ."""
    # What stands still is not copied: at a million rows copies take longer than all else.
    one = None if rows_before is None or _is_all(rows_before, before) else rows_before
    two = None if rows_after is None or _is_all(rows_after, after) else rows_after
    b, a = before if one is None else before.take(one), after if two is None else after.take(two)
    keep = np.flatnonzero(~b.same_as(a))
    splits = np.full(len(keep), code, dtype=np.int8)
    return ExampleChanges(splits, ids[keep if one is None else one[keep]], b.take(keep), a.take(keep))


def _is_all(rows: npt.NDArray[np.int64], states: ExampleStates) -> bool:
    return len(rows) == len(states.present) and bool((rows == np.arange(len(rows))).all())


def _joined(pieces: list[ExampleChanges]) -> ExampleChanges:
    full = [p for p in pieces if len(p)] or pieces[:1]
    if len(full) == 1:
        return full[0]
    return ExampleChanges(
        np.concatenate([p.splits for p in full]),
        joined_ids([p.ids for p in full]),
        ExampleStates.joined([p.before for p in full]),
        ExampleStates.joined([p.after for p in full]),
    )
