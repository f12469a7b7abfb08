"""End models and the report of a run on several tasks: each model is stale where its own task's labels changed alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from labelwright.cli.app import cli
from labelwright.core import TaskGraph
from labelwright.pipeline import Project
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.refreshing import task_views
from labelwright.pipeline.refreshing.task_end_model import ROLE, read_end_models
from labelwright.store import ArtifactId

from ..notes import FUNCTIONS
from ..notes import SETTINGS as NOTES

SETTINGS = (
    NOTES
    + """
[tasks.silent]
classes = ["no", "yes"]

[end_model]
kind = "text"
fields = ["text"]
"""
)


WORDS = {"normal": "clear and quiet", "mass": "large shadow, call the ward", "nodule": "small round spot"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once; not to be written to."""
    folder, rng = tmp_path_factory.mktemp("notes"), np.random.default_rng(0)
    lines = ["key,split,text,a,b,c,finding"]
    for i in range(150):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        others = [word for word in WORDS if word != truth]
        said = [truth if rng.random() < 0.9 else others[rng.integers(2)] for _ in "abc"]
        gold = "normal" if truth == "normal" else "abnormal"
        split = "test" if i % 3 == 0 else "train"
        lines.append(f'n{i},{split},"{WORDS[truth]}",{",".join(said)},{gold}')
    (folder / "notes.csv").write_text("\n".join(lines))
    (folder / "labelwright.toml").write_text(SETTINGS)
    (folder / "supervision.py").write_text(FUNCTIONS)
    with pytest.warns(match="no function votes on task 'silent'"):
        Project(folder).run()
    return folder


def models_of(run: KeptRun) -> dict[str, ArtifactId]:
    return read_by_name(run.store, run.artifact(ROLE))


def test_every_task_that_can_be_learned_has_an_end_model_that_is_scored(ran: Path) -> None:
    run = KeptRun.latest(ran)
    assert set(models_of(run)) == {"finding", "kind", "urgent"}
    models = read_end_models(run.store, run.graph, models_of(run))
    columns = {"text": run.frame("test")["text"].to_list()}
    _, vectors = models.answers(columns)
    assert run.graph.is_feasible(vectors).all()
    gold = run.of_task("finding").gold("test")
    scores = run.store.get_json(run.artifact("end_model_metrics"))
    right = vectors[:, run.graph.names.index("finding")] == gold
    assert scores["finding"]["test"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert scores["kind"] == {} == scores["urgent"]
    assert "train" not in scores["finding"]


@pytest.mark.filterwarnings("ignore:no function votes", "ignore:Fell back")
def test_an_end_model_is_trained_again_where_its_own_labels_change(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(ran, folder)
    project = Project(folder)
    assert not project.plan().steps
    before = models_of(KeptRun.latest(folder))
    changed = (folder / "supervision.py").read_text().replace('"ward" in', '"spot" in')
    (folder / "supervision.py").write_text(changed)
    planned = [step.what for step in project.plan().steps if step.stage == "end_model"]
    result = project.run()
    assert planned == ["end model of urgent"] == [s.what for s in result.steps if s.stage == "end_model"]
    assert result.operations["end_models_trained"] == 1
    after = models_of(KeptRun.latest(folder))
    assert {task for task in after if after[task] != before[task]} == {"urgent"}
    # Nor is anything scored again where nothing changed.
    with monkeypatch.context() as patched:
        patched.setattr(task_views, "score_end_models", None)
        again = project.run()
    assert (again.operations["end_models_trained"], again.run_id) == (0, result.run_id)
    assert again.end_models == result.end_models
    settings = (folder / "labelwright.toml").read_text()
    (folder / "labelwright.toml").write_text(settings + 'refresh = "keep"\n')
    (folder / "supervision.py").write_text(FUNCTIONS)
    kept = project.run()
    # What was trained on just these labels before is there; nothing is kept that is stale.
    assert (kept.operations["end_models_trained"], kept.operations["end_models_stale"]) == (0, 0)
    (folder / "supervision.py").write_text(FUNCTIONS.replace('"ward" in', '"quiet" in'))
    stale = project.run()
    assert (stale.operations["end_models_trained"], stale.operations["end_models_stale"]) == (0, 1)
    assert project.verify().good


def test_the_report_says_it_and_stands_in_the_folder(ran: Path, tmp_path: Path) -> None:
    run = KeptRun.latest(ran)
    page = (ran / "report.html").read_text(encoding="utf-8")
    assert page == run.store.get_text(run.artifact("report"))
    for said in (run.row.run_id, "End model", "No function votes on silent", "teach text models that read text"):
        assert said in page
    assert Project(ran).report(tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_the_verb_shows_scores_of_end_models(ran: Path, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(ran, folder)
    found = CliRunner().invoke(cli, ["run", "--project", str(folder)])
    assert found.exit_code == 0, found.output
    assert "End models against gold" in found.stdout


def test_answers_of_the_kept_models_keep_every_relation(ran: Path) -> None:
    run = KeptRun.latest(ran)
    graph: TaskGraph = run.graph
    models = read_end_models(run.store, graph, models_of(run))
    labels, _ = models.answers({"text": ["small round spot", "clear and quiet", ""]})
    assert np.array_equal(labels.probs["kind"][:, -1], 1 - labels.probs["finding"][:, 1])
    assert not labels.covered[:, graph.names.index("silent")].any()
