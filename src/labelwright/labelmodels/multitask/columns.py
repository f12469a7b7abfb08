"""The votes of several tasks as label models read them: side by side, or of one task over its classes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, SparseRows, TaskGraph, Votes

__all__ = ["APPLIES", "NOT", "SILENT", "apart", "kinds_of_codes", "over_classes", "side_by_side"]

# What a vote on a task that may not apply says of that: it names a class, or says N/A, or there is none.
APPLIES, NOT, SILENT = 0, 1, 2


def side_by_side(by_task: Mapping[str, Votes], tasks: Sequence[str]) -> Votes:
    """Return the votes on ``tasks`` as one label matrix, its columns called (position of the task, source).

    Its classes are the states of all the tasks, one after the other, so that what a code means is kept.
    """
    columns: list[Votes] = []
    names: list[str] = []
    classes: list[str] = []
    alphabet: dict[str, list[set[int]]] = {}
    for t, task in enumerate(tasks):
        if (votes := by_task.get(task)) is None:
            continue
        offset = len(classes)
        classes.extend(f"{task}={state}" for state in votes.classes)
        plain = tuple(frozenset([code]) for code in range(votes.k))
        for source in votes.sources:
            name = f"{t} {source}"
            names.append(name)
            alphabet[name] = [{offset + c for c in one} for one in votes.alphabet.get(source, plain)]
        columns.append(votes)
    rows = _stacked(columns)
    one = columns[0]
    return Votes(
        rows, classes=classes, sources=names, example_ids=one.example_ids, groups=one.groups, alphabet=alphabet
    )


def apart(votes: Votes, graph: TaskGraph, tasks: Sequence[str]) -> dict[str, Votes]:
    """Return what `side_by_side` put together as votes on each task again."""
    found, offset = {}, 0
    for t, task in enumerate(tasks):
        names = [name for name in votes.sources if name.split(" ", 1)[0] == str(t)]
        if not names:
            continue
        own, states = votes.select(names), graph.states(task)
        plain = tuple(frozenset([code]) for code in range(len(states)))
        sets = {n.split(" ", 1)[1]: tuple(frozenset(c - offset for c in one) for one in own.alphabet[n]) for n in names}
        found[task] = Votes(
            own.rows,
            classes=states,
            sources=list(sets),
            alphabet={source: one for source, one in sets.items() if one != plain},
        )
        offset += len(states)
    return found


def _stacked(parts: Sequence[Votes]) -> npt.NDArray[Any] | SparseRows:
    if not any(part.is_sparse for part in parts):
        return np.hstack([part.values for part in parts])
    entries: list[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]] = []
    width = 0
    for part in parts:
        if isinstance(part.rows, SparseRows):
            entries.append((part.rows.entry_rows, part.rows.columns + width, part.rows.codes))
        else:
            row, column = np.nonzero(part.rows >= 0)
            entries.append((row, column + width, part.rows[row, column]))
        width += part.m
    rows, columns, codes = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
    return SparseRows.from_entries(rows, columns, codes, shape=(parts[0].n, width))


def kinds_of_codes(votes: Votes, k: int) -> npt.NDArray[np.int64]:
    """Return for each source and code whether it names classes (of k) or says N/A, shape (m, codes + 1).

    The last column stands for an abstain. A code that leaves both open says that it speaks: it names classes.
    """
    widest = max((len(votes.alphabet.get(s, votes.classes)) for s in votes.sources), default=0)
    kinds = np.full((votes.m, widest + 1), SILENT)
    for row, source in zip(kinds, votes.sources, strict=True):
        sets = votes.alphabet.get(source, tuple(frozenset([c]) for c in range(votes.k)))
        row[: len(sets)] = [APPLIES if min(one) < k else NOT for one in sets]
    return kinds


def over_classes(votes: Votes, classes: Sequence[str | int]) -> Votes:
    """Return votes on the states of a task as votes on its classes: who says N/A abstains, as far as these go."""
    k = len(classes)
    if votes.k == k:
        return votes
    alphabet = {
        source: [frozenset(c for c in one if c < k) or frozenset(range(k)) for one in sets]
        for source, sets in votes.alphabet.items()
    }
    return Votes(
        _without_not_applicable(votes, kinds_of_codes(votes, k)),
        classes=classes,
        sources=votes.sources,
        example_ids=votes.example_ids,
        groups=votes.groups,
        alphabet=alphabet,
    )


def _without_not_applicable(votes: Votes, kinds: npt.NDArray[np.int64]) -> npt.NDArray[Any] | SparseRows:
    if isinstance(votes.rows, SparseRows):
        rows = votes.rows
        kept = kinds[rows.columns, rows.codes] != NOT
        if kept.all():
            return rows
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows.entry_rows[kept], minlength=votes.n))])
        return SparseRows(indptr.astype(np.int64), rows.columns[kept], rows.codes[kept], rows.shape)
    said = kinds[np.arange(votes.m), votes.rows]  # -1 reads the last column: an abstain
    return np.where(said == NOT, np.asarray(ABSTAIN, dtype=votes.rows.dtype), votes.rows)
