"""The report on several tasks: one well-formed page that loads nothing, and says what there is of each task."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.dom import minidom

import pytest

from labelwright.analysis.tasks.content import LearnedShare, TaskFinding, TasksContent
from labelwright.analysis.tasks.page import render_tasks

HOSTILE = "</svg></style><script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)>\x00\x1b{{7}}"

Report = Callable[..., TasksContent]


def well_formed(page: str) -> None:
    """Void elements closed, the page is XML: every element ends where it should."""
    body = re.sub(r"<(meta|wbr|br)([^>]*)>", r"<\1\2/>", page[page.index("<html") :])
    body = re.sub(r"\s(open|hidden)(?=[\s>])", r' \1=""', body)
    minidom.parseString(body)


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("gold", [False, True])
def test_the_page_is_whole_and_has_every_task(report_on: Report, count: int, gold: bool) -> None:
    content = report_on(count, gold=gold, n=120)
    page = render_tasks(content)
    well_formed(page)
    for task in content.tasks:
        assert f">{task.name}<" in page
    assert ("No gold labels were given" in page) != gold
    assert ("End model" in page) == gold
    assert "No function votes on" in page or count == 2
    for name in ("tasks", "contradictions", "functions", "data", "lineage"):
        assert f'id="{name}"' in page


def test_names_are_data(report_on: Report) -> None:
    page = render_tasks(report_on(3, n=60, name="task" + HOSTILE, end=HOSTILE))
    well_formed(page)
    assert "<script" not in page
    assert "<img" not in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_the_answer_names_the_best_and_the_worst_task(report_on: Report) -> None:
    content = report_on(4, n=120)
    accuracies = {task.name: task.scores["test"][1].score.accuracy.value for task in content.tasks}
    low, high = min(accuracies, key=accuracies.__getitem__), max(accuracies, key=accuracies.__getitem__)
    said = f"from {100 * accuracies[low]:.1f}% ({low}) to {100 * accuracies[high]:.1f}% ({high})"
    page = render_tasks(content)
    assert said in page
    assert f">{100 * sum(accuracies.values()) / 4:.1f}%</strong>" in page


def test_one_task_with_gold_has_its_interval_in_the_answer(report_on: Report) -> None:
    content = report_on(2, n=120, end_model=False)
    alone = replace(content, tasks=[content.tasks[0], replace(content.tasks[1], scores={})])
    e = content.tasks[0].scores["test"][0].score.accuracy
    assert f"95% interval {100 * e.low:.1f}–{100 * e.high:.1f}" in render_tasks(alone)


def test_without_contradictions_the_page_says_so(report_on: Report) -> None:
    content = report_on(2, n=60)
    assert content.contradictions is not None
    none = replace(content.contradictions, examples=0, repaired=0, by_tasks={}, pairs=())
    assert "On none of the 60 train examples" in render_tasks(replace(content, contradictions=none))
    assert 'id="contradictions"' not in render_tasks(replace(content, contradictions=None))


def test_findings_and_intervals_stand_where_they_were_worked_out(report_on: Report) -> None:
    plain = report_on(2, n=60)
    first, *rest = plain.tasks
    assert first.summary is not None
    names = [row.source for row in first.summary.rows]
    learned = [
        LearnedShare(names[0], 0.8, 0.7123, 0.8888),
        LearnedShare(names[1], 0.7, math.nan, math.nan, "few" + HOSTILE),
    ]
    shares = [LearnedShare("first", 0.4, 0.35, 0.4567), LearnedShare("N/A", 0.6, 0.55, 0.65)]
    told = [TaskFinding("", "LW024", "warning", "They contradict.", f"3 of {i}", "Read." + HOSTILE) for i in range(14)]
    own = TaskFinding(first.name, "LW001", "note", "Silent.", "0 votes", "Repair it.", tuple("abcdefg"))
    page = render_tasks(
        replace(plain, tasks=[replace(first, accuracies=learned, shares=shares), *rest], findings=[own, *told])
    )
    well_formed(page)
    assert "<script" not in page
    for said in (
        "71.2\N{EN DASH}88.9",
        "few&lt;/svg&gt;",
        "35.0\N{EN DASH}45.7",
        "a, b, c, d, e and 2 more",
        "3 more findings",
    ):
        assert said in page
    assert "71.2" not in render_tasks(plain)
    assert 'id="findings"' not in render_tasks(plain)
    assert "Nothing was found" in render_tasks(replace(plain, findings=[]))
