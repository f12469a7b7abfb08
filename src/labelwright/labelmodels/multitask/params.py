"""What the joint label model learns, and the votes that it can read."""

from __future__ import annotations

from dataclasses import dataclass

from labelwright.core import TaskGraph
from labelwright.core.errors import ModelError, VoteError
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels.base import Outcome

from .components import ComponentParams

__all__ = ["MultiTaskParams", "checked", "votes_like"]


@dataclass(frozen=True, slots=True, eq=False)
class MultiTaskParams:
    """What `MultiTask` learns.

    Parameters
    ----------
    graph : TaskGraph
    components : tuple of ComponentParams
        One for each group of tasks that relations tie together, in the order of ``graph.components``.
    """

    graph: TaskGraph
    components: tuple[ComponentParams, ...]

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """The sources of each task that has any."""
        return {task: names for one in self.components for task, names in one.sources.items()}

    @property
    def outcome(self) -> Outcome:
        """How solving ended, over all components."""
        groups = [one.outcome for one in self.components]
        worst = next((o for kind in ("max_steps", "fell_back") for o in groups if o.kind == kind), groups[0])
        if len(groups) == 1:
            return worst
        return Outcome(
            worst.kind,
            f"{len(groups)} groups of related tasks, each solved by itself. {worst.sentence}",
            max(o.steps for o in groups),
        )


def checked(votes: TaskVotes) -> TaskVotes:
    """Return ``votes``, which must be of several tasks."""
    if not isinstance(votes, TaskVotes):
        raise ModelError(
            f"MultiTask learns from TaskVotes (a task graph, and votes on its tasks), got {type(votes).__name__}. "
            "Votes on one task alone are for LabelModel."
        )
    return votes


def votes_like(params: MultiTaskParams, votes: TaskVotes) -> TaskVotes:
    """Return ``votes`` with the tasks and sources of ``params``, in their order."""
    found = checked(votes)
    mine, theirs = ({task: graph.states(task) for task in graph.names} for graph in (params.graph, found.graph))
    if mine != theirs:
        raise ModelError(f"the model knows the tasks {params.graph.names}, but the votes are on {found.graph.names}.")
    by_task = {}
    for task in {**params.sources, **found.by_task}:
        known, own = params.sources.get(task, ()), found.by_task.get(task)
        there = () if own is None else own.sources
        if set(there) != set(known):
            lacking, extra = sorted(set(known) - set(there)), sorted(set(there) - set(known))
            raise VoteError(
                f"the sources of the votes on task {task!r} are not those the model learned about: "
                f"{', '.join(map(repr, lacking)) or 'none'} lacking, {', '.join(map(repr, extra)) or 'none'} new. Fit "
                "again, or select the sources it knows."
            )
        if own is not None:
            by_task[task] = own if own.sources == known else own.select(known)
    return TaskVotes(params.graph, by_task)
