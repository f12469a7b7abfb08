"""What differs between two runs on several tasks: task by task, as the runs themselves have it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from labelwright.analysis.comparison import RunLabel
from labelwright.analysis.comparison_markdown import escape
from labelwright.analysis.tasks.comparison import (
    SplitChanges,
    TaskChange,
    TasksComparison,
    tasks_comparison_markdown,
)
from labelwright.analysis.tasks.comparison_page import tasks_comparison_html
from labelwright.cli.app import cli
from labelwright.core.errors import ProjectError
from labelwright.pipeline import Project
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.versions.task_diff import diff_tasks

from ..notes import FUNCTIONS, SETTINGS


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran, lost a row and gained one, trusts one reader no more, and ran again."""
    folder, rng = tmp_path_factory.mktemp("notes"), np.random.default_rng(0)
    lines = []
    for i in range(161):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        others = [word for word in ("normal", "mass", "nodule") if word != truth]
        said = [truth if rng.random() < 0.8 else others[rng.integers(2)] for _ in "abc"]
        gold = "normal" if truth == "normal" else "abnormal"
        text = "call the ward" if truth == "mass" else "a note"
        lines.append(f"n{i},{'test' if i % 3 == 0 else 'train'},{text},{','.join(said)},{gold}")
    head = "key,split,text,a,b,c,finding"
    (folder / "labelwright.toml").write_text(SETTINGS)
    (folder / "supervision.py").write_text(FUNCTIONS)
    (folder / "notes.csv").write_text("\n".join([head, *lines[:160]]))
    Project(folder).run()
    (folder / "notes.csv").write_text("\n".join([head, *lines[1:]]))
    (folder / "supervision.py").write_text(FUNCTIONS.replace('reader("b"), ', ""))
    Project(folder).run()
    return folder


def test_flips_are_those_between_the_label_vectors_of_both_runs(notes: Path) -> None:
    runs = [KeptRun.named(notes, name) for name in ("latest~1", "latest")]
    found = diff_tasks(*runs)
    assert [one.task for one in found.tasks] == list(runs[1].tasks)
    for one in found.tasks:
        for split in one.splits:
            named = []
            for run in runs:
                kept = run.of_task(one.task)
                codes = np.where(kept.soft_labels(split.split).covered, kept.vector(split.split), -1)
                states = [*map(str, kept.states), "no label"]
                ids = run.frame(split.split)["key"].to_list()
                named.append({i: states[code] for i, code in zip(ids, codes.tolist(), strict=True)})
            old, new = named
            expected = Counter((old[i], new[i]) for i in new if i in old and old[i] != new[i])
            assert {(a, b): n for a, b, n in split.flips} == expected
            assert (split.stayed, split.added) == (len(old.keys() & new.keys()), len(new.keys() - old.keys()))
            assert split.removed == len(old.keys() - new.keys())
            assert split.flipped <= split.moved
    assert sum(split.added for one in found.tasks for split in one.splits) == len(found.tasks)


def test_a_task_whose_votes_are_the_same_has_the_same_labels_but_for_rows_that_come(notes: Path) -> None:
    (urgent,) = [one for one in Project(notes).diff_tasks().tasks if one.task == "urgent"]
    assert sum(split.flipped for split in urgent.splits) == 0


def test_functions_and_scores_are_compared(notes: Path) -> None:
    found = Project(notes).diff_tasks()
    assert list(found.functions.removed) == ["reader_b"]
    assert not found.functions.added
    (finding,) = [one for one in found.tasks if one.task == "finding"]
    by_split = {one.split: one for one in finding.splits}
    assert by_split["train"].accuracy is None
    accuracy = by_split["test"].accuracy
    assert accuracy is not None
    run, earlier = KeptRun.latest(notes), KeptRun.named(notes, "latest~1")
    gold = dict(zip(run.frame("test")["key"].to_list(), run.of_task("finding").gold("test").tolist(), strict=True))
    right = []
    for one in (earlier, run):
        vector = one.of_task("finding").vector("test").tolist()
        right.append({i: c == gold.get(i) for i, c in zip(one.frame("test")["key"].to_list(), vector, strict=True)})
    shared = right[0].keys() & right[1].keys()
    assert accuracy.value == pytest.approx(sum(right[1][i] - right[0][i] for i in shared) / len(shared))
    assert accuracy.n == len(shared)


def test_a_run_does_not_differ_from_itself(notes: Path) -> None:
    found = Project(notes).diff_tasks("latest", "latest")
    assert all(one.unchanged and not len(one.accuracies) for one in found.tasks)
    assert not len(found.functions)
    assert not len(found.settings)
    assert "Labels are the same on finding, kind, urgent." in found.to_text()


def test_the_verb_tells_it(notes: Path) -> None:
    found = CliRunner().invoke(cli, ["diff", "--project", str(notes), "--json"])
    assert found.exit_code == 0, found.output
    assert set(json.loads(found.stdout)["tasks"]) == {"finding", "kind", "urgent"}
    text = CliRunner().invoke(cli, ["diff", "--project", str(notes)]).output
    assert "Functions: removed reader_b" in text
    assert "labels changed" in text


def test_as_markdown_it_says_for_each_task_what_the_text_says(notes: Path, tmp_path: Path) -> None:
    invoked = CliRunner().invoke(cli, ["diff", "1", "2", "--project", str(notes), "--markdown", str(tmp_path / "d.md")])
    assert invoked.exit_code == 0, invoked.output
    page, found = (tmp_path / "d.md").read_text(), Project(notes).diff_tasks("1", "2")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    for one in found.tasks:
        for split in one.splits:
            counts = [split.stayed, split.flipped, split.moved, split.added, split.removed]
            (row,) = [row for row in rows if row[:2] == [one.task, split.split]]
            assert [int(row[i]) for i in (2, 3, 5, 6, 7)] == counts
            for flip in split.flips:
                assert [split.split, escape(flip[0]), escape(flip[1]), str(flip[2])] in rows
            assert (row[8] != "—") == (split.accuracy is not None and split.accuracy.known)
    assert "**reader\\_b**: removed" in page
    stdout = CliRunner().invoke(cli, ["diff", "1", "2", "--project", str(notes), "--markdown", "-"]).stdout
    assert stdout == page


def test_as_a_page_it_says_the_same(notes: Path, tmp_path: Path) -> None:
    page = tmp_path / "d.html"
    invoked = CliRunner().invoke(cli, ["diff", "1", "2", "--project", str(notes), "--html", str(page), "--json"])
    assert invoked.exit_code == 0, invoked.output
    assert "learned" not in json.loads(invoked.stdout)
    html = page.read_text(encoding="utf-8")
    for said in ("Accuracies on finding", "not computed: a diff reads what runs kept", "reader_b"):
        assert said in html
    assert "<script" not in html
    rows = [re.sub("<[^>]+>", "\n", row).split("\n") for row in html.split("<tr>")]
    rows = [[cell for cell in row if cell.strip()] for row in rows]
    for one in Project(notes).diff_tasks("1", "2").tasks:
        for split in one.splits:
            (row,) = [row for row in rows if row[:2] == [one.task, split.split]]
            assert [int(cell) for cell in row[2:4]] == [split.stayed, split.flipped]
            for flip in split.flips:
                assert any(row[:4] == [split.split, flip[0], flip[1], str(flip[2])] for row in rows)


def test_a_page_escapes_names_and_folds_where_many_tasks_changed() -> None:
    split = SplitChanges("train", 3, 0, 0, 2, (("<img>", "a|b", 2),), None)
    runs = RunLabel(1, "a" * 16), RunLabel(2, "b" * 16)
    page = tasks_comparison_html(TasksComparison("<img>", *runs, [TaskChange(f"<img>{i}", [split]) for i in range(5)]))
    assert "<img" not in page
    assert page.count('<details class="bucket">') == 5
    same = SplitChanges("train", 3, 0, 0, 0, (), None)
    quiet = tasks_comparison_html(TasksComparison("notes", *runs, [TaskChange("finding", [same])]))
    assert "Labels are the same on finding." in quiet
    assert 'id="flips"' not in quiet


def test_markdown_overwrites_nothing_of_the_project_and_escapes_names(notes: Path) -> None:
    refused = CliRunner().invoke(cli, ["diff", "--project", str(notes), "--markdown", str(notes / "labelwright.toml")])
    assert refused.exit_code != 0
    assert (notes / "labelwright.toml").read_text() == SETTINGS
    split = SplitChanges("train", 3, 0, 0, 2, (("@all", "a|b", 2),), None)
    runs = RunLabel(1, "a" * 16), RunLabel(2, "b" * 16)
    page = tasks_comparison_markdown(TasksComparison("<img>", *runs, [TaskChange("#7", [split])]))
    assert not re.search(r"(?<!\\)(@all|<img|a\|b|#7)", page)


def test_the_labels_that_moved_most_are_told_of_all_tasks(notes: Path, tmp_path: Path) -> None:
    found = Project(notes).diff_tasks(limit=10_000)
    assert found.comparison is not None
    runs = [KeptRun.named(notes, name) for name in ("latest~1", "latest")]
    expected = {}
    for task in runs[1].tasks:
        for split in ("train", "test"):
            then, now = (run.of_task(task).soft_labels(split) for run in runs)
            before = dict(zip(then.example_ids.tolist(), then.probs, strict=True))
            for i, probs in zip(now.example_ids.tolist(), now.probs, strict=True):
                if i in before and np.abs(probs - before[i]).max() > 1e-6:
                    expected[task, split, i] = np.abs(probs - before[i]).sum() / 2
    movers = found.comparison.movers
    assert {(task, one.split, one.example_id): one.shift for task, one in movers} == pytest.approx(expected)
    assert len(movers) == found.comparison.moved
    far = [(one.before != one.after, one.shift) for _, one in movers]
    assert far == sorted(far, reverse=True)
    assert sum(flipped for flipped, _ in far) == sum(split.flipped for one in found.tasks for split in one.splits)
    task, first = movers[0]
    labels = runs[1].of_task(task).soft_labels(first.split)
    probs = labels.probs[labels.example_ids.tolist().index(first.example_id)]
    assert first.probability_after == probs[labels.classes.index(first.class_shown)]
    assert first.text in ("call the ward", "a note")
    verb = ["diff", "--project", str(notes), "--limit", "3"]
    text = CliRunner().invoke(cli, verb).output
    assert f"Largest movers: 3 of {len(expected):,}\ntask " in text
    payload = json.loads(CliRunner().invoke(cli, [*verb, "--json"]).stdout)
    assert [(one["task"], one["example_id"]) for one in payload["movers"]] == [(t, m.example_id) for t, m in movers[:3]]
    CliRunner().invoke(cli, [*verb, "--markdown", str(tmp_path / "d.md"), "--html", str(tmp_path / "d.html")])
    for name in ("d.md", "d.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert [m.example_id in page for _, m in movers[:3]] == [True] * 3
        assert f"3 of {len(expected):,}" in page
    assert "movers" not in CliRunner().invoke(cli, [*verb[:-1], "0"]).output


def test_runs_on_one_task_and_on_several_do_not_compare(notes: Path) -> None:
    alone: Any = SimpleNamespace(tasks=(), row=SimpleNamespace(number=7))
    with pytest.raises(ProjectError, match="run 7 is on one task, and the other on several"):
        diff_tasks(alone, KeptRun.latest(notes))
