"""One connected component of a task graph: solving it, and labelling with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, TaskGraph, Votes
from labelwright.core.alphabets import Letters
from labelwright.core.pattern_counts import pattern_keys
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.default.label_model import LabelModel, LabelModelParams
from labelwright.labelmodels.features import Features

from .columns import apart, over_classes, unheard
from .expectation import Coupling, Meeting, couple
from .families import Sight, sights
from .handed_up import fires_for_one_class, handed_up, learn_handed_up, log_weights
from .outside import Outside
from .readers import Reader, by_accuracy, read
from .recounting import pattern_votes, recounted
from .speaking import Speaking
from .stats import MultiTaskStats

__all__ = ["ComponentParams", "evidence_in_blocks", "joint_table", "single_probs", "solve_component"]

Floats = npt.NDArray[np.float64]

# So often readers learn again, from the rows on which their task seems to apply.
_ROUNDS = 2
# Numbers that stand in memory at a time while examples are labelled (64 MiB).
_MOST_NUMBERS = 8_388_608


@dataclass(frozen=True, slots=True, eq=False)
class ComponentParams:
    """What is learned about tasks that relations tie together.

    Parameters
    ----------
    graph : TaskGraph
        These tasks alone.
    sources : mapping of str to tuple of str
        The sources of each task that has any.
    alphabets : mapping of str to (mapping of str to tuple of frozenset of int)
        For each task, what the codes of its sources meant while these were learned about, as states.
    single : LabelModelParams or None
        For a task by itself: the parameters of the default label model, which is then all there is.
    readers : mapping of str to Reader
        What votes on each task that has sources mean for its classes.
    rates, weights
        As in `labelwright.labelmodels.multitask.expectation.Coupling`; no rates where votes are handed up.
    outcome : Outcome
    handed_up : bool
        Whether readers hear what votes on all tasks below imply, beside the votes on their own task; see
        `labelwright.labelmodels.multitask.handed_up`.
    """

    graph: TaskGraph
    sources: Mapping[str, tuple[str, ...]]
    alphabets: Mapping[str, Mapping[str, Letters]]
    single: LabelModelParams | None
    readers: Mapping[str, Reader]
    rates: Mapping[str, Floats]
    weights: tuple[Floats, ...]
    outcome: Outcome
    handed_up: bool = False

    def accuracies(self, task: str) -> Floats:
        """Return the share of each source's votes on a task that are right where it applies, shape (m,)."""
        # Sources of the task itself go before those whose votes are handed up.
        return self.readers[task].accuracies[: len(self.sources[task])]


def solve_component(graph: TaskGraph, stats: MultiTaskStats, given: Mapping[str, npt.ArrayLike]) -> ComponentParams:
    """Learn about the tasks of one component from the stats of these alone."""
    name, sources = graph.names[0], {task: one.frame.sources for task, one in stats.tasks.items()}
    if is_single(graph, stats):
        params = LabelModel(class_balance=given.get(name)).solve(stats.tasks[name])
        alphabets = {name: dict(stats.tasks[name].frame.alphabet)}
        return ComponentParams(
            graph, sources, alphabets, params, {}, {}, (np.zeros(len(params.classes)),), params.outcome
        )
    learned = learn_together(graph, stats, given)
    found, meetings = learned.found, learned.meetings
    alphabets = {task: dict(own.alphabet) for one in meetings for task, own in one.votes.items()}
    if learned.handed_up:
        up = learn_handed_up(graph, stats.trees[graph.names].counts, stats.tasks, given)
        outcome = _outcome(graph, up.steps, up.settled)
        return ComponentParams(graph, sources, alphabets, None, up.readers, {}, up.weights, outcome, handed_up=True)
    outcome = _outcome(graph, found.steps, found.settled)
    return ComponentParams(graph, sources, alphabets, None, found.readers, found.rates, found.weights, outcome)


def is_single(graph: TaskGraph, stats: MultiTaskStats) -> bool:
    """Say whether the component is one task with votes, for which the default label model is all there is."""
    name = graph.names[0]
    return len(graph.names) == 1 and name in stats.tasks and bool(stats.tasks[name].counts.votes.any())


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """What was learned about tasks that relations tie together, and what the last step of it heard.

    Parameters
    ----------
    found : Coupling
    meetings : tuple of Meeting
    heard : mapping of str to PatternCounts
        The votes that each reader learned from: of tasks that may not apply, on rows on which they seem to.
    seen : mapping of str to Sight
        Who said of a task whether it applies, where the tasks above did not.
    outside : Outside or None
        Of these, what saw all tasks of a tree.
    handed_up : bool
        Whether votes are to be handed up instead, as functions look for one class each.
    """

    found: Coupling
    meetings: tuple[Meeting, ...]
    heard: Mapping[str, PatternCounts]
    seen: Mapping[str, Sight]
    outside: Outside | None
    handed_up: bool


def learn_together(graph: TaskGraph, stats: MultiTaskStats, given: Mapping[str, npt.ArrayLike]) -> Together:
    """Learn about tasks that relations tie together."""
    meetings = [
        Meeting(_clique(graph, scope), one.weights.astype(np.float64), apart(pattern_votes(one), graph, scope))
        for scope, one in stats.meetings.items()
    ]
    readers, heard = {task: read(one, given.get(task)) for task, one in stats.tasks.items()}, dict(stats.tasks)
    found = couple(graph, readers, meetings)
    witnesses = _Witnesses.of(graph, stats, given, found)
    seen = witnesses.clearest(found)
    if seen:
        found = couple(graph, readers, meetings, seen)
    up = fires_for_one_class(graph, stats.tasks) and witnesses.speaking_tells(found)
    for _ in range(0 if up else _ROUNDS):
        applying = {
            task: _where_it_applies(stats.tasks[task], graph, task, meetings, found)
            for task in found.rates
            if readers[task].params is not None
        }
        again = {task: read(one, given.get(task)) for task, one in applying.items()}
        if not again and witnesses.outside is None:
            break
        seen = witnesses.clearest(found)
        found, heard = couple(graph, {**readers, **again}, meetings, seen), {**heard, **applying}
    return Together(found, tuple(meetings), heard, seen, witnesses.outside, up)


@dataclass(frozen=True, slots=True, eq=False)
class _Witnesses:
    """Who may say whether a task applies, beside the votes on the tasks above it.

    Parameters
    ----------
    first : Coupling
        What was learned from the votes on the tasks above.
    families : mapping of str to Sight
        What parents' own votes and those on siblings say, by a label model of their own.
    outside : Outside or None
        All tasks of a tree.
    """

    first: Coupling
    families: Mapping[str, Sight]
    outside: Outside | None

    @classmethod
    def of(
        cls, graph: TaskGraph, stats: MultiTaskStats, given: Mapping[str, npt.ArrayLike], first: Coupling
    ) -> _Witnesses:
        """Find out who is there."""
        whole = stats.trees.get(graph.names)
        outside = None if whole is None or not len(whole.counts.keys) else Outside.of(graph, whole.counts)
        return cls(first, sights(graph, stats.families, stats.tasks, given), outside)

    def clearest(self, found: Coupling) -> dict[str, Sight]:
        """Return for each task the witness who foretells best who speaks of it, unless the tasks above do."""
        chosen, best = dict[str, Sight](), dict(self.first.forecasts)
        messages = {} if self.outside is None else self.outside.sights(found)
        for task, sight in [*messages.items(), *self.families.items()]:
            if task in best and (told := sight.forecast(sight.rates(self.first.guesses[task]))) > best[task]:
                chosen[task], best[task] = sight, told
        return chosen

    def speaking_tells(self, found: Coupling) -> bool:
        """Say whether who speaks of tasks goes with whether these apply, as far as the others tell.

        Rates must foretell it better than if a source spoke as often everywhere, by more than so many rates explain of
        chance (Schwarz 1978).
        """
        if self.outside is None:
            return False
        gain = 0.0
        for task, sight in {**self.outside.sights(found), **self.clearest(found)}.items():
            rates, rows = sight.rates(self.first.guesses[task]), float(sight.weights.sum())
            gain += rows * sight.news(rates) - len(rates) * np.log(max(rows, 1.0)) / 2
        return gain > 0


def _clique(graph: TaskGraph, scope: Sequence[str]) -> int:
    positions = tuple(sorted(graph.names.index(task) for task in scope))
    return [clique.scope for clique in graph.tree.cliques].index(positions)


def _where_it_applies(
    stats: PatternCounts, graph: TaskGraph, task: str, meetings: Sequence[Meeting], found: Coupling
) -> PatternCounts:
    """Return the stats of a task as if only the rows had been seen on which it applies, as far as is known.

    Of the rows with one pattern so many are kept as the probability of applying says. Numbers are rounded so that sums
    over patterns, in the order of their hash, stay right: rows remain integers, and few of them are not all lost.
    """
    applying, all_rows = np.zeros(len(stats.keys)), np.zeros(len(stats.keys))
    classes = graph.tasks[graph.names.index(task)].classes
    for meeting, applies in zip(meetings, found.applies, strict=True):
        if task in applies:
            keys = pattern_keys(over_classes(meeting.votes[task], classes))
            place = np.minimum(np.searchsorted(stats.keys, keys), len(stats.keys) - 1)
            known = stats.keys[place] == keys
            np.add.at(applying, place[known], (meeting.weights * applies[task])[known])
            np.add.at(all_rows, place[known], meeting.weights[known])
    typical = applying.sum() / max(all_rows.sum(), 1.0)
    share = np.divide(applying, all_rows, out=np.full(len(stats.keys), typical), where=all_rows > 0)
    kept = np.diff(np.rint(np.cumsum(stats.cell_counts * share[stats.cells[:, 0]])), prepend=0).astype(np.int64)
    cells, counts = stats.cells[kept > 0], kept[kept > 0]
    return replace(stats, counts=recounted(stats, cells, counts), cells=cells, cell_counts=counts)


def _outcome(graph: TaskGraph, steps: int, settled: bool) -> Outcome:
    about = f"{len(graph.names)} related tasks"
    if not settled:
        return Outcome(
            "max_steps",
            f"EM over {about} did not settle within {steps} steps; what it learned may be off a little.",
            steps,
        )
    return Outcome("converged", f"EM over {about} converged after {steps} steps.", steps)


def evidence_in_blocks(
    component: ComponentParams, votes: TaskVotes, about: Collection[str] | None = None
) -> Iterator[tuple[slice, list[Floats | None]]]:
    """Yield (rows, log-weight of each state of each task of the component), so many rows as memory allows.

    Where sources were asked ``about`` some tasks alone, silence on the others says nothing.
    """
    graph = component.graph
    size = max(1, _MOST_NUMBERS // sum(len(clique.states) for clique in graph.tree.cliques))
    for start in range(0, votes.n, size):
        rows = slice(start, min(start + size, votes.n))
        evidence: list[Floats | None] = [None] * len(graph.tasks)
        counted = {t: votes.counted[t].take(rows) for t in component.sources if about is None or t in about}
        if component.handed_up:
            evidence = _evidence_handed_up(component, counted)
        for t, task in enumerate(graph.tasks):
            if task.name in counted and not component.handed_up:
                evidence[t] = _evidence(component, task.name, task.classes, counted[task.name])
        if all(one is None for one in evidence):  # how many rows there are is said by what is known of none
            evidence[0] = np.zeros((rows.stop - rows.start, graph.sizes[0]))
        yield rows, evidence


def _evidence(component: ComponentParams, task: str, classes: tuple[str | int, ...], votes: Votes) -> Floats:
    if component.single is not None:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(single_probs(component, votes)))
    reader, known, new = component.readers[task], *_known_and_new(component, task, votes)
    found = reader.log_evidence(over_classes(known, classes), None if new is None else over_classes(new, classes))
    if task not in component.rates:
        return found
    gain = Speaking.of(votes, len(classes)).log_ratio(component.rates[task], reader.discounts)
    return np.column_stack([found + gain[:, None], np.zeros(votes.n)])


def _evidence_handed_up(component: ComponentParams, counted: Mapping[str, Votes]) -> list[Floats | None]:
    graph, classes = component.graph, {task.name: task.classes for task in component.graph.tasks}
    told = {task: _known_and_new(component, task, votes) for task, votes in counted.items()}
    votes = handed_up(counted, graph, {task: known for task, (known, _) in told.items()})
    unheard = {task: over_classes(new, classes[task]) for task, (_, new) in told.items() if new is not None}
    return [log_weights(graph, component.readers, votes, task, unheard.get(task)) for task in graph.names]


def single_probs(component: ComponentParams, votes: Votes) -> Floats:
    """Return P(class | votes) where the component is one task with sources, shape (n, k)."""
    if (params := component.single) is None:
        raise ValueError("the component is more than one task, or has no votes")
    known, new = _known_and_new(component, component.graph.names[0], votes)
    probs = LabelModel().posterior(params, known).probs
    if new is None:
        return probs
    discounts = np.bincount(Features.of(params.frame).source, weights=params.discounts) / params.frame.sizes
    odds = by_accuracy(params.accuracies, discounts, new)
    told = probs * np.exp(odds - odds.max(axis=1, keepdims=True))
    return np.asarray(told / told.sum(axis=1, keepdims=True))


def _known_and_new(component: ComponentParams, task: str, votes: Votes) -> tuple[Votes, Votes | None]:
    """Return votes in the codes that were learned about, and those for sets of states of which nothing was learned."""
    alphabet = component.alphabets.get(task, {})
    return votes.in_alphabet(alphabet, strict=False), unheard(votes, alphabet)


def joint_table(component: ComponentParams, votes: TaskVotes, tasks: Sequence[str]) -> Floats:
    """Return the joint probability of the states of ``tasks``, all of this component, shape (n, states, ...)."""
    graph, tree = component.graph, component.graph.tree
    places = [graph.names.index(task) for task in tasks]
    sizes = [graph.sizes[t] for t in places]
    out = np.zeros((votes.n, *sizes))
    for rows, evidence in evidence_in_blocks(component, votes):
        _, whole = tree.propagate(evidence, component.weights)
        # All but the last are held at each combination of their states; one pass over the tree then tells the last.
        for held in product(*(range(size) for size in sizes[:-1])):
            told = list(evidence)
            for t, state in zip(places[:-1], held, strict=True):
                only = np.where(np.arange(graph.sizes[t]) == state, 0.0, -np.inf)
                told[t] = only[None, :] if (known := told[t]) is None else known + only
            beliefs, log_sum = tree.propagate(told, component.weights)
            possible = np.isfinite(log_sum)
            last = tree.marginals(beliefs)[places[-1]]
            share = np.exp(np.where(possible, log_sum - whole, -np.inf))
            cell: tuple[slice | int, ...] = (rows, *held)
            out[cell] = np.where(possible[:, None], last, 0.0) * share[:, None]
    return out
