"""Labelling a project on several tasks: what is found is what the rooms below find, and gold only scores."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.core.errors import DataError, FunctionError, LabelingError, ProjectError
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.settings import read_settings
from labelwright.pipeline.supervision import load_functions
from labelwright.pipeline.tasks.labelling import label_tasks

from .conftest import FUNCTIONS, SETTINGS


def edited(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_labels_are_those_of_the_joint_model_fitted_on_train(reports):
    found = label_tasks(reports)
    graph = read_settings(reports, several_tasks=True).graph
    table = pl.read_csv(reports / "reports.csv")
    votes = {
        split: lw.apply(load_functions(reports), table.filter(pl.col("split") == split), id="key", tasks=graph)
        for split in ("train", "valid", "test")
    }
    model = MultiTask().fit(votes["train"])
    for split, own in votes.items():
        expected = model.soft_labels(own)
        assert found.labels[split].example_ids.tolist() == own.example_ids.tolist()
        for task in graph.names:
            assert np.array_equal(found.labels[split].probs[task], expected.probs[task])
    assert found.contradictions.by_tasks == votes["train"].contradicting() != {}
    assert found.contradictions.examples == votes["train"].contradictions().sum() == found.contradictions.repaired
    assert all(pair.examples >= pair.first_kept + pair.second_kept for pair in found.contradictions.pairs)
    assert found.feasible == sum(found.splits.values()) == 240
    finding, kind, urgent = found.tasks
    assert [s.name for s in kind.sources] == ["reader_a", "reader_b", "reader_c"]
    assert [s.accuracy for s in kind.sources] == model.accuracies_["kind"].tolist()
    said = votes["train"].by_task["finding"].values
    assert [s.votes for s in finding.sources] == (said >= 0).sum(axis=0).tolist()
    assert urgent.covered == votes["train"].covered[:, 2].mean()
    assert found.warnings == ()


def test_scores_are_of_the_labels_that_are_written(reports, tmp_path):
    found = label_tasks(reports, write=tmp_path / "out")
    table = pl.read_csv(reports / "reports.csv").select("key", "finding", "kind")
    assert set(found.files) == {"finding", "kind", "urgent"}
    for task in found.tasks[:2]:
        labels = pl.read_parquet(found.files[task.name]).join(table, left_on="id", right_on="key")
        assert labels.height == 240
        assert set(task.scores) == {"valid", "test"}
        for split, one in task.scores.items():
            own = labels.filter(pl.col("split") == split)
            assert one.n == own.height == 60
            # Every example of this project is covered, so every one has a label.
            assert one.accuracy.value == pytest.approx((own["label"] == own[task.name]).mean())
            assert one.accuracy.value > 0.85
    assert found.tasks[2].scores == {}
    kinds, findings = (pl.read_parquet(found.files[task]) for task in ("kind", "finding"))
    assert ((kinds["label"] == "N/A") == (findings["label"] == "normal")).all()
    assert np.allclose(kinds["prob_N/A"], findings["prob_normal"])


def test_gold_changes_scores_and_nothing_else(reports):
    before = label_tasks(reports)
    table = pl.read_csv(reports / "reports.csv")
    table = table.with_columns(finding=pl.lit("normal"), kind=pl.lit(None, dtype=pl.String))
    table.write_csv(reports / "reports.csv")
    after = label_tasks(reports)
    assert after.tasks[0].scores != before.tasks[0].scores
    assert after.tasks[1].scores == {}  # gold that is unknown everywhere measures nothing
    for split, labels in before.labels.items():
        for task, probs in labels.probs.items():
            assert np.array_equal(after.labels[split].probs[task], probs)


def test_each_split_may_be_a_file_and_functions_may_say_one_of_these(reports):
    table = pl.read_csv(reports / "reports.csv")
    for split in ("train", "valid", "test"):
        table.filter(pl.col("split") == split).write_csv(reports / f"{split}.csv")
    # Partial votes occur in test alone, so that what a code means differs between the files.
    edited(
        reports / "supervision.py",
        '        if word in ("mass", "nodule"):\n',
        '        if x.split == "test" and word == "mass" and reader == "a":\n'
        '            return {"kind": ["mass", "nodule"]}\n'
        '        if word in ("mass", "nodule"):\n',
    )
    before = label_tasks(reports)
    edited(reports / "labelwright.toml", 'path = "reports.csv"\n', "")
    edited(
        reports / "labelwright.toml",
        'column = "split"\ntrain = "train"\nvalid = "valid"\ntest = "test"',
        'train = "train.csv"\nvalid = "valid.csv"\ntest = "test.csv"',
    )
    after = label_tasks(reports)
    assert after.splits == before.splits
    for split, labels in before.labels.items():
        assert np.allclose(after.labels[split].probs["kind"], labels.probs["kind"], atol=1e-12)


def test_failures_and_tasks_without_functions_are_warned_of(reports):
    edited(reports / "supervision.py", "[*said.values(), ward]", "list(said.values())")
    edited(reports / "supervision.py", "        word =", "        assert x.key != 'r7'\n        word =")
    with pytest.raises(LabelingError, match="r7"):
        label_tasks(reports)
    (reports / "labelwright.toml").write_text(SETTINGS + '[apply]\non_error = "abstain"\n', encoding="utf-8")
    found = label_tasks(reports)
    assert [w.split(":")[0] for w in found.warnings] == [
        *(f"reader_{r} failed on 1 of 240 examples (AssertionError" for r in "abc"),
        "no function votes on task 'urgent'",
    ]
    assert found.tasks[2].sources == ()


def test_plain_values_become_json(reports, tmp_path):
    found = json.loads(json.dumps(label_tasks(reports, write=tmp_path / "out").to_dict()))
    assert found["tasks"]["kind"]["states"] == ["mass", "nodule", "N/A"]
    assert found["graph"][1] == "  kind: mass, nodule (where finding is abnormal)"
    assert found["contradictions"]["by_tasks"][0]["tasks"] == ["finding", "kind"]
    assert found["components"] == [{"tasks": ["finding", "urgent", "kind"], "stale": True, "reasons": ["first run"]}]
    assert found["files"]["kind"].endswith("kind.parquet")


def test_nothing_of_the_project_is_written_over(reports):
    for place in (".labelwright/labels", "supervision.py", "reports.csv"):
        with pytest.raises(DataError, match="write to another file"):
            label_tasks(reports, write=reports / place)
    with pytest.raises(DataError, match="left alone"):
        label_tasks(reports, write=reports)
    assert sorted(path.name for path in reports.iterdir()) == ["labelwright.toml", "reports.csv", "supervision.py"]


def test_functions_must_say_on_what_they_vote(reports):
    (reports / "supervision.py").write_text(FUNCTIONS.replace('task="urgent", ', ""), encoding="utf-8")
    with pytest.raises(FunctionError, match="ward"):
        label_tasks(reports)


def test_a_project_with_one_task_is_told_to_run(reports):
    (reports / "labelwright.toml").write_text('[data]\npath = "reports.csv"\n[task]\nclasses = ["a", "b"]\n')
    with pytest.raises(ProjectError, match=r"one \[task\], which `labelwright run` labels"):
        label_tasks(reports)
    assert not read_settings(reports, several_tasks=None).has_tasks
