"""``labelwright tasks``: what it prints, and that no other verb half-works on a project with several tasks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

SETTINGS = """
[data]
path = "notes.csv"

[data.splits]
column = "split"
train = "train"
test = "test"

[tasks.finding]
classes = ["normal", "abnormal"]
gold = "finding"

[tasks.kind]
classes = ["mass", "nodule"]
refines = { task = "finding", classes = ["abnormal"] }
"""

FUNCTIONS = """
import labelwright as lw

fine = lw.keyword_lf("fine", ["fine"], label="normal", task="finding", field="text")
odd = lw.keyword_lf("odd", ["odd"], label="abnormal", task="finding", field="text")
mass = lw.keyword_lf("mass", ["mass"], label="mass", task="kind", field="text")
nodule = lw.keyword_lf("nodule", ["nodule"], label="nodule", task="kind", field="text")
"""

TEXTS = ["all fine", "an odd mass", "an odd nodule", "fine, no mass", "fine again"]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A project with two tasks, in the folder in which the command is called."""
    lines = [f'"{text}",{"test" if i > 2 else "train"},{"abnormal" if "odd" in text else "normal"}'
             for i in range(5) for text in TEXTS]  # fmt: skip
    (tmp_path / "notes.csv").write_text("\n".join(["text,split,finding", *lines]), encoding="utf-8")
    (tmp_path / "labelwright.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    return tmp_path


def test_it_shows_tasks_functions_contradictions_and_scores(call, notes):
    said = call("tasks", "--write", "labels")
    assert said.code == 0, said.err
    assert "2 tasks, 15 train, 10 test" in said.out
    assert "finding: normal, abnormal\n  kind: mass, nodule (where finding is abnormal)\n" in said.out
    assert "Against gold" in said.out
    assert "rule each other out on 3 of 15 examples of train; the labels keep every relation on 3 of these." in said.out
    assert re.search(r"fine +mass +3 +[0-3] +[0-3] +[0-3] ", said.out)
    assert "There is no run yet" in said.out
    assert "Labels keep every relation on 25 of 25 examples." in said.out
    assert "Written: labels/kind.parquet" in said.out
    assert sorted(p.name for p in (notes / "labels").iterdir()) == ["finding.parquet", "kind.parquet", "tasks.json"]


def test_a_diagnosis_says_how_sure_accuracies_are_and_what_is_wrong(call, notes):
    said = call("tasks", "--diagnose")
    assert said.code == 0, said.err
    assert re.search(r"mass +6 +40.0% +[0-9.]+%  no interval", said.out)
    assert "LW024 warning: Votes on different tasks contradict each other." in said.out
    assert "LW026 warning: Fewer than three sources vote on a task.\n    task finding (2), kind (2)" in said.out
    found = call("tasks", "--diagnose", "--json").json
    assert found["findings"]["across"]["findings"][0]["code"] == "LW024"
    assert "fewer than three" in found["intervals"]["kind"]["accuracies"][0]["reason"]


def test_json_holds_the_same(call, notes):
    found = call("tasks", "--json").json
    assert [s["votes"] for s in found["tasks"]["finding"]["sources"]] == [9, 6]
    assert found["tasks"]["finding"]["scores"]["test"]["n"] == 10
    contradictions = found["contradictions"]
    assert (contradictions["examples"], contradictions["repaired"]) == (3, 3)
    assert contradictions["by_tasks"] == [{"tasks": ["finding", "kind"], "examples": 3}]
    (pair,) = contradictions["by_sources"]
    assert (pair["tasks"], pair["sources"], pair["examples"]) == (["finding", "kind"], ["fine", "mass"], 3)
    assert not (notes / ".labelwright").exists()


def test_a_run_is_kept_and_looked_at(call, notes):
    said = call("run")
    assert said.code == 0, said.err
    assert "2 tasks, 15 train, 10 test" in said.out
    assert "Votes: 100 made, 0 kept; examples labelled: 25" in said.out
    assert "Nothing to do" in call("run", "--dry-run").out
    assert "All labels are those of run 1 (" in call("tasks").out
    (notes / "supervision.py").write_text(FUNCTIONS.replace('["odd"]', '["an odd"]'), encoding="utf-8")
    steps = call("run", "--dry-run", "--json").json["plan"]["steps"]
    assert [step["what"] for step in steps[:2]] == ["votes of odd", "sums of votes on finding, kind"]
    found = call("tasks", "--json").json
    assert found["components"] == [{"tasks": ["finding", "kind"], "stale": False, "reasons": []}]  # the same votes
    assert call("run").code == 0
    assert call("checkout", "1").code == 0
    assert '["odd"]' in (notes / "supervision.py").read_text(encoding="utf-8")
    assert "Nothing to do" in call("run", "--dry-run").out
    assert call("snapshot", "one").code == call("gc", "--yes").code == call("log").code == call("verify").code == 0


@pytest.mark.parametrize(("verb", "lacks"), [(("augment",), "[augmentation]"), (("augment", "--show"), "end model")])
def test_augment_says_what_is_lacking_and_writes_nothing(call, notes, verb, lacks):
    before = sorted(notes.rglob("*"))
    said = call(*verb)
    assert said.code == 1
    assert f"labelwright.toml has no {lacks}" in said.err
    assert sorted(notes.rglob("*")) == before


def test_functions_are_tried_with_what_they_say_by_task(call, notes):
    before = sorted(notes.rglob("*"))
    tried = {one["name"]: one for one in call("lf", "test", "--json").json["functions"]}
    assert tried["odd"]["votes"] > 0
    assert set(tried["odd"]["examples"][0]["vote"]) == {"finding"}
    assert "  finding = abnormal  [row" in call("lf", "test", "odd").out
    assert sorted(notes.rglob("*")) == before
    (notes / "labelwright.toml").write_text(SETTINGS.replace("[data", "[data_sets.notes"), encoding="utf-8")
    again = {one["name"]: one for one in call("lf", "test", "--json").json["functions"]}
    assert {name: one["votes"] for name, one in again.items()} == {name: one["votes"] for name, one in tried.items()}
    assert "  finding = abnormal  [notes:" in call("lf", "test", "odd").out


def test_a_project_with_one_task_is_told_what_works_too(call, spam):
    said = call("tasks", "--project", spam)
    assert said.code == 1
    assert "has one [task], which `labelwright run` labels" in said.err


def test_a_task_of_a_project_with_one_is_refused_before_any_run(call, spam):
    shutil.rmtree(spam / ".labelwright")
    said = call("explain", "c01", "--task", "kind", "--project", spam)
    assert said.code == 1
    assert "has one [task], which has no name; name none." in said.err


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        (("predict", "notes.csv", "--model", "label"), "has no finished run"),
        (("explain", "--function", "odd"), "; `explain --function` works on a project with one [task]."),
        (("explain", "r7", "--task", "kin"), "has no task 'kin'. Did you mean 'kind'? The tasks are: finding, kind."),
        (("explain", "r7", "--task", "kind"), "has no finished run"),
    ],
)
@pytest.mark.usefixtures("notes")
def test_what_does_not_work_is_named(call, verb, words):
    said = call(*verb)
    assert said.code == 1
    assert words in said.err


def test_with_an_exported_model_the_data_of_the_project_is_still_left_alone(call, notes):
    (notes / "new.csv").write_text("text\nfine\n", encoding="utf-8")
    said = call("predict", "new.csv", "--model-folder", "model", "--output", "notes.csv")
    assert said.code == 1
    assert "is the project's own data" in said.err
