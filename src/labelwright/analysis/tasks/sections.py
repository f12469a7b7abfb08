"""Sections of a report on several tasks: from `TasksContent` to markup, or to nothing where content lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.sections.blocks import percent, section, table, written
from labelwright.analysis.sections.data import splits_table
from labelwright.analysis.summary import SourceRow, summary_columns
from labelwright.analysis.tables import Column
from labelwright.core.tasks import NOT_APPLICABLE

from .content import TaskModel, TaskResult, TasksContent
from .contradictions import Contradictions, SourcePair
from .drawing import MOST_LINES, drawn_graph, drawn_lines, in_order
from .graph_text import graph_text, in_words
from .learned import interval_column, shares_table

__all__ = ["contradictions", "data", "functions", "graph_figure", "tasks"]

R = TypeVar("R")

# Beyond these, tables are folded.
_OPEN, _SENTENCES, _PAIRS = 4, 12, 20
_MARKS = "● makes ▶ certain; ✕ at most one; = the same class; ■ a table of combinations"


def tasks(content: TasksContent) -> Markup:
    """Return the section on the tasks: what holds between them, and a row for each."""
    return section(
        "tasks",
        "Tasks",
        graph_figure(content),
        _tasks_table(content),
        intro="Labels are learned for all tasks together, and keep every relation between them.",
    )


def graph_figure(content: TasksContent, *, heading: str = "h3") -> Markup:
    """Return the task graph as a drawing, with its relations in words."""
    covered = {task.name: task.covered for task in content.tasks}
    lines = drawn_lines(content.graph)
    how = "Tasks that refine another stand below it, further in. Bars: the share of train on which something is known."
    caption = tag("figcaption", tag(heading, "What is asked, and what holds"), tag("p", how, class_="how"))
    drawing = tag("div", drawn_graph(content.graph, covered), class_="chart")
    sentences = [tag("li", text) for relation in lines for text in in_words(relation)]
    cut = f" The first {MOST_LINES} of {len(lines):,} are drawn." if len(lines) > MOST_LINES else ""
    marks = tag("p", f"Lines on the right: {_MARKS}.{cut}", class_="how")
    beside = tag("div", marks, _folded(sentences, "relations")) if lines else None
    text = tag("details", tag("summary", "Show as text"), tag("pre", graph_text(content.graph)))
    return tag("figure", caption, tag("div", drawing, beside, class_="both"), text, class_="card graph")


def _folded(items: Sequence[Markup], what: str) -> Child:
    shown: list[Child] = [tag("ul", items[:_SENTENCES])] if items else []
    if len(items) > _SENTENCES:
        rest = items[_SENTENCES:]
        shown.append(tag("details", tag("summary", f"{len(rest):,} more {what}"), tag("ul", rest)))
    return shown


def _tasks_table(content: TasksContent) -> Markup:
    by_name = {task.name: task for task in content.tasks}
    depths = in_order(content.graph)
    rows = [by_name[name] for name in depths]
    columns: list[Column[TaskResult]] = [
        Column("task", lambda t: t.name, numeric=False),
        Column("classes", _classes, numeric=False),
        Column("functions", lambda t: f"{0 if t.summary is None else len(t.summary):,}"),
        Column("covered", lambda t: f"{100 * t.covered:.1f}%", share=lambda t: t.covered),
    ]
    if any(task.not_applicable is not None for task in rows):
        columns.append(Column(f"{NOT_APPLICABLE} mass", _not_applicable))
    splits = list(dict.fromkeys(split for task in rows for split in task.scores))
    for split in splits:
        for role in dict.fromkeys(m.role for task in rows for m in task.scores.get(split, ())):
            columns += _score_columns(split, role, named=len(splits) > 1)
    n = f", n = {content.splits[0].n:,}" if content.splits else ""
    if content.splits and any(t.summary is not None and t.summary.n != content.splits[0].n for t in rows):
        # Of several data sets, not all are about each task.
        n = ""
        columns.insert(3, Column("train", lambda t: "" if t.summary is None else f"{t.summary.n:,}"))
    scored = f"; scores on {splits[0]}, with 95% intervals" if len(splits) == 1 else ""
    return table(rows, columns, caption=f"Each task (covered and {NOT_APPLICABLE} mass on train{n}{scored})")


def _classes(task: TaskResult) -> str:
    own = [str(state) for state in task.states if state != NOT_APPLICABLE]
    return ", ".join(own) if len(own) <= _OPEN else f"{', '.join(own[: _OPEN - 1])} and {len(own) - _OPEN + 1} more"


def _not_applicable(task: TaskResult) -> str:
    return "—" if task.not_applicable is None else f"{100 * task.not_applicable:.1f}%"


def _score_columns(split: str, role: str, *, named: bool) -> list[Column[TaskResult]]:
    name = "labels" if role == "label model" else role

    def found(task: TaskResult) -> TaskModel | None:
        return next((m for m in task.scores.get(split, ()) if m.role == role), None)

    def accuracy(task: TaskResult) -> str:
        return _cell("accuracy", found(task), counted=True)

    def macro_f1(task: TaskResult) -> str:
        return _cell("macro_f1", found(task), counted=False)

    where = f" on {split}" if named else ""
    return [Column(f"{name}: accuracy{where}", accuracy), Column(f"{name}: macro F1{where}", macro_f1)]


def _cell(metric: str, model: TaskModel | None, *, counted: bool) -> str:
    if model is None:
        return "—"
    value, interval = written(metric, getattr(model.score, metric))
    n = f"n = {model.score.n:,}" if counted else ""
    small = ", ".join(part for part in (interval, n) if part)
    return f"{value}\n{small}" if small else value


def functions(content: TasksContent) -> Markup:
    """Return the section on the functions, task by task."""
    by_name = {task.name: task for task in content.tasks}
    order = [by_name[name] for name in in_order(content.graph)]
    voted = [task for task in order if task.summary is not None]
    unfolded = len(voted) <= _OPEN
    silent = [task.name for task in order if task.summary is None]
    said = tag("p", f"No function votes on {', '.join(silent)}: their labels are what related tasks say of them.")
    chance = ", with the intervals in which chance leaves them" if any(task.accuracies for task in voted) else ""
    return section(
        "functions",
        "Functions",
        tag("div", [_functions_of(task, unfolded=unfolded) for task in voted]),
        said if silent else None,
        intro="What each function did on each task it votes on, on train. "
        f"Accuracies are learned without gold{chance}.",
    )


def _functions_of(task: TaskResult, *, unfolded: bool) -> Markup:
    summary = task.summary
    assert summary is not None
    votes: Column[SourceRow] = Column("votes", lambda r: f"{r.votes:,}")
    source, *rest = summary_columns(summary)
    learned = next((i for i, column in enumerate(rest) if column.title == "learned"), len(rest) - 1)
    if task.accuracies:
        rest.insert(learned + 1, interval_column(task))
    funnel = summary.funnel
    small = (
        f"{len(summary):,} function{'s' * (len(summary) != 1)}, {percent(funnel.covered, funnel.n)} voted on, "
        f"{percent(funnel.conflicting, funnel.n)} in conflict (n = {funnel.n:,})"
    )
    head = tag("summary", tag("b", task.name), tag("span", small, class_="count"))
    inner = table(summary.rows, [source, votes, *rest], caption=f"Votes on {task.name}")
    shares = shares_table(task) if task.shares else None
    return tag("details", head, inner, shares, class_="bucket", open=unfolded)


def contradictions(content: TasksContent) -> Markup | None:
    """Return the section on votes that rule each other out; nothing where that was not looked for."""
    found = content.contradictions
    if found is None:
        return None
    kept = "" if content.feasible is None else _kept(*content.feasible)
    said = (
        f"On {found.examples:,} of {found.n:,} train examples ({percent(found.examples, found.n)}) votes on different "
        f"tasks rule each other out; the labels keep every relation on {found.repaired:,} of these."
    )
    if not found.examples:
        said = f"On none of the {found.n:,} train examples do votes on different tasks rule each other out."
    hint = " Many of them between two functions say that one, or a relation, is wrong." if found.pairs else ""
    return section(
        "contradictions",
        "Contradictions",
        _pairs_of_tasks(found) if found.by_tasks else None,
        _pairs_of_sources(found.pairs) if found.pairs else None,
        intro=said + hint + kept,
    )


def _kept(feasible: int, checked: int) -> str:
    return f" In all splits, {feasible:,} of {checked:,} label vectors keep every relation."


def _pairs_of_tasks(found: Contradictions) -> Markup:
    columns: list[Column[tuple[tuple[str, str], int]]] = [
        Column("task", lambda p: p[0][0], numeric=False),
        Column("and", lambda p: p[0][1], numeric=False),
        Column("examples", lambda p: f"{p[1]:,}"),
        Column("share of train", lambda p: percent(p[1], found.n), share=lambda p: p[1] / found.n),
    ]
    return _long_table(list(found.by_tasks.items()), columns, "Between which tasks", "pairs of tasks")


def _pairs_of_sources(pairs: Sequence[SourcePair]) -> Markup:
    columns: list[Column[SourcePair]] = [
        Column("function", lambda p: f"{p.sources[0]}\non {p.tasks[0]}", numeric=False),
        Column("rules out", lambda p: f"{p.sources[1]}\non {p.tasks[1]}", numeric=False),
        Column("examples", lambda p: f"{p.examples:,}"),
        Column("labels follow the first", lambda p: _part(p.first_kept, p.examples)),
        Column("the second", lambda p: _part(p.second_kept, p.examples)),
        Column("neither", lambda p: _part(p.neither_kept, p.examples)),
    ]
    return _long_table(
        list(pairs), columns, "Between which functions, and whom the labels follow", "pairs of functions"
    )


def _part(count: int, n: int) -> str:
    return f"{count:,}\n{percent(count, n)}"


def _long_table(rows: Sequence[R], columns: Sequence[Column[R]], caption: str, what: str) -> Markup:
    shown = table(rows[:_PAIRS], columns, caption=caption)
    if len(rows) <= _PAIRS:
        return shown
    rest = rows[_PAIRS:]
    more = tag("details", tag("summary", f"{len(rest):,} more {what}"), table(rest, columns, caption=f"More {what}"))
    return tag("div", shown, more)


def data(content: TasksContent) -> Markup | None:
    """Return the section on the splits; nothing where there are none."""
    return section("data", "Data", splits_table(content.splits)) if content.splits else None
