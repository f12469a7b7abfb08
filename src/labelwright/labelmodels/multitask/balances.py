"""How common the classes of tasks are, as votes have it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.core.alphabets import plain_letters
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines

__all__ = ["vote_balances"]

Floats = npt.NDArray[np.float64]


def vote_balances(votes: TaskVotes) -> dict[str, Floats]:
    """Return for each task the shares of its classes by majority of the votes; what is said of a child tells as well.

    Functions that each look for one class do not show by their agreement how common it is, and what knows nothing of
    that holds all classes for equally common: where four of five things are of one class, its functions then seem to be
    wrong most of the time. Votes at face value are off by the errors of functions, which is much less. What comes out
    may be handed to `MultiTask` as ``class_balance``, for all tasks or some.

    Parameters
    ----------
    votes : TaskVotes

    Returns
    -------
    dict of str to numpy.ndarray of float, shape (k,)
        Means of the shares of votes over the examples with votes on classes of the task. A vote for several classes is
        spread over them, and one more example of each class keeps it possible.

    Examples
    --------
    >>> from labelwright.core import TaskGraph
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> votes = TaskVotes(graph, {"finding": [[0], [0], [-1], [-1]], "kind": [[-1], [-1], [1], [-1]]})
    >>> {task: shares.tolist() for task, shares in vote_balances(votes).items()}
    {'finding': [0.6, 0.4], 'kind': [0.3333333333333333, 0.6666666666666666]}
    """
    graph = votes.graph
    own = {task.name: _shares(votes, task.name, len(task.classes)) for task in graph.tasks}
    above = [relation for relation in graph.relations if isinstance(relation, Refines)]
    done: dict[str, Floats] = {}

    def with_children(name: str) -> Floats:
        if name not in done:
            done[name] = own[name]
            states = graph.states(name)
            for relation in above:
                if relation.parent == name:
                    classes = [states.index(state) for state in relation.classes]
                    done[name][:, classes] += with_children(relation.child).sum(axis=1, keepdims=True) / len(classes)
        return done[name]

    return {name: _mean(with_children(name)) for name in graph.names}


def _shares(votes: TaskVotes, name: str, k: int) -> Floats:
    """Return how many votes each class of a task received on each example, shape (n, k)."""
    found = np.zeros((votes.n, k))
    if name not in votes.counted:
        return found
    own = votes.counted[name]
    plain, codes = plain_letters(own.k), own.values
    for j, source in enumerate(own.sources):
        for code, means in enumerate(own.alphabet.get(source, plain)):
            classes = [state for state in means if state < k]
            if classes:
                found[np.ix_(codes[:, j] == code, classes)] += 1 / len(classes)
    return found


def _mean(shares: Floats) -> Floats:
    total = shares.sum(axis=1)
    heard = total > 0
    mass = (shares[heard] / total[heard, None]).sum(axis=0) + 1
    return np.asarray(mass / mass.sum())
