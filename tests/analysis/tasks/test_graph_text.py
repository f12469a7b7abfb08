"""A task graph as text."""

from __future__ import annotations

from labelwright.analysis.tasks.graph_text import graph_text
from labelwright.core import TaskGraph
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Task


def test_a_task_stands_below_the_one_it_refines_wherever_it_was_written():
    tasks = [
        Task("grade", ["low", "high"]),
        Task("kind", ["mass", "nodule"]),
        Task("finding", ["normal", "odd", "abnormal"]),
    ]
    relations = [Refines("grade", "kind", "mass"), Refines("kind", "finding", ["odd", "abnormal"])]
    assert graph_text(TaskGraph(tasks, relations)).split("\n") == [
        "finding: normal, odd, abnormal",
        "  kind: mass, nodule (where finding is odd or abnormal)",
        "    grade: low, high (where kind is mass)",
    ]


def test_every_relation_is_a_sentence():
    tasks = [Task(name, ["no", "yes"]) for name in "abcd"]
    relations = [
        Implies(("a", "yes"), ("b", "yes")),
        Excludes(("b", "yes"), ("c", "yes")),
        Equal("c", "d"),
        Feasible(["a", "d"], [("no", "no"), ("yes", "no"), ("no", "yes")]),
    ]
    assert graph_text(TaskGraph(tasks, relations)).split("\n")[4:] == [
        "a = yes makes b = yes certain",
        "at most one of b = yes, c = yes holds",
        "c and d have the same class",
        "a, d: 3 combinations occur, and no others",
    ]


def test_a_second_parent_is_said_too():
    tasks = [Task(name, ["no", "yes"]) for name in "abc"]
    lines = graph_text(TaskGraph(tasks, [Refines("c", "a", "yes"), Refines("c", "b", "yes")])).split("\n")
    assert sorted(lines) == sorted(
        ["a: no, yes", "b: no, yes", "  c: no, yes (where b is yes)", "c is asked where a is yes"]
    )
