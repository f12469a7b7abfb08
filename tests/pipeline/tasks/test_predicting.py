"""Predictions of new examples on several tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from labelwright.cli.app import cli
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline import Project
from labelwright.pipeline.kept.keep import KeptRun


def test_answers_of_all_tasks_stand_side_by_side_and_agree(finished: Path) -> None:
    run = KeptRun.latest(finished)
    found = Project(finished).predict(run.frame("test", ["key", "text", "a"]))
    assert found["key"].to_list() == run.frame("test")["key"].to_list()
    assert ((found["kind"] == "N/A") == (found["finding"] == "normal")).all()
    assert not ((found["urgent"] == "yes") & (found["finding"] == "normal")).any()
    for task in run.tasks:
        probs = found.select(f"prob_{task}_{state}" for state in run.graph.states(task)).to_numpy()
        assert np.abs(probs.sum(axis=1) - 1).max() < 1e-12
    gold = run.of_task("finding").gold("test")
    states = np.array(run.graph.states("finding"))
    scores = run.store.get_json(run.artifact("end_model_metrics"))
    right = (found["finding"].to_numpy() == states[gold]).mean()
    assert right == pytest.approx(scores["finding"]["test"]["accuracy"]["value"])


def test_the_verb_writes_them(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text,a\ncall the ward,mass\na report,\n,\n")
    out = tmp_path / "out.csv"
    command = ["predict", str(tmp_path / "new.csv"), "--project", str(finished)]
    found = CliRunner().invoke(cli, [*command, "--output", str(out)])
    assert found.exit_code == 0, found.output
    assert pl.read_csv(out)["covered"].to_list() == [True, True, False]
    assert pl.read_csv(out)["finding"][0] == "abnormal"
    refused = CliRunner().invoke(cli, [*command, "--model", "label"])
    assert (refused.exit_code, "has several tasks" in refused.output) == (1, True)


def test_what_cannot_be_is_refused(finished: Path, reports: Path) -> None:
    with pytest.raises(DataError, match="read the column 'text'"):
        Project(finished).predict(pl.DataFrame({"a": ["mass"]}))
    with pytest.raises(ProjectError, match="with one"):
        Project(finished).predict(pl.DataFrame({"a": ["mass"]}), model="label")
    Project(reports).run()
    with pytest.raises(ProjectError, match="made no end models; set end_model"):
        Project(reports).predict(pl.DataFrame({"text": ["mass"]}))
