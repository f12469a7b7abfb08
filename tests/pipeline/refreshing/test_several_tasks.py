"""Runs of projects with several tasks: what is kept, what is made again, and that a refresh is a rebuild."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.core.errors import ModelError, ProjectError
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.kept.finding import find_place
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.kept.kept_tasks import put_by_name, read_by_name
from labelwright.pipeline.settings import read_settings
from labelwright.pipeline.supervision import load_functions
from labelwright.pipeline.tasks.labelling import label_tasks
from labelwright.store import ArtifactFolder, Catalog

from ..crashing import CrashError, crashing
from ..notes import TASKS
from .quick import QuickProject, quickly

SETTINGS = f"""
[data]
path = "notes.csv"
id = "key"

[data.splits]
train = 0.7
test = 0.3
{TASKS}gold = "urgent"

[apply]
on_error = "abstain"
workers = 1
"""

FUNCTIONS = """
import labelwright as lw

def reader(column):
    @lw.labeling_function(tasks=["finding", "kind"], name=f"reader_{column}")
    def read(x):
        said = getattr(x, column)
        if said == "fail":
            raise ValueError("no")
        if said == "solid":
            return {"kind": ["mass", "nodule"]}
        return {"finding": "normal"} if said == "normal" else {"kind": said} if said else None
    return read

@lw.labeling_function(task="urgent")
def ward(x):
    return "yes" if "ward" in x.text else None

@lw.labeling_function(task="urgent")
def calm(x):
    return "no" if "report" in x.text else None

@lw.labeling_function(task="urgent")
def phone(x):
    return "yes" if "call" in x.text else None

FUNCTIONS = [reader("a"), reader("b"), reader("c"), ward, calm, phone]
"""

TALL = """
import labelwright as lw

@lw.labeling_function(task="finding")
def tall(x):
    return "abnormal" if "ward" in x.text else None
"""

ROLES = ("data", "settings", "schema", "task_votes", "task_stats", "task_models", "task_labels", "metrics")


def rows(n: int, *, seed: int = 0, words: tuple[str, ...] = ("normal", "mass", "nodule", "")) -> list[list[str]]:
    """Return rows of what two readers said, each right 4 times of 5."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        truth = ("normal", "normal", "mass", "nodule")[rng.integers(4)]
        said = [truth if rng.random() < 0.8 else words[rng.integers(len(words))] for _ in "abc"]
        urgent = rng.random() < 0.3
        text = "call the ward" if urgent and rng.random() < 0.8 else "a report"
        gold = "normal" if truth == "normal" else "abnormal"
        out.append([f"r{seed}_{i}", text, *said, gold, "yes" if urgent else "no"])
    return out


class Notes(QuickProject):
    """Notes that three readers and words of their text vote on."""

    part_rows = 24

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = rows(60)
        self.settings, self.functions = SETTINGS, FUNCTIONS

    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        lines = ["key,text,a,b,c,finding,urgent", *(",".join(row) for row in self.data)]
        (self.folder / "notes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.folder / "labelwright.toml").write_text(self.settings, encoding="utf-8")
        (self.folder / "supervision.py").write_text(self.functions, encoding="utf-8")

    def edited(self, old: str, new: str) -> None:
        assert old in self.functions
        self.functions = self.functions.replace(old, new)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project that was run once, and the result; not to be changed."""
    notes = Notes(tmp_path_factory.mktemp("first") / "notes")
    return notes, notes.run()


@pytest.fixture
def notes(first, tmp_path) -> Notes:
    """A project that was run once."""
    shutil.copytree(first[0].folder, tmp_path / "notes")
    return Notes(tmp_path / "notes")


def same(one, other) -> bool:
    return all(one.artifacts[role] == other.artifacts[role] for role in ROLES)


def test_a_run_keeps_what_the_joint_model_finds(first):
    notes, result = first
    graph = read_settings(notes.folder, several_tasks=True).graph
    table = pl.read_csv(notes.folder / "notes.csv")
    kept = KeptRun.latest(notes.folder)
    votes = lw.apply(load_functions(notes.folder), table, id="key", tasks=graph)
    split_of = {key: split for split in ("train", "test") for key in kept.kept_data.ids(split).tolist()}
    of = {split: votes.take([split_of[key] == split for key in table["key"]]) for split in ("train", "test")}
    with quickly(Notes.part_rows):
        model = MultiTask().fit(of["train"])
    found = label_tasks(notes.folder)
    assert kept.tasks == ("finding", "kind", "urgent")
    for split, own in ((split, kept.task_labels(split)) for split in of):
        labels = model.soft_labels(of[split])
        assert own.example_ids.tolist() == labels.example_ids.tolist()
        assert np.array_equal(own.covered, labels.covered)
        assert np.array_equal(kept.kept_task_labels.vectors(split), model.predict(of[split]))
        for task in kept.tasks:
            # By parts, so not even the rounding need be the same.
            assert np.allclose(own.probs[task], labels.probs[task], rtol=0, atol=1e-12)
            assert np.array_equal(own.probs[task], found.labels[split].probs[task])
            assert np.array_equal(own.probs[task], kept.of_task(task).soft_labels(split).probs)
    assert [task.to_dict() for task in result.tasks] == [task.to_dict() for task in found.tasks]
    assert kept.metrics()["test"].keys() == {"finding", "urgent"}
    assert list(notes.kept("task_models")) == ["finding", "urgent"]
    assert result.operations["function_applications"] == 6 * 60
    assert result.operations["rows_labelled"] == 60  # two components label each example, which is one
    one = kept.task_labels("test").take([3])
    part, row = find_place(kept.kept_data, one.example_ids[0])
    assert np.array_equal(kept.kept_task_labels.of_row(part, row).probs["kind"], one.probs["kind"])


def test_a_task_of_a_run_is_read_by_itself(first):
    notes, _ = first
    kind = KeptRun.latest(notes.folder).of_task("kind")
    assert kind.states == ("mass", "nodule", "N/A")
    assert kind.component.names == ("finding", "kind")
    assert kind.sources == kind.votes("test").sources == ("reader_a", "reader_b", "reader_c")
    assert set(kind.accuracies()) == set(kind.sources)
    assert kind.gold("test") is None
    finding = KeptRun.latest(notes.folder).of_task("finding")
    gold, vector = finding.gold("test"), finding.vector("test")
    assert gold.shape == vector.shape
    assert ((vector == 0) == (kind.vector("test") == 2)).all()
    with pytest.raises(ProjectError, match="no task 'size'; it has finding, kind, urgent"):
        KeptRun.latest(notes.folder).of_task("size")


def test_running_again_makes_nothing(first, notes):
    with mock.patch("labelwright.pipeline.refreshing.task_scores.score_task", side_effect=AssertionError):
        again = notes.run()
    assert (first[1].run_id, first[1].artifacts) == (again.run_id, again.artifacts)
    assert again.steps == ()
    made = ("function_applications", "votes_copied", "rows_summarised", "models_solved", "rows_labelled")
    assert [again.operations[what] for what in made] == [0] * 5
    assert not lw.Project(notes.folder).plan().steps


def test_an_edited_function_touches_its_component_alone(notes):
    before = {role: notes.kept(role) for role in ("task_stats", "task_models", "task_labels")}
    notes.edited('"no" if "report" in x.text', '"no" if "report" in x.text and x.a')
    result = notes.run()
    after = {role: notes.kept(role) for role in before}
    assert result.operations["function_applications"] == 60
    assert 0 < result.operations["rows_summarised"] <= result.splits["train"]
    assert result.operations["models_solved"] == 1
    for role, own in before.items():
        assert own["finding"] == after[role]["finding"]
    assert before["task_labels"]["kind"] == after["task_labels"]["kind"]
    assert same(result, notes.rebuilt())


def test_looking_says_what_is_stale_and_keeps_nothing(first, notes):
    notes.edited('"no" if "report" in x.text', '"no" if "report" in x.text and x.a')
    notes.write()
    before = sorted(path for path in notes.folder.rglob("*") if path.suffix != ".pyc")
    with quickly(Notes.part_rows):
        found = label_tasks(notes.folder)
    assert [(one.tasks, one.reasons) for one in found.components] == [
        (("finding", "kind"), ()),
        (("urgent",), ("votes of calm change",)),
    ]
    assert found.compared_with == f"run 1 ({first[1].run_id})"
    assert before == sorted(path for path in notes.folder.rglob("*") if path.suffix != ".pyc")
    notes.run()
    kept = KeptRun.latest(notes.folder).task_labels("train")
    assert all(np.array_equal(kept.probs[task], found.labels["train"].probs[task]) for task in kept.graph.names)


def test_a_run_is_verified_and_logged(first):
    notes, result = first
    project = lw.Project(notes.folder)
    with quickly(Notes.part_rows):
        checks = {check.what: check.status for check in project.verify().checks}
    assert checks == dict.fromkeys(
        ["artifacts", "run id", "votes", "stats", "label model", "soft labels", "scores"], "equal"
    )
    (entry,) = project.log()
    scores = [task.scores["test"].accuracy.value for task in result.tasks if task.scores]
    assert entry.headline == f"{100 * np.mean(scores):.1f}% labels on test, mean of 2 tasks"


def test_verifying_finds_what_was_edited(notes):
    store, catalog = open_store(notes.folder)
    row = catalog.latest()
    labels = read_by_name(store, row.artifacts["task_labels"])
    other = put_by_name(store, "task_labels", {**labels, "finding": labels["urgent"]})
    catalog.add_run(row.run_id, seconds=1.0, artifacts={**row.artifacts, "task_labels": other}, operations={})
    with quickly(Notes.part_rows):
        verified = lw.Project(notes.folder).verify()
    assert {check.what for check in verified.checks if not check.good} == {"run id", "soft labels", "scores"}


@pytest.mark.slow
def test_rows_that_come_and_go_are_what_is_voted_on(notes):
    fresh = rows(3, seed=1, words=("solid", "fail"))
    notes.data = [
        *notes.data[:20],
        ["r0_20", "a ward", "solid", "mass", "", "normal", "no"],
        *notes.data[21:57],
        *fresh,
    ]
    result = notes.run()
    # Where a part begins hangs on the ids in it, so all parts that stayed are taken, and rows that were seen copied.
    assert result.operations["function_applications"] == 6 * 4
    assert result.operations["votes_copied"] + result.operations["votes_kept"] == 6 * 56
    assert same(result, notes.rebuilt())
    kind = KeptRun.latest(notes.folder).of_task("kind")
    assert frozenset({0, 1}) in kind.votes("train").alphabet["reader_a"]
    notes.data = [row for row in notes.data if "solid" not in row]
    after = notes.run()
    assert after.operations["function_applications"] == 0
    assert KeptRun.latest(notes.folder).of_task("kind").votes("train").alphabet == {}


@pytest.mark.slow
def test_functions_and_relations_come_and_go(notes):
    notes.edited("ward, calm, phone]", "ward, calm, phone, tall]")
    notes.functions = TALL + notes.functions
    added = notes.run()
    assert added.operations["function_applications"] == 60
    assert added.operations["models_solved"] == 1
    assert any(
        str(step).startswith("sums of votes on finding, kind: votes of tall (new) change") for step in added.steps
    )
    notes.settings += '[[relations]]\nimplies = { when = { urgent = "yes" }, then = { finding = "abnormal" } }\n'
    tied = notes.run()
    # The readers vote on two tasks, so what these have to do with each other decides what contradicts itself.
    assert tied.operations["function_applications"] == 3 * 60
    assert list(notes.kept("task_models")) == ["finding"]
    assert same(tied, notes.rebuilt())
    notes.settings, notes.functions = SETTINGS, FUNCTIONS
    back = notes.run()
    assert back.operations["function_applications"] == 0
    assert back.operations["models_solved"] == 0


def test_one_function_may_be_refreshed_alone(notes):
    notes.edited('"report" in', '"a report" in')
    notes.edited('"ward" in', '"the ward" in')
    notes.data = notes.data[:-1]
    result = notes.run(only=["calm"])
    assert result.operations["function_applications"] == 60
    kept = KeptRun.latest(notes.folder)
    assert kept.of_task("urgent").sources == ("ward", "calm", "phone")
    assert kept.kept_data.n == 60
    assert notes.run().operations["function_applications"] < 60 * 2


def test_a_component_without_votes_knows_the_graph_alone(notes):
    notes.settings += '[tasks.size]\nclasses = ["small", "large"]\n'
    result = notes.run()
    assert any("task 'size'" in text for text in result.warnings)
    size = KeptRun.latest(notes.folder).of_task("size")
    assert size.votes("test").m == 0
    assert np.allclose(size.soft_labels("test").probs, 0.5)
    assert not size.soft_labels("test").covered.any()
    assert notes.run().operations["models_solved"] == 0
    notes.edited('"ward" in', '"nowhere" in')
    notes.edited('"report" in', '"nowhere" in')
    notes.edited('"yes" if "call" in x.text else None', "None")
    notes.data = [[key, text, "", "", "", *gold] for key, text, _, _, _, *gold in notes.data]
    for _ in range(2):
        with pytest.raises(ModelError, match="all sources abstain"):
            notes.run()


def test_other_settings_start_afresh(notes):
    notes.settings = '[data]\npath = "notes.csv"\nid = "key"\n[task]\nclasses = ["no", "yes"]\n'
    several = notes.functions
    notes.functions = """
import labelwright as lw

@lw.labeling_function
def ward(x):
    return "yes" if "ward" in x.text else "no"
"""
    notes.settings += '[label_model]\nmethod = "majority_vote"\n'
    one = notes.run()
    assert one.summary["ward"].votes > 0
    assert KeptRun.latest(notes.folder).tasks == ()
    notes.settings, notes.functions = SETTINGS, several
    assert notes.run().operations["function_applications"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("after", [25, 75])
def test_what_was_made_before_a_crash_is_taken(first, tmp_path, after):
    notes, writes = Notes(tmp_path / "notes"), [(ArtifactFolder, "put_bytes"), (Catalog, "add_derivations")]
    with crashing(after, writes), pytest.raises(CrashError):
        notes.run()
    result = notes.run()
    assert result.run_id == first[1].run_id
    assert same(result, first[1])
    if after > 40:
        assert result.operations["function_applications"] == 0
