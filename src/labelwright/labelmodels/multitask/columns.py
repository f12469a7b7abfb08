"""The votes of several tasks as label models read them: side by side, or of one task over its classes alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import SparseRows, TaskGraph, Votes
from labelwright.core.alphabets import Letters, lookup, ordered, plain_letters, recoded

__all__ = [
    "APPLIES",
    "NOT",
    "SILENT",
    "apart",
    "heard_above",
    "in_own_letters",
    "kinds_of_codes",
    "over_classes",
    "side_by_side",
    "unheard",
]

# What a vote on a task that may not apply says of that: it names a class, or says N/A, or there is none.
APPLIES, NOT, SILENT = 0, 1, 2


def side_by_side(
    by_task: Mapping[str, Votes], tasks: Sequence[str], index: npt.NDArray[np.intp] | None = None
) -> Votes:
    """Return the votes on ``tasks`` as one label matrix, its columns called (position of the task, source).

    Its classes are the states of all the tasks, one after the other, so that what a code means is kept. Of the rows
    those at ``index`` are taken; default: all.
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
    rows = stacked(columns, index)
    one = columns[0] if index is None else columns[0].take(index)
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


def stacked(parts: Sequence[Votes], index: npt.NDArray[np.intp] | None = None) -> npt.NDArray[Any] | SparseRows:
    """Return the columns of votes on the same examples side by side, of all rows or those at ``index``."""
    found = [part.rows if index is None else _taken(part.rows, index) for part in parts]
    dense = [rows for rows in found if not isinstance(rows, SparseRows)]
    if len(dense) == len(found):
        return np.hstack(dense)
    entries: list[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]] = []
    width = 0
    for rows in found:
        if isinstance(rows, SparseRows):
            entries.append((rows.entry_rows, rows.columns + width, rows.codes))
        else:
            row, column = np.nonzero(rows >= 0)
            entries.append((row, column + width, rows[row, column]))
        width += rows.shape[1]
    rows_, columns, codes = (np.concatenate(arrays) for arrays in zip(*entries, strict=True))
    return SparseRows.from_entries(rows_, columns, codes, shape=(found[0].shape[0], width))


def _taken(rows: npt.NDArray[Any] | SparseRows, index: npt.NDArray[np.intp]) -> npt.NDArray[Any] | SparseRows:
    return rows.take(index) if isinstance(rows, SparseRows) else rows[index]


def kinds_of_codes(votes: Votes, k: int, *, above: Collection[str] = ()) -> npt.NDArray[np.int64]:
    """Return for each source and code whether it names classes (of k) or says N/A, shape (m, codes + 1).

    The last column stands for an abstain. A code that leaves both open says that it speaks: it names classes.
    Sources that are heard ``above`` count as silent where they name a class: that they do says nothing here.
    """
    widest = max((len(votes.alphabet.get(s, votes.classes)) for s in votes.sources), default=0)
    kinds = np.full((votes.m, widest + 1), SILENT)
    for row, source in zip(kinds, votes.sources, strict=True):
        sets = votes.alphabet.get(source, tuple(frozenset([c]) for c in range(votes.k)))
        named = SILENT if source in above else APPLIES
        row[: len(sets)] = [named if min(one) < k else NOT for one in sets]
    return kinds


def heard_above(graph: TaskGraph, task: str, sources: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the sources of a task that vote on the one above it as well, by the sources of each task.

    What such a source says of the task is handed up (see `TaskVotes.counted`): that it speaks of it is no other news.
    """
    if task not in graph.above:
        return frozenset()
    return frozenset(sources.get(task, ())) & frozenset(sources.get(graph.above[task][0], ()))


def over_classes(votes: Votes, classes: Sequence[str | int]) -> Votes:
    """Return votes on the states of a task as votes on its classes: who says N/A abstains, as far as these go.

    What is left of two letters may be the same; it then has one code.
    """
    k = len(classes)
    if votes.k == k:
        return votes
    plain = plain_letters(votes.k)
    own = {s: tuple(frozenset(c for c in one if c < k) for one in votes.alphabet.get(s, plain)) for s in votes.sources}
    left = {source: ordered(one for one in own[source] if one) for source in votes.alphabet}
    alphabet = {source: letters for source, letters in left.items() if letters not in ((), plain_letters(k))}
    return Votes(
        recoded(votes.rows, lookup(votes.sources, own, alphabet, k)),
        classes=classes,
        sources=votes.sources,
        example_ids=votes.example_ids,
        groups=votes.groups,
        alphabet=alphabet,
    )


def in_own_letters(votes: Votes) -> Votes:
    """Return votes in the alphabet of what they say: sets that nobody voted for are left out, the rest is in order.

    So neither changes what is learned.
    """
    alphabet = {}
    for j, source in enumerate(votes.sources):
        if (letters := votes.alphabet.get(source)) is not None:
            rows = votes.rows
            codes = rows.codes[rows.columns == j] if isinstance(rows, SparseRows) else rows[:, j]
            voted = np.bincount(codes[codes >= 0], minlength=len(letters)) > 0
            kept = ordered(one for one, used in zip(letters, voted, strict=True) if used or len(one) == 1)
            if kept not in ((), plain_letters(votes.k)):
                alphabet[source] = kept
    return votes.in_alphabet(alphabet, strict=False)


def unheard(votes: Votes, alphabet: Mapping[str, Letters]) -> Votes | None:
    """Return the votes for sets of states that ``alphabet`` does not hold, or None where there are none."""
    plain = plain_letters(votes.k)
    left = {
        source: tuple(one for one in votes.alphabet.get(source, plain) if one not in alphabet.get(source, plain))
        for source in votes.sources
    }
    if not any(left.values()):
        return None
    found = votes.in_alphabet(left, strict=False)
    return found if found.covered.any() else None
