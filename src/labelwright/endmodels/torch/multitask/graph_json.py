"""A task graph as JSON and back, for models on disk."""

from __future__ import annotations

from typing import Any

from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Relation, Task

__all__ = ["graph_from_json", "graph_to_json"]


def graph_to_json(graph: TaskGraph) -> dict[str, Any]:
    """Return tasks, relations and the limit of a graph as lists, strings and numbers.

    Examples
    --------
    >>> graph_to_json(TaskGraph([Task("a", 2), Task("b", 2)], [Equal("a", "b")]))["relations"]
    [{'kind': 'equal', 'first': 'a', 'second': 'b'}]
    """
    return {
        "tasks": [[task.name, list(task.classes)] for task in graph.tasks],
        "relations": [_relation_to_json(relation) for relation in graph.relations],
        "most_states": graph.most_states,
    }


def graph_from_json(written: dict[str, Any]) -> TaskGraph:
    """Return the graph that `graph_to_json` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is anything else.
    """
    return TaskGraph(
        [Task(name, classes) for name, classes in written["tasks"]],
        [_relation_from_json(relation) for relation in written["relations"]],
        most_states=written["most_states"],
    )


def _relation_to_json(relation: Relation) -> dict[str, Any]:
    if isinstance(relation, Refines):
        classes = list(relation.classes)
        return {"kind": "refines", "child": relation.child, "parent": relation.parent, "classes": classes}
    if isinstance(relation, Implies):
        return {"kind": "implies", "when": list(relation.when), "then": list(relation.then)}
    if isinstance(relation, Excludes):
        return {"kind": "excludes", "pairs": [list(pair) for pair in relation.pairs]}
    if isinstance(relation, Equal):
        return {"kind": "equal", "first": relation.first, "second": relation.second}
    rows = sorted((list(row) for row in relation.rows), key=repr)
    return {"kind": "feasible", "tasks": list(relation.tasks), "rows": rows}


def _relation_from_json(written: dict[str, Any]) -> Relation:
    kind = written["kind"]
    if kind == "refines":
        return Refines(written["child"], written["parent"], written["classes"])
    if kind == "implies":
        (first, cause), (second, effect) = written["when"], written["then"]
        return Implies((first, cause), (second, effect))
    if kind == "excludes":
        return Excludes(*((task, state) for task, state in written["pairs"]))
    if kind == "equal":
        return Equal(written["first"], written["second"])
    if kind == "feasible":
        return Feasible(written["tasks"], written["rows"])
    raise ValueError(f"there is no relation of the kind {kind!r}")
