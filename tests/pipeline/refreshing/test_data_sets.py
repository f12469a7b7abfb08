"""Several data sets in one project: what each is about, what is kept of it, and that a refresh is a rebuild."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import labelwright as lw
from labelwright.core.errors import DataError, FunctionError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.tasks.labelling import label_tasks

from ..notes import TASKS
from .quick import QuickProject, quickly

SETS = """
[data_sets.notes]
path = "notes.csv"
id = "key"
tasks = ["finding", "kind"]
[data_sets.notes.splits]
column = "split"
train = "train"
test = "test"

[data_sets.calls]
path = "calls.csv"
id = "key"
[data_sets.calls.splits]
column = "split"
train = "train"
test = "test"
"""

APPLY = """
[apply]
on_error = "abstain"
workers = 1
"""

FUNCTIONS = """
import labelwright as lw

@lw.labeling_function(task="finding")
def clear(x):
    return "normal" if "clear" in x.text else None

@lw.labeling_function(task="finding")
def seen(x):
    return "abnormal" if "mass" in x.text or "nodule" in x.text else None

@lw.labeling_function(tasks=["finding", "kind"])
def lump(x):
    if "fail" in x.text:
        raise ValueError("no")
    return {"kind": "mass"} if "mass" in x.text else {"kind": ["mass", "nodule"]} if "solid" in x.text else None

@lw.labeling_function(task="kind")
def knot(x):
    return "nodule" if "nodule" in x.text else None

@lw.labeling_function(task="urgent")
def rush(x):
    return "yes" if x.ward == "er" else None

@lw.labeling_function(task="urgent")
def calm(x):
    return "no" if x.ward == "home" else None
"""

ROLES = ("data", "schema", "task_votes", "task_stats", "task_models", "task_labels", "metrics")
WORDS = ("clear", "mass", "nodule", "clear mass", "nodule solid", "solid", "", "fail", "mass nodule")


def rows(n: int, seed: int) -> list[list[str]]:
    """Return rows: key, text, ward, finding, split."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        text = WORDS[rng.integers(len(WORDS))]
        gold = "normal" if text == "clear" else "abnormal"
        out.append([f"k{i}", text, ("er", "home", "")[rng.integers(3)], gold, "test" if i % 4 == 3 else "train"])
    return out


class Clinic(QuickProject):
    """Notes without wards, and calls with them, under the same keys."""

    part_rows = 6

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.notes, self.calls = rows(14, 0), rows(12, 1)
        self.settings, self.functions = SETS + TASKS + APPLY, FUNCTIONS
        self.wards = False

    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        columns = ("key", "text", "ward", "finding", "split")
        calls, notes = (pl.DataFrame(found, schema=columns, orient="row") for found in (self.calls, self.notes))
        calls.write_csv(self.folder / "calls.csv")
        (notes if self.wards else notes.drop("ward")).write_csv(self.folder / "notes.csv")
        (self.folder / "labelwright.toml").write_text(self.settings, encoding="utf-8")
        (self.folder / "supervision.py").write_text(self.functions, encoding="utf-8")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project that was run once, and the result; not to be changed."""
    clinic = Clinic(tmp_path_factory.mktemp("first") / "clinic")
    return clinic, clinic.run()


@pytest.fixture
def clinic(first, tmp_path) -> Clinic:
    """A project that was run once."""
    shutil.copytree(first[0].folder, tmp_path / "clinic")
    return Clinic(tmp_path / "clinic")


def same(one, other) -> bool:
    return all(one.artifacts[role] == other.artifacts[role] for role in ROLES)


def test_each_data_set_gets_votes_and_labels_on_its_tasks_alone(first):
    clinic, result = first
    run = KeptRun.latest(clinic.folder)
    assert result.splits == {"train": 20, "test": 6}
    # Two functions on the calls alone, and four on both.
    assert result.operations["function_applications"] == 6 * 12 + 4 * 14
    assert result.operations["rows_labelled"] == 12 + 14
    urgent, finding = run.of_task("urgent"), run.of_task("finding")
    assert {example.split(":")[0] for example in urgent.soft_labels("train").example_ids.tolist()} == {"calls"}
    assert finding.soft_labels("train").n == 20
    assert [task.covered <= 1 for task in result.tasks] == [True] * 3
    assert {s.name: s.n for task in result.tasks for s in task.sources} == {
        **dict.fromkeys(("clear", "seen", "lump", "knot"), 20),
        **dict.fromkeys(("rush", "calm"), 9),
    }
    whole = run.task_labels("train")
    notes = np.char.startswith(whole.example_ids, "notes:")
    assert not whole.covered[notes][:, whole.graph.names.index("urgent")].any()
    assert np.allclose(whole.probs["urgent"][notes], 0.5)
    assert whole.graph.is_feasible(run.kept_task_labels.vectors("train")).all()


def test_new_examples_do_not_say_of_which_data_set_they_are(first):
    with pytest.raises(ProjectError, match=r"new examples do not say of which they are; ask the end models"):
        lw.Project(first[0].folder).predict(pl.read_csv(first[0].folder / "calls.csv"), model="label")


def test_two_data_sets_teach_what_one_of_all_their_rows_teaches(tmp_path):
    two, one = Clinic(tmp_path / "two"), Clinic(tmp_path / "one")
    two.wards = one.wards = True
    two.settings = two.settings.replace('tasks = ["finding", "kind"]\n', "")
    both = [("notes", two.notes), ("calls", two.calls)]
    one.calls = [[f"{name}:{key}", *rest] for name, found in both for key, *rest in found]
    one.settings = two.settings[two.settings.index("[data_sets.calls]") :].replace("data_sets.calls", "data")
    two.run()
    one.run()
    # The same address is the same content, bit for bit.
    assert two.kept("task_models") == one.kept("task_models")
    again, whole = (KeptRun.latest(project.folder) for project in (two, one))
    for split in ("train", "test"):
        labels, others = again.task_labels(split), whole.task_labels(split)
        assert labels.example_ids.tolist() == others.example_ids.tolist()
        for task in labels.graph.names:
            assert np.allclose(labels.probs[task], others.probs[task], rtol=0, atol=1e-12)


def test_running_again_makes_nothing_and_neither_does_it_after_collecting(first, clinic):
    again = clinic.run()
    assert (again.run_id, again.artifacts) == (first[1].run_id, first[1].artifacts)
    lw.Project(clinic.folder).gc(grace=timedelta(0))
    after = clinic.run()
    made = ("function_applications", "votes_copied", "rows_summarised", "models_solved", "rows_labelled")
    assert [after.operations[what] for what in made] == [0] * 5
    with quickly(Clinic.part_rows):
        assert not lw.Project(clinic.folder).plan().steps


def test_an_edited_data_set_touches_the_components_of_its_tasks_alone(clinic):
    roles = ("task_stats", "task_models", "task_labels", "task_votes")
    before = {role: clinic.kept(role) for role in roles}
    parts = KeptRun.latest(clinic.folder).kept_task_votes.by_task["finding"].record.parts
    row = next(row for row in clinic.notes if row[4] == "train")
    row[1] = "all clear" if "clear" not in row[1] else "a nodule"
    result = clinic.run()
    assert result.operations["function_applications"] == 4
    for role in roles:
        assert clinic.kept(role)["urgent"] == before[role]["urgent"]
        assert clinic.kept(role)["finding"] != before[role]["finding"]
    now = KeptRun.latest(clinic.folder).kept_task_votes.by_task["finding"].record.parts
    assert sum(one != other for one, other in zip(parts, now, strict=True)) == 1
    clinic.calls[0][2] = "er" if clinic.calls[0][2] != "er" else "home"
    again = clinic.run()
    assert again.operations["function_applications"] == 6
    assert same(again, clinic.rebuilt())


EDITS = st.tuples(
    st.sampled_from(["add", "drop", "text", "order", "function", "tasks", "reads"]), st.integers(0, 10**6)
)


def _edit(clinic: Clinic, what: str, number: int) -> None:
    data = clinic.notes if number % 2 else clinic.calls
    if what == "add":
        data += [[f"{key}_{len(data)}_{number}", *rest] for key, *rest in rows(1 + number % 5, number)]
    elif what == "drop" and len(data) > 8:
        del data[number % len(data)]
    elif what == "text":
        data[number % len(data)][1] = WORDS[number % len(WORDS)]
    elif what == "order":
        np.random.default_rng(number).shuffle(data)
    elif what == "function":
        said = ('"clear" in x.text', '"clear" in x.text and "mass" not in x.text')
        clinic.functions = clinic.functions.replace(*(said if said[1] not in clinic.functions else said[::-1]))
    elif what == "tasks":
        about, few = 'path = "calls.csv"\n', 'path = "calls.csv"\ntasks = ["finding", "urgent"]\n'
        clinic.settings = clinic.settings.replace(*((few, about) if few in clinic.settings else (about, few)))
    else:
        all_, some = 'path = "notes.csv"\n', 'path = "notes.csv"\nfunctions = ["clear", "lump", "k*"]\n'
        clinic.settings = clinic.settings.replace(*((some, all_) if some in clinic.settings else (all_, some)))


@pytest.mark.slow
@given(st.lists(st.lists(EDITS, min_size=1, max_size=3), min_size=2, max_size=2))
@settings(max_examples=2, phases=[Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_refresh_is_a_rebuild(first, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("edited") / "clinic"
    shutil.copytree(first[0].folder, folder)
    clinic = Clinic(folder)
    for edits in steps:
        for what, number in edits:
            _edit(clinic, what, number)
        result = clinic.run()
    again = clinic.rebuilt()
    assert {r: result.artifacts[r] for r in ROLES} == {r: again.artifacts[r] for r in ROLES}
    assert result.run_id == again.run_id


def test_an_example_is_called_by_its_data_set(first, tmp_path):
    clinic, _ = first
    project = lw.Project(clinic.folder)
    found = project.explain_on_task("calls:k3", "urgent")
    assert (found.example_id, found.split) == ("calls:k3", "test")
    assert project.explain_on_task("k13", "finding").example_id == "notes:k13"
    with pytest.raises(ProjectError, match="several data sets have an example 'k3'; name one: notes:k3 or calls:k3"):
        project.explain_on_task("k3", "finding")
    with pytest.raises(ProjectError, match="notes:k3 is not about urgent: its data set is about finding, kind"):
        project.explain_on_task("notes:k3", "urgent")
    with pytest.raises(ProjectError, match="there is no example 'notes:k99'; an example is called by its data set"):
        project.explain_on_task("notes:k99", "kind")
    assert project.export(tmp_path / "kind.jsonl", "jsonl", task="kind", split="all") == 26
    table = [json.loads(line) for line in (tmp_path / "kind.jsonl").read_text().splitlines()]
    assert {(row["data_set"], row["ward"] is None) for row in table if row["ward"] != ""} >= {("notes", True)}
    assert {row["example_id"].split(":")[0] for row in table} == {"notes", "calls"}
    assert project.export(tmp_path / "urgent.csv", "csv", task="urgent", split="all") == 12
    with quickly(Clinic.part_rows):
        label_tasks(clinic.folder, write=tmp_path / "labels")
    assert pl.read_parquet(tmp_path / "labels" / "urgent.parquet").height == 12


@pytest.mark.slow
def test_a_run_is_verified_compared_and_predicts(clinic):
    clinic.settings += '[end_model]\nkind = "text"\nfields = ["text", "ward"]\n'
    trained = clinic.run()
    models = clinic.kept("task_end_models")
    clinic.notes[0][1] = "all clear"
    result = clinic.run()
    assert clinic.kept("task_end_models")["urgent"] == models["urgent"]
    assert clinic.kept("task_end_models")["finding"] != models["finding"]
    project = lw.Project(clinic.folder)
    with quickly(Clinic.part_rows):
        checks = {check.what: check.status for check in project.verify().checks}
    assert set(checks.values()) == {"equal"}
    assert project.predict(pl.DataFrame({"key": ["a"], "text": ["a mass"]})).columns[:2] == ["key", "finding"]
    with pytest.raises(DataError, match="which the data does not have"):
        project.predict(pl.DataFrame({"key": ["a"]}))
    project.checkout(str(trained.number))
    assert KeptRun.latest(clinic.folder).row.run_id == trained.run_id
    assert result.splits == trained.splits


def test_one_function_may_be_refreshed_alone(clinic):
    clinic.functions = clinic.functions.replace('x.ward == "er"', 'x.ward in ("er", "icu")')
    clinic.notes[0][1] = "all clear"
    result = clinic.run(only=["rush"])
    assert result.operations["function_applications"] == 12
    assert KeptRun.latest(clinic.folder).kept_data.row(0, 0)["text"] != "all clear"
    clinic.settings = clinic.settings.replace('tasks = ["finding", "kind"]\n', "")
    with pytest.raises(ProjectError, match="data sets changed since the run that --only starts from"):
        clinic.run(only=["rush"])


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('tasks = ["finding", "kind"]\n', "", FunctionError, r"runs on it \(so does calm\); if it is not meant"),
        ('"notes.csv"\n', '"notes.csv"\nfunctions = ["cleer"]\n', ProjectError, "'cleer', which is no function. Did"),
        ('gold = "finding"', 'gold = "truth"', DataError, "not a column of the data sets notes, calls"),
        (
            "[apply]",
            '[end_model]\nkind = "text"\nfields = ["ward"]\n[apply]',
            DataError,
            "column of the data set 'notes'",
        ),
        ('column = "split"', 'column = "part"', DataError, "data_sets.notes.splits.column is 'part'"),
        ('test = "test"', 'test = "tset"', DataError, r"the split 'test' has no examples; look at \[data_sets.notes"),
    ],
)
def test_what_a_data_set_lacks_is_said(clinic, old, new, error, said):
    clinic.settings = clinic.settings.replace(old, new, 1)
    with pytest.raises(error, match=said):
        clinic.run()


def test_a_function_that_no_data_set_is_read_by_is_told_of(clinic):
    clinic.settings = clinic.settings.replace('"calls.csv"\n', '"calls.csv"\nfunctions = ["clear", "calm"]\n')
    result = clinic.run()
    assert "labeling function rush runs on no data set" in " ".join(result.warnings)
    assert KeptRun.latest(clinic.folder).of_task("urgent").sources == ("calm",)


def test_functions_are_tried_on_the_data_sets_that_a_run_applies_them_to(tmp_path):
    clinic = Clinic(tmp_path / "clinic")
    clinic.settings = clinic.settings.replace(
        'tasks = ["finding", "kind"]\n', 'tasks = ["finding"]\nfunctions = ["*u*", "seen"]\n', 1
    )
    clinic.settings = clinic.settings.replace(
        'id = "key"\n[data_sets.calls.', 'id = "key"\ntasks = ["kind", "urgent", "finding"]\n[data_sets.calls.'
    )
    clinic.write()
    tried = {one.name: one for one in lw.Project(clinic.folder).try_functions(limit=100)}
    train = {
        "notes": [row for row in clinic.notes if row[4] == "train"],
        "calls": [row for row in clinic.calls if row[4] == "train"],
    }
    # Of functions on notes, clear is left out by name, and rush votes on no task of theirs.
    assert (tried["seen"].n, tried["clear"].n) == (len(train["notes"]) + len(train["calls"]), len(train["calls"]))
    assert tried["rush"].n == len(train["calls"])
    seen = {
        f"{name}:{row[0]}" for name, rows_ in train.items() for row in rows_ if "mass" in row[1] or "nodule" in row[1]
    }
    assert {shown.example_id for shown in tried["seen"].examples} == seen
    assert tried["seen"].votes == len(seen)
    # Notes are not about kinds: what lump says of them stands above, or is dropped.
    votes = [shown.vote for shown in tried["lump"].examples if shown.example_id.startswith("notes:")]
    assert all(set(vote) == {"finding"} for vote in votes)
    failing = [
        f"{name}:{row[0]}"
        for name, rows_ in (("notes", clinic.notes), ("calls", clinic.calls))
        for row in rows_
        if "fail" in row[1]
    ]
    assert [example_id for example_id, _ in tried["lump"].first_failures] == failing
    assert not (clinic.folder / ".labelwright").exists()
    with pytest.raises(ProjectError, match="no split 'valid'; it has train, test"):
        lw.Project(clinic.folder).try_functions(split="valid")
    clinic.settings = clinic.settings.replace('"seen"', '"sen"')
    clinic.write()
    with pytest.raises(ProjectError, match="Did you mean 'seen'"):
        lw.Project(clinic.folder).try_functions()
