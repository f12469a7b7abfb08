"""What tasks say about each other: EM over the distinct vote rows of tasks that meet.

Readers say what the votes on one task mean for its classes. What is left to learn is how often each source speaks up
where its task applies and where it does not, which states of related tasks go together, and the accuracy of sources
that are too few on their task for a reader. All of it comes from a composite likelihood (Varin, Reid & Firth 2011):
the product, over the cliques of the junction tree, of the likelihood of the votes on the tasks of a clique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from labelwright.core import TaskGraph, Votes
from labelwright.core.tasks import Refines
from labelwright.labelmodels.features import Features

from .columns import heard_above, over_classes
from .families import Sight
from .readers import GUESS, Reader
from .shares import WORTH_OF_PRIOR, conditional_weights, shares_of_cliques, weights_from_balances
from .speaking import WORTH_OF_GUESS, Speaking, first_rates

__all__ = ["Coupling", "Meeting", "couple"]

Floats = npt.NDArray[np.float64]

_STEPS = 200
_SETTLED = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    """The votes on the tasks of one clique: distinct rows, split by task again.

    Parameters
    ----------
    clique : int
        Position in the junction tree.
    weights : ndarray of float, shape (p,)
        Examples behind each row.
    votes : mapping of str to Votes
        Over the states of each task that has sources.
    """

    clique: int
    weights: Floats
    votes: Mapping[str, Votes]


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """What is learned between the tasks of a component.

    Parameters
    ----------
    readers : mapping of str to Reader
    rates : mapping of str to ndarray of float, shape (m, 2, 3)
        For each task that may not apply, and each of its sources: how often it names classes, says N/A, or is silent;
        where the task applies, and where not.
    weights : tuple of ndarray of float, shape (f,)
        For each clique, the log-weight of each of its states: its probability given the states it shares with the
        clique above.
    applies : tuple of (mapping of str to ndarray of float, shape (p,))
        For each meeting, and each task that may not apply, how probable it is on each row that it does.
    guesses : mapping of str to ndarray of float, shape (m, 2, 3)
        Rates of speaking before anything is learned.
    forecasts : mapping of str to float
        For each task that may not apply, how well its parents tell who speaks of it; see `Sight.forecast`.
    steps : int
        Rounds of EM.
    settled : bool
    """

    readers: Mapping[str, Reader]
    rates: Mapping[str, Floats]
    weights: tuple[Floats, ...]
    applies: tuple[Mapping[str, Floats], ...]
    guesses: Mapping[str, Floats]
    forecasts: Mapping[str, float]
    steps: int
    settled: bool


def couple(
    graph: TaskGraph,
    readers: Mapping[str, Reader],
    meetings: Sequence[Meeting],
    sights: Mapping[str, Sight] | None = None,
) -> Coupling:
    """Learn what tasks of one connected component say about each other, given what their own votes say.

    Parameters
    ----------
    graph : TaskGraph
    readers : mapping of str to Reader
    meetings : sequence of Meeting
    sights : mapping of str to Sight, optional
        For tasks whose rates of speaking are to be learned from what these say of whether the task applies. Default:
        from what the votes on the tasks above say.
    """
    return _Work(graph, readers, meetings, sights or {}).run()


class _Work:
    """EM at work: what does not change between steps, and what does (``readers``, ``rates``, ``weights``)."""

    def __init__(
        self,
        graph: TaskGraph,
        readers: Mapping[str, Reader],
        meetings: Sequence[Meeting],
        sights: Mapping[str, Sight],
    ) -> None:
        self.graph, self.meetings, self.readers = graph, meetings, dict(readers)
        self.classes = {task.name: task.classes for task in graph.tasks}
        self.refined = [t for t in readers if len(graph.states(t)) > len(self.classes[t])]
        self.own = [{t: over_classes(v, self.classes[t]) for t, v in one.votes.items()} for one in meetings]
        self.read = [{t: self.readers[t].log_evidence(v) for t, v in own.items()} for own in self.own]
        sources = {t: reader.frame.sources for t, reader in readers.items()}
        above = {t: heard_above(graph, t, sources) for t in self.refined}
        self.speaking = [
            {t: Speaking.of(v, len(self.classes[t]), above=above[t]) for t, v in one.votes.items() if t in self.refined}
            for one in meetings
        ]
        self.weights = weights_from_balances(graph, readers)
        self.prior = self._shares()
        self.asked = {t: self._meetings_with_parents(t) for t in self.refined}
        applies = {t: 1 - float(self._typical(t)[-1]) for t in self.refined}
        self.guess = {t: first_rates(self._totals(t), applies[t]) for t in self.refined}
        self.rates = dict(self.guess)
        self.seen = {t: one.rates(self.guess[t]) for t, one in sights.items() if t in self.guess}

    def run(self) -> Coupling:
        step, settled = 0, False
        while step < _STEPS and not settled:
            step += 1
            before = [*self._shares(), *self.rates.values(), *(self.readers[t].accuracies for t in self._few())]
            self._step()
            after = [*self._shares(), *self.rates.values(), *(self.readers[t].accuracies for t in self._few())]
            settled = all(np.abs(a - b).max(initial=0) < _SETTLED for a, b in zip(before, after, strict=True))
        shares = self._shares()
        applies = tuple(
            {t: 1 - self._marginal(i, posterior, t)[:, -1] for t in self.speaking[i]}
            for i in range(len(self.meetings))
            for posterior in [self._posterior(i, shares)]
        )
        forecasts = {t: self._sight(t, shares).forecast(self.rates[t]) for t in self.refined}
        return Coupling(self.readers, self.rates, tuple(self.weights), applies, self.guess, forecasts, step, settled)

    def _step(self) -> None:
        shares = self._shares()
        states = [np.zeros_like(one) for one in shares]
        right = {t: np.zeros((self.readers[t].frame.m, 2)) for t in self._few()}
        for i, meeting in enumerate(self.meetings):
            posterior = self._posterior(i, shares)
            states[meeting.clique] += meeting.weights @ posterior
            for t in right.keys() & self.own[i].keys():
                right[t] += self._right(i, posterior, t)
        self.rates = {t: self._learned(t, shares) for t in self.refined}
        self.weights = [conditional_weights(self.graph, c, states[c], self.prior[c]) for c in range(len(states))]
        for t, found in right.items():
            self._trust(t, found)

    def _learned(self, task: str, shares: Sequence[Floats]) -> Floats:
        """Return rates of speaking on a task, given what other tasks say of whether it applies."""
        return self.seen[task] if task in self.seen else self._sight(task, shares).rates(self.guess[task])

    def _sight(self, task: str, shares: Sequence[Floats]) -> Sight:
        """Return what the tasks above, or those it meets, say of whether a task applies."""
        asked = self.asked[task]
        applies = [1 - self._marginal(i, self._posterior(i, shares, without=task), task)[:, -1] for i in asked]
        weights = [self.meetings[i].weights for i in asked]
        said = [self.speaking[i][task] for i in asked]
        return Sight(np.concatenate(applies), np.concatenate(weights), Speaking.stacked(said))

    def _posterior(self, i: int, shares: Sequence[Floats], *, without: str | None = None) -> Floats:
        """Return P(state of the clique | votes on its tasks) of each row of a meeting, shape (p, f).

        What votes on the task ``without`` say is left out.
        """
        clique = self.graph.tree.cliques[self.meetings[i].clique]
        with np.errstate(divide="ignore"):
            logits = np.tile(np.log(shares[self.meetings[i].clique]), (len(self.meetings[i].weights), 1))
        for t, read in self.read[i].items():
            if t == without:
                continue
            told = read
            if t in self.speaking[i]:
                gain = self.speaking[i][t].log_ratio(self.rates[t], self.readers[t].discounts)
                told = np.column_stack([read + gain[:, None], np.zeros(len(read))])
            logits += told[:, clique.states[:, clique.scope.index(self.graph.names.index(t))]]
        return np.asarray(np.exp(logits - logsumexp(logits, axis=1, keepdims=True)))

    def _marginal(self, i: int, posterior: Floats, task: str) -> Floats:
        """Return P(state of a task) of each row, shape (p, states)."""
        t, clique = self.graph.names.index(task), self.graph.tree.cliques[self.meetings[i].clique]
        return np.asarray(posterior @ np.eye(self.graph.sizes[t])[clique.states[:, clique.scope.index(t)]])

    def _right(self, i: int, posterior: Floats, task: str) -> Floats:
        """Return expected votes of each source that are right, and that are given where the task applies, (m, 2)."""
        frame = self.readers[task].frame
        features = Features.of(frame)
        telling = features.meaning.sum(axis=1) < frame.k
        x = features.matrix(self.own[i][task])
        classes = self._marginal(i, posterior, task)[:, : frame.k] * self.meetings[i].weights[:, None]
        mass = x.T @ classes
        right = (mass * features.meaning).sum(axis=1) * telling
        return np.column_stack(
            [np.bincount(features.source, weights=w, minlength=frame.m) for w in (right, mass.sum(axis=1) * telling)]
        )

    def _trust(self, task: str, right: Floats) -> None:
        """Update the accuracies of a task whose sources are too few to be told apart by themselves."""
        reader = self.readers[task]
        worth = WORTH_OF_GUESS + WORTH_OF_PRIOR * right[:, 1]
        found = (right[:, 0] + worth * GUESS) / (right[:, 1] + worth)
        self.readers[task] = replace(reader, accuracies=np.maximum(found, 1 / reader.frame.k))
        for own, read in zip(self.own, self.read, strict=True):
            if task in own:
                read[task] = self.readers[task].log_evidence(own[task])

    def _meetings_with_parents(self, task: str) -> list[int]:
        """Return the meetings of a task with those it refines; what its own children say of it hangs on itself."""
        parents = {r.parent for r in self.graph.relations if isinstance(r, Refines) and r.child == task}
        names, cliques = self.graph.names, self.graph.tree.cliques
        found = [
            i
            for i, meeting in enumerate(self.meetings)
            if task in meeting.votes and parents & {names[t] for t in cliques[meeting.clique].scope}
        ]
        return found or [i for i, meeting in enumerate(self.meetings) if task in meeting.votes]

    def _typical(self, task: str) -> Floats:
        """Return P(state of a task) before any vote."""
        t = self.graph.names.index(task)
        clique = self.graph.tree.cliques[self.graph.tree.home[t]]
        codes = clique.states[:, clique.scope.index(t)]
        prior = self.prior[self.graph.tree.home[t]]
        return np.asarray(np.bincount(codes, weights=prior, minlength=self.graph.sizes[t]), dtype=np.float64)

    def _few(self) -> list[str]:
        return [t for t, reader in self.readers.items() if reader.params is None]

    def _totals(self, task: str) -> Floats:
        return np.asarray(
            sum(
                one[task].counts(meeting.weights)
                for one, meeting in zip(self.speaking, self.meetings, strict=True)
                if task in one
            )
        )

    def _shares(self) -> list[Floats]:
        return shares_of_cliques(self.graph, self.weights)
