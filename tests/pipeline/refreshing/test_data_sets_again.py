"""Several data sets: runs that are stopped, runs since another, one network for all tasks, and augmented copies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labelwright as lw
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.shared_end_model import readable

from .test_data_sets import ROLES, Clinic

pytestmark = pytest.mark.filterwarnings("ignore:Fell back")

NETWORK = '[end_model]\nkind = "text"\nfields = ["text"]\n[end_model.network]\nepochs = 2\ndevice = "cpu"\n'
SHOUT = """
@lw.transformation_function(field="text")
def shout(text):
    return text.upper()
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run once; not to be changed."""
    clinic = Clinic(tmp_path_factory.mktemp("again") / "clinic")
    clinic.run()
    return clinic.folder


@pytest.fixture
def clinic(ran: Path, tmp_path: Path) -> Clinic:
    """A project that was run once."""
    return Clinic(shutil.copytree(ran, tmp_path / "clinic"))


def same(one: Any, other: Any) -> bool:
    return all(one.artifacts[role] == other.artifacts[role] for role in ROLES)


def test_a_run_that_is_stopped_anywhere_goes_on_and_ends_alike(clinic: Clinic) -> None:
    clinic.functions = clinic.functions.replace('x.ward == "er"', 'x.ward in ("er", "icu")')
    clinic.functions = clinic.functions.replace('"clear" in', '"clear " in')
    clinic.notes[0][1] = "all clear"
    heard: list[str] = []

    def run_until(words: str) -> None:
        def stop(said: str) -> None:
            heard.append(said)
            if said.startswith(words):
                raise KeyboardInterrupt

        clinic.run(step=stop)

    for words in ("applying", "summarising", "fitting", "labelling", "scoring"):
        with pytest.raises(KeyboardInterrupt):
            run_until(words)
        assert len(lw.Project(clinic.folder).log()) == 1
    result = clinic.run()
    # All votes were there by then, and all sums, models and labels.
    made = ("function_applications", "rows_summarised", "models_solved", "rows_labelled")
    assert [result.operations[what] for what in made] == [0] * 4
    assert same(result, clinic.rebuilt())


def test_a_run_since_another_tells_what_changed_from_it_and_is_a_rebuild(clinic: Clinic) -> None:
    first = KeptRun.latest(clinic.folder).row.run_id
    clinic.notes[0][1] = "all clear"
    clinic.run()
    clinic.calls[0][2] = "icu"
    clinic.write()
    told = {since: lw.Project(clinic.folder).plan(since=since) for since in ("latest", "1", first[:8])}
    reasons = {since: next(s.reason for s in plan.steps if s.stage == "data") for since, plan in told.items()}
    assert reasons["latest"] == "1 row edited in calls.csv"
    assert reasons["1"] == reasons[first[:8]] == "2 rows edited in notes.csv, calls.csv"
    result = clinic.run(since="1")
    assert same(result, clinic.rebuilt())
    assert not lw.Project(clinic.folder).plan().steps


def test_one_network_learns_from_all_data_sets_that_it_can_read(clinic: Clinic) -> None:
    clinic.settings += NETWORK
    clinic.run()
    run = KeptRun.latest(clinic.folder)
    data, read, known = run.kept_data, *readable(run.settings().end_model, run.kept_data, run.task_labels("train"))
    assert list(read.numbers) == list(data.numbers)
    of_notes = np.array([example.startswith("notes:") for example in known.example_ids.tolist()])
    covered = dict(zip(run.graph.names, known.covered.T, strict=True))
    assert not covered["urgent"][of_notes].any()
    assert covered["urgent"].any()
    assert covered["finding"][of_notes].any()
    assert len(set(clinic.kept("task_end_models").values())) == 1
    assert not lw.Project(clinic.folder).plan().steps
    # Who calls and what is said there is in one data set alone: that is what the network reads, and is scored on.
    clinic.settings = clinic.settings.replace('fields = ["text"]', 'fields = ["ward"]')
    assert clinic.run().end_models["finding"]["test"].n == 3


def test_copies_are_of_each_data_set_and_teach_its_tasks(clinic: Clinic) -> None:
    clinic.functions += SHOUT
    clinic.settings += '[end_model]\nkind = "text"\nfields = ["text", "ward"]\n[augmentation]\npolicy = "apply_each"\n'
    result = clinic.run()
    run = KeptRun.latest(clinic.folder)
    copies = KeptCopies.read(run.store, run.artifact("augmentation")).all()
    ids = run.kept_data.ids("train")[copies.origins].tolist()
    assert {example.split(":")[0] for example in ids} == {"notes", "calls"}
    texts = run.frame("train", ["text"])["text"].to_list()
    assert copies.frame["text"].to_list() == [texts[row].upper() for row in copies.origins.tolist()]
    assert result.operations["end_models_trained"] == 6
    checks = {check.what: check.status for check in lw.Project(clinic.folder).verify().checks}
    assert (checks["augmented copies"], checks["end model"]) == ("equal", "equal")
