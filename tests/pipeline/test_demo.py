"""The demonstration: real data, blind to the diagnosis, and a project like any other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.pipeline import run_demo, write_demo


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo") / "biopsies")


def test_functions_read_the_worst_nuclei_and_the_end_model_the_means(ran):
    files, _ = ran
    project = lw.Project(files.folder)
    source = (files.folder / "supervision.py").read_text()
    declared = {field for f in project.functions for field in f.fields or ()}
    fields = declared | set(re.findall(r"\bx\.(\w+)", source))
    assert len(fields) == 8
    assert all(f.startswith("worst_") for f in fields)
    assert {f.labels[0] for f in project.functions} == {"benign", "malignant"}
    assert len(project.functions) == 11
    assert all(f.startswith("mean_") for f in project.settings.end_model.fields)
    assert len(project.settings.end_model.fields) == 10


def test_thresholds_follow_the_one_rule_that_was_stated(ran):
    """A marked sign is the highest quarter of the unlabelled slides, an absent one the lower half or quarter."""
    files, _ = ran
    votes = lw.apply(lw.Project(files.folder).functions, files.folder / "biopsies.csv", classes=["benign", "malignant"])
    coverage = dict(zip(votes.sources, (votes.values >= 0).mean(axis=0), strict=True))
    for name in ("large_nuclei", "deep_indentations", "concave_outline", "coarse_chromatin", "jagged_outline"):
        assert coverage[name] == pytest.approx(0.25, abs=0.02)
    for name in ("small_nuclei", "few_indentations"):
        assert coverage[name] == pytest.approx(0.5, abs=0.02)
    assert coverage["fine_chromatin"] == pytest.approx(0.25, abs=0.02)


def test_what_it_shows(ran):
    _, result = ran
    board = result.scores[0]
    assert [m.role for m in board.models] == ["majority vote", "label model", "end model", "supervised"]
    assert sum(result.splits.values()) == 569
    for model in board.models:
        accuracy = model.scores.accuracy
        assert accuracy.n == result.splits["test"]
        # Always saying "benign" is right on 62.7% of the data; none of these models may come near that.
        assert 0.8 < accuracy.low < accuracy.value < accuracy.high
        assert model.scores.roc_auc.value > 0.9
    assert result.report.exists()


def test_data_are_those_that_scikit_learn_ships(ran):
    from sklearn.datasets import load_breast_cancer

    frame = pl.read_csv(ran[0].folder / "biopsies.csv")
    bunch = load_breast_cancer()
    assert frame.columns[:2] == ["biopsy", "diagnosis"]
    assert (frame["diagnosis"] == "malignant").sum() == (bunch.target_names[bunch.target] == "malignant").sum() == 212
    np.testing.assert_array_equal(frame["worst_radius"], bunch.data[:, list(bunch.feature_names).index("worst radius")])


def test_files_that_are_there_are_kept(tmp_path: Path):
    first = write_demo(tmp_path)
    assert first.kept == ()
    (tmp_path / "supervision.py").write_text("# mine\n")
    assert write_demo(tmp_path).kept == ("labelwright.toml", "supervision.py", "biopsies.csv")
    assert (tmp_path / "supervision.py").read_text() == "# mine\n"
    assert write_demo(tmp_path, force=True).kept == ()
    assert (tmp_path / "supervision.py").read_text() != "# mine\n"
