"""One network for all tasks as the end model of a run: stale where labels of any task changed, and only there."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from labelwright.core.errors import MissingExtraError, ProjectError
from labelwright.endmodels.torch.multitask.end_model import SharedEndModel
from labelwright.pipeline import Project
from labelwright.pipeline.augmenting.stage import learning_folder
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.predict import predict_with_model_folder
from labelwright.pipeline.refreshing import shared_end_model
from labelwright.pipeline.refreshing.task_end_model import ROLE, SHARED, read_end_models
from labelwright.pipeline.settings import parse_settings

from ..notes import FUNCTIONS
from ..notes import SETTINGS as NOTES

SETTINGS = (
    NOTES.replace("notes.csv", "notes.parquet")
    + """
[tasks.silent]
classes = ["no", "yes"]

[end_model]
kind = "text"
fields = ["text"]

[end_model.network]
epochs = 4
batch_size = 16
device = "cpu"
"""
)

WORDS = {"normal": "clear and quiet", "mass": "large shadow, call the ward", "nodule": "small round spot"}
LEVELS = {"normal": 10, "mass": 240, "nodule": 120}


def photo(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (12, 10), (level, level, 255 - level)).save(file, "PNG")
    return file.getvalue()


def write(folder: Path, settings: str = SETTINGS) -> Path:
    rng, rows = np.random.default_rng(0), []
    for i in range(120):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        others = [word for word in WORDS if word != truth]
        said = {name: truth if rng.random() < 0.9 else others[rng.integers(2)] for name in "abc"}
        row: dict[str, Any] = {"key": f"n{i}", "split": "test" if i % 3 == 0 else "train", "text": WORDS[truth]}
        gold = "normal" if truth == "normal" else "abnormal"
        rows.append({**row, **said, "finding": gold, "photo": photo(LEVELS[truth])})
    pl.DataFrame(rows).write_parquet(folder / "notes.parquet")
    (folder / "labelwright.toml").write_text(settings)
    (folder / "supervision.py").write_text(FUNCTIONS)
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once; not to be written to."""
    folder = write(tmp_path_factory.mktemp("notes"))
    with pytest.warns(match="no function votes on task 'silent'"):
        Project(folder).run()
    return folder


@pytest.fixture
def copy(ran: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(ran, tmp_path / "notes")
    return tmp_path / "notes"


def edit(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))


def planned(folder: Path) -> list[str]:
    return [step.what for step in Project(folder).plan().steps if step.stage == "end_model"]


pytestmark = pytest.mark.filterwarnings("ignore:no function votes", "ignore:Fell back")


def test_one_network_answers_all_tasks_and_is_scored_task_by_task(ran: Path) -> None:
    run = KeptRun.latest(ran)
    keys = read_by_name(run.store, run.artifact(ROLE))
    assert set(keys) == {"finding", "kind", "urgent"}
    assert len(set(keys.values())) == 1
    assert keys["kind"].kind == SHARED
    folder = run.store.get_folder(keys["kind"])
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "features.skops",
        "model.json",
        "network/model.json",
        "network/weights.safetensors",
    ]
    models = read_end_models(run.store, run.graph, keys)
    assert isinstance(models, SharedEndModel)
    _, vectors = models.answers({"text": run.frame("test")["text"].to_list()})
    assert run.graph.is_feasible(vectors).all()
    scores = run.store.get_json(run.artifact("end_model_metrics"))
    right = vectors[:, run.graph.names.index("finding")] == run.of_task("finding").gold("test")
    assert scores["finding"]["test"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert scores["kind"] == {} == scores["urgent"]
    assert "teach one network for all tasks that reads text" in (ran / "report.html").read_text()
    assert not learning_folder(ran).exists() or not list(learning_folder(ran).iterdir())


def test_it_is_trained_again_where_labels_or_settings_change_and_nowhere_else(copy: Path) -> None:
    project = Project(copy)
    assert not project.plan().steps
    again = project.run()
    assert again.operations["end_models_trained"] == 0
    edit(copy, "supervision.py", '"ward" in', '"spot" in')
    assert planned(copy) == ["end model"]
    assert project.run().operations["end_models_trained"] == 1
    assert planned(copy) == []
    edit(copy, "labelwright.toml", "epochs = 4", "epochs = 3")
    (step,) = project.plan().steps
    assert step.reason == "settings: end_model.network.epochs changed"
    edit(copy, "labelwright.toml", "epochs = 3", "epochs = 4")
    edit(copy, "labelwright.toml", 'fields = ["text"]', 'fields = ["text"]\nrefresh = "keep"')
    edit(copy, "supervision.py", '"spot" in', '"ward" in')
    assert planned(copy) == []  # it was trained on just these labels before
    edit(copy, "supervision.py", '"ward" in', '"quiet" in')
    assert project.run().operations["end_models_stale"] == 1


def test_the_network_follows_the_loss_that_the_settings_name(copy: Path) -> None:
    texts = pl.DataFrame({"text": list(WORDS.values())})
    expected = Project(copy).predict(texts)
    edit(copy, "labelwright.toml", "epochs = 4", 'epochs = 4\nloss = "marginal"')
    (step,) = Project(copy).plan().steps
    assert step.reason == "settings: end_model.network.loss changed"
    assert Project(copy).run().operations["end_models_trained"] == 1
    assert not Project(copy).predict(texts).equals(expected)


def test_what_was_kept_is_what_comes_of_a_rebuild(copy: Path) -> None:
    found = Project(copy).verify("latest")
    assert "one for all tasks trained again" in str(found.to_dict())
    assert found.good


def test_a_run_that_is_stopped_goes_on_and_ends_alike(
    ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path)
    real, epochs = shared_end_model.train_shared_end_model, []

    def stopped(*args: Any, progress: Any, **rest: Any) -> Any:
        def watch(said: Any) -> None:
            epochs.append(said.epoch)
            if said.epoch == 3 and len(set(epochs)) == 3:
                raise KeyboardInterrupt

        return real(*args, progress=watch, **rest)

    monkeypatch.setattr(shared_end_model, "train_shared_end_model", stopped)
    monkeypatch.setattr("labelwright.core.progress.ProgressLine.due", lambda self, **_: 1.0)
    with pytest.raises(KeyboardInterrupt):
        Project(folder).run()
    (left,) = learning_folder(folder).iterdir()
    assert (left / "checkpoint.npz").exists()
    epochs.clear()
    Project(folder).run()
    assert min(epochs) == 3
    assert not list(learning_folder(folder).iterdir())
    first, second = (KeptRun.latest(one).artifact(ROLE) for one in (ran, folder))
    assert first == second


def test_new_examples_are_answered_and_the_model_works_without_the_project(copy: Path, tmp_path: Path) -> None:
    project = Project(copy)
    new = pl.DataFrame({"text": [WORDS["mass"], WORDS["normal"], None]})
    found = project.predict(new)
    assert found.columns[:6] == [
        "row",
        "finding",
        "prob_finding_normal",
        "prob_finding_abnormal",
        "kind",
        "prob_kind_mass",
    ]
    assert found["covered"].to_list() == [True, True, False]
    assert "silent" not in found.columns
    project.export_model(tmp_path / "model")
    alone = pl.concat(predict_with_model_folder(tmp_path / "model", new))
    assert alone.drop("model").equals(found.drop("model"))
    with pytest.raises(ProjectError, match="one network answers all tasks"):
        project.export_model(tmp_path / "other", task="kind")


def test_photos_teach_what_titles_say(tmp_path: Path) -> None:
    photos = SETTINGS.replace('kind = "text"\nfields = ["text"]', 'kind = "image"\nfields = ["photo"]')
    folder = write(tmp_path, photos.replace("epochs = 4", "epochs = 6\nsize = [8, 8]"))
    result = Project(folder).run()
    assert result.end_models["finding"]["test"].accuracy.value > 0.8
    new = pl.DataFrame({"photo": [photo(LEVELS["normal"]), None]})
    found = Project(folder).predict(new)
    assert found["covered"].to_list() == [True, False]
    assert found["prob_finding_normal"][1] == pytest.approx(0.5)


def test_without_torch_the_line_that_installs_it_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path)
    find = shared_end_model.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else find(name))
    for verb in (Project(folder).run, Project(folder).plan):
        with pytest.raises(MissingExtraError, match=r"pip install 'labelwright\[torch\]'"):
            verb()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('kind = "text"', 'kind = "none"', "end_model.network needs end_model.kind"),
        ('kind = "text"', 'kind = "image"\n#', "end_model.fields is empty"),
        ("epochs = 4", "epochs = 0", "end_model.network.epochs is 0"),
        ("epochs = 4", 'loss = "hinge"', "end_model.network.loss"),
        ("epochs = 4", "size = [3, 4]", "end_model.network.size is of pictures"),
        (
            "epochs = 4",
            'trunk = "small"',
            'trunk is "small", and end_model.kind is "text", which takes "mlp" or "linear"',
        ),
        ("epochs = 4", 'trunk = "tiny"', "Allowed: mlp, linear, small, resnet"),
        ("epochs = 4", "epoch = 4", "Did you mean 'epochs'"),
    ],
)
def test_mistakes_in_the_table_are_named(before: str, after: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said.replace("[", r"\[")):
        parse_settings(SETTINGS.replace(before, after).replace('#\nfields = ["text"]', ""))


def test_one_task_has_no_shared_network() -> None:
    one = '[data]\npath = "a.csv"\n[task]\nclasses = ["a", "b"]\n[end_model]\nfields = ["x"]\n'
    with pytest.raises(ProjectError, match=r'end_model\.kind = "image" is of projects with several tasks'):
        parse_settings(one + 'kind = "image"')
    with pytest.raises(ProjectError, match=r"end_model\.network is of projects with several tasks"):
        parse_settings(one + 'kind = "text"\n[end_model.network]')
