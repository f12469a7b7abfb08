"""Contents of reports on several tasks, made of simulated votes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from labelwright.analysis import Artifact, Note, Split, lf_summary, score
from labelwright.analysis.tasks.content import TaskModel, TaskResult, TasksContent, TaskScore
from labelwright.analysis.tasks.contradictions import find_contradictions
from labelwright.core import SoftLabels, TaskGraph, Votes
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Relation, Task


def graph_of(count: int, *, name: str = "task", end: str = "") -> TaskGraph:
    """Return trees three deep of ``count`` tasks in all, tied by each kind of relation where there is room."""
    names = [f"{name} {i}{end}" for i in range(count)]
    classes = [f"first{end}", f"second{end}", f"third{end}"]
    tasks = [Task(one, classes[: 2 + i % 2]) for i, one in enumerate(names)]
    relations: list[Relation] = [
        Refines(names[i], names[i - 1 - (i % 5 == 2)], classes[:1]) for i in range(count) if i % 5 in (1, 2, 3)
    ]
    if count >= 30:
        relations += [Implies((names[0], classes[1]), (names[9], classes[1])), Equal(names[4], names[14])]
        relations += [Excludes((names[19], classes[0]), (names[24], classes[1]), (names[29], classes[1]))]
        relations += [Feasible([names[5], names[10]], [[a, b] for a in classes for b in classes[:2] if a != b])]
        relations += [Implies((names[i], classes[0]), (names[i + 5], classes[0])) for i in (15, 20)]
    return TaskGraph(tasks, relations)


def content(
    count: int, *, n: int = 300, gold: bool = True, name: str = "task", end: str = "", end_model: bool = True
) -> TasksContent:
    """Return a report on ``count`` tasks."""
    graph, rng = graph_of(count, name=name, end=end), np.random.default_rng(0)
    vectors = _drawn(graph, n, rng)
    by_task, results = {}, []
    for t, task in enumerate(graph.names[: max(2, count - 1)]):
        m, k = 2 + t % 4, graph.sizes[t]
        values = np.where(rng.random((n, m)) < 0.85, vectors[:, [t]], rng.integers(k, size=(n, m)))
        values[rng.random((n, m)) < 0.6] = -1
        sources = [f"function {j} of {task}, says{end}" for j in range(m)]
        by_task[task] = Votes(values, classes=graph.states(task), sources=sources)
    votes = TaskVotes(graph, by_task)
    for t, task in enumerate(graph.names):
        own, states = by_task.get(task), graph.states(task)
        accuracies = None if own is None else rng.uniform(0.6, 0.95, own.m)
        refined = states[-1] == "N/A"
        results.append(
            TaskResult(
                name=task,
                states=states,
                covered=float(votes.covered[:, t].mean()),
                summary=None if own is None else lf_summary(own, accuracies=accuracies),
                not_applicable=float((vectors[:, t] == len(states) - 1).mean()) if refined else None,
                scores={"test": _models(vectors[:, t], states, rng, end_model)} if gold else {},
            )
        )
    return TasksContent(
        project=f"Findings of {count} kinds{end}",
        graph=graph,
        tasks=results,
        splits=[Split("train", n, purpose="models are fitted on its votes"), Split("test", 200, 200)],
        contradictions=find_contradictions(votes, vectors),
        feasible=(n, n),
        when="2026-11-22 21:40 UTC",
        run_id="0123456789abcdef",
        notes=[Note(f"reader_a failed on 3 of 300 examples{end}", "warning")],
        lineage=[Artifact("votes", "a" * 64, f"functions, data{end}")],
        next_steps=[("labelwright export --to parquet", "writes one file for each task")],
    )


def _drawn(graph: TaskGraph, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return random feasible vectors, part by part."""
    out = np.zeros((n, len(graph.names)), dtype=np.int64)
    for part in graph.parts:
        rows = part.feasible()
        where = [graph.names.index(task) for task in part.names]
        out[:, where] = rows[rng.integers(len(rows), size=n)]
    return out


def _models(truth: np.ndarray, states: tuple, rng: np.random.Generator, end_model: bool) -> list[TaskModel]:
    found = []
    for name, role, right in (("Joint labels", "label model", 0.8), ("End model", "end model", 0.86))[: 1 + end_model]:
        said = np.where(rng.random(len(truth)) < right, truth, rng.integers(len(states), size=len(truth)))
        soft = SoftLabels(np.eye(len(states))[said], classes=states)
        scores = score(soft, truth)
        found.append(TaskModel(name, role, TaskScore(scores.n, scores.accuracy, scores.macro_f1)))
    return found


@pytest.fixture
def report_on() -> Callable[..., TasksContent]:
    """The content of a report on so many tasks."""
    return content


@pytest.fixture
def graph_on() -> Callable[..., TaskGraph]:
    """A graph of so many tasks."""
    return graph_of
