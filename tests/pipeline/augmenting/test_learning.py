"""Policies that are learned in a project: kept, made again where they must be, resumed where learning was stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError
from labelwright.pipeline.augmenting.stage import learning_folder
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.store import collect, plan_collection

from ..conftest import rows, write_csv
from .conftest import AUGMENTATION, TRANSFORMATIONS, edit, write_augmented

pytest.importorskip("torch")

LEARNED = """
[augmentation]
policy = "learned"
generator = "mean_field"
length = 2
steps = 10
"""


# Finding axes among 2^16 buckets takes seconds, and is tested where policies are learned; here it is the same with few.
FEW_BUCKETS = "from labelwright.augmentation.learned import encoders; encoders._TEXT_BUCKETS = 2**10"


@pytest.fixture(scope="module", autouse=True)
def _few_buckets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labelwright.augmentation.learned.encoders._TEXT_BUCKETS", 2**10)
        yield


@pytest.fixture(scope="module")
def _learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_augmented(tmp_path_factory.mktemp("learned") / "project", augmentation=LEARNED)
    lw.Project(folder).run()
    return folder


@pytest.fixture
def learned(_learned: Path, tmp_path: Path) -> lw.Project:
    return lw.Project(shutil.copytree(_learned, tmp_path / "learned"))


def stages(project: lw.Project) -> set[str]:
    return {step.stage for step in project.plan().steps}


@pytest.mark.slow
def test_what_is_learned_is_kept(learned):
    result = learned.augment()
    assert not result.learned
    assert not result.steps
    assert result.examples == 90
    assert result.outcome
    shares = [f.probability for f in result.functions]
    assert sum(shares) + result.nothing == pytest.approx(1.0)
    assert learned.plan().steps == ()
    assert not learning_folder(learned.folder).exists() or not list(learning_folder(learned.folder).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "file", "relearned"),
    [
        ("text.upper()", "text.title()", "supervision.py", True),
        ("steps = 10", "steps = 11", "labelwright.toml", True),
        ("steps = 10", "steps = 10\nrandom_state = 1", "labelwright.toml", True),
        ("steps = 10", "steps = 10\ncopies = 2", "labelwright.toml", False),
        ('"song" in', '"best song" in', "supervision.py", False),
    ],
)
def test_a_policy_hangs_on_functions_settings_and_examples_alone(learned, before, after, file, relearned):
    edit(learned.folder, before, after, file=file)
    assert ("policy" in stages(learned)) == relearned
    assert bool(learned.plan_augmentation().steps) == relearned


@pytest.mark.slow
def test_rows_of_test_and_gold_leave_the_policy_alone_and_rows_of_train_do_not(learned):
    table = rows(120)
    for row in table:
        row["gold"] = "ham"
        if row["split"] == "test":
            row["text"] += " again"
    write_csv(learned.folder / "comments.csv", table)
    assert "policy" not in stages(learned)
    table[0]["text"] += " again"
    write_csv(learned.folder / "comments.csv", table)
    assert "policy" in stages(learned)
    edit(learned.folder, "steps = 10", 'steps = 10\nrefresh = "keep"', file="labelwright.toml")
    assert "policy" not in stages(learned)
    edit(learned.folder, "text.upper()", "text.title()")
    assert "policy" in stages(learned)


@pytest.mark.slow
def test_gold_of_valid_counts_where_the_settings_say_so(learned):
    edit(learned.folder, "steps = 10", "steps = 10\nvalid = true", file="labelwright.toml")
    edit(learned.folder, 'test = "test"', 'valid = "valid"', file="labelwright.toml")
    table = [{**row, "split": row["split"].replace("test", "valid")} for row in rows(120)]
    write_csv(learned.folder / "comments.csv", [{**row, "gold": ""} for row in table])
    with pytest.raises(ProjectError, match=r"augmentation.valid, which needs gold on 16 examples .* 0 have it"):
        learned.augment()
    write_csv(learned.folder / "comments.csv", table)
    assert learned.augment().learned
    assert learned.plan_augmentation().steps == ()
    for row in table:
        if row["split"] == "valid":
            row["gold"] = "ham" if row["gold"] == "spam" else "spam"
    write_csv(learned.folder / "comments.csv", table)
    assert "policy" in stages(learned)


@pytest.mark.slow
def test_it_verifies_and_no_collection_takes_what_it_needs(learned):
    edit(learned.folder, "text.upper()", "text.title()")
    assert learned.augment().learned
    store, catalog = open_store(learned.folder)
    now = KeptRun.latest(learned.folder).row.finished
    plan = plan_collection(store, catalog, now=now.replace(year=now.year + 1))
    assert not {"policy", "learned_policy"} & {entry.key.kind for entry in plan.doomed}
    collect(store, catalog, plan)
    result = learned.run()
    assert "policies_learned" not in result.operations
    checks = {check.what: check.status for check in learned.verify().checks}
    assert checks["policy"] == checks["augmented copies"] == checks["unlabelled examples"] == "equal"
    assert set(checks.values()) == {"equal"}


@pytest.mark.slow
def test_killed_while_it_learns_it_goes_on_and_learns_the_same(tmp_path, learned):
    folder = write_augmented(tmp_path / "killed", augmentation=LEARNED)
    code = f"{FEW_BUCKETS}; from labelwright.cli import main; main()"
    command = [sys.executable, "-c", code, "augment", "--project", str(folder)]
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL) as working:
        # The first state that is kept.
        while not list(learning_folder(folder).glob("*/*.safetensors")) and working.poll() is None:
            time.sleep(0.01)
        working.send_signal(signal.SIGKILL)
    assert working.returncode == -signal.SIGKILL
    (left,) = learning_folder(folder).iterdir()
    assert list(left.iterdir())
    said: list[str] = []
    resumed = lw.Project(folder).augment(step=said.append)
    assert resumed.learned
    assert resumed.artifacts["policy"] == KeptRun.latest(learned.folder).artifact("policy")
    assert not left.exists()


@pytest.mark.slow
def test_what_is_not_safe_is_left_out(tmp_path):
    ruin = '\n\n@lw.transformation_function(field="text")\ndef ruin(text):\n    return "zzz qqq " * 30\n'
    settings = AUGMENTATION + "safety = true\n"
    project = lw.Project(
        write_augmented(tmp_path / "safe", augmentation=settings, transformations=TRANSFORMATIONS + ruin)
    )
    assert [step.stage for step in project.plan_augmentation().steps] == ["safety"]
    verdicts = {f.name: f.verdict for f in project.augment().functions}
    assert verdicts["ruin"] == "rejected"
    assert project.plan_augmentation().steps == ()
    edit(project.folder, '"song" in', '"best song" in')
    assert project.plan_augmentation().steps == ()
    edit(project.folder, TRANSFORMATIONS, "")
    with pytest.raises(ProjectError, match=r"leaves no transformation function: ruin"):
        project.run()
