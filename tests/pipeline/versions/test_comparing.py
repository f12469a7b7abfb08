"""What a reader is told of two runs."""

from __future__ import annotations

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun, arrays_of_soft_labels, open_store
from labelwright.pipeline.versions.diff import diff_runs

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv


def test_a_diff_says_what_was_edited_and_what_that_did(edited):
    told = edited.diff("v1").comparison
    assert (str(told.before)[:10], told.after.name) == ("v1 (run 1)", "latest")
    train = next(s for s in told.splits if s.name == "train")
    assert (train.added, train.removed) == (1, 2)
    functions = {f.name: f for f in told.functions}
    assert {name: f.what for name, f in functions.items()} == {
        "subscribe": "changed",
        "best": "added",
        "love": "rewritten",
    }
    assert functions["subscribe"].reasons[0].startswith("source changed: line ")
    assert (
        '+    return "spam" if "subscribe" in x.text or "friends" in x.text else None' in functions["subscribe"].source
    )
    assert "+    # a word for warmth" in functions["love"].source
    assert told.data.rows_added
    assert told.settings == []


def test_movers_are_counted_and_told_with_their_texts(edited):
    diff = edited.diff("v1", "latest", limit=3)
    told = diff.comparison
    assert len(told.movers) == 3
    ids = {r["key"]: r["text"] for r in rows()}
    for mover in told.movers:
        assert mover.text in (ids[mover.example_id], "please subscribe friends, now")
        assert mover.shift > 0
    before, after = (KeptRun.named(edited.folder, n) for n in (1, 2))
    flips = 0
    for split in ("train", "test"):
        old, new = (
            {
                i: code if there else -1
                for i, code, there in zip(s.example_ids.tolist(), s.predict().tolist(), s.covered, strict=True)
            }
            for s in (before.soft_labels(split), after.soft_labels(split))
        )
        flips += sum(old[i] != new[i] for i in old.keys() & new.keys())
    assert told.flipped == flips == sum(f.count for s in told.splits for f in s.flips)


def test_scores_are_paired_on_the_rows_that_both_have(edited):
    told = edited.diff("v1").comparison
    assert {(m.split, m.model) for m in told.metrics} == {("test", "label model"), ("test", "end model")}
    for move in told.metrics:
        assert move.difference.n == 20
        assert move.difference.low <= move.difference.value <= move.difference.high
        if move.metric == "accuracy":
            np.testing.assert_allclose(move.difference.value, move.after.value - move.before.value)


def test_intervals_are_computed_where_they_are_asked_for(edited):
    plain, asked = edited.diff("v1").comparison, edited.diff("v1", intervals=True).comparison
    assert "--intervals" in plain.interval_method
    assert {p.verdict for p in plain.parameters} <= {"not computed", "new", "gone"}
    assert "jackknife" in asked.interval_method
    verdicts = {p.name: p for p in asked.parameters}
    assert verdicts["best"].verdict == "new"
    for move in asked.parameters:
        if move.verdict in ("within", "beyond"):
            assert (move.low <= move.after <= move.high) == (move.verdict == "within")


def test_groups_with_flips_are_named(make_project):
    table = [{**row, "channel": f"c{i % 5}"} for i, row in enumerate(rows())]
    settings = SETTINGS.replace('id = "key"', 'id = "key"\ngroup = "channel"').replace(
        '[data.splits]\ncolumn = "split"\ntrain = "train"\ntest = "test"\n', ""
    )
    folder = make_project(settings=settings, table=table)
    project = lw.Project(folder)
    project.run()
    (folder / "supervision.py").write_text(FUNCTIONS.replace('"song" in', '"best song" in'))
    project.run()
    told = project.diff().comparison
    assert told.flipped
    assert sum(g.flipped for g in told.groups) == told.flipped
    assert told.group_count == len(told.groups)
    assert all(g.name.endswith(" (train)") and g.stayed == 16 for g in told.groups)


def test_nothing_changed_is_said_so(project):
    project.run()
    diff = project.diff()
    assert diff.unchanged
    assert diff.comparison.unchanged
    assert diff.comparison.headline() == ["0 of 80 labels flipped"]


def test_other_classes_are_compared_by_name(make_project):
    folder = make_project()
    project = lw.Project(folder)
    project.run()
    settings = SETTINGS.replace('["ham", "spam"]', '["ham", "spam", "eggs"]')
    (folder / "labelwright.toml").write_text(settings)
    with pytest.warns(UserWarning, match="eggs"):
        project.run()
    told = project.diff().comparison
    assert told.settings[0].key == "task.classes"
    assert all(f.before != f.after for s in told.splits for f in s.flips)
    assert any("classes differ" in note for note in told.notes)


def test_a_diff_is_written_and_never_over_what_the_project_is(edited, tmp_path):
    diff = edited.diff("v1")
    page, note = tmp_path / "diff.html", tmp_path / "diff.md"
    assert edited.write_diff(diff, html=page, markdown=note) == [note, page]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert note.read_text(encoding="utf-8").startswith("### Training set of")
    with pytest.raises(DataError, match="labeling functions"):
        edited.write_diff(diff, markdown=edited.folder / "supervision.py")
    composed = diff_runs(*(KeptRun.named(edited.folder, n) for n in (1, 2)))
    with pytest.raises(DataError, match="composed"):
        edited.write_diff(composed, html=page)


def test_a_run_that_is_not_there_names_the_closest(edited):
    with pytest.raises(ProjectError, match="Did you mean 'v1'"):
        edited.diff("v11")
    with pytest.raises(ProjectError, match="has 2 runs, so there is no latest~2"):
        edited.diff("latest~2")


def test_data_that_changed_since_changes_no_diff(edited):
    before = edited.diff("v1").comparison
    write_csv(edited.folder / "comments.csv", rows()[:10])
    assert edited.diff("v1").comparison == before


def test_a_notebook_shows_the_tables(edited):
    shown = edited.diff("v1")._repr_html_()
    assert "<table" in shown
    assert "subscribe" in shown


def test_runs_of_before_examples_were_kept_are_compared_without_them(edited):
    store, catalog = open_store(edited.folder)
    for name in ("v1", "2"):
        run = KeptRun.named(edited.folder, name)
        keep = {role: run.row.artifacts[role] for role in ("settings", "functions", "label_model", "metrics")}
        for split in run.splits:
            soft = arrays_of_soft_labels(run.soft_labels(split))
            keep[f"soft_labels.{split}"] = store.put_arrays("soft_labels", soft)
        catalog.add_run(f"{name:0>16}", seconds=1.0, artifacts=keep)
    old, new = edited.diff("3", "4"), edited.diff("v1", "2")
    assert old.examples == new.examples
    assert old.functions == new.functions
    assert [m.text for m in old.comparison.movers] == [""] * len(new.comparison.movers)
    assert "older than runs keep their examples" in old.comparison.notes[0]
