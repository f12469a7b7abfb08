"""What a refresh makes again, and why: no more than what is stale, counted."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import LabelingError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing import training
from labelwright.pipeline.refreshing.noticing import RunWarning

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv

N = 80
WITHOUT_END_MODEL = SETTINGS[: SETTINGS.index("[end_model]")]


@pytest.fixture(autouse=True)
def _no_report(monkeypatch):
    monkeypatch.setattr("labelwright.pipeline.refreshing.run.render_report", lambda content: content.run_id)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("labelwright.pipeline.refreshing.reading.MEAN_ROWS", 8)


@pytest.fixture
def ran(make_project):
    """A project without an end model that has been run once, and its first result."""
    project = lw.Project(make_project(settings=WITHOUT_END_MODEL))
    return project, project.run()


def _edit(project, old, new, name="supervision.py"):
    path = project.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _files(project):
    return {p: p.read_bytes() for p in project.folder.rglob("*") if p.is_file() and not p.name.startswith("catalog")}


def test_where_nothing_changed_nothing_is_made(ran):
    project, first = ran
    again = project.refresh()
    assert again.run_id == first.run_id
    assert again.steps == ()
    assert again.operations["function_applications"] == again.operations["rows_labelled"] == 0
    assert again.operations["votes_kept"] == 4 * N
    assert str(project.plan()).startswith("Nothing to do: nothing changed since run 2")


def test_what_end_models_say_is_made_again_where_they_or_the_rows_changed(make_project, tmp_path, monkeypatch):
    project = lw.Project(make_project(settings=SETTINGS + "\n[score]\nsupervised = true\n"))
    first = project.refresh()
    asked = []

    def predicted(end, part):
        asked.append(part.split.name)
        return training.predicted(end, part)

    monkeypatch.setattr("labelwright.pipeline.refreshing.predictions.predicted", predicted)
    with monkeypatch.context() as patched:
        patched.setattr("labelwright.endmodels.load", None)
        patched.setattr("labelwright.pipeline.refreshing.training.train_end_model", None)
        again = project.refresh()
    assert (again.run_id, asked) == (first.run_id, [])
    assert [m.scores.to_dict() for m in again.scores[0].models] == [m.scores.to_dict() for m in first.scores[0].models]

    def rebuilt() -> str:
        shutil.copytree(project.folder, tmp_path / "again", ignore=shutil.ignore_patterns(".labelwright"))
        run_id = lw.Project(tmp_path / "again").refresh().run_id
        shutil.rmtree(tmp_path / "again")
        return run_id

    # Another function gives another end model, and the same ceiling.
    _edit(project, '"song" in', '"best song" in')
    edited = project.refresh()
    assert asked == ["test"]
    assert edited.run_id == rebuilt()
    table = [{**row, "other": "spam" if i % 2 else "ham"} for i, row in enumerate(rows())]
    next(row for row in table if row["split"] == "test")["text"] += " and more"
    write_csv(project.folder / "comments.csv", table)
    asked.clear()
    edited = project.refresh()
    assert asked == ["test", "test"]
    assert edited.run_id == rebuilt()
    # Other gold gives another ceiling, and the same end model.
    _edit(project, 'gold = "gold"', 'gold = "other"', name="labelwright.toml")
    asked.clear()
    edited = project.refresh()
    assert asked == ["test"]
    assert edited.run_id == rebuilt()


def test_a_changed_function_votes_anew_and_no_other(ran, small_parts):
    project, _ = ran
    _edit(project, '"song" in', '"best song" in')
    plan = project.plan()
    assert [(s.stage, s.what, s.operations) for s in plan.steps] == [
        ("votes", "votes of song", N),
        ("stats", "sums of votes", 60),
        ("label_model", "label model", 1),
        ("soft_labels", "soft labels", N),
    ]
    assert plan.steps[0].reason == "source changed: line 14"
    assert plan.steps[0].seconds is not None
    result = project.refresh()
    assert result.operations["function_applications"] == N
    assert result.operations["votes_kept"] == 3 * N
    assert [s.what for s in result.steps] == [s.what for s in plan.steps]


def test_a_plan_writes_nothing(ran):
    project, _ = ran
    _edit(project, '"song" in', '"best song" in')
    write_csv(project.folder / "comments.csv", rows(N + 3))
    before = _files(project)
    assert project.plan().steps
    assert _files(project) == before
    assert project.refresh().splits["train"] == 63  # nor does it record what is not there


def test_what_was_deleted_by_hand_is_made_again(ran):
    project, first = ran
    for suffix in (".bits", ".npz", ".parquet"):
        for path in (project.folder / ".labelwright" / "artifacts").rglob(f"*{suffix}"):
            if path.parts[-3] in ("votes", "stats", "soft_labels"):
                path.unlink()
    again = project.run()
    assert again.run_id == first.run_id
    assert again.operations["function_applications"] == 4 * N
    shutil.rmtree(project.folder / ".labelwright" / "artifacts")
    with pytest.warns(RunWarning, match="not in the store"):
        assert project.run().run_id == first.run_id


def test_a_plan_knows_of_what_was_deleted_by_hand(ran):
    project, _ = ran
    for path in (project.folder / ".labelwright" / "artifacts" / "votes").rglob("*.bits"):
        path.unlink()
    assert project.plan().operations["votes"] == project.run().operations["function_applications"] == 4 * N


def test_a_plan_counts_the_sums_of_parts_that_change_and_no_others(make_project, small_parts):
    project = lw.Project(make_project(settings=WITHOUT_END_MODEL))
    project.run()
    table = rows(N)
    table[0]["text"] = "a song, and nothing else"
    write_csv(project.folder / "comments.csv", table)
    planned, did = project.plan().operations, project.run().operations
    assert 0 < planned["stats"] < 60
    assert (planned["votes"], planned["stats"]) == (did["function_applications"], did["rows_summarised"])


def test_an_end_model_follows_its_labels_and_its_settings_and_no_gold(project):
    table = [{**row, "second": "ham"} for row in rows()]
    write_csv(project.folder / "comments.csv", table)
    project.run()
    _edit(project, 'gold = "gold"', 'gold = "second"', "labelwright.toml")
    assert {step.stage for step in project.plan().steps} == {"data"}
    assert "end_models_trained" not in project.run().operations
    _edit(project, 'fields = ["text"]', 'fields = ["text"]\nrandom_state = 1', "labelwright.toml")
    assert [(s.stage, s.reason) for s in project.plan().steps] == [
        ("end_model", "settings: end_model.random_state changed")
    ]
    assert project.run().operations["end_models_trained"] == 1


def test_new_and_edited_rows_are_voted_on_and_no_others(make_project, small_parts):
    project = lw.Project(make_project(settings=WITHOUT_END_MODEL))
    project.run()
    table = rows(N + 5)
    table[7]["text"] = "a song, edited"
    del table[30]
    write_csv(project.folder / "comments.csv", table)
    plan = project.plan()
    assert plan.steps[0].reason == "5 rows added, 1 row edited, 1 row removed in comments.csv"
    assert plan.steps[1].what == "votes of 4 functions"
    assert plan.operations["votes"] == 4 * 6
    result = project.refresh()
    assert result.operations["function_applications"] == 4 * 6
    assert result.operations["votes_kept"] + result.operations["votes_copied"] == 4 * (N + 5 - 1 - 6)


def test_a_comment_is_no_change_and_going_back_is_free(ran):
    project, first = ran
    _edit(project, "def song(x):", "def song(x):  # songs")
    assert project.plan().steps == ()
    _edit(project, '"song" in', '"best song" in')
    project.refresh()
    _edit(project, '"best song" in', '"song" in')
    back = project.refresh()
    assert back.run_id == first.run_id
    assert back.operations["function_applications"] == back.operations["models_solved"] == 0


def test_a_renamed_function_keeps_its_votes(ran):
    project, _ = ran
    _edit(project, "def song(x)", "def music(x)")
    assert project.refresh().operations["function_applications"] in (0, N)  # the name may be part of its version


def test_settings_of_the_label_model_are_a_reason(ran):
    project, _ = ran
    path = project.folder / "labelwright.toml"
    path.write_text(path.read_text() + '\n[label_model]\nmethod = "majority_vote"\n')
    plan = project.plan()
    assert {s.stage for s in plan.steps} == {"stats", "label_model", "soft_labels"}
    assert plan.steps[0].reason == "settings: label_model.method changed"


def test_since_names_what_is_compared_with(ran):
    project, _ = ran
    _edit(project, '"song" in', '"best song" in')
    project.refresh()
    assert project.plan().steps == ()
    plan = project.plan(since="1")
    assert plan.compared_with.startswith("run 1 (")
    with pytest.raises(ProjectError, match="no snapshot or run is called"):
        project.plan(since="nobody")


def test_only_refreshes_the_votes_of_some(ran):
    project, _ = ran
    _edit(project, '"song" in', '"best song" in')
    _edit(project, '"love" in', '"lov" in')
    write_csv(project.folder / "comments.csv", rows(N + 3))
    result = project.refresh(only=["song"])
    assert result.operations["function_applications"] == N
    assert result.splits == {"train": 60, "test": 20}
    kept, before = KeptRun.latest(project.folder), KeptRun.named(project.folder, 1)
    assert kept.functions()["love"] == before.functions()["love"]
    assert kept.functions()["song"] != before.functions()["song"]
    after = project.refresh()
    assert after.operations["function_applications"] == N + 3 * 4
    with pytest.raises(ProjectError, match="no labeling function 'sing'"):
        project.refresh(only=["sing"])


def test_only_needs_a_run_to_start_from(make_project):
    with pytest.raises(ProjectError, match="there is none; run without it first"):
        lw.Project(make_project(settings=WITHOUT_END_MODEL)).refresh(only=["song"])


def test_full_makes_everything_again_and_the_same(ran):
    project, first = ran
    again = project.refresh(full=True)
    assert again.operations["function_applications"] == 4 * N
    assert again.run_id == first.run_id


def test_failures_are_kept_with_the_votes_and_copied_with_rows(make_project, small_parts):
    functions = FUNCTIONS.replace(
        'return "ham" if "love"', 'assert "nothing" not in x.text\n    return "ham" if "love"'
    )
    settings = WITHOUT_END_MODEL + '\n[apply]\non_error = "abstain"\n'
    project = lw.Project(make_project(settings=settings, functions=functions))
    with pytest.warns(match="love failed on 8 of 80 examples"):
        project.run()
    write_csv(project.folder / "comments.csv", rows(N + 10)[1:])
    with pytest.warns(match="love failed on 9 of 89 examples"):
        refreshed = project.run()
    assert refreshed.operations["function_applications"] == 10 * 4
    failures = KeptRun.latest(project.folder).votes("train").failures
    with pytest.warns(match="love failed"):
        project.run(full=True)
    assert KeptRun.latest(project.folder).votes("train").failures == failures
    assert failures[0].count == 9
    _edit(project, 'on_error = "abstain"', 'on_error = "raise"', "labelwright.toml")
    with pytest.raises(LabelingError, match="'love' raised AssertionError"):
        project.run()


def test_a_tolerance_keeps_labels_that_hardly_move_and_never_adds_up(make_project):
    settings = WITHOUT_END_MODEL + "\n[refresh]\ntolerance = 0.2\n"
    project = lw.Project(make_project(settings=settings, table=rows(N)))
    first = project.run()
    (project.folder / "labelwright.toml").write_text(settings + '\n[label_model]\nmethod = "weighted_vote"\n')
    moved = project.run()
    kept = KeptRun.latest(project.folder)
    exact = kept.label_model().soft_labels(kept.votes("train")).probs
    found = kept.soft_labels("train").probs
    assert np.abs(found - exact).max() <= 0.2
    same = moved.artifacts["soft_labels"] == first.artifacts["soft_labels"]
    assert same == (moved.operations["rows_labelled"] == 0)
    (project.folder / "labelwright.toml").write_text(WITHOUT_END_MODEL + '\n[label_model]\nmethod = "weighted_vote"\n')
    project.run()
    np.testing.assert_array_equal(KeptRun.latest(project.folder).soft_labels("train").probs, exact)


def test_an_end_model_may_be_kept_though_it_is_stale(make_project):
    project = lw.Project(make_project(settings=SETTINGS + 'refresh = "keep"\n'))
    first = project.run()
    _edit(project, '"song" in', '"best song" in')
    assert project.plan().steps[-1].reason.startswith("kept as it was, though it is stale")
    kept = project.run()
    assert kept.end_model_is_stale
    assert kept.artifacts["end_model"] == first.artifacts["end_model"]
    _edit(project, 'refresh = "keep"', 'refresh = "retrain"', "labelwright.toml")
    trained = project.run()
    assert not trained.end_model_is_stale
    assert trained.artifacts["end_model"] != first.artifacts["end_model"]


def test_an_end_model_of_other_classes_is_not_kept(make_project):
    project = lw.Project(make_project(settings=SETTINGS + 'refresh = "keep"\n'))
    first = project.run()
    _edit(project, '["ham", "spam"]', '["spam", "ham"]', "labelwright.toml")
    planned, turned = project.plan(), project.run()
    assert not turned.end_model_is_stale
    assert planned.operations["end_model"] == turned.operations["end_models_trained"] == 1
    accuracies = [r.to_dict()["scores"]["test"]["models"]["end model"]["accuracy"]["value"] for r in (first, turned)]
    assert accuracies[0] == accuracies[1]


@pytest.mark.parametrize("after", ["full", "raise"])
def test_a_function_that_failed_once_and_then_not_has_not_failed(make_project, after):
    lost = """
import os
import labelwright as lw

@lw.labeling_function(labels=["spam"], depends_on=["a server"])
def asks(x):
    if not os.path.exists(os.environ["SERVER"]):
        raise ConnectionError
    return "spam"

sings = lw.keyword_lf("sings", ["song"], label="ham", field="text")
"""
    project = lw.Project(make_project(settings=WITHOUT_END_MODEL + '\n[apply]\non_error = "abstain"\n', functions=lost))
    server = project.folder / "server"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("SERVER", str(server))
        assert any("asks failed" in text for text in project.run().warnings)
        server.write_text("here")
        if after == "raise":
            _edit(project, '"abstain"', '"raise"', "labelwright.toml")
        there = project.run(full=after == "full")
        again = project.run()
        assert again.run_id == there.run_id
        assert again.operations["function_applications"] == 0
        if after == "raise":
            _edit(project, '"raise"', '"abstain"', "labelwright.toml")
        assert not any("asks failed" in text for text in project.run().warnings)


def test_an_example_is_found_with_its_votes_and_labels(ran):
    project, _ = ran
    kept = KeptRun.latest(project.folder)
    row = kept.example("k033")
    assert (row.id, row.split, row.values["text"]) == ("k033", "train", rows()[33]["text"])
    ids = kept.votes("train").example_ids.tolist()
    np.testing.assert_array_equal(kept.votes_of("k033").values[0], kept.votes("train").values[ids.index("k033")])
    np.testing.assert_array_equal(
        kept.soft_labels_of("k033").probs[0], kept.soft_labels("train").probs[ids.index("k033")]
    )
    with pytest.raises(ProjectError, match="no example 'k999'"):
        kept.example("k999")


def test_ids_from_content_say_nothing_of_gold(make_project):
    settings = WITHOUT_END_MODEL.replace('id = "key"\n', "")
    table = rows()
    for row in table:
        row["gold"] = "ham" if row["gold"] == "spam" else "spam"
    right = lw.Project(make_project("right", settings=settings))
    wrong = lw.Project(make_project("wrong", settings=settings, table=table))
    found = right.run(), wrong.run()
    ids = [KeptRun.latest(p.folder).votes("train").example_ids.tolist() for p in (right, wrong)]
    assert ids[0] == ids[1]
    assert KeptRun.latest(right.folder).example(ids[0][5]).split == "train"
    assert found[0].artifacts["label_model"] == found[1].artifacts["label_model"]
