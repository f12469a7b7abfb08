"""What a parent's own votes and those on its other children say of whether a child applies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts, SparseRows, TaskGraph, VoteFrame, Votes
from labelwright.core.alphabets import Letters, plain_letters, recoded
from labelwright.core.tasks import Refines
from labelwright.labelmodels.default.label_model import LabelModel

from .columns import APPLIES, NOT, heard_above, kinds_of_codes, over_classes, stacked
from .recounting import pattern_votes
from .speaking import Speaking, learned_rates

__all__ = [
    "Sight",
    "beside_implied",
    "children_of",
    "family_votes",
    "numbers_of",
    "sights",
    "speaking_of_columns",
    "without_columns",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Rows on which it is known, as far as other tasks tell, whether a task applies, and who speaks of it there.

    Parameters
    ----------
    applies : ndarray of float, shape (p,)
    weights : ndarray of float, shape (p,)
        Examples behind each row.
    speaking : Speaking
    """

    applies: Floats
    weights: Floats
    speaking: Speaking

    def rates(self, guess: Floats) -> Floats:
        """Return rates of speaking, shape (m, 2, 3); see `learned_rates`."""
        rows = float(self.weights.sum())
        share = float(np.clip(self.weights @ self.applies / max(rows, 1.0), 1e-3, 1 - 1e-3))
        off = self.applies - share
        counts, products = self.speaking.counts(self.weights), self.speaking.counts(self.weights * off)
        return learned_rates(counts, products, rows, share, float(self.weights @ off**2), guess)

    def forecast(self, rates: Floats) -> float:
        """Return how well who speaks is foretold: the mean log-likelihood of a row, each source by itself."""
        return self.speaking.log_likelihood(rates, self.applies, self.weights) / max(float(self.weights.sum()), 1.0)

    def news(self, rates: Floats) -> float:
        """Return how much better that is than if each source spoke as often where the task does not apply."""
        share = float(self.weights @ self.applies) / max(float(self.weights.sum()), 1.0)
        same = share * rates[:, :1] + (1 - share) * rates[:, 1:]
        return self.forecast(rates) - self.forecast(np.concatenate([same, same], axis=1))


def children_of(graph: TaskGraph, task: str) -> tuple[Refines, ...]:
    """Return the relations that refine a task, by the name of the child."""
    found = [r for r in graph.relations if isinstance(r, Refines) and r.parent == task]
    return tuple(sorted(found, key=lambda r: r.child))


def family_votes(counted: Mapping[str, Votes], graph: TaskGraph, parent: str) -> Votes | None:
    """Return the votes on a task, over its classes, beside what votes on its children imply for it.

    Returns
    -------
    Votes or None
        Columns are called (0, source) and (1, 2, ... for each child with votes, source). ``None`` where fewer than two
        children have votes, or the task itself may not apply: votes that imply one and the same class never contradict
        each other, so that nothing can be learned from how they agree.
    """
    there = [r.child for r in children_of(graph, parent) if r.child in counted]
    if len(there) < 2 or len(graph.states(parent)) > len(graph.tasks[graph.names.index(parent)].classes):
        return None
    return beside_implied(counted, graph, parent, there)


def beside_implied(counted: Mapping[str, Votes], graph: TaskGraph, task: str, below: Sequence[str]) -> Votes:
    """Return the votes on a task, over its classes, beside what votes on tasks ``below`` it imply for it.

    Columns are called (0, source) and (1, 2, ... for each task below, source).
    """
    classes = graph.tasks[graph.names.index(task)].classes
    columns: list[Votes] = []
    names: list[str] = []
    alphabet: dict[str, Letters] = {}
    if task in counted:
        own = over_classes(counted[task], classes)
        columns.append(own)
        names.extend(f"0 {source}" for source in own.sources)
        alphabet |= {f"0 {source}": own.alphabet.get(source, plain_letters(own.k)) for source in own.sources}
    for number, other in enumerate(below, start=1):
        implied = _implied(counted, graph, task, other, number)
        columns.append(implied)
        names.extend(implied.sources)
        alphabet |= implied.alphabet
    one = next(iter(counted.values()))
    return Votes(
        stacked(columns),
        classes=classes,
        sources=names,
        example_ids=one.example_ids,
        groups=one.groups,
        alphabet=alphabet,
    )


def _implied(counted: Mapping[str, Votes], graph: TaskGraph, task: str, other: str, number: int) -> Votes:
    """Return what votes on ``other``, a task below ``task``, imply for that: a class of it, or, just below, none."""
    votes, way = counted[other], _way_up(graph, other, task)
    classes, own = (graph.tasks[graph.names.index(name)].classes for name in (task, other))
    inside = frozenset(classes.index(c) for c in way[-1].classes)
    rest = frozenset(range(len(classes))) - inside if len(way) == 1 else frozenset()
    sources = {name: one.sources for name, one in counted.items()}
    # A source that votes further up as well is heard there.
    further = {source for relation in way[1:] for source in sources.get(relation.parent, ())}
    above = heard_above(graph, other, sources) | further.intersection(votes.sources)
    kinds = kinds_of_codes(votes, len(own), above=above)
    table = np.select([kinds == APPLIES, kinds == NOT], [0, 1 if rest else -1], default=-1).astype(np.int16)
    names = [f"{number} {source}" for source in votes.sources]
    sets = dict.fromkeys(names, (inside, rest) if rest else (inside,))
    return Votes(recoded(votes.rows, table), classes=classes, sources=names, alphabet=sets)


def numbers_of(names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the number at the head of each column's name: 0 for a task's own, 1, 2, ... for each task below."""
    return np.array([int(name.split(" ", 1)[0]) for name in names], dtype=np.int64)


def _way_up(graph: TaskGraph, below: str, task: str) -> list[Refines]:
    """Return the relations from a task up to the one above it that is asked for."""
    refined = [r for r in graph.relations if isinstance(r, Refines)]
    way = [r for r in refined if (r.child, r.parent) == (below, task)][:1]
    while not way or way[-1].parent != task:
        lower = way[-1].parent if way else below
        way.append(next(r for r in refined if r.child == lower))
    return way


def sights(
    graph: TaskGraph, families: Mapping[str, PatternCounts], voted: Collection[str], given: Mapping[str, npt.ArrayLike]
) -> dict[str, Sight]:
    """Return what is seen of each child of a family by the parent's own votes and those on its other children.

    Parameters
    ----------
    graph : TaskGraph
    families : mapping of str to PatternCounts
        By parent: counts of `family_votes`.
    voted : collection of str
        Tasks with sources.
    given : mapping of str to array_like of float, shape (k,)
        P(class | the task applies), where it is known.
    """
    found = {}
    for parent, stats in families.items():
        params = LabelModel(class_balance=given.get(parent)).solve(stats) if stats.counts.votes.any() else None
        if params is None or params.outcome.kind == "fell_back":
            continue
        frame, rows = stats.frame, pattern_votes(stats)
        member = numbers_of(frame.sources)
        for number, relation in enumerate((r for r in children_of(graph, parent) if r.child in voted), start=1):
            mine = member == number
            probs = LabelModel().posterior(params, without_columns(rows, mine)).probs
            applies = probs[:, [frame.classes.index(c) for c in relation.classes]].sum(axis=1)
            found[relation.child] = Sight(
                applies, stats.weights.astype(np.float64), speaking_of_columns(stats.patterns, mine)
            )
    return found


def speaking_of_columns(rows: SparseRows, mine: npt.NDArray[np.bool_]) -> Speaking:
    """Return who speaks of a child, whose columns are ``mine``, in rows of `beside_implied`."""
    place = np.cumsum(mine) - 1
    parts = []
    for code in (0, 1):
        said = mine[rows.columns] & (rows.codes == code)
        where = (rows.entry_rows[said], place[rows.columns[said]])
        shape = (rows.shape[0], int(mine.sum()))
        parts.append(sparse.csr_array((np.ones(int(said.sum())), where), shape=shape))
    return Speaking(*parts)


def without_columns(votes: Votes, mine: npt.NDArray[np.bool_]) -> Votes:
    """Return votes in which the columns that are ``mine`` are silent."""
    frame = VoteFrame.of(votes)
    codes = np.append(np.arange(frame.sizes.max()), -1)
    others = recoded(votes.rows, np.where(mine[:, None], -1, codes).astype(np.int16))
    return Votes(others, classes=votes.classes, sources=votes.sources, alphabet=dict(votes.alphabet))
