"""What one source says of several tasks: whether it contradicts itself, and what it says once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .alphabets import plain_letters
from .answers import Answers
from .sparse import SparseRows
from .task_graph import TaskGraph
from .votes import ABSTAIN, Votes

__all__ = ["OneSource"]


@dataclass(frozen=True, slots=True, eq=False)
class OneSource:
    """A source that votes on several tasks which relations tie together.

    Parameters
    ----------
    name : str
    tasks : tuple of str
        Those it votes on.
    graph : TaskGraph
    by_task : mapping of str to Votes
    answers : Answers
        Those that the votes can give.
    """

    name: str
    tasks: tuple[str, ...]
    graph: TaskGraph
    by_task: Mapping[str, Votes]
    answers: Answers

    def codes(self, task: str) -> npt.NDArray[np.int64]:
        """Return its codes on a task, shape (n,), in an array of its own."""
        votes = self.by_task[task]
        column = votes.sources.index(self.name)
        if not isinstance(votes.rows, SparseRows):
            return votes.rows[:, column].astype(np.int64)
        found = np.full(votes.n, ABSTAIN, dtype=np.int64)
        mine = votes.rows.columns == column
        found[votes.rows.entry_rows[mine]] = votes.rows.codes[mine]
        return found

    def contradictions(self) -> tuple[npt.NDArray[np.int64], str]:
        """Return on which examples its answers cannot hold together, and what it said on the first of them."""
        rows, said = self._said()
        distinct, which = _distinct(said)
        wrong = np.flatnonzero(~self.answers.consistent(distinct)[which])
        first = [int(numbers[wrong[0]]) for numbers in said.values() if numbers[wrong[0]] >= 0] if len(wrong) else []
        return rows[wrong], ", ".join(self.answers.shown(answer) for answer in first)

    def counted(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return its codes, shape (n,), on each task where they count otherwise than they stand; see `TaskVotes`."""
        left = self._without_implied()
        return left | self._handed_up(left)

    def _said(self) -> tuple[npt.NDArray[np.int64], dict[int, npt.NDArray[np.int64]]]:
        """Return where it answers about several tasks, and the answers by position of the task, -1 for none."""
        table = np.column_stack([self.codes(task) for task in self.tasks])
        rows = np.flatnonzero((table >= 0).sum(axis=1) >= 2)
        said = {}
        for task, codes in zip(self.tasks, table[rows].T, strict=True):
            own = self.answers.index[task][self.by_task[task].sources.index(self.name)]
            said[self.graph.names.index(task)] = np.where(codes >= 0, own[codes], -1)
        return rows, said

    def _without_implied(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return the codes on each task where some of its votes are implied by others."""
        rows, said = self._said()
        distinct, which = _distinct(said)
        changed = {}
        for position, numbers in self.answers.without_implied(distinct).items():
            gone = rows[(numbers[which] < 0) & (said[position] >= 0)]
            if len(gone):
                task = self.graph.names[position]
                changed[task] = self.codes(task)
                changed[task][gone] = ABSTAIN
        return changed

    def _handed_up(self, left: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, npt.NDArray[np.int64]]:
        """Return its codes where what it says of a task is a vote on the one above.

        ``left`` holds the codes on tasks of which some votes are implied. N/A that is implied or handed up is gone.
        """
        found = {task: self._without_nowhere(task, left) for task in self.tasks}
        changed = dict[str, npt.NDArray[np.int64]]()
        # From below: what was handed up goes further up.
        for child, (parent, inside) in reversed(self.graph.above.items()):
            if child in found and parent in found:
                own, below = self._letters(parent), self._letters(child)
                nowhere = frozenset([len(self.graph.states(child)) - 1])
                # That the child is N/A names a class of two only.
                outside = frozenset([1 - inside] if len(self.graph.states(parent)) == 2 else [])
                said = [
                    frozenset([inside]) if nowhere.isdisjoint(one) else outside if one == nowhere else None
                    for one in below
                ]
                codes = np.asarray([own.index(one) if one in own else ABSTAIN for one in said] + [ABSTAIN])
                implied = codes[found[child]]
                again = np.asarray([one == nowhere for one in below] + [False])[found[child]] & (implied >= 0)
                changed[child] = np.where(again, ABSTAIN, changed.get(child, left.get(child, found[child])))
                changed[parent] = found[parent] = np.where(found[parent] >= 0, found[parent], implied)
        return changed

    def _without_nowhere(self, task: str, left: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        """Return its codes on a task without the votes for N/A that are not in ``left``."""
        codes, size = self.codes(task), len(self.graph.states(task))
        if task not in left or size == len(self.graph.tasks[self.graph.names.index(task)].classes):
            return codes
        nowhere = np.asarray([one == frozenset([size - 1]) for one in self._letters(task)] + [False])
        return np.where(nowhere[codes] & (left[task] < 0), ABSTAIN, codes)

    def _letters(self, task: str) -> tuple[frozenset[int], ...]:
        """Return what its codes mean on a task."""
        votes = self.by_task[task]
        return votes.alphabet.get(self.name, plain_letters(votes.k))


def _distinct(
    said: Mapping[int, npt.NDArray[np.int64]],
) -> tuple[dict[int, npt.NDArray[np.int64]], npt.NDArray[np.intp]]:
    """Return the different rows of answers, and which of them each row is."""
    table = np.column_stack(list(said.values()))
    rows, which = np.unique(table, axis=0, return_inverse=True)
    return dict(zip(said, rows.T.copy(), strict=True)), which.ravel()
