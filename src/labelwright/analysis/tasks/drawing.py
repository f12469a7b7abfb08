"""A task graph as a drawing: the hierarchy as a tree, what else holds as marked lines beside it, coverage as bars."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelwright.analysis.markup import Child, Markup, clean, tag
from labelwright.analysis.palette import BLUE, GREEN, GREY, GRID, INK, MUTED, VERMILLION
from labelwright.core import TaskGraph
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Relation

__all__ = ["MOST_LINES", "drawn_graph", "drawn_lines", "in_order"]

# Relations drawn at most; the sentences beside the drawing have all.
MOST_LINES = 12
_ROW, _STEP, _TEXT, _BAR, _LINE = 36, 15, 232, 44, 15
_COLOURS = {"Implies": VERMILLION, "Excludes": INK, "Equal": GREEN, "Feasible": GREY, "Refines": BLUE}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a task stands: its row, how far in, and the row of the task that it refines."""

    row: int
    depth: int
    parent: int | None


def in_order(graph: TaskGraph) -> dict[str, int]:
    """Return the tasks as the drawing has them, each with its depth: a task stands below the one it refines first.

    Examples
    --------
    >>> from labelwright.core.tasks import Task
    >>> tasks = [Task("a", ["x", "y"]), Task("b", ["x", "y"]), Task("of a", ["x", "y"])]
    >>> in_order(TaskGraph(tasks, [Refines("of a", "a", "x")]))
    {'a': 0, 'of a': 1, 'b': 0}
    """
    return {name: place.depth for name, place in _places(graph).items()}


def drawn_lines(graph: TaskGraph) -> list[Relation]:
    """Return the relations that are drawn as lines: all but the hierarchy, where each task refines one other."""
    first: dict[str, Relation] = {}
    for relation in graph.relations:
        if isinstance(relation, Refines):
            first.setdefault(relation.child, relation)
    return [r for r in graph.relations if not any(r is one for one in first.values())]


def drawn_graph(graph: TaskGraph, covered: Mapping[str, float], *, name: str = "graph") -> Markup:
    """Return the drawing of a task graph as inline SVG.

    Parameters
    ----------
    graph : TaskGraph
    covered : mapping of str to float
        Share of the examples on which something is known of each task.
    name : str
        Of the drawing, unlike any other on the page.

    Examples
    --------
    >>> drawn_graph(TaskGraph.multi_label(["dog", "cat"]), {"dog": 0.5, "cat": 1.0})[:57]
    '<svg viewBox="0 0 330 72" role="img" aria-labelledby="gra'
    """
    places, lines = _places(graph), drawn_lines(graph)[:MOST_LINES]
    lanes = _lanes([_rows_of(relation, places) for relation in lines])
    left = _TEXT + _BAR + 48
    width = left + _LINE * max(lanes, default=0) + (20 if lines else 6)
    body: list[Child] = [_branch(place) for place in places.values() if place.parent is not None]
    body += [_task(graph, task, place, covered.get(task, 0.0)) for task, place in places.items()]
    body += [_line(r, _rows_of(r, places), left + _LINE * lane) for r, lane in zip(lines, lanes, strict=True)]
    shares = "; ".join(f"{task}: {100 * covered.get(task, 0.0):.0f}% covered" for task in places)
    words = (tag("title", "Tasks and relations", id=f"{name}-t"), tag("desc", shares, id=f"{name}-d"))
    box = f"0 0 {width} {_ROW * len(places)}"
    return tag("svg", words, body, viewBox=box, role="img", aria_labelledby=f"{name}-t {name}-d")


def _places(graph: TaskGraph) -> dict[str, _Place]:
    above: dict[str, str] = {}
    for relation in graph.relations:
        if isinstance(relation, Refines):
            above.setdefault(relation.child, relation.parent)
    places: dict[str, _Place] = {}
    waiting = [name for name in reversed(graph.names) if name not in above]
    while waiting:
        name = waiting.pop()
        parent = places.get(above.get(name, ""))
        places[name] = _Place(len(places), parent.depth + 1 if parent else 0, parent.row if parent else None)
        waiting += [child for child in reversed(graph.names) if above.get(child) == name]
    return places


def _rows_of(relation: Relation, places: Mapping[str, _Place]) -> list[int]:
    return [places[task].row for task in dict.fromkeys(task for task, _ in relation.mentions())]


def _lanes(spans: Sequence[Sequence[int]]) -> list[int]:
    """Return a lane for each line, such that lines which overlap stand beside each other."""
    taken: list[list[tuple[int, int]]] = []
    out = []
    for rows in spans:
        low, high = min(rows), max(rows)
        free = (i for i, own in enumerate(taken) if all(high < a or b < low for a, b in own))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        out.append(lane)
    return out


def _middle(row: int) -> float:
    return _ROW * row + 14


def _x(depth: int) -> float:
    # Deep hierarchies stay inside their column.
    return 7 + _STEP * min(depth, 6)


def _branch(place: _Place) -> Markup:
    assert place.parent is not None
    x, top, y = _x(place.depth - 1), _middle(place.parent) + 5, _middle(place.row)
    path = f"M{x},{top} V{y - 6} Q{x},{y} {x + 6},{y} H{_x(place.depth) - 4}"
    return tag("path", d=path, fill="none", stroke=GREY, stroke_width="1.2")


def _task(graph: TaskGraph, name: str, place: _Place, covered: float) -> Markup:
    x, y = _x(place.depth), _middle(place.row)
    room = _TEXT - x - 16
    classes = ", ".join(map(str, graph.tasks[graph.names.index(name)].classes))
    start = _TEXT + 2
    return tag(
        "g",
        tag("title", f"{name}: {classes}; {100 * covered:.1f}% covered"),
        tag("circle", cx=f"{x}", cy=f"{y}", r="4.5", fill=BLUE),
        _text(_fitted(name, room, 12), x + 10, y + 4, 12, INK),
        _text(_fitted(classes, room, 9.5), x + 10, y + 17, 9.5, MUTED),
        tag("rect", x=f"{start}", y=f"{y - 4}", width=f"{_BAR}", height="8", rx="4", fill=GRID),
        tag("rect", x=f"{start}", y=f"{y - 4}", width=f"{_BAR * covered:.1f}", height="8", rx="4", fill=BLUE),
        _text(f"{100 * covered:.0f}%", start + _BAR + 5, y + 4, 11, INK),
    )


def _line(relation: Relation, rows: list[int], x: float) -> Markup:
    """Draw a relation as an upright line that has a mark at each task it speaks of."""
    colour = _COLOURS[type(relation).__name__]
    ys = [_middle(row) for row in rows]
    dash = {Excludes: "4 3", Feasible: "1.5 3"}.get(type(relation))
    spine = tag("path", d=f"M{x},{min(ys)} V{max(ys)}", stroke=colour, stroke_width="1.5", stroke_dasharray=dash)
    marks = [_mark(relation, x, y, colour, last=i == len(ys) - 1) for i, y in enumerate(ys)]
    return tag("g", spine, marks)


def _mark(relation: Relation, x: float, y: float, colour: str, *, last: bool) -> Markup:
    """Return the mark of a relation at a task: shapes differ as colours do."""
    if isinstance(relation, Excludes):
        path = f"M{x - 4},{y - 4} L{x + 4},{y + 4} M{x - 4},{y + 4} L{x + 4},{y - 4}"
        return tag("path", d=path, stroke=colour, stroke_width="1.8")
    if isinstance(relation, Equal):
        path = f"M{x - 5},{y - 2} H{x + 5} M{x - 5},{y + 2} H{x + 5}"
        return tag("path", d=path, stroke=colour, stroke_width="1.8")
    if isinstance(relation, Feasible):
        return tag("rect", x=f"{x - 3.5}", y=f"{y - 3.5}", width="7", height="7", fill=colour)
    if last and isinstance(relation, Implies):
        return tag("path", d=f"M{x - 6},{y} L{x + 4},{y - 5} V{y + 5} Z", fill=colour)
    return tag("circle", cx=f"{x}", cy=f"{y}", r="3.5", fill=colour)


def _text(text: str, x: float, y: float, size: float, colour: str) -> Markup:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", fill=colour, font_size=f"{size}")


def _fitted(text: str, room: float, size: float) -> str:
    """Cut a text to so much room, by the width of a common font: wide characters count twice."""
    text, left = clean(text), room / (0.56 * size)
    for i, c in enumerate(text):
        left -= 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if left < 1 and i < len(text) - 1:
            return text[:i] + "…"
    return text
