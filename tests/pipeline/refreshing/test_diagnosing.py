"""A run that is diagnosed: intervals worked out once, kept by component, read by what comes later, and in the report."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError
from labelwright.labelmodels import MultiTask
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.kept.kept_tasks import read_by_name

from ..conftest import FUNCTIONS as OF_ONE_TASK
from ..conftest import SETTINGS as ONE_TASK
from ..tasks.conftest import FUNCTIONS, SETTINGS, write_reports

# The ward is the only one who votes on its task.
pytestmark = pytest.mark.filterwarnings("ignore::labelwright.core.errors.FallbackWarning")


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory) -> Path:
    """A project of two components that was run, and run again with a diagnosis; not to be written to."""
    folder = tmp_path_factory.mktemp("diagnosed") / "reports"
    folder.mkdir()
    write_reports(folder / "reports.csv", 60)
    (folder / "labelwright.toml").write_text(SETTINGS.split("[[relations]]")[0], encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    lw.Project(folder).run()
    lw.Project(folder).run(diagnose=True)
    return folder


def known_of(folder: Path) -> ComponentIntervals:
    return ComponentIntervals(Database(*open_store(folder)), KeptRun.latest(folder).row.artifacts)


def test_intervals_are_those_of_a_model_that_is_fitted_anew_to_the_votes(diagnosed):
    run = KeptRun.latest(diagnosed)
    found = known_of(diagnosed)
    assert sorted(found.keys) == ["finding", "urgent"]
    assert not found.missing
    fitted = MultiTask().fit(run.task_votes("train")).intervals()
    assert found.known().to_dict() == fitted.to_dict()
    assert fitted["finding"].accuracies.low[0] > 0  # so there is something to be equal


def test_a_diagnosis_makes_no_other_run_and_its_report_tells_more(diagnosed):
    plain, told = (KeptRun.named(diagnosed, number) for number in (1, 2))
    assert plain.row.run_id == told.row.run_id
    assert set(told.row.artifacts) - set(plain.row.artifacts) == {"task_intervals"}
    pages = [run.store.get_text(run.artifact("report")) for run in (plain, told)]
    interval = known_of(diagnosed).known()["finding"].accuracies
    cell = f"{100 * interval.low[0]:.1f}\N{EN DASH}{100 * interval.high[0]:.1f}"
    assert [cell in page for page in pages] == [False, True]
    assert ["run --diagnose" in page for page in pages] == [True, False]
    # What takes a look at the votes is always told; what tasks' own votes show, with the intervals.
    assert ["LW024" in page for page in pages] == [True, True]
    assert ["LW020" in page for page in pages] == [False, True]


def test_what_is_kept_is_read_and_an_edit_leaves_other_components(diagnosed, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(diagnosed, tmp_path / "reports"))
    monkeypatch.setattr(ComponentIntervals, "work_out", lambda *_: pytest.fail("worked out again"))
    again = lw.Project(folder).run()
    assert again.artifacts["task_findings"] == KeptRun.named(diagnosed, 2).row.artifacts["task_findings"]
    supervision = folder / "supervision.py"
    supervision.write_text(FUNCTIONS.replace('["call the ward"]', '["report"]'), encoding="utf-8")
    edited = lw.Project(folder).run()
    kept = read_by_name(KeptRun.latest(folder).store, edited.artifacts["task_intervals"])
    assert kept == {"finding": known_of(diagnosed).keys["finding"]}
    page = edited.report.read_text(encoding="utf-8")
    assert "run --diagnose" in page
    assert "Shares of the classes of finding" in page
    assert "Shares of the classes of urgent" not in page


def test_contracts_without_gold_are_judged_on_what_a_run_worked_out(diagnosed, tmp_path, monkeypatch):
    monkeypatch.setattr(ComponentIntervals, "model", lambda *_: pytest.fail("worked out again"))
    folder = Path(shutil.copytree(diagnosed, tmp_path / "reports"))
    settings = folder / "labelwright.toml"
    written = settings.read_text(encoding="utf-8").replace('gold = "finding"\n', "")
    asked = "[contracts.functions.reader_a]\naccuracy = { min = 0.6 }\n[contracts.functions.reader_b]\naccuracy = { max = 0.2 }\n"
    settings.write_text(f"{written}\n{asked}", encoding="utf-8")
    found = {(c.function, c.task): c for c in lw.Project(folder).test().judgement.contracts}
    kept, broken = (found[f"reader_{one}", "finding"] for one in "ab")
    assert (kept.status, broken.status) == ("kept", "broken")
    assert kept.basis == broken.basis == "learned from votes on train, since valid has no gold"
    assert "on the gold of valid" in found["reader_a", "kind"].basis
    # A contract is judged at 98%, so that its interval holds that of 95%.
    wide, usual = kept, known_of(folder).known()["finding"].accuracies
    assert wide.low < usual.low[0] < usual.estimate[0] == wide.value < usual.high[0] < wide.high


def test_a_diff_says_which_accuracies_moved_beyond_what_chance_explains(diagnosed, tmp_path):
    folder = Path(shutil.copytree(diagnosed, tmp_path / "reports"))
    supervision = folder / "supervision.py"
    supervision.write_text(FUNCTIONS.replace('for reader in "abc"', 'for reader in "ab"'), encoding="utf-8")
    lw.Project(folder).run()
    found = lw.Project(folder).diff_tasks("2", "3", intervals=True)
    moves = {move["name"]: move for move in found.to_dict()["learned"]["finding"]}
    known = known_of(diagnosed).known()["finding"]
    for name, low, high in zip(known.sources, known.accuracies.low, known.accuracies.high, strict=True):
        move = moves[name]
        assert (move["low"], move["high"]) == (low, high)
        inside = None if move["after"] is None else low <= move["after"] <= high
        assert move["verdict"] == {None: "gone", True: "within", False: "beyond"}[inside]
    assert moves["reader_c"]["verdict"] == "gone"
    told = moves["reader_a"]
    assert f"({told['verdict']} {told['low']:.1%} to {told['high']:.1%})" in found.to_text()
    page = tmp_path / "d.html"
    lw.Project(folder).write_diff(found, html=page)
    cell = f"{100 * told['low']:.1f}–{100 * told['high']:.1f}"
    assert cell in page.read_text(encoding="utf-8")
    assert "95% intervals of the earlier run" in page.read_text(encoding="utf-8")


def test_intervals_are_verified_and_survive_a_collection(diagnosed, tmp_path):
    folder = Path(shutil.copytree(diagnosed, tmp_path / "reports"))
    lw.Project(folder).gc()
    assert {c.what: c.status for c in lw.Project(folder).verify().checks}["intervals"] == "equal"


def test_a_project_with_one_task_is_told_how_to_diagnose(tmp_path):
    (tmp_path / "labelwright.toml").write_text(ONE_TASK, encoding="utf-8")
    (tmp_path / "supervision.py").write_text(OF_ONE_TASK, encoding="utf-8")
    with pytest.raises(ProjectError, match=r"lw\.diagnose"):
        lw.Project(tmp_path).run(diagnose=True)
