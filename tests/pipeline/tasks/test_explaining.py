"""Why an example has its label on one of several tasks: what it would be without a function is exact."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from labelwright.analysis.tasks.explanation import RelatedLabel, TaskExplanation, TaskVote
from labelwright.cli.app import cli
from labelwright.core import Votes
from labelwright.core.errors import ProjectError
from labelwright.core.task_votes import TaskVotes
from labelwright.pipeline import Project
from labelwright.pipeline.kept.keep import KeptRun


@pytest.mark.parametrize("task", ["finding", "kind", "urgent"])
def test_what_a_label_would_be_without_a_function_is_the_model_asked_again(finished: Path, task: str) -> None:
    run = KeptRun.latest(finished)
    votes, labels, ids = run.task_votes("valid"), run.task_labels("valid"), run.frame("valid")["key"].to_list()
    for i in (0, 7, 20):
        why = Project(finished).explain_on_task(ids[i], task)
        assert why.probs == tuple(labels.probs[task][i])
        assert {one.source for one in why.votes} == {
            s for own in votes.by_task.values() for s, code in zip(own.sources, own.values[i], strict=True) if code >= 0
        }
        for one in why.votes:
            others = {}
            for name, own in votes.by_task.items():
                rows = own.values[[i]].copy()
                rows[:, [s == one.source for s in own.sources]] = -1
                others[name] = Votes(rows, classes=own.classes, sources=own.sources, alphabet=dict(own.alphabet))
            again = run.task_model().soft_labels(TaskVotes(run.graph, others))
            assert np.abs(np.array(one.without) - again.probs[task][0]).max() < 1e-12
        moved = [np.abs(np.array(one.without) - why.probs).sum() for one in why.votes]
        assert moved == sorted(moved, reverse=True)


def test_labels_of_related_tasks_stand_beside_it_and_gold_is_told_apart(finished: Path) -> None:
    run = KeptRun.latest(finished)
    row = run.frame("test").row(3, named=True)
    why = Project(finished).explain_on_task(row["key"], "kind")
    vector = dict(zip(run.graph.names, run.kept_task_labels.vectors("test")[3].tolist(), strict=True))
    assert {one.task: one.state for one in why.related} == {
        task: run.graph.states(task)[vector[task]] for task in ("finding", "urgent")
    }
    assert why.gold == row["kind"]
    assert set(why.fields) == {"split", "text", "a", "b", "c"}


def test_the_verb_says_it(finished: Path) -> None:
    key = KeptRun.latest(finished).frame("test")["key"][0]
    found = CliRunner().invoke(cli, ["explain", key, "--task", "kind", "--project", str(finished), "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["task"] == "kind"
    text = CliRunner().invoke(cli, ["explain", key, "--task", "kind", "--project", str(finished)]).output
    assert f"Example {key}, test, run 1" in text
    for wrong, said in (
        ([], "say which label, --task NAME"),
        (["--task", "kind", "--refit"], "--interval and --check are of projects with one task"),
    ):
        refused = CliRunner().invoke(cli, ["explain", key, *wrong, "--project", str(finished)])
        assert refused.exit_code == 2
        assert said in " ".join(refused.output.split())


def test_as_a_page_it_says_the_same(finished: Path, tmp_path: Path) -> None:
    why = Project(finished).explain_on_task("r7", "kind")
    page = tmp_path / "why.html"
    command = ["explain", "r7", "--task", "kind", "--project", str(finished), "--html", str(page)]
    said = CliRunner().invoke(cli, command)
    assert said.exit_code == 0, said.output
    assert said.output.startswith("Example r7")
    assert f"Wrote {page}" in said.output
    html = page.read_text(encoding="utf-8")
    assert html == why.to_page()
    assert "<script" not in html
    rows = [re.sub("<[^>]+>", "\n", row).split("\n") for row in html.split("<tr>")]
    rows = [[cell for cell in row if cell] for row in rows]
    for vote in why.votes:
        (row,) = [row for row in rows if row[0] == vote.source]
        assert row[1] == ", ".join(f"{task} = {value}" for task, value in vote.said.items())
        assert float(row[2].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            100 * (why.probs[why.top] - vote.without[why.top]), abs=0.051
        )
    assert {row[0]: row[1] for row in rows if row[0] in ("finding", "urgent")} == {
        one.task: str(one.state) for one in why.related
    }
    refused = CliRunner().invoke(cli, [*command[:-1], str(finished / "supervision.py")])
    assert "write to another file" in refused.output


def test_a_page_escapes_and_says_what_is_not_known() -> None:
    vote = TaskVote("<img>", {"kind": "<b>"}, (0.2, 0.8))
    known = ("<p>", 1, "c0", "r<7", "train", "kind", {"text": "<b>"}, ("mass", "<i>"), (0.6, 0.4))
    why = TaskExplanation(*known, "mass", (vote,), (RelatedLabel("<u>", "<s>", 0.5),))
    page = why.to_page()
    assert not re.search("<(img|b|i|u|s)>", page)
    assert "&lt;i&gt; 80.0% \N{NOT EQUAL TO}" in page
    other = TaskExplanation(*known, "<i>", (), ())
    assert "so that the labels of all tasks keep every relation" in other.to_page()
    assert "No function voted on this task or a related one." in other.to_page()
    assert "kind: no label" in TaskExplanation(*known, None, (), ()).to_page()


def test_what_there_is_not_is_refused(finished: Path) -> None:
    with pytest.raises(ProjectError, match="has no task 'size'"):
        Project(finished).explain_on_task("r0", "size")
    with pytest.raises(ProjectError, match="no example"):
        Project(finished).explain_on_task("rx", "kind")
