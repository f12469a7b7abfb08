"""A task graph as a drawing: every task stands once, below the one it refines, and lines keep apart."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from labelwright.analysis.tasks.drawing import drawn_graph, drawn_lines, in_order
from labelwright.core import TaskGraph
from labelwright.core.tasks import Implies, Refines, Task


@pytest.mark.parametrize("count", [1, 2, 30])
def test_every_task_stands_once_below_the_one_it_refines(graph_on: Callable[..., TaskGraph], count: int) -> None:
    graph = graph_on(count)
    order = in_order(graph)
    assert sorted(order) == sorted(graph.names)
    place = list(order)
    for relation in graph.relations:
        if isinstance(relation, Refines):
            between = place[place.index(relation.parent) + 1 : place.index(relation.child) + 1]
            assert all(order[task] > order[relation.parent] for task in between)
    svg = drawn_graph(graph, dict.fromkeys(graph.names, 0.5))
    assert svg.count("<circle") >= count
    assert svg.count(">50%<") == count


def test_lines_that_overlap_stand_beside_each_other() -> None:
    names = ["a", "b", "c", "d"]
    graph = TaskGraph.multi_label(
        names, [Implies((x, "yes"), (y, "yes")) for x, y in (("a", "c"), ("b", "d"), ("c", "d"))]
    )
    svg = drawn_graph(graph, {})
    lines = [tuple(map(float, m)) for m in re.findall(r'd="M([\d.]+),([\d.]+) V([\d.]+)" stroke', svg)]
    assert len(lines) == 3
    for i, (x, low, high) in enumerate(lines):
        assert all(x != x2 or high < low2 or high2 < low for x2, low2, high2 in lines[i + 1 :])


def test_the_second_task_that_one_refines_is_a_line() -> None:
    tasks = [Task(name, ["no", "yes"]) for name in "abc"]
    graph = TaskGraph(tasks, [Refines("c", "a", "yes"), Refines("c", "b", "yes")])
    assert drawn_lines(graph) == [graph.relations[1]]


def test_names_are_data_and_cut_where_they_are_long() -> None:
    name = "<script>" + "w" * 200
    svg = drawn_graph(TaskGraph.multi_label([name]), {name: 1.0})
    assert "<script>" not in svg
    assert re.search(r">&lt;script&gt;w+…</text>", svg)
