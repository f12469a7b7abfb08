"""A run: deterministic, whole or not at all, and blind to gold."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.core.errors import FallbackWarning, LabelingError, ModelError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.noticing import RunWarning
from labelwright.pipeline.settings import LABEL_MODELS

from ..conftest import FUNCTIONS, SETTINGS, rows


def test_a_run_labels_trains_scores_and_reports(make_project):
    folder = make_project()
    steps: list[str] = []
    result = lw.Project(folder).run(step=steps.append)
    assert result.splits == {"train": 60, "test": 20}
    assert [m.role for m in result.scores[0].models] == ["majority vote", "label model", "end model"]
    assert result.scores[0].split == "test"
    assert result.scores[0].models[1].scores.n == 20
    page = result.report.read_text(encoding="utf-8")
    assert result.run_id in page
    assert not re.search(r"(?:src|href)=[\"']https?:", page)
    assert any("applying 4 functions" in step for step in steps)
    assert set(result.artifacts) == {
        *("settings", "functions", "label_model", "end_model", "metrics", "report", "schema", "source"),
        *("votes", "soft_labels", "data", "stats", "predictions.end_model.test"),
    }


def test_running_again_gives_the_same_bytes_and_the_same_id(make_project):
    one, two = lw.Project(make_project("one")), lw.Project(make_project("two"))
    first, again, elsewhere = one.run(), one.run(), two.run()
    assert (first.number, again.number) == (1, 2)
    assert first.run_id == again.run_id == elsewhere.run_id
    for role in ("soft_labels", "label_model", "end_model", "votes"):
        assert first.artifacts[role] == again.artifacts[role] == elsewhere.artifacts[role]


def test_an_edit_of_a_function_gives_another_run(make_project):
    folder = make_project()
    before = lw.Project(folder).run()
    source = (folder / "supervision.py").read_text()
    (folder / "supervision.py").write_text(source.replace('"song" in', '"best song" in'))
    after = lw.Project(folder).run()
    assert after.run_id != before.run_id
    assert after.artifacts["votes"] != before.artifacts["votes"]
    (folder / "supervision.py").write_text("# a comment is no change\n" + source)
    assert lw.Project(folder).run().run_id == before.run_id


def test_gold_moves_scores_and_nothing_else(make_project):
    table = rows()
    for row in table:
        row["gold"] = "ham" if row["gold"] == "spam" else "spam"
    right, wrong = lw.Project(make_project("right")).run(), lw.Project(make_project("wrong", table=table)).run()
    for role in ("soft_labels", "label_model", "end_model"):
        assert right.artifacts[role] == wrong.artifacts[role]
    assert right.artifacts["metrics"] != wrong.artifacts["metrics"]


def test_the_ceiling_is_for_comparison_only(make_project):
    settings = SETTINGS + "\n[score]\nsupervised = true\n"
    with_ceiling, without = lw.Project(make_project("with", settings=settings)).run(), lw.Project(make_project()).run()
    assert [m.role for m in with_ceiling.scores[0].models][-1] == "supervised"
    assert with_ceiling.artifacts["end_model"] == without.artifacts["end_model"]


def test_gold_of_train_is_not_shown(make_project):
    result = lw.Project(make_project()).run()
    assert [board.split for board in result.scores] == ["test"]
    assert result.summary.n == 20  # judged on test, not on train with its gold


def test_without_gold_nothing_is_scored_and_everything_else_works(make_project):
    settings = SETTINGS.replace('gold = "gold"', "")
    result = lw.Project(make_project(settings=settings)).run()
    assert result.scores == ()
    assert not result.summary.has_gold
    assert "nothing was scored" in result.report.read_text(encoding="utf-8").lower()


def test_without_splits_and_end_model_all_examples_are_labelled(make_project):
    settings = '[data]\npath = "comments.csv"\n[task]\nclasses = ["ham", "spam"]\n'
    result = lw.Project(make_project(settings=settings)).run()
    assert result.splits == {"train": 80}
    assert "end_model" not in result.artifacts


def test_majority_vote_can_be_the_method(make_project):
    settings = SETTINGS + '\n[label_model]\nmethod = "majority_vote"\nclass_balance = [0.7, 0.3]\n'
    folder = make_project(settings=settings)
    lw.Project(folder).run()
    soft = KeptRun.latest(folder).soft_labels("train")
    np.testing.assert_allclose(soft.probs[~soft.covered], [[0.7, 0.3]] * int((~soft.covered).sum()))


@pytest.mark.filterwarnings("ignore::labelwright.core.errors.FallbackWarning")
@pytest.mark.parametrize("method", list(LABEL_MODELS))
def test_each_method_of_the_family_can_be_named(make_project, method):
    folder = make_project(settings=SETTINGS + f'\n[label_model]\nmethod = "{method}"\n')
    lw.Project(folder).run()
    assert type(KeptRun.latest(folder).label_model()).__name__ == LABEL_MODELS[method]


def test_declared_dependencies_reach_the_model(make_project):
    folder = make_project(settings=SETTINGS + '\n[label_model]\ndependencies = [["has_link", "subscribe"]]\n')
    lw.Project(folder).run()
    assert KeptRun.latest(folder).label_model().get_params()["dependencies"] == [["has_link", "subscribe"]]
    folder = make_project(
        "other", settings=SETTINGS + '\n[label_model]\nmethod = "glad"\ndependencies = [["song", "love"]]\n'
    )
    with pytest.raises(ProjectError, match="glad takes none; methods that do: label_model"):
        lw.Project(folder).run()


def test_what_a_run_kept_is_what_it_made(make_project):
    folder = make_project()
    project = lw.Project(folder)
    project.run()
    kept = KeptRun.latest(folder)
    assert kept.splits == ["train", "test"]
    np.testing.assert_array_equal(kept.votes("train").values, project.apply(split="train").values)
    np.testing.assert_array_equal(
        kept.label_model().soft_labels(kept.votes("test")).probs, kept.soft_labels("test").probs
    )
    assert list(kept.functions()) == ["has_link", "subscribe", "song", "love"]


@pytest.mark.parametrize("where", ["labelwright.endmodels.save", "labelwright.store.Catalog.add_run"])
def test_a_stopped_run_leaves_the_last_one_as_it_was(make_project, monkeypatch, where):
    folder = make_project()
    before = lw.Project(folder).run()
    source = (folder / "supervision.py").read_text()
    (folder / "supervision.py").write_text(source.replace('"song" in', '"best song" in'))

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            lw.Project(folder).run()
    kept = KeptRun.latest(folder)
    assert kept.row.run_id == before.run_id
    assert kept.end_model() is not None
    assert [p.name for p in folder.rglob(".*") if p.name not in (".labelwright",)] == []


def test_a_function_that_raises_stops_the_run_or_is_counted(make_project):
    broken = FUNCTIONS + '\n@lw.labeling_function(labels=["spam"])\ndef broken(x):\n    return x.text[100]\n'
    folder = make_project(functions=broken)
    with pytest.raises(LabelingError, match="broken"):
        lw.Project(folder).run()
    with pytest.raises(ProjectError, match="no finished run"):
        KeptRun.latest(folder)
    (folder / "labelwright.toml").write_text(SETTINGS + '\n[apply]\non_error = "abstain"\n')
    with pytest.warns(RunWarning, match="broken failed on 80 of 80 examples"):
        result = lw.Project(folder).run()
    (warning,) = result.warnings
    assert warning.startswith("broken failed on 80 of 80 examples (IndexError: ")  # once, not once for each split
    page = result.report.read_text(encoding="utf-8")
    assert "broken failed on 80 of 80 examples" in page


def test_a_class_that_nothing_votes_for_is_named(make_project):
    functions = FUNCTIONS.partition('@lw.labeling_function(labels=["ham"])')[0]
    settings = SETTINGS.partition("[end_model]")[0]
    folder = make_project(functions=functions, settings=settings)
    with pytest.warns(FallbackWarning), pytest.warns(RunWarning, match="no function votes for 'ham': "):
        result = lw.Project(folder).run()
    (warning,) = result.warnings
    assert warning.startswith("no function votes for 'ham': ")
    assert result.to_dict()["warnings"] == [warning]
    assert "no function votes for" in result.report.read_text(encoding="utf-8")
    (folder / "labelwright.toml").write_text(SETTINGS)
    with pytest.warns(FallbackWarning), pytest.warns(RunWarning, match="'ham'"), pytest.raises(ModelError):
        lw.Project(folder).run()  # the end model finds one class only; the warning has said why


def test_the_report_says_of_which_split_a_figure_is(make_project):
    page = lw.Project(make_project()).run().report.read_text(encoding="utf-8")
    assert "How many test examples the sources reach" in page or "on each test example" in page
    assert "covered train examples" in page
    assert "A few train examples of each kind" in page
    settings = SETTINGS.replace('test = "test"', 'valid = "test"')
    page = lw.Project(make_project("valid", settings=settings)).run().report.read_text(encoding="utf-8")
    assert "A few valid examples of each kind" in page


def test_a_run_without_write_access_says_so_before_it_works(make_project, monkeypatch):
    folder = make_project()
    steps: list[str] = []

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(ProjectError, match=f"no write access to {re.escape(str(folder))}"):
        lw.Project(folder).run(step=steps.append)
    assert steps == []


def test_a_ceiling_without_gold_in_train_is_refused(make_project):
    table = [{**row, "gold": row["gold"] if row["split"] == "test" else ""} for row in rows()]
    folder = make_project(settings=SETTINGS + "\n[score]\nsupervised = true\n", table=table)
    with pytest.raises(ProjectError, match="needs gold labels in train"):
        lw.Project(folder).run()


def test_an_unknown_split_names_those_there_are(make_project):
    with pytest.raises(ProjectError, match="no split 'valid'; it has train, test"):
        lw.Project(make_project()).apply(split="valid")


def test_numbered_classes_groups_and_a_tabular_model(tmp_path):
    frame = pl.DataFrame(
        {
            "size": [float(i % 20) if i % 7 else None for i in range(200)],
            "width": [i % 20 for i in range(200)],
            "patient": [f"p{i // 4}" for i in range(200)],
            "sick": [int(i % 20 >= 10) for i in range(200)],
        }
    )
    frame.write_parquet(tmp_path / "x.parquet")
    (tmp_path / "labelwright.toml").write_text(
        """
        [data]
        path = "x.parquet"
        group = "patient"
        [data.splits]
        train = 0.5
        test = 0.5
        [task]
        classes = [0, 1]
        gold = "sick"
        [end_model]
        kind = "tabular"
        fields = ["size"]
        """
    )
    (tmp_path / "supervision.py").write_text(
        """
import labelwright as lw

wide = lw.threshold_lf("wide", "width", ">=", 9, 1)
narrow = lw.threshold_lf("narrow", "width", "<", 10, 0)
thin = lw.threshold_lf("thin", "width", "<", 5, 0)
"""
    )
    project = lw.Project(tmp_path)
    result = project.run()
    accuracy = result.scores[0].models[2].scores.accuracy
    assert accuracy.value > 0.8
    assert project.apply(split="test").groups is not None
    project.export(tmp_path / "out.parquet")
    exported = pl.read_parquet(tmp_path / "out.parquet")
    assert exported.schema["label"] == pl.Int64
    assert {"prob_0", "prob_1"} <= set(exported.columns)
    assert project.predict([{"size": 19.0}, {"size": 0.0}, {"size": None}])["label"].to_list() == [1, 0, None]
