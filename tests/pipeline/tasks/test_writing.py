"""Soft labels of several tasks as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from labelwright.core import TaskGraph
from labelwright.core.errors import DataError
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Refines, Task
from labelwright.pipeline.tasks import writing
from labelwright.pipeline.tasks.writing import write_task_labels

GRAPH = TaskGraph([Task("grade/high", [0, 1]), Task("kind", ["a", "b", "c"])], [Refines("kind", "grade/high", 1)])


def labels(ids):
    probs = {"grade/high": [[0.4, 0.6], [0.9, 0.1]], "kind": [[0.3, 0.2, 0.1, 0.4], [0.1, 0, 0, 0.9]]}
    return TaskLabels(GRAPH, probs, [[True, True], [True, False]], example_ids=ids)


VECTORS = np.array([[1, 0], [0, 3]])


def test_a_file_for_each_task_holds_what_the_labels_hold(tmp_path):
    found = {"train": labels(["a", "b"]), "test": labels(["c", "d"])}
    files = write_task_labels(tmp_path / "out", found, {"train": VECTORS, "test": VECTORS}, has_ids=True)
    assert {task: path.name for task, path in files.items()} == {
        "grade/high": "grade_high.parquet",
        "kind": "kind.parquet",
    }
    grade, kind = (pl.read_parquet(path) for path in files.values())
    assert grade.columns == ["id", "split", "label", "prob_0", "prob_1", "covered"]
    assert grade["id"].to_list() == ["a", "b", "c", "d"]
    assert grade["split"].to_list() == ["train", "train", "test", "test"]
    assert grade["label"].to_list() == [1, 0, 1, 0]
    # Where nothing says anything about a task there is no label.
    assert kind["label"].to_list() == ["a", None, "a", None]
    assert kind["prob_N/A"].to_list() == [0.4, 0.9, 0.4, 0.9]
    assert json.loads((tmp_path / "out" / "tasks.json").read_text())["kind"] == {
        "file": "kind.parquet",
        "states": ["a", "b", "c", "N/A"],
    }


def test_examples_without_ids_are_called_by_their_row(tmp_path):
    files = write_task_labels(tmp_path / "out", {"train": labels([0, 1])}, {"train": VECTORS}, has_ids=False)
    assert pl.read_parquet(files["kind"])["row"].to_list() == [0, 1]


def test_what_was_written_before_is_replaced_and_anything_else_is_left_alone(tmp_path):
    given = {"train": labels(["a", "b"])}, {"train": VECTORS}
    write_task_labels(tmp_path / "out", *given, has_ids=True)
    write_task_labels(tmp_path / "out", *given, has_ids=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match=r"has no tasks.json, so it is left alone"):
        write_task_labels(other, *given, has_ids=True)
    assert [path.name for path in other.iterdir()] == ["mine.txt"]


def test_a_write_that_fails_leaves_the_old_files_whole(tmp_path, monkeypatch):
    given = {"train": labels(["a", "b"])}, {"train": VECTORS}
    write_task_labels(tmp_path / "out", *given, has_ids=True)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    plain = writing.write_frames

    def failing(frames, path: Path, to):
        if path.name == "kind.parquet":
            raise OSError("no space left")
        return plain(frames, path, to)

    monkeypatch.setattr(writing, "write_frames", failing)
    with pytest.raises(OSError, match="no space left"):
        write_task_labels(tmp_path / "out", *given, has_ids=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
