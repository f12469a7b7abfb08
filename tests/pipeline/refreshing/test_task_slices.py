"""Slices of a project with several tasks: measured task by task, kept with lineage, and nothing where there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import labelwright as lw
from labelwright.analysis.slices import slice_table
from labelwright.cli import cli
from labelwright.cli.run import show_task_slices
from labelwright.core.errors import SlicingError
from labelwright.pipeline.kept.finding import find_place
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.finding_tasks import as_answered
from labelwright.pipeline.refreshing.noticing import RunWarning
from labelwright.pipeline.versions.remaking_slices import remake_slices

from ..tasks.conftest import FUNCTIONS, SETTINGS, write_reports

SLICES = """
from labelwright.slicing import expression_slice

to_ward = expression_slice("to_ward", "contains(text, 'ward')")

@lw.slicing_function
def doubted(x):
    return len({x.a, x.b, x.c}) > 1
"""
FAILING = """
@lw.slicing_function
def fragile(x):
    if x.key == "r9":
        raise ValueError("no such key")
    return False
"""
ROLES = ("task_votes", "task_models", "task_labels", "metrics", "task_end_models")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A project with slices and end models that has run once."""
    folder = tmp_path_factory.mktemp("sliced") / "reports"
    folder.mkdir()
    write_reports(folder / "reports.csv", 120)
    end_model = "\n[end_model]\nkind = 'text'\nfields = ['text', 'a']\n"
    (folder / "labelwright.toml").write_text(SETTINGS + end_model, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS + SLICES, encoding="utf-8")
    lw.Project(folder).run()
    return folder


@pytest.fixture
def sliced(whole, tmp_path) -> lw.Project:
    return lw.Project(shutil.copytree(whole, tmp_path / "reports"))


def test_tables_are_those_of_what_was_kept(whole):
    run = KeptRun.latest(whole)
    tables = run.store.get_json(run.artifact("slice_metrics"))
    assert set(tables) == {"finding", "kind", "urgent"}
    assert {split: set(own) for split, own in tables["kind"].items()} == {
        "test": {"label model", "end model"},
        "valid": {"label model", "end model"},
        "train": {"label model"},
    }
    labels, vectors, votes = run.task_labels("test"), run.kept_task_labels.vectors("test"), run.task_votes("test")
    again = slice_table(
        as_answered("kind", labels, vectors), run.kept_slices.of("test"), run.of_task("kind").gold("test")
    ).to_dict()
    rows = zip(tables["kind"]["test"]["label model"]["slices"], again["slices"], strict=True)
    for kept, made in rows:
        assert {what: kept[what] for what in ("n", "accuracy", "difference", "p_value")} == {
            what: made[what] for what in ("n", "accuracy", "difference", "p_value")
        }
    # "normal" of one reader and "mass" of another rule each other out, though these are votes on two tasks.
    doubted = tables["finding"]["test"]["label model"]["slices"][1]
    member = run.kept_slices.of("test")["doubted"]
    assert doubted["name"] == "doubted"
    assert doubted["conflicts"]["value"] == pytest.approx(votes.contradictions()[member].mean(), abs=0.2)
    assert tables["urgent"]["test"]["label model"]["everything"]["accuracy"]["value"] is None
    assert tables["kind"]["train"]["label model"]["everything"]["scored"] == 0


def test_slices_are_verified_explained_and_in_the_report(whole):
    run, project = KeptRun.latest(whole), lw.Project(whole)
    assert remake_slices(run).status == "equal"
    inside = run.kept_slices.of("train").example_ids[run.kept_slices.of("train")["doubted"]][0]
    why = project.explain_on_task(str(inside), "kind")
    assert why.slices == run.kept_slices.of_row(*find_place(run.kept_data, inside))
    assert "doubted" in why.to_dict()["slices"]
    assert "  in slices: " in why.to_text()
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert 'id="slices"' in page
    assert "Slices of test, kind" in page


def test_an_edit_applies_only_what_changed(sliced):
    source = sliced.folder / "supervision.py"
    before = KeptRun.latest(sliced.folder)
    source.write_text(source.read_text().replace("'ward'", "'the ward'"))
    assert [(step.what, step.operations) for step in sliced.plan().steps] == [("slice to_ward", 120)]
    result = CliRunner().invoke(cli, ["run", "--project", str(sliced.folder), "--json"])
    found = json.loads(result.stdout)
    assert found["operations"]["slice_applications"] == 120
    assert found["operations"]["function_applications"] == 0
    after = KeptRun.latest(sliced.folder)
    for role in ROLES:
        assert before.row.artifacts[role] == after.row.artifacts[role]
    # "the ward" stands where "ward" does, so it is the same slice, by another function.
    assert before.row.artifacts["slices"] == after.row.artifacts["slices"]
    assert found["slices"] == after.store.get_json(after.artifact("slice_metrics"))
    assert before.row.run_id != after.row.run_id
    changed = sliced.diff_tasks("1", "latest").functions
    assert "slice to_ward" in changed.items
    assert sliced.log()[0].changed == "~to_ward"


def test_a_failing_slice_stops_the_run_or_is_counted(sliced, capsys):
    source, settings = sliced.folder / "supervision.py", sliced.folder / "labelwright.toml"
    source.write_text(source.read_text() + FAILING)
    with pytest.raises(SlicingError, match=r"fragile.*'r9'"):
        sliced.run()
    assert len(sliced.log()) == 1
    settings.write_text(settings.read_text() + "\n[apply]\non_error = 'abstain'\n")
    with pytest.warns(RunWarning, match="slice fragile failed on 1 of 120"):
        result = sliced.run()
    assert any("slice fragile" in text for text in result.warnings)
    assert not np.any([one.tables["label model"]["fragile"].n for one in result.slices["kind"]])
    show_task_slices(result.slices)
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    names = ("finding", "to_ward", "doubted", "fragile", "kind", "urgent")
    assert [word for word in printed if word in names][:5] == ["finding", "to_ward", "doubted", "fragile", "kind"]
