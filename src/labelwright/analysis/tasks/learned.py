"""Sections on what label models learned of several tasks: findings, and how far chance may have moved it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.sections.blocks import section, table
from labelwright.analysis.summary import SourceRow
from labelwright.analysis.tables import Column

from .content import LearnedShare, TaskFinding, TaskResult, TasksContent

__all__ = ["findings", "interval_column", "shares_table"]

# Beyond these, findings are folded.
_OPEN = 12
_SOURCES = 5


def findings(content: TasksContent) -> Markup | None:
    """Return the section on findings; nothing where nobody looked for any."""
    found = content.findings
    if found is None:
        return None
    if not found:
        return section("findings", "Findings", intro="Nothing was found that makes labels worse than they need to be.")
    shown, rest = found[:_OPEN], found[_OPEN:]
    more = tag("details", tag("summary", f"{len(rest):,} more findings"), _table(rest, "More findings"))
    return section(
        "findings",
        "Findings",
        tag("div", _table(shown, "What was found, worst first"), more if rest else None),
        intro="What makes labels worse than they need to be, as votes and label models show it without gold.",
    )


def _table(rows: Sequence[TaskFinding], caption: str) -> Markup:
    columns: list[Column[TaskFinding]] = [
        Column("finding", lambda f: f"{f.code}\n{f.severity}", numeric=False),
        Column("task", lambda f: f.task or "across tasks", numeric=False),
        Column("what is so", lambda f: f"{f.what}\n{f.evidence}", numeric=False),
        Column("functions", _sources, numeric=False),
        Column("what to do", lambda f: f.what_to_do, numeric=False),
    ]
    if not any(one.sources for one in rows):
        del columns[3]
    return table(rows, columns, caption=caption)


def _sources(finding: TaskFinding) -> str:
    more = len(finding.sources) - _SOURCES
    return ", ".join(finding.sources[:_SOURCES]) + (f" and {more} more" if more > 0 else "")


def interval_column(task: TaskResult) -> Column[SourceRow]:
    """Return the column with the interval of each function's learned accuracy."""
    known = {one.name: one for one in task.accuracies}
    return Column("95% interval", lambda row: _ends(known.get(row.source)))


def shares_table(task: TaskResult) -> Markup:
    """Return the share of each state of a task before any vote, with its interval."""
    columns: list[Column[LearnedShare]] = [
        Column("class", lambda one: one.name, numeric=False),
        Column("share", lambda one: _percent(one.share), share=lambda one: one.share),
        Column("95% interval", _ends),
    ]
    return table(task.shares, columns, caption=f"Shares of the classes of {task.name} before any vote, as learned")


def _ends(one: LearnedShare | None) -> str:
    if one is None or math.isnan(one.low):
        return "—" if one is None or not one.reason else f"—\n{one.reason}"
    return f"{100 * one.low:.1f}\N{EN DASH}{100 * one.high:.1f}"


def _percent(share: float) -> str:
    return "—" if math.isnan(share) else f"{100 * share:.1f}%"
