"""Slices of a project: found by part and version, measured on every split, and nothing where there are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import labelwright as lw
from labelwright.cli import cli
from labelwright.core.errors import ProjectError, SlicingError
from labelwright.pipeline.kept.finding import find_place
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.noticing import RunWarning
from labelwright.pipeline.supervision import load_supervision
from labelwright.slicing import apply

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv

SLICES = """
from labelwright.slicing import expression_slice

@lw.slicing_function
def silent(x):
    return x.text.startswith("nothing")

long = expression_slice("long", "len(text) > 20")
"""
FAILING = """
@lw.slicing_function
def fragile(x):
    if x.key == "k009":
        raise ValueError("no such key")
    return x.text.startswith("what")
"""


def write(folder: Path, functions: str, settings: str = SETTINGS, n: int = 80) -> lw.Project:
    folder.mkdir(exist_ok=True)
    (folder / "labelwright.toml").write_text(settings, encoding="utf-8")
    (folder / "supervision.py").write_text(functions, encoding="utf-8")
    write_csv(folder / "comments.csv", rows(n))
    return lw.Project(folder)


@pytest.fixture(scope="module")
def _sliced(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sliced") / "project"
    write(folder, FUNCTIONS + SLICES).run()
    return folder


@pytest.fixture
def sliced(_sliced: Path, tmp_path: Path) -> lw.Project:
    return lw.Project(shutil.copytree(_sliced, tmp_path / "sliced"))


def test_slices_are_those_that_apply_finds(sliced):
    run = KeptRun.latest(sliced.folder)
    found = apply(load_supervision(sliced.folder).slices, rows())
    ids = [row["key"] for row in rows()]
    for split in ("train", "test"):
        kept = run.kept_slices.of(split)
        index = [ids.index(one) for one in kept.example_ids.tolist()]
        assert np.array_equal(kept.member, found.member[index])
    place = find_place(run.kept_data, "k019")
    assert run.kept_slices.of_row(*place) == ("silent",)
    why = sliced.explain("k019")
    assert why.to_dict()["slices"] == ["silent"]
    assert "in slices: silent" in str(why)
    assert "Slices: silent" in why._repr_html_()


def test_an_edit_applies_only_what_changed(sliced):
    source = sliced.folder / "supervision.py"
    source.write_text(source.read_text().replace("> 20", "> 21"))
    assert [(step.what, step.operations) for step in sliced.plan().steps] == [("slice long", 80)]
    before = KeptRun.latest(sliced.folder)
    result = sliced.run()
    assert result.operations["slice_applications"] == 80
    assert result.operations["function_applications"] == 0
    for role in ("votes", "soft_labels", "label_model", "end_model", "metrics"):
        assert result.artifacts[role] == before.row.artifacts[role]
    assert result.run_id != before.row.run_id
    assert sliced.verify().good
    assert sliced.log()[0].changed == "~long"
    # A comment is no change, and what was there before is there again.
    source.write_text("# slices\n" + source.read_text().replace("> 21", "> 20"))
    again = sliced.run()
    assert again.operations["slice_applications"] == 0
    assert again.run_id == before.row.run_id


def test_more_data_applies_slices_to_new_parts_alone(sliced):
    write_csv(sliced.folder / "comments.csv", rows(120))
    result = sliced.run()
    kept = KeptRun.latest(sliced.folder)
    known = {part.digest for part in KeptRun.named(sliced.folder, 1).kept_data.parts}
    new = sum(part.rows for part in kept.kept_data.parts if part.digest not in known)
    assert result.operations["slice_applications"] == 2 * new
    assert kept.kept_slices.of("train").n == result.splits["train"]


def test_tables_are_in_result_report_and_text(sliced):
    out = CliRunner().invoke(cli, ["run", "--project", str(sliced.folder), "--json"])
    found = json.loads(out.stdout)["slices"]
    assert list(found) == ["test", "train"]
    assert list(found["test"]) == ["label model", "end model"]
    table = found["test"]["end model"]
    assert table["everything"]["n"] == 20
    assert [row["name"] for row in table["slices"]] == ["silent", "long"]
    assert table["slices"][1]["accuracy"]["n"] == table["slices"][1]["scored"] > 0
    # Gold of train is not looked at.
    assert found["train"]["label model"]["everything"]["scored"] == 0
    assert "Slices of test" in (sliced.folder / "report.html").read_text(encoding="utf-8")
    text = CliRunner().invoke(cli, ["run", "--project", str(sliced.folder)]).stdout
    assert "Slices of test, by the end model" in text


def test_a_failing_slice_is_an_error_or_counted_by_the_policy_of_functions(tmp_path):
    project = write(tmp_path / "p", FUNCTIONS + FAILING)
    with pytest.raises(SlicingError, match="'fragile' raised ValueError: no such key on example 'k009'"):
        project.run()
    project = write(tmp_path / "p", FUNCTIONS + FAILING, SETTINGS + '\n[apply]\non_error = "abstain"\n')
    with pytest.warns(RunWarning, match="slice fragile failed on 1 of 80 examples"):
        result = project.run()
    assert any("outside" in text for text in result.warnings)
    kept = KeptRun.latest(project.folder)
    assert [(f.source, f.count, f.first[0][0]) for f in kept.kept_slices.failures()] == [("fragile", 1, "k009")]
    assert project.verify().good
    # What was counted is asked again where it shall stop the run.
    write(tmp_path / "p", FUNCTIONS + FAILING)
    with pytest.raises(SlicingError, match="fragile"):
        project.run()


def test_slices_of_one_name_are_refused(tmp_path):
    twice = SLICES + '\nlonger = expression_slice("long", "len(text) > 30")\n'
    with pytest.raises(ProjectError, match="two slicing functions are called 'long'"):
        write(tmp_path / "p", FUNCTIONS + twice).run()
