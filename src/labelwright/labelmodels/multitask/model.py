"""The joint label model over the tasks of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import TaskGraph
from labelwright.core.errors import ModelError, NotFittedError, TaskError
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels.base import Outcome

from .components import evidence_in_blocks, joint_table, single_probs, solve_component
from .params import MultiTaskParams, checked, votes_like
from .stats import MultiTaskStats
from .task_intervals import TaskIntervals, task_intervals

__all__ = ["MultiTask"]

Floats = npt.NDArray[np.float64]

# Combinations of states of which `joint` returns the probabilities.
_MOST_JOINT = 10_000


class MultiTask:
    """A joint label model: learns how far each source can be trusted on each task, without gold labels.

    Votes on one task say something about every task that relations tie to it: who finds a nodule has found something
    abnormal, and where nobody speaks of kinds there may be nothing to speak of.

    Parameters
    ----------
    class_balance : mapping of str to array_like of float, shape (k,), optional
        P(class | the task applies) of tasks where it is known.
    random_state : int
        Kept for the seam: nothing is drawn.

    Attributes
    ----------
    params_ : MultiTaskParams
    stats_ : MultiTaskStats
    accuracies_ : dict of str to ndarray of float, shape (m,)
        For each task, the estimated share of each source's votes that are right, where the task applies.
    outcome_ : Outcome

    Notes
    -----
    A task that no relation ties to another is a `LabelModel`, bit for bit. For the others:

    1. A *reader*, the default label model on the votes of one task, says how much more probable its votes are under
       each class. All that it knows of one-sided sources, copies and few votes holds here too.
    2. *Who speaks* says whether a task applies: sources name kinds of a finding more often where there is one. Rates of
       speaking, and which states of related tasks go together, are learned by EM on a composite likelihood: that of the
       votes on each clique of the junction tree of the graph. Where tasks form a tree, all others tell whether one
       applies.
    3. Functions that look for one class each speak by firing. Where they give most of the votes below the root of a
       tree that is refined in two ways or more, and who speaks there tells of whether tasks apply, what they say is
       *handed up* instead: it is a vote on each task above, whose accuracy the reader of that task learns.
    4. Readers of tasks that may not apply then learn again from the rows on which they do.
    5. Soft labels are exact sums over all feasible label vectors, by the junction tree.

    Examples
    --------
    >>> from labelwright.core.tasks import Refines, Task
    >>> tasks = [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])]
    >>> graph = TaskGraph(tasks, [Refines("kind", "finding", "abnormal")])
    >>> rng = np.random.default_rng(0)
    >>> finding = rng.integers(2, size=2000)
    >>> kind = np.where(finding == 1, rng.integers(2, size=2000), -1)
    >>> def votes(truth):
    ...     said = np.where(rng.random((2000, 3)) < 0.8, truth[:, None], 1 - truth[:, None])
    ...     return np.where((rng.random((2000, 3)) < 0.5) & (truth[:, None] >= 0), said, -1)
    >>> given = TaskVotes(graph, {"finding": votes(finding), "kind": votes(kind)})
    >>> model = MultiTask().fit(given)
    >>> labels = model.soft_labels(given)
    >>> bool(np.allclose(labels.probs["kind"][:, 2], labels.probs["finding"][:, 0]))
    True
    """

    params_: MultiTaskParams
    stats_: MultiTaskStats

    def __init__(self, class_balance: Mapping[str, npt.ArrayLike] | None = None, random_state: int = 0) -> None:
        self.class_balance = class_balance
        self.random_state = random_state

    def summarize(
        self,
        votes: TaskVotes,
        *,
        gold: Mapping[str, npt.ArrayLike] | None = None,
        tasks: Sequence[str] | None = None,
        about: Collection[str] | None = None,
    ) -> MultiTaskStats:
        """Return the exact, mergeable stats of ``votes``; see `MultiTaskStats.of`."""
        return MultiTaskStats.of(checked(votes), gold=gold, tasks=tasks, about=about)

    def solve(
        self,
        stats: MultiTaskStats,
        *,
        before: tuple[MultiTaskStats, MultiTaskParams] | None = None,
        allow_silence: bool = False,
    ) -> MultiTaskParams:
        """Return the parameters that ``stats`` give.

        Parameters
        ----------
        stats : MultiTaskStats
        before : (MultiTaskStats, MultiTaskParams), optional
            What was summed and learned before, with the same options: components whose stats are the same keep their
            parameters, which is what solving them again would give.
        allow_silence : bool
            Whether stats without a single vote are solved too: of one component among others, nothing may be known.

        Raises
        ------
        ModelError
            If no source voted at all and ``allow_silence`` is not set, or ``class_balance`` does not fit.
        """
        graph = stats.graph
        if stats.silent and not allow_silence:
            raise ModelError("all sources abstain on all examples of every task, so there is nothing to learn.")
        given = dict(self.class_balance or {})
        if unknown := [task for task in given if task not in graph.names]:
            raise ModelError(f"class_balance names a task {unknown[0]!r}. There are: {', '.join(graph.names)}.")
        known = {} if before is None else {one.graph.names: one for one in before[1].components}
        solved = []
        for part in graph.parts:
            own = stats.within(part)
            if before is not None and part.names in known and before[0].within(part) == own:
                solved.append(known[part.names])
            else:
                with threadpool_limits(limits=1, user_api="blas"):
                    solved.append(solve_component(part, own, given))
        return MultiTaskParams(graph, tuple(solved))

    def posterior(
        self, params: MultiTaskParams, votes: TaskVotes, *, about: Collection[str] | None = None
    ) -> TaskLabels:
        """Return P(state of each task | votes) of each example; every relation holds in it.

        Parameters
        ----------
        params : MultiTaskParams
        votes : TaskVotes
        about : collection of str, optional
            The tasks that sources were asked about on these examples; silence on related ones is no evidence then.
            Default: all.
        """
        found = votes_like(params, votes)
        probs: dict[str, Floats] = {}
        for component in params.components:
            if component.single is not None:
                task = component.graph.names[0]
                probs[task] = single_probs(component, found.counted[task])
                continue
            tree = component.graph.tree
            own = [np.empty((found.n, size)) for size in component.graph.sizes]
            for rows, evidence in evidence_in_blocks(component, found, about):
                for whole, part in zip(
                    own, tree.marginals(tree.propagate(evidence, component.weights)[0]), strict=True
                ):
                    whole[rows] = part / part.sum(axis=1, keepdims=True)
            probs.update(zip(component.graph.names, own, strict=True))
        return TaskLabels(params.graph, probs, found.covered, example_ids=found.example_ids)

    def fit(self, votes: TaskVotes, y: Mapping[str, npt.ArrayLike] | None = None) -> Self:
        """Learn from votes.

        Parameters
        ----------
        votes : TaskVotes
        y : mapping of str to array_like, shape (n,), optional
            Known classes of some examples, by task; -1 (or None) where unknown, or where the task does not apply.

        Returns
        -------
        self
        """
        return self.fit_stats(self.summarize(votes, gold=y))

    def fit_stats(self, stats: MultiTaskStats, *, allow_silence: bool = False) -> Self:
        """Learn from stats that were summarised, and perhaps merged, before; see `solve`."""
        self.params_, self.stats_ = self.solve(stats, allow_silence=allow_silence), stats
        return self

    def partial_fit(self, votes: TaskVotes, y: Mapping[str, npt.ArrayLike] | None = None) -> Self:
        """Add votes on other examples to what was seen, and learn again; equal to one fit on all of them."""
        if hasattr(self, "params_") and not hasattr(self, "stats_"):
            raise ModelError("this model was loaded without its stats, so nothing can be added to it; fit it again.")
        more = self.summarize(votes, gold=y)
        return self.fit_stats(self.stats_ + more if hasattr(self, "stats_") else more)

    def soft_labels(self, votes: TaskVotes, *, about: Collection[str] | None = None) -> TaskLabels:
        """Return P(state of each task | votes) with what is covered and the example ids; see `posterior`."""
        return self.posterior(self._fitted(), votes, about=about)

    def predict_proba(self, votes: TaskVotes) -> dict[str, Floats]:
        """Return P(state | votes) of each task, shape (n, states)."""
        return dict(self.soft_labels(votes).probs)

    def predict(self, votes: TaskVotes, *, about: Collection[str] | None = None) -> npt.NDArray[np.int64]:
        """Return the most probable feasible label vector of each example as codes of states, shape (n, tasks).

        It need not hold the most probable state of every task: those together may not be feasible. Of equally probable
        vectors the first in lexicographic order of codes within each clique is returned. ``about`` is as for
        `posterior`.
        """
        params = self._fitted()
        found = votes_like(params, votes)
        out = np.empty((found.n, len(params.graph.names)), dtype=np.int64)
        for component in params.components:
            places = [params.graph.names.index(task) for task in component.graph.names]
            for rows, evidence in evidence_in_blocks(component, found, about):
                out[rows, places] = component.graph.tree.most_probable(evidence, component.weights)
        return out

    def joint(self, votes: TaskVotes, tasks: Sequence[str]) -> Floats:
        """Return the joint probability of the states of several tasks.

        Parameters
        ----------
        votes : TaskVotes
        tasks : sequence of str
            Tasks whose states have at most 10,000 combinations.

        Returns
        -------
        ndarray of float, shape (n, states of the first task, states of the second, ...)
        """
        params = self._fitted()
        found = votes_like(params, votes)
        sizes = [len(params.graph.states(task)) for task in tasks]
        if len(set(tasks)) < len(tasks) or not tasks or np.prod(sizes, dtype=float) > _MOST_JOINT:
            raise TaskError(
                f"joint needs different tasks with at most {_MOST_JOINT:,} combinations of states, got {list(tasks)}, "
                f"which have {np.prod(sizes, dtype=float):,.0f}."
            )
        out = np.ones((found.n, *sizes))
        for component in params.components:
            own = [task for task in tasks if task in component.graph.names]
            if own:
                shape = [size if task in own else 1 for task, size in zip(tasks, sizes, strict=True)]
                order = [own.index(task) for task in tasks if task in own]
                table = joint_table(component, found, own)
                out = out * np.transpose(table, [0, *(1 + o for o in order)]).reshape(found.n, *shape)
        return out

    def part(self, names: Sequence[str]) -> Self:
        """Return the model of one component of the graph by itself, fitted where this one is.

        Summarising, solving and labelling ``votes.part(names)`` with it give what the whole model gives for these
        tasks, bit for bit; so each component can be kept, and replaced, alone.

        Parameters
        ----------
        names : sequence of str
            All tasks of one component (`TaskGraph.components`), in any order.

        Raises
        ------
        TaskError
            If the model is fitted, and these are not the tasks of one component.

        Examples
        --------
        >>> votes = TaskVotes(TaskGraph.multi_label(["dog", "cat"]), {"dog": [[1], [0]], "cat": [[0], [1]]})
        >>> model = MultiTask().fit(votes)
        >>> again = MultiTask.joined(votes.graph, [model.part([name]) for name in votes.graph.names])
        >>> (again.predict(votes) == model.predict(votes)).all()
        np.True_
        """
        options = self.get_params()
        options["class_balance"] = {task: p for task, p in (self.class_balance or {}).items() if task in names} or None
        part = type(self)(**options)
        if hasattr(self, "params_"):
            found = [one for one in self.params_.components if set(one.graph.names) == set(names)]
            if not found:
                raise TaskError(
                    f"{list(names)} are not the tasks of one component. The components are: "
                    f"{'; '.join(', '.join(group) for group in self.params_.graph.components)}."
                )
            part.params_ = MultiTaskParams(self.params_.graph.part(names), (found[0],))
        if hasattr(self, "stats_"):
            part.stats_ = self.stats_.part(names)
        return part

    @classmethod
    def joined(cls, graph: TaskGraph, models: Iterable[MultiTask]) -> Self:
        """Put the fitted models of all components of ``graph`` together again; see `part`.

        What they were learned from is not joined: `partial_fit` needs a model that was fitted as a whole.

        Raises
        ------
        TaskError
            If a component has no model, or the tasks or relations of one have changed.
        """
        there = list(models)
        known = {one.graph.names: one for model in there for one in model._fitted().components}
        components = []
        for part in graph.parts:
            found = known.pop(part.names, None)
            if found is None or (found.graph.tasks, found.graph.relations) != (part.tasks, part.relations):
                said = "no model for" if found is None else "a model of other classes or relations of"
                raise TaskError(f"there is {said} the tasks {', '.join(part.names)}; fit this component again.")
            components.append(found)
        if known:
            raise TaskError(f"the tasks {', '.join(next(iter(known)))} are no component of the graph; leave them out.")
        balance = {task: p for model in there for task, p in (model.class_balance or {}).items()}
        whole = cls(class_balance=balance or None)
        whole.params_ = MultiTaskParams(graph, tuple(components))
        return whole

    @property
    def accuracies_(self) -> dict[str, Floats]:
        """For each task, the share of each source's votes that are right where it applies; NaN where unknown."""
        found = {}
        for component in self._fitted().components:
            if component.single is not None:
                found[component.graph.names[0]] = component.single.accuracies
            else:
                found.update({task: component.accuracies(task) for task in component.sources})
        return found

    def intervals(self, level: float = 0.95) -> TaskIntervals:
        """Return standard errors and intervals of accuracies, shares of states and rates of speaking.

        It takes the time of some twelve solves; see `labelwright.labelmodels.multitask.task_intervals`.

        Parameters
        ----------
        level : float
            How often an interval should hold the true value, between 0 and 1.

        Returns
        -------
        TaskIntervals
        """
        return task_intervals(self, level)

    @property
    def outcome_(self) -> Outcome:
        """How solving ended."""
        return self._fitted().outcome

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options, as scikit-learn asks for them; ``deep`` changes nothing here."""
        del deep
        return {
            name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"
        }

    def set_params(self, **options: Any) -> Self:
        """Change options; return self."""
        for name, value in options.items():
            if name not in self.get_params():
                raise ModelError(f"MultiTask has no option {name!r}; it has {', '.join(self.get_params())}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        shown = [f"{k}={v!r}" for k, v in self.get_params().items() if v is not None and v != 0]
        return f"MultiTask({', '.join(shown)})"

    def _fitted(self) -> MultiTaskParams:
        if not hasattr(self, "params_"):
            raise NotFittedError("this MultiTask has not been fitted; call fit(votes) first.")
        return self.params_
