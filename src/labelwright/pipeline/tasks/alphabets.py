"""Votes on several files in one alphabet: what a code means hangs on the sets of classes that a file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from labelwright.core import Votes
from labelwright.core.task_votes import TaskVotes

__all__ = ["in_one_alphabet"]


def in_one_alphabet(found: Sequence[TaskVotes]) -> list[TaskVotes]:
    """Give equal votes equal codes in all of ``found``, which have the same graph, tasks and sources.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> from labelwright.core.tasks import Task
    >>> graph = TaskGraph([Task("kind", ["a", "b", "c"])])
    >>> def votes(codes, **alphabet):
    ...     own = Votes(codes, classes=["a", "b", "c"], sources=["one"], alphabet=alphabet)
    ...     return TaskVotes(graph, {"kind": own})
    >>> plain, sets = votes([[2], [-1]]), votes([[3]], one=[[0], [1], [2], [0, 1]])
    >>> [len(one.by_task["kind"].alphabet["one"]) for one in in_one_alphabet([plain, sets])]
    [4, 4]
    """
    merged: dict[str, dict[str, list[frozenset[int]]]] = {}
    for task, first in found[0].by_task.items():
        plain = [frozenset({code}) for code in range(len(first.classes))]
        own = [one.by_task[task].alphabet for one in found]
        sources = [source for source in first.sources if any(source in one for one in own)]
        merged[task] = {
            source: [*plain, *sorted({s for one in own for s in one.get(source, ()) if len(s) > 1}, key=sorted)]
            for source in sources
        }
    return [
        TaskVotes(one.graph, {task: _recoded(votes, merged[task]) for task, votes in one.by_task.items()})
        for one in found
    ]


def _recoded(votes: Votes, alphabet: Mapping[str, Sequence[frozenset[int]]]) -> Votes:
    values = votes.values.astype(np.int16)
    plain = [frozenset({code}) for code in range(len(votes.classes))]
    for source, letters in alphabet.items():
        # The last entry answers for -1, abstain.
        table = np.array([*map(list(letters).index, votes.alphabet.get(source, plain)), -1], dtype=np.int16)
        column = votes.sources.index(source)
        values[:, column] = table[values[:, column]]
    return Votes(
        values,
        classes=votes.classes,
        sources=votes.sources,
        example_ids=votes.example_ids,
        groups=votes.groups,
        alphabet=alphabet,
        failures=votes.failures,
    )
