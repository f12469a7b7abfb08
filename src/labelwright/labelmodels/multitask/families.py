"""What a parent's own votes and those on its other children say of whether a child applies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import PatternCounts, TaskGraph, Votes
from labelwright.core.alphabets import Letters, plain_letters, recoded
from labelwright.core.tasks import Refines
from labelwright.labelmodels.default.label_model import LabelModel

from .columns import APPLIES, NOT, SILENT, heard_above, kinds_of_codes, over_classes, stacked
from .speaking import Speaking, learned_rates

__all__ = ["Sight", "children_of", "family_votes", "sights"]

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
    there = [r for r in children_of(graph, parent) if r.child in counted]
    classes = graph.tasks[graph.names.index(parent)].classes
    if len(there) < 2 or len(graph.states(parent)) > len(classes):
        return None
    sources = {task: votes.sources for task, votes in counted.items()}
    columns: list[Votes] = []
    names: list[str] = []
    alphabet: dict[str, Letters] = {}
    if parent in counted:
        own = over_classes(counted[parent], classes)
        columns.append(own)
        names.extend(f"0 {source}" for source in own.sources)
        alphabet |= {f"0 {source}": own.alphabet.get(source, plain_letters(own.k)) for source in own.sources}
    for number, relation in enumerate(there, start=1):
        votes = counted[relation.child]
        inside = frozenset(classes.index(c) for c in relation.classes)
        letters = (inside, frozenset(range(len(classes))) - inside)
        kinds = kinds_of_codes(votes, len(graph.tasks[graph.names.index(relation.child)].classes))
        above = heard_above(graph, relation.child, sources)
        heard = np.asarray([source in above for source in votes.sources], dtype=bool)
        kinds[heard[:, None] & (kinds == APPLIES)] = SILENT
        table = np.select([kinds == APPLIES, kinds == NOT], [0, 1 if letters[1] else -1], default=-1).astype(np.int16)
        implied = [f"{number} {source}" for source in votes.sources]
        rows = recoded(votes.rows, table)
        sets = dict.fromkeys(implied, letters if letters[1] else letters[:1])
        columns.append(Votes(rows, classes=classes, sources=implied, alphabet=sets))
        names.extend(implied)
        alphabet |= sets
    one = next(iter(counted.values()))
    return Votes(
        stacked(columns),
        classes=classes,
        sources=names,
        example_ids=one.example_ids,
        groups=one.groups,
        alphabet=alphabet,
    )


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
        frame, rows = stats.frame, stats.patterns
        member = np.array([int(source.split(" ", 1)[0]) for source in frame.sources])
        codes = np.append(np.arange(frame.sizes.max()), -1)
        for number, relation in enumerate((r for r in children_of(graph, parent) if r.child in voted), start=1):
            mine = member == number
            others = recoded(rows, np.where(mine[:, None], -1, codes).astype(np.int16))
            left = Votes(others, classes=frame.classes, sources=frame.sources, alphabet=dict(frame.alphabet))
            probs = LabelModel().posterior(params, left).probs
            applies = probs[:, [frame.classes.index(c) for c in relation.classes]].sum(axis=1)
            found[relation.child] = Sight(applies, stats.weights.astype(np.float64), _speaking(stats, mine))
    return found


def _speaking(stats: PatternCounts, mine: npt.NDArray[np.bool_]) -> Speaking:
    """Return who speaks of a child, whose columns are ``mine``, in the patterns of a family."""
    rows, place = stats.patterns, np.cumsum(mine) - 1
    parts = []
    for code in (0, 1):
        said = mine[rows.columns] & (rows.codes == code)
        where = (rows.entry_rows[said], place[rows.columns[said]])
        shape = (rows.shape[0], int(mine.sum()))
        parts.append(sparse.csr_array((np.ones(int(said.sum())), where), shape=shape))
    return Speaking(*parts)
