"""Exports: every format holds the same labels with their lineage; spreadsheets run no formula."""

from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.writing import guard_formulas, write_frames

from .conftest import SETTINGS, rows


def test_labels_carry_probabilities_and_lineage(project, tmp_path):
    assert project.export(tmp_path / "x.parquet") == 60
    frame = pl.read_parquet(tmp_path / "x.parquet")
    run = KeptRun.latest(project.folder)
    soft, votes = run.soft_labels("train"), run.votes("train")
    np.testing.assert_array_equal(frame.select("prob_ham", "prob_spam").to_numpy(), soft.probs)
    np.testing.assert_array_equal(frame["covered"].to_numpy(), soft.covered)
    np.testing.assert_array_equal(frame["votes"].to_numpy(), (votes.values >= 0).sum(axis=1))
    assert frame["key"].to_list() == soft.example_ids.tolist()
    assert frame["run_id"].unique().to_list() == [run.row.run_id]
    assert frame["label_model_id"].unique().to_list() == [run.artifact("label_model").digest]
    assert frame["functions_hash"].unique().to_list() == [run.artifact("functions").digest]
    assert frame.filter(~pl.col("covered"))["label"].null_count() == int((~soft.covered).sum()) > 0
    best = soft.probs.argmax(axis=1)
    sure = frame.filter(pl.col("label").is_not_null())
    assert sure["label"].to_list() == [soft.classes[c] for c in best[frame["label"].is_not_null().to_numpy()]]


@pytest.mark.parametrize("to", ["parquet", "jsonl", "csv", "hf"])
def test_every_format_holds_the_same(project, tmp_path, to):
    project.export(tmp_path / "base.parquet", split="all")
    base = pl.read_parquet(tmp_path / "base.parquet")
    path = tmp_path / f"x.{to}"
    assert project.export(path, to, split="all") == base.height == 80
    if to == "hf":
        datasets = pytest.importorskip("datasets")
        loaded = datasets.load_from_disk(str(path))
        found = pl.DataFrame(loaded.to_list())
        assert loaded.features["prob_spam"].dtype == "float64"
    else:
        found = {"parquet": pl.read_parquet, "jsonl": pl.read_ndjson, "csv": pl.read_csv}[to](path)
    assert found.columns == base.columns
    for name in base.columns:
        if not (to == "csv" and name == "text"):
            assert found[name].to_list() == base[name].to_list()


def test_without_an_id_column_an_export_says_what_to_ask_for(make_project, tmp_path):
    project = lw.Project(make_project(settings=SETTINGS.replace('id = "key"\n', "")))
    project.run()
    project.export(tmp_path / "x.parquet", split="all")
    frame = pl.read_parquet(tmp_path / "x.parquet")
    asked = frame.row(3, named=True)
    found = project.explain(asked["example_id"])
    assert found.probs[1] == asked["prob_spam"]
    assert dict(found.fields)["text"] == asked["text"]


def test_a_spreadsheet_gets_no_formula(project, tmp_path):
    project.export(tmp_path / "x.csv", "csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert texts[0].startswith("'=HYPERLINK")
    assert not any(text[:1] in "=+-@\t\r" for text in texts)


def test_only_texts_are_guarded():
    frame = pl.DataFrame({"text": ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "a=1", "", None], "n": [-1.0] * 9})
    assert guard_formulas(frame)["text"].to_list() == ["'=1", "'+1", "'-1", "'@a", "'\t=1", "'\r=1", "a=1", "", None]
    assert guard_formulas(frame)["n"].to_list() == [-1.0] * 9


def test_columns_of_the_data_with_our_names_are_kept_under_another(make_project, tmp_path):
    table = [{**row, "label": "theirs", "votes": "7"} for row in rows()]
    project = lw.Project(make_project(table=table))
    project.run()
    project.export(tmp_path / "x.parquet")
    frame = pl.read_parquet(tmp_path / "x.parquet")
    assert frame["data_label"].unique().to_list() == ["theirs"]
    assert frame["data_votes"].unique().to_list() == [7]
    assert set(frame["label"].unique().to_list()) == {"ham", "spam", None}
    assert frame["split"].unique().to_list() == frame["data_split"].unique().to_list() == ["train"]


def test_what_is_exported_is_what_the_run_labelled_whatever_changed_since(project, tmp_path):
    project.export(tmp_path / "before.parquet")
    path = project.folder / "comments.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:1] + lines[2:]) + "\n")
    project.export(tmp_path / "after.parquet")
    assert pl.read_parquet(tmp_path / "after.parquet").equals(pl.read_parquet(tmp_path / "before.parquet"))


def test_wrong_requests_are_refused(project, tmp_path):
    with pytest.raises(ProjectError, match="no split 'valid'; allowed: train, test, all"):
        project.export(tmp_path / "x.parquet", split="valid")
    with pytest.raises(DataError, match="allowed: parquet, jsonl, csv, hf"):
        project.export(tmp_path / "x", "xlsx")
    before = (project.folder / "comments.csv").read_bytes()
    with pytest.raises(DataError, match="the project's own data"):
        project.export(project.folder / "comments.csv", "csv")
    assert (project.folder / "comments.csv").read_bytes() == before
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        project.export(tmp_path / "folder.csv", "csv")
    with pytest.raises(DataError, match=r"must end in \.csv"):
        project.export(tmp_path / "x.parquet", "csv")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    for export in (lambda: project.export(tmp_path / "mine", "hf"), lambda: project.export_model(tmp_path / "mine")):
        with pytest.raises(DataError, match="left alone"):
            export()
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["precious"]


def test_an_export_replaces_the_one_before(project, tmp_path):
    for _ in range(2):
        project.export(tmp_path / "hf", "hf")
        project.export_model(tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "hf").iterdir()) == [
        "data-00000-of-00001.arrow",
        "dataset_info.json",
        "state.json",
    ]


def test_nested_columns_reach_datasets(tmp_path):
    datasets = pytest.importorskip("datasets")
    frame = pl.DataFrame({"words": [["a", "b"], []], "box": [{"x": 1}, {"x": 2}], "kind": ["u", "v"]})
    write_frames(iter([frame.cast({"kind": pl.Categorical})] * 2), tmp_path / "hf", "hf")
    loaded = datasets.load_from_disk(str(tmp_path / "hf"))
    assert loaded.to_list() == frame.to_dicts() * 2


def test_an_error_half_way_leaves_no_file(tmp_path):
    def frames():
        yield pl.DataFrame({"a": [1]})
        raise KeyboardInterrupt

    for to in ("parquet", "csv", "jsonl", "hf"):
        with pytest.raises(KeyboardInterrupt):
            write_frames(frames(), tmp_path / "x", to)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_joined_under_one_header(tmp_path):
    write_frames(iter([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})]), tmp_path / "x.csv", "csv")
    assert (tmp_path / "x.csv").read_text() == "a\n1\n2\n"
