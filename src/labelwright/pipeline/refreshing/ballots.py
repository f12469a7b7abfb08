"""What functions vote on: the one task of a project, or several; how they are applied, and what decides their votes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from labelwright.core.task_graph import TaskGraph
from labelwright.data import Part
from labelwright.engines import Engine
from labelwright.labeling import LabelingFunction
from labelwright.labeling.by_part import apply_by_part, apply_tasks_by_part
from labelwright.labeling.task import PartVotes
from labelwright.labeling.task_codebook import places
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_votes import KeptVotes
from labelwright.pipeline.settings import Settings

from .reuse import BaseVotes

__all__ = ["Ballot", "OneTask", "SeveralTasks", "base_votes", "task_vote_parameters", "vote_parameters"]


@dataclass
class Ballot(ABC):
    """The functions of a project, and what they vote on."""

    chosen: Sequence[LabelingFunction]
    settings: Settings
    functions: Mapping[str, LabelingFunction] = field(init=False)

    def __post_init__(self) -> None:
        self.functions = {f.name: f for f in self.chosen}

    @property
    @abstractmethod
    def states(self) -> Mapping[str, Sequence[str | int]]:
        """What the codes of each task stand for; the one task of a project is called ``""``."""

    @abstractmethod
    def tasks_of(self, name: str) -> tuple[str, ...]:
        """Return the tasks that a function votes on: a column for each."""

    @abstractmethod
    def tied(self, task: str) -> tuple[str, ...]:
        """Return the tasks that relations tie to one, itself among them."""

    @abstractmethod
    def parameters(self, name: str) -> dict[str, Any]:
        """Return what, beside the part, decides the votes of a function."""

    @property
    @abstractmethod
    def _way(self) -> Callable[..., Iterator[PartVotes]]:
        """Apply functions to parts, voting on what there is to vote on."""

    def apply(
        self,
        names: Sequence[str],
        parts: Iterable[Part],
        schema: pl.Schema,
        engine: Engine,
        rows: int,
        report: Callable[[int], None],
    ) -> Iterator[PartVotes]:
        """Yield the votes of functions part by part: for each function, a column for each of its tasks.

        Each function runs once for each row, for all of its tasks.
        """
        return self._way(
            [self.functions[name] for name in names],
            parts,
            schema,
            engine=engine,
            on_error=self.settings.apply.on_error,
            timeout=self.settings.apply.timeout,
            rows=rows,
            report=report,
        )


@dataclass
class OneTask(Ballot):
    """The functions of a project with one task."""

    @property
    def states(self) -> dict[str, list[str | int]]:
        """The classes, of the task ``""``."""
        return {"": list(self.settings.task.classes)}

    def tasks_of(self, name: str) -> tuple[str, ...]:
        """Return the one task."""
        del name
        return ("",)

    def tied(self, task: str) -> tuple[str, ...]:
        """Return the one task."""
        return (task,)

    def parameters(self, name: str) -> dict[str, Any]:
        """Return what decides the votes of a function: see `vote_parameters`."""
        return vote_parameters(self.functions[name].version, self.settings)

    @property
    def _way(self) -> Callable[..., Iterator[PartVotes]]:
        return partial(apply_by_part, classes=self.settings.task.classes)


@dataclass
class SeveralTasks(Ballot):
    """The functions of a project with several tasks.

    Raises
    ------
    FunctionError
        If a function names no task, or one that there is not, or a class that its task does not have.
    """

    graph: TaskGraph

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tasks = {place.function.name: place.tasks for place in places(self.chosen, self.graph)}

    @property
    def states(self) -> dict[str, list[str | int]]:
        """The states of each task, in the order of the graph."""
        return {name: list(self.graph.states(name)) for name in self.graph.names}

    def tasks_of(self, name: str) -> tuple[str, ...]:
        """Return the tasks that a function names."""
        return self._tasks[name]

    def tied(self, task: str) -> tuple[str, ...]:
        """Return the tasks of its component."""
        return next(part.names for part in self.graph.parts if task in part.names)

    def parameters(self, name: str) -> dict[str, Any]:
        """Return what decides the votes of a function: see `task_vote_parameters`."""
        return task_vote_parameters(self.functions[name].version, self._tasks[name], self.graph, self.settings)

    @property
    def _way(self) -> Callable[..., Iterator[PartVotes]]:
        return partial(apply_tasks_by_part, tasks=self.graph)


def vote_parameters(version: str, settings: Settings) -> dict[str, Any]:
    """Return what, beside the part, decides the votes of a function."""
    parameters: dict[str, Any] = {"function": version, "classes": settings.task.classes}
    if settings.apply.timeout is not None:
        parameters["timeout"] = settings.apply.timeout
    return parameters


def task_vote_parameters(version: str, tasks: Sequence[str], graph: TaskGraph, settings: Settings) -> dict[str, Any]:
    """Return what, beside the part, decides the votes of a function on several tasks."""
    parameters: dict[str, Any] = {"function": version, "tasks": {one: list(graph.states(one)) for one in tasks}}
    if len(tasks) > 1:
        # An answer that contradicts itself abstains: so what holds between tasks decides votes too.
        own = [part for part in graph.parts if not set(tasks).isdisjoint(part.names)]
        parameters["graph"] = [_described(part) for part in own]
    if settings.apply.timeout is not None:
        parameters["timeout"] = settings.apply.timeout
    return parameters


def _described(graph: TaskGraph) -> list[Any]:
    return [{name: list(graph.states(name)) for name in graph.names}, sorted(map(repr, graph.relations))]


def base_votes(run: KeptRun | None) -> BaseVotes | None:
    """Return the votes of an earlier run, by what decided them; ``None`` where there is none."""
    if run is None:
        return None
    settings, versions = run.settings(), run.functions()
    if not run.tasks:
        by_task: Mapping[str, KeptVotes] = {"": run.kept_votes}
        own = {name: vote_parameters(version, settings) for name, version in versions.items()}
        return BaseVotes(by_task, own, run.kept_data)
    found = BaseVotes(run.kept_task_votes.by_task, {}, run.kept_data)
    graph = run.graph
    parameters = {
        name: task_vote_parameters(version, found.tasks_of(name), graph, settings) for name, version in versions.items()
    }
    return BaseVotes(found.by_task, parameters, run.kept_data)
