"""Labelled examples of several tasks for others to read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from labelwright.core.errors import DataError, ProjectError
from labelwright.endmodels import load
from labelwright.pipeline import Project
from labelwright.pipeline.kept.keep import KeptRun


def test_every_task_has_a_file_and_their_labels_agree(finished: Path, tmp_path: Path) -> None:
    assert Project(finished).export(tmp_path / "out", split="all") == 240
    named = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert list(named) == list(KeptRun.latest(finished).tasks)
    tables = {task: pl.read_parquet(tmp_path / "out" / one["file"]) for task, one in named.items()}
    run = KeptRun.latest(finished)
    assert ((tables["kind"]["label"] == "N/A") == (tables["finding"]["label"] == "normal")).all()
    for task, table in tables.items():
        assert table["key"].to_list() == [i for split in run.splits for i in run.frame(split)["key"]]
        probs = np.concatenate([run.task_labels(split).probs[task] for split in run.splits])
        assert np.array_equal(table.select(f"prob_{s}" for s in run.graph.states(task)).to_numpy(), probs)
        votes = np.concatenate([run.of_task(task).votes(split).values for split in run.splits])
        assert table["votes"].to_list() == (votes >= 0).sum(axis=1).tolist()
        # The columns of gold are the data's; labels are beside them.
        assert "finding" in table.columns
        assert table["run_id"].unique().to_list() == [run.row.run_id]


@pytest.mark.parametrize("to", ["csv", "jsonl", "hf"])
def test_other_formats_hold_the_same_labels(finished: Path, tmp_path: Path, to: str) -> None:
    Project(finished).export(tmp_path / "out", to, split="valid")  # type: ignore[arg-type]
    named = json.loads((tmp_path / "out" / "tasks.json").read_text())
    path = tmp_path / "out" / named["urgent"]["file"]
    expected = KeptRun.latest(finished).task_labels("valid").probs["urgent"][:, 1].tolist()
    if to == "hf":
        found = pl.read_ipc_stream(path / "data-00000-of-00001.arrow")
    else:
        found = pl.read_csv(path) if to == "csv" else pl.read_ndjson(path)
    assert found["prob_yes"].to_list() == pytest.approx(expected, rel=1e-12)


def test_one_task_is_one_file(finished: Path, tmp_path: Path) -> None:
    count = Project(finished).export(tmp_path / "kind.csv", "csv", task="kind")
    found = pl.read_csv(tmp_path / "kind.csv")
    assert found.height == count == 120
    assert set(found["label"].drop_nulls()) <= {"mass", "nodule", "N/A"}


def test_what_cannot_be_is_refused_and_nothing_is_written(finished: Path, tmp_path: Path) -> None:
    project = Project(finished)
    with pytest.raises(ProjectError, match="has no task 'size'; it has"):
        project.export(tmp_path / "size.csv", "csv", task="size")
    with pytest.raises(ProjectError, match="has no split 'dev'"):
        project.export(tmp_path / "out", split="dev")
    with pytest.raises(DataError, match=r"must end in \.csv"):
        project.export(tmp_path / "kind.parquet", "csv", task="kind")
    with pytest.raises(ProjectError, match="each task has an end model of its own; name one"):
        project.export_model(tmp_path / "model")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    with pytest.raises(DataError):
        project.export(mine)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]


def test_the_end_model_of_a_task_works_alone(finished: Path, tmp_path: Path) -> None:
    Project(finished).export_model(tmp_path / "model", task="finding")
    model = load(tmp_path / "model")
    assert (model.classes, model.fields) == (("normal", "abnormal"), ("text", "a"))
    assert model.predict_proba({"text": ["a report"], "a": ["mass"]})[0, 1] > 0.5
