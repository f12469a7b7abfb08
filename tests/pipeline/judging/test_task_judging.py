"""Contracts, gates, examples and drift of a project with several tasks, from its files to the answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import labelwright as lw
from labelwright.cli import cli
from labelwright.core.errors import ProjectError
from labelwright.pipeline.judging import judging

from ..conftest import FUNCTIONS as OF_ONE_TASK
from ..conftest import SETTINGS as ONE_TASK
from ..tasks.conftest import FUNCTIONS, SETTINGS, write_reports

JUDGED = """
[contracts]
coverage = { min = 0.2 }
accuracy = { min = 0.5 }
never_votes = ["nodule"]

[contracts.tasks.urgent]
coverage = { min = 0.01 }

[contracts.tasks.kind.functions.reader_a]
accuracy = { min = 0.999 }

[gates]
flips = 0.02
slices = ["split"]
drift = 0.01

[gates.tasks.kind]
flips = 1.0
"""
EXAMPLES = """
@lw.labeling_function(tasks=["finding", "kind"], examples=[
    ({"text": "mass"}, {"kind": "mass"}),
    ({"text": "solid"}, {"kind": ["nodule", "mass"]}),
    ({"text": "both"}, {"finding": "normal"}),
    ({"text": "odd"}, {"kind": "mass"}),
    ({"text": "-"}, None),
])
def worded(x):
    return {
        "mass": {"kind": "mass"},
        "solid": {"kind": {"mass", "nodule"}},
        "both": {"finding": "normal", "kind": "mass"},
        "odd": {"kind": "cyst"},
    }.get(x.text)

late = lw.keyword_lf(
    "late", ["late"], label="no", task="urgent", field="text", examples=[("too late", "no"), ("later", "maybe")]
)
FUNCTIONS += [worded, late]
"""

# One function votes on urgency, and no relation ties that to other tasks here.
pytestmark = pytest.mark.filterwarnings("ignore::labelwright.core.errors.FallbackWarning")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A project that has run once."""
    folder = tmp_path_factory.mktemp("judged") / "reports"
    folder.mkdir()
    write_reports(folder / "reports.csv", 160)
    alone = SETTINGS.split("[[relations]]")[0]
    (folder / "labelwright.toml").write_text(alone + JUDGED, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    lw.Project(folder).run()
    return folder


@pytest.fixture
def judged(finished, tmp_path) -> lw.Project:
    return lw.Project(shutil.copytree(finished, tmp_path / "reports"))


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_contracts_hold_on_each_task_and_may_say_more_of_one(judged):
    found = {(c.function, c.task, c.contract): c for c in judged.test().judgement.contracts}
    readers = {(f"reader_{reader}", task) for reader in "abc" for task in ("finding", "kind")}
    assert {key[:2] for key in found} == {*readers, ("ward", "urgent")}
    assert found["ward", "urgent", "coverage"].asked == "at least 1.0%"
    assert found["reader_b", "kind", "coverage"].asked == "at least 20.0%"
    assert found["reader_a", "kind", "accuracy"].status == "broken"
    assert found["reader_b", "kind", "accuracy"].status == found["reader_a", "finding", "accuracy"].status == "kept"
    # A class that a task does not have is not forbidden there.
    assert [key[1] for key in found if key[2] == "never_votes"] == ["kind"] * 3
    # There is no gold of urgent, and one function alone learns nothing.
    assert found["ward", "urgent", "accuracy"].status == "not judged"
    assert "no gold in valid, and the learned accuracy has no interval" in found["ward", "urgent", "accuracy"].basis
    assert "reader_a on kind, accuracy at least 99.9%" in str(found["reader_a", "kind", "accuracy"])


def test_gates_compare_task_by_task_and_fail_a_run_that_asks_for_it(judged):
    same = judged.test().judgement
    assert same.reference == "run 1"
    assert {g.status for g in same.gates if g.task != "urgent"} == {"passed"}
    edit(judged.folder / "supervision.py", "        word = getattr(x, reader)\n", "        word = x.text[:0]\n")
    edit(judged.folder / "labelwright.toml", "drift = 0.01\n", "drift = 0.01\nenforce = true\n")
    result = CliRunner().invoke(cli, ["test", "--project", str(judged.folder), "--json"])
    found = json.loads(result.stdout)
    gates = {(g["gate"], g.get("task"), g["name"]): g for g in found["gates"]}
    assert gates["flips", "finding", "test"]["status"] == "failed"
    assert gates["flips", "kind", "test"]["status"] == "passed"  # there they may all flip
    assert gates["slice", "finding", "split = test"]["status"] == "failed"
    assert gates["slice", "urgent", "split"]["status"] == "not judged"
    assert result.exit_code == 1
    assert len(judged.log()) == 1
    ran = CliRunner().invoke(cli, ["run", "--project", str(judged.folder)])
    assert ran.exit_code == 1
    assert "gate failed: flips, finding, test: " in ran.stderr
    assert "See contracts and gates: labelwright test" in ran.output
    changed = {(c.function, c.now) for c in judged.drift(against="1").changed}
    assert ("reader_a on kind", 0) in changed
    assert judged.judge().reference == "run 1"


def test_of_several_data_sets_each_task_is_judged_on_those_about_it(judged):
    table = pl.read_csv(judged.folder / "reports.csv")
    table.select("key", "split", "text").write_csv(judged.folder / "calls.csv")
    settings = (judged.folder / "labelwright.toml").read_text()
    data, rest = settings.split("[tasks.finding]")
    sets = data.replace("[data.splits]", "[data_sets.reports.splits]").replace("[data]", "[data_sets.reports]")
    calls = sets.replace("_sets.reports", "_sets.calls").replace("reports.csv", "calls.csv")
    calls = calls.replace('id = "key"', 'id = "key"\ntasks = ["urgent"]')
    (judged.folder / "labelwright.toml").write_text(f"{sets}{calls}[tasks.finding]{rest}")
    found = {(c.function, c.task, c.contract): c for c in judged.test().judgement.contracts}
    assert found["reader_a", "finding", "coverage"].n == 80
    assert found["ward", "urgent", "coverage"].n == 160
    report = judged.drift()
    assert (report.old, report.new) == (0, 320)  # their examples are called after the data sets


def test_new_examples_are_tested_on_all_tasks_together(judged):
    head, *rows = (judged.folder / "reports.csv").read_text().splitlines()
    new = [f"n{i},train,call the ward,mass,mass,mass,abnormal,mass" for i in range(60)]
    # The old ones stand behind them, in another order: examples are compared by their ids.
    (judged.folder / "reports.csv").write_text("\n".join([head, *new, *rows[::-1]]) + "\n")
    report = judged.drift()
    assert (report.old, report.new) == (160, 60)
    drifted = {(row.source, row.measure) for row in report.drift.drifted}
    assert {("reader_a on kind", "vote rate"), ("ward on urgent", "vote rate")} <= drifted
    printed = CliRunner().invoke(cli, ["drift", "--project", str(judged.folder)])
    assert "ward on urgent, vote rate on new examples" in printed.output
    *others, drift = judged.test().judgement.gates
    assert drift.status == "failed"
    flips = next(g.figures for g in others if (g.gate, g.task, g.name) == ("flips", "finding", "train"))
    assert flips["n"] == 80
    assert flips["flipped"] < 0.2 * 80


def test_examples_are_answers_by_task(judged):
    (judged.folder / "supervision.py").write_text(FUNCTIONS + EXAMPLES)
    found = judged.test(data=False)
    said = [(e.example["text"] if isinstance(e.example, dict) else e.example, e.passed) for e in found.examples]
    assert said == [
        ("mass", True), ("solid", True), ("both", False), ("odd", False), ("-", True), ("too late", True), ("later", False)
    ]  # fmt: skip
    both, odd, late = (e for e in found.examples if not e.passed)
    assert "finding = 'normal', kind = 'mass' cannot hold together" in str(both)
    assert "'cyst' is no class that it may vote for on task 'kind'" in str(odd)
    assert "'maybe' is no class" in str(late)
    assert found.to_dict()["examples"][1]["got"] == {"kind": ["mass", "nodule"]}
    printed = CliRunner().invoke(cli, ["test", "--no-data", "--project", str(judged.folder)])
    assert printed.exit_code == 1
    assert "4 of 7 as expected (2 of 6 functions have some)" in printed.output


def test_names_in_contracts_are_checked_and_kinds_of_projects_are_not_mixed(judged):
    settings = judged.folder / "labelwright.toml"
    edit(settings, "functions.reader_a", "functions.ward")
    with pytest.raises(ProjectError, match=r"contracts\.tasks\.kind\.functions\.ward: no such function votes on kind"):
        judged.test()
    settings.write_text(ONE_TASK.partition("[end_model]")[0].replace("comments", "reports").replace('"gold"', '"finding"')
                        + "[gates]\nflips = 0.1\n")  # fmt: skip
    (judged.folder / "supervision.py").write_text(OF_ONE_TASK)
    with pytest.raises(ProjectError, match="run 1 is on several tasks, and the project now has one task"):
        judged.test(against="1")
    # Where none is named, a run of the other kind is passed over.
    assert judging._reference(judged.folder, judged.settings, None, before_latest=False) is None
