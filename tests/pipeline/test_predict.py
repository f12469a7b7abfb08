"""Predicting: nothing is refitted, the end model needs no function, an exported one no project."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import labelwright as lw
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline import predict_file, predict_with_model_folder
from labelwright.pipeline.kept.keep import KeptRun

NEW = pl.DataFrame({"text": ["subscribe http://me.now", "love that song", "what", None]})


def test_the_end_model_reads_its_fields_and_no_function(project):
    (project.folder / "supervision.py").unlink()
    (project.folder / "comments.csv").unlink()
    found = project.predict(NEW)
    assert found.columns == ["row", "label", "prob_ham", "prob_spam", "covered", "model"]
    assert found["label"].to_list()[:2] == ["spam", "ham"]
    assert found["covered"].to_list() == [True, True, True, False]
    assert found["label"][3] is None
    np.testing.assert_allclose(found["prob_ham"] + found["prob_spam"], 1)
    assert found["model"].unique().to_list() == [
        f"end_model:{KeptRun.latest(project.folder).artifact('end_model').short}"
    ]


def test_the_label_model_gives_new_examples_what_its_votes_give(project):
    found = project.predict(NEW.head(3), model="label")
    votes = lw.apply(project.functions, NEW.head(3), classes=["ham", "spam"])
    expected = KeptRun.latest(project.folder).label_model().soft_labels(votes)
    np.testing.assert_array_equal(found["prob_spam"].to_numpy(), expected.probs[:, 1])
    assert found["covered"].to_list() == [True, True, False]
    assert found["label"].to_list() == ["spam", "ham", None]


def test_predictions_of_the_training_data_are_the_labels_of_the_run(project):
    train = pl.read_csv(project.folder / "comments.csv").filter(pl.col("split") == "train")
    soft = KeptRun.latest(project.folder).soft_labels("train")
    np.testing.assert_array_equal(project.predict(train, model="label")["prob_spam"].to_numpy(), soft.probs[:, 1])


def test_nothing_is_fitted(project, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("fit was called")

    for place in ("labelmodels.LabelModel.fit", "labelmodels.LabelModel.solve", "endmodels.NoiseAwareClassifier.fit"):
        monkeypatch.setattr(f"labelwright.{place}", refuse)
    project.predict(NEW)
    project.predict(NEW.head(3), model="label")


def test_an_exported_model_needs_no_project(project, tmp_path):
    inside = project.predict(NEW)
    project.export_model(tmp_path / "model")
    shutil.rmtree(project.folder)
    outside = pl.concat(list(predict_with_model_folder(tmp_path / "model", NEW)))
    assert_frame_equal(inside, outside)
    model = lw.endmodels.load(tmp_path / "model")
    np.testing.assert_array_equal(model.predict_proba({"text": NEW["text"].to_list()})[:, 1], inside["prob_spam"])


def test_changed_functions_do_not_fit_the_label_model(project):
    path = project.folder / "supervision.py"
    source = path.read_text()
    for edit, words in (
        (source.replace('"song" in', '"songs" in'), "'song' changed"),
        (source.replace("def love", "def loves"), "'love' was removed"),
        (source + '\n@lw.labeling_function(labels=["ham"])\ndef more(x):\n    return None\n', "'more' is new"),
    ):
        path.write_text(edit)
        with pytest.raises(ProjectError, match=f"{words}.*labelwright run"):
            project.predict(NEW, model="label")
    path.write_text(source + "\n# a comment\n")
    project.predict(NEW.head(3), model="label")


def test_ids_are_kept_where_the_new_data_has_them(project):
    found = project.predict(NEW.with_columns(pl.Series("key", ["a", "b", "c", "d"])))
    assert found["key"].to_list() == ["a", "b", "c", "d"]


def test_no_examples_give_no_predictions(project):
    found = project.predict(NEW.head(0))
    assert found.height == 0
    assert found.columns == project.predict(NEW).columns


def test_a_missing_field_is_named(project):
    with pytest.raises(DataError, match=r"reads the column 'text', which the data does not have.*has body"):
        project.predict(pl.DataFrame({"body": ["x"]}))


def test_a_project_without_run_or_end_model_says_so(make_project):
    settings = '[data]\npath = "comments.csv"\n[task]\nclasses = ["ham", "spam"]\n'
    project = lw.Project(make_project(settings=settings))
    with pytest.raises(ProjectError, match="run it first: labelwright run"):
        project.predict(NEW)
    project.run()
    with pytest.raises(ProjectError, match=r"made no end model;.*--model label"):
        project.predict(NEW)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_a_file_of_predictions_holds_what_predict_gives(project, tmp_path, name):
    data = tmp_path / "new.parquet"
    NEW.head(3).write_parquet(data)
    answer = predict_file(data, project=project.folder, output=tmp_path / name)
    assert (answer.count, answer.rows) == (3, None)
    read = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet}[Path(name).suffix]
    assert_frame_equal(read(tmp_path / name), project.predict(data), check_dtypes=name == "out.parquet")
    with pytest.raises(DataError, match="is the data itself"):
        predict_file(data, project=project.folder, output=data)
    with pytest.raises(DataError, match=r"must end in .csv, .jsonl, .parquet"):
        predict_file(data, project=project.folder, output=tmp_path / "out.xlsx")


@pytest.mark.parametrize("model", ["end", "label"])
def test_texts_that_look_like_numbers_are_texts(project, tmp_path, model):
    data = tmp_path / "new.csv"
    data.write_text("text\n123\n456\n")
    assert pl.read_csv(data)["text"].dtype == pl.Int64
    as_text = pl.DataFrame({"text": ["123", "456"]})
    assert_frame_equal(project.predict(data, model=model), project.predict(as_text, model=model))
    project.export_model(tmp_path / "model")
    assert predict_file(data, project=tmp_path, model_folder=tmp_path / "model").count == 2


def test_a_file_without_examples_is_refused_and_nothing_is_written(project, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text("text\n")
    for model in ("end", "label"):
        for output in (None, tmp_path / "out.csv"):
            with pytest.raises(DataError, match="no examples"):
                predict_file(data, project=project.folder, model=model, output=output)
    assert [p.name for p in tmp_path.glob("*out*")] == []


def test_a_model_folder_that_is_not_there(project, tmp_path):
    with pytest.raises(DataError, match="there is no folder nosuch") as caught:
        predict_file(tmp_path / "x.csv", project=project.folder, model_folder=Path("nosuch"))
    assert "Errno" not in str(caught.value)
