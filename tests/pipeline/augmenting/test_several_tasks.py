"""Augmentation in a project with several tasks: copies have the labels of their originals on all of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import polars as pl
import pytest

from labelwright import endmodels
from labelwright.core.errors import ProjectError
from labelwright.pipeline import Project, TaskRunResult
from labelwright.pipeline.augmenting.copies import Copies, KeptCopies
from labelwright.pipeline.augmenting.stage import learning_folder
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.refreshing import task_end_model
from labelwright.pipeline.settings import parse_settings

from ..notes import FUNCTIONS, SETTINGS
from .conftest import AUGMENTATION, edit

pytestmark = pytest.mark.filterwarnings("ignore:Fell back")

WORDS = {"normal": "clear quiet lungs", "mass": "a large shadow, call the ward", "nodule": "one small round spot"}
END_MODEL = '\n[end_model]\nkind = "text"\nfields = ["text"]\n'
TRANSFORMATIONS = '''
SAME = {"large": "big", "small": "tiny", "quiet": "calm", "spot": "patch"}


@lw.transformation_function(field="text", magnitude=(0.0, 1.0))
def swap(text, magnitude, rng):
    """Write other words."""
    return " ".join(SAME.get(word, word) if rng.random() < magnitude else word for word in text.split())


@lw.transformation_function(field="text")
def shout(text):
    return text.upper()
'''


def write(folder: Path, settings: str = SETTINGS + END_MODEL + AUGMENTATION) -> Path:
    """Write a project of 90 notes that augments."""
    rng, lines = np.random.default_rng(0), ["key,split,text,a,b,c,finding"]
    for i in range(90):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        said = [truth if rng.random() < 0.9 else list(WORDS)[rng.integers(3)] for _ in "abc"]
        split, gold = ("test" if i % 3 == 0 else "train"), ("normal" if truth == "normal" else "abnormal")
        lines.append(f'n{i},{split},"{WORDS[truth]} {rng.integers(50)}",{",".join(said)},{gold}')
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    (folder / "labelwright.toml").write_text(settings)
    (folder / "supervision.py").write_text(FUNCTIONS + TRANSFORMATIONS)
    return folder


def run(folder: Path, *, report: bool = False) -> TaskRunResult:
    """Run a project; its report is drawn where that is looked at."""
    if report:
        result = Project(folder).run()
    else:
        with mock.patch("labelwright.pipeline.refreshing.task_views.render_tasks", lambda content: content.run_id):
            result = Project(folder).run()
    assert isinstance(result, TaskRunResult)
    return result


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once; not to be written to."""
    folder = write(tmp_path_factory.mktemp("notes"))
    run(folder, report=True)
    return folder


@pytest.fixture
def copy(ran: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(ran, tmp_path / "notes")


def planned(folder: Path) -> dict[str, str]:
    return {step.what: step.reason for step in Project(folder).plan().steps}


def test_copies_carry_the_labels_of_all_tasks(ran: Path) -> None:
    kept = KeptRun.latest(ran)
    copies = KeptCopies.read(kept.store, kept.artifact("augmentation")).all()
    assert 60 < len(copies) <= 120
    train, data = kept.task_labels("train"), kept.kept_data
    # By hand: each copy as a row of its own, and an example counts once with all of its copies.
    counts = 1 + np.bincount(copies.origins, minlength=train.n)
    texts = [*data.frame("train", ["text"])["text"].to_list(), *copies.frame["text"].to_list()]
    rows = np.concatenate([np.arange(train.n), copies.origins])
    weights = (1 / counts)[rows]
    expected = endmodels.fit_task_end_models("text", ["text"], {"text": texts}, train.take(rows), weights=weights)
    models = read_by_name(kept.store, kept.artifact(task_end_model.ROLE))
    said = task_end_model.read_end_models(kept.store, kept.graph, models)
    answers = [one.answers({"text": texts[:20]})[0] for one in (said, endmodels.TaskEndModels(kept.graph, expected))]
    for task in ("finding", "kind", "urgent"):
        np.testing.assert_allclose(answers[0].probs[task], answers[1].probs[task], atol=1e-12)


def test_the_end_model_to_compare_with_is_the_one_of_a_project_without_augmentation(ran: Path, tmp_path: Path) -> None:
    plain = write(tmp_path, SETTINGS + END_MODEL)
    with pytest.warns(match="augment"):
        run(plain)
    first, second = KeptRun.latest(ran), KeptRun.latest(plain)
    assert first.artifact("task_end_models_plain").digest == second.artifact("task_end_models").digest
    assert first.store.get_json(first.artifact("plain_end_model_metrics")) == second.store.get_json(
        second.artifact("end_model_metrics")
    )
    assert first.artifact("task_labels") == second.artifact("task_labels")


def test_nothing_changed_nothing_is_done_and_an_edit_makes_stale_what_hangs_on_it(copy: Path) -> None:
    assert planned(copy) == {}
    edit(copy, 'reader("b"), ', "")
    # Labels change, and no copy does.
    assert {"end model of finding, kind"} <= set(planned(copy))
    assert not [what for what in planned(copy) if "cop" in what or "urgent" in what]
    edit(copy, 'FUNCTIONS = [reader("a"), ', 'FUNCTIONS = [reader("a"), reader("b"), ')
    assert planned(copy) == {}
    edit(copy, "text.upper()", "text.title()")
    found = planned(copy)
    assert set(found) == {"augmented copies", "end model of finding, kind, urgent"}
    assert "shout" in found["augmented copies"]
    assert found["end model of finding, kind, urgent"] == "augmented copies change"
    result = run(copy)
    assert result.operations["end_models_trained"] == 3
    assert Project(copy).verify().good


def test_run_report_and_augment_say_it(copy: Path) -> None:
    page = (copy / "report.html").read_text()
    assert 'id="augmentation"' in page
    assert "Plain end model" in page
    assert "finding: " in page
    settled = Project(copy).augment()
    assert not settled.steps
    assert Project(copy).plan_augmentation().steps == ()
    (shown,) = Project(copy).try_transformations(["shout"])
    assert shown.changed == shown.n == 60
    assert set(run(copy).to_dict()["plain_end_models"]) == {"finding", "kind", "urgent"}


def test_one_network_for_all_tasks_learns_from_copies_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = '\n[end_model.network]\nepochs = 2\nbatch_size = 16\ndevice = "cpu"\n'
    folder = write(tmp_path, SETTINGS + END_MODEL + network + AUGMENTATION)
    taught: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "labelwright.pipeline.refreshing.shared_end_model.augmented",
        lambda *args: taught.append(task_end_model.augmented(*args)) or taught[-1],  # type: ignore[func-returns-value]
    )
    run(folder)
    ((frame, labels, weights),) = taught
    assert frame.height == labels.n == len(weights) > 120
    assert weights.sum() == pytest.approx(60)
    kept = KeptRun.latest(folder)
    assert kept.artifact("task_end_models") != kept.artifact("task_end_models_plain")
    assert not list(learning_folder(folder).glob("*"))
    assert planned(folder) == {}


def test_copies_of_some_examples_keep_their_place_among_these() -> None:
    copies = Copies(np.array([0, 2, 2, 3]), pl.DataFrame({"x": [1, 2, 3, 4]}), np.zeros((4, 1), int), np.ones((4, 1)))
    some = copies.of_rows(np.array([False, True, True, True]))
    assert some.origins.tolist() == [1, 1, 2]
    assert some.frame["x"].to_list() == [2, 3, 4]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            'kind = "text"\nfields = ["text"]\n[augmentation]\nvalid = true',
            "augmentation.valid is of projects with one",
        ),
        ('kind = "image"\nfields = ["text"]\n[augmentation]', r"\[augmentation\] makes copies of texts and numbers"),
    ],
)
def test_what_is_out_of_reach_is_refused_in_a_sentence(more: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        parse_settings(f"{SETTINGS}\n[end_model]\n{more}\n")


def test_votes_before_and_after_are_told_task_by_task(ran: Path) -> None:
    kept = KeptRun.latest(ran)
    found = kept.store.get_json(kept.artifact("consistency"))
    rows = {(row["source"], row["function"]): row for row in found["rows"]}
    # Readers look at other columns; the ward looks for a word in the text, which shouting changes.
    assert {source for source, _ in rows} == {
        *(f"reader_{x} on {t}" for x in "abc" for t in ("finding", "kind")),
        "ward",
    }
    assert rows["reader_a on kind", "shout"]["changed"]["count"] == rows["ward", "swap"]["changed"]["count"] == 0
    said = kept.frame("train", ["text"])["text"].str.contains("ward").sum()
    assert rows["ward", "shout"]["changed"]["count"] == said > 5
    assert [(one["source"], one["function"]) for one in found["findings"]] == [("ward", "shout")]
