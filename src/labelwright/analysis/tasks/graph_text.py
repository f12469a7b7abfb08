"""A task graph as text: the hierarchy as a tree, then what else holds."""

from __future__ import annotations

from collections.abc import Iterator

from labelwright.core import TaskGraph
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Relation

__all__ = ["graph_text", "in_words"]


def graph_text(graph: TaskGraph) -> str:
    """Return tasks and relations as lines; a task that refines another stands below it, further in.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [
    ...     Task("finding", ["normal", "abnormal"]),
    ...     Task("kind", ["mass", "nodule"]),
    ...     Task("urgent", ["no", "yes"]),
    ... ]
    >>> relations = [Refines("kind", "finding", "abnormal"), Implies(("urgent", "yes"), ("finding", "abnormal"))]
    >>> print(graph_text(TaskGraph(tasks, relations)))
    finding: normal, abnormal
      kind: mass, nodule (where finding is abnormal)
    urgent: no, yes
    urgent = yes makes finding = abnormal certain
    """
    parents = {r.child: r for r in graph.relations if isinstance(r, Refines)}
    others = [r for r in graph.relations if parents.get(getattr(r, "child", "")) is not r]
    rest = [sentence for r in others for sentence in in_words(r)]
    return "\n".join([*_below(graph, parents, None, ""), *rest])


def _below(graph: TaskGraph, parents: dict[str, Refines], parent: str | None, margin: str) -> Iterator[str]:
    for task in graph.tasks:
        above = parents.get(task.name)
        if (None if above is None else above.parent) != parent:
            continue
        where = "" if above is None else f" (where {parent} is {_either(above.classes)})"
        yield f"{margin}{task.name}: {', '.join(map(str, task.classes))}{where}"
        yield from _below(graph, parents, task.name, margin + "  ")


def in_words(relation: Relation) -> Iterator[str]:
    """Yield a relation as a sentence without a full stop.

    Examples
    --------
    >>> list(in_words(Equal("site", "place")))
    ['site and place have the same class']
    """
    if isinstance(relation, Refines):
        yield f"{relation.child} is asked where {relation.parent} is {_either(relation.classes)}"
    elif isinstance(relation, Implies):
        yield f"{_pair(relation.when)} makes {_pair(relation.then)} certain"
    elif isinstance(relation, Excludes):
        yield f"at most one of {', '.join(map(_pair, relation.pairs))} holds"
    elif isinstance(relation, Equal):
        yield f"{relation.first} and {relation.second} have the same class"
    elif isinstance(relation, Feasible):
        yield f"{', '.join(relation.tasks)}: {len(relation.rows):,} combinations occur, and no others"


def _pair(pair: tuple[object, object]) -> str:
    return f"{pair[0]} = {pair[1]}"


def _either(classes: tuple[object, ...]) -> str:
    return " or ".join(map(str, classes))
