"""Predictions of new examples on several tasks."""

from __future__ import annotations

import re
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


def test_the_label_model_gives_new_examples_the_labels_that_a_run_gives_them(finished: Path) -> None:
    run = KeptRun.latest(finished)
    found = Project(finished).predict(run.frame("test").drop("finding", "kind", "split"), model="label")
    kept = run.task_labels("test")
    assert found["key"].to_list() == kept.example_ids.tolist()
    assert found["model"].unique().to_list() == [f"task_models:{run.artifact('task_models').short}"]
    vectors = run.kept_task_labels.vectors("test")
    for t, task in enumerate(run.tasks):
        states = run.graph.states(task)
        probs = found.select(f"prob_{task}_{state}" for state in states).to_numpy()
        assert np.allclose(probs, kept.probs[task], rtol=0, atol=1e-12)
        told = zip(vectors[:, t].tolist(), kept.covered[:, t].tolist(), strict=True)
        assert found[task].to_list() == [states[code] if known else None for code, known in told]


def test_the_label_model_says_nothing_where_no_function_votes(reports: Path, tmp_path: Path) -> None:
    Project(reports).run()
    (tmp_path / "new.csv").write_text("text,a,b,c\ncall the ward,mass,mass,\na report,,normal,\na report,,,\n")
    out = tmp_path / "out.csv"
    command = ["predict", str(tmp_path / "new.csv"), "--project", str(reports), "--model", "label"]
    said = CliRunner().invoke(cli, [*command, "--output", str(out)])
    assert said.exit_code == 0, said.output
    found = pl.read_csv(out)
    assert found["covered"].to_list() == [True, True, False]
    assert found.select("finding", "kind", "urgent").row(0) == ("abnormal", "mass", "yes")
    assert found.select("finding", "kind").row(1) == ("normal", "N/A")
    assert found.select("finding", "kind", "urgent").row(2) == (None, None, None)
    shown = CliRunner().invoke(cli, command).output
    assert re.search(rf"0 +abnormal \({found['prob_finding_abnormal'][0]:.2f}\) +mass", shown)
    assert "prob_" not in shown
    assert "Model: task_models:" in shown
    with pytest.raises(DataError, match="holds no examples"):
        Project(reports).predict(pl.DataFrame({"text": [], "a": [], "b": [], "c": []}), model="label")


def test_the_label_model_answers_about_what_it_learned_alone(reports: Path) -> None:
    project, new = Project(reports), pl.DataFrame({"text": ["mass"], "a": ["mass"], "b": ["mass"], "c": ["mass"]})
    project.run()
    settings, functions = reports / "labelwright.toml", reports / "supervision.py"
    before = settings.read_text()
    settings.write_text(before.replace('when = { urgent = "yes" }', 'when = { urgent = "no" }'))
    with pytest.raises(ProjectError, match="tasks or relations changed since run"):
        project.predict(new, model="label")
    settings.write_text(before)
    functions.write_text(functions.read_text().replace('"call the ward"', '"ward"'))
    with pytest.raises(ProjectError, match="function 'ward' changed since run"):
        project.predict(new, model="label")


def test_what_cannot_be_is_refused(finished: Path, reports: Path) -> None:
    with pytest.raises(DataError, match="read the column 'text'"):
        Project(finished).predict(pl.DataFrame({"a": ["mass"]}))
    Project(reports).run()
    with pytest.raises(ProjectError, match="made no end models; set end_model"):
        Project(reports).predict(pl.DataFrame({"text": ["mass"]}))
