"""A run that augments: what it makes, and which edit makes which of it again."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import LabelwrightError, MissingExtraError, ProjectError
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.noticing import RunWarning

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv
from .conftest import AUGMENTATION, TRANSFORMATIONS, edit, write_augmented


def kept(project: lw.Project) -> KeptRun:
    return KeptRun.latest(project.folder)


def copies_of(run: KeptRun) -> KeptCopies:
    return KeptCopies.read(run.store, run.artifact("augmentation"))


def stages(project: lw.Project) -> set[str]:
    return {step.stage for step in project.plan().steps}


def test_a_run_augments_and_says_what_it_gained(augmented):
    run = kept(augmented)
    assert set(run.metrics()["test"]["models"]) == {"majority vote", "label model", "end model", "plain end model"}
    told = [(d["first"], d["second"]) for d in run.metrics()["test"]["differences"]]
    assert ("End model", "Plain end model") in told
    page = (augmented.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="augmentation"' in page
    assert "adore" in page


def test_copies_are_of_train_and_differ_from_their_originals(augmented):
    run = kept(augmented)
    made, train = copies_of(run).all(), run.frame("train", ["text"])["text"].to_list()
    assert 0 < len(made) <= 2 * len(train)
    originals = [train[i] for i in made.origins.tolist()]
    assert all(text != original for text, original in zip(made.frame["text"].to_list(), originals, strict=True))
    assert (np.diff(made.origins) >= 0).all()
    assert np.bincount(made.origins).max() <= 2


def test_the_plain_end_model_is_the_one_of_a_project_without_augmentation(augmented, tmp_path):
    plain = write_augmented(tmp_path / "plain", augmentation="", transformations="")
    lw.Project(plain).run()
    assert KeptRun.latest(plain).artifact("end_model") == kept(augmented).artifact("end_model_plain")


def test_without_the_table_nothing_changes_but_a_warning(tmp_path):
    plain = lw.Project(write_augmented(tmp_path / "plain", augmentation="", transformations="")).run()
    other = lw.Project(write_augmented(tmp_path / "other", augmentation=""))
    with pytest.warns(RunWarning, match=r"transformation functions \(swap, shout\).*no \[augmentation\]"):
        result = other.run()
    assert result.run_id == plain.run_id
    assert not {"policy", "augmentation", "transformations"} & set(result.artifacts)


def test_nothing_changed_nothing_is_done(augmented):
    before = kept(augmented)
    assert augmented.plan().steps == ()
    result = augmented.run()
    assert result.run_id == before.row.run_id
    assert not {"policies_learned", "examples_augmented", "end_models_trained"} & set(result.operations)


@pytest.mark.parametrize(
    ("before", "after", "file", "stale"),
    [
        ("text.upper()", "text.title()", "supervision.py", {"augmentation", "end_model"}),
        ('"adore"', '"like"', "supervision.py", {"augmentation", "end_model"}),
        ("magnitude=(0.0, 1.0)", "magnitude=(0.0, 0.9)", "supervision.py", {"augmentation", "end_model"}),
        ("copies = 2", "copies = 3", "labelwright.toml", {"augmentation", "end_model"}),
        ('"random"', '"trivial_augment"', "labelwright.toml", {"augmentation", "end_model"}),
        ("copies = 2", "copies = 2\nexamples = 50", "labelwright.toml", set()),
        ("Write other words.", "Write some other words.", "supervision.py", set()),
        (
            '"song" in',
            '"best song" in',
            "supervision.py",
            {"votes", "stats", "label_model", "soft_labels", "end_model"},
        ),
    ],
)
def test_an_edit_makes_stale_what_hangs_on_it(augmented, before, after, file, stale):
    edit(augmented.folder, before, after, file=file)
    assert stages(augmented) == stale


def test_reasons_name_the_function_and_the_line(augmented):
    edit(augmented.folder, "text.upper()", "text.title()")
    said = [str(step) for step in augmented.plan().steps]
    assert said[0].startswith("augmented copies: shout: source changed: line")
    assert said[1].startswith("end model: its augmented copies change")


def test_gold_moves_no_copy(augmented):
    before = kept(augmented)
    table = rows(120)
    for row in table:
        row["gold"] = "spam" if row["gold"] == "ham" else "ham"
    write_csv(augmented.folder / "comments.csv", table)
    augmented.run()
    after = kept(augmented)
    assert after.artifact("augmentation") == before.artifact("augmentation")
    assert after.artifact("data") != before.artifact("data")


def test_a_refresh_is_a_rebuild_bit_for_bit(augmented, tmp_path):
    edit(augmented.folder, '"adore"', '"like"')
    edit(augmented.folder, '"song" in', '"best song" in')
    table = rows(124)
    table[7]["text"] = "see http://a.b for a song"
    del table[40]
    write_csv(augmented.folder / "comments.csv", table)
    refreshed = augmented.run()
    fresh = shutil.copytree(augmented.folder, tmp_path / "fresh", ignore=shutil.ignore_patterns(".labelwright"))
    rebuilt = lw.Project(fresh).run()
    assert refreshed.run_id == rebuilt.run_id
    same = set(refreshed.artifacts) - {"report"}
    assert {role: refreshed.artifacts[role] for role in same} == {role: rebuilt.artifacts[role] for role in same}


def test_taking_the_table_out_gives_the_run_before_it(augmented, tmp_path):
    edit(augmented.folder, AUGMENTATION, "", file="labelwright.toml")
    edit(augmented.folder, TRANSFORMATIONS, "")
    plain = lw.Project(write_augmented(tmp_path / "plain", augmentation="", transformations="")).run()
    result = augmented.run()
    assert result.run_id == plain.run_id
    assert "end_models_trained" not in result.operations


def test_numbers_are_augmented_and_missing_ones_stay_missing(make_project):
    settings = SETTINGS.replace('kind = "text"', 'kind = "tabular"').replace('["text"]', '["size", "links"]')
    functions = FUNCTIONS + (
        '\n@lw.transformation_function(field="size", magnitude=(0.0, 2.0))\n'
        "def grow(size, magnitude):\n    return size * (1 + magnitude) if size == size else None\n"
    )
    table = [
        {**row, "size": "" if i % 7 == 0 else str(len(row["text"])), "links": str(row["text"].count("http"))}
        for i, row in enumerate(rows(80))
    ]
    folder = make_project(settings=settings + AUGMENTATION, functions=functions, table=table)
    lw.Project(folder).run()
    run = KeptRun.latest(folder)
    made, train = copies_of(run).all(), run.frame("train", ["size", "links"])
    known = train["size"].is_not_null().to_numpy()
    assert known[made.origins].all()
    assert (made.frame["size"].to_numpy() > train["size"].to_numpy()[made.origins]).all()
    assert (made.frame["links"].to_numpy() == train["links"].to_numpy()[made.origins]).all()


def test_what_fails_is_named_or_counted(augmented):
    edit(augmented.folder, "return text.upper()", 'return text.upper() if "song" in text else 1 / 0')
    with pytest.raises(LabelwrightError, match=r"shout.*ZeroDivisionError"):
        augmented.run()
    edit(augmented.folder, "copies = 2", 'copies = 2\non_error = "skip"', file="labelwright.toml")
    with pytest.warns(RunWarning, match=r"shout failed on \d+ augmented copies \(.*ZeroDivisionError"):
        augmented.run()
    (failure,) = copies_of(kept(augmented)).failures()
    assert failure.source == "shout"
    assert failure.count > 0


@pytest.mark.parametrize(
    ("transformations", "augmentation", "match"),
    [
        ("", AUGMENTATION, r"\[augmentation\], but supervision.py holds no transformation function"),
        (TRANSFORMATIONS.replace('"text"', '"body"'), AUGMENTATION, "field 'body', which the data does not have"),
        (TRANSFORMATIONS.replace('"text"', '"gold"'), AUGMENTATION, "field 'gold', which the end model does not read"),
        (TRANSFORMATIONS + "TRANSFORMATIONS = [3]\n", AUGMENTATION, "TRANSFORMATIONS holds 3"),
        (
            TRANSFORMATIONS.replace('(field="text")\ndef', '("swap", field="text")\ndef'),
            AUGMENTATION,
            "two transformation functions are called 'swap'",
        ),
        (
            TRANSFORMATIONS,
            '[augmentation]\npolicy = "mean_field"\nprobabilities = { typos = 1.0 }\n',
            "names 'typos', which is no transformation function",
        ),
        (
            TRANSFORMATIONS,
            '[augmentation]\npolicy = "apply_all"\nlength = 3\n',
            r'augmentation.length is given, but policy = "apply_all" has none',
        ),
    ],
)
def test_a_mistake_is_explained_before_any_work(tmp_path, transformations, augmentation, match):
    folder = write_augmented(tmp_path / "wrong", augmentation=augmentation, transformations=transformations)
    with pytest.raises(ProjectError, match=match):
        lw.Project(folder).run()
    assert count_runs(folder) == 0


def count_runs(folder: Path) -> int:
    from labelwright.pipeline.kept.keep import open_store

    return len(open_store(folder)[1].runs())


def test_a_learned_policy_without_torch_says_what_to_install(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    folder = write_augmented(tmp_path / "learned", augmentation="[augmentation]\n")
    for work in (lw.Project(folder).run, lw.Project(folder).augment):
        with pytest.raises(MissingExtraError, match=r"pip install 'labelwright\[torch\]'"):
            work()


@pytest.mark.parametrize(
    ("policy", "at_most"),
    [
        ('policy = "mean_field"\nprobabilities = { swap = 0.5, shout = 0.5 }', 1),
        ('policy = "rand_augment"\nlength = 1', 1),
        ('policy = "apply_each"', 2),
        ('policy = "apply_one"\ncopies = 2', 2),
        ('policy = "apply_all"', 1),
    ],
)
def test_every_policy_that_needs_no_learning_can_be_named(augmented, policy, at_most):
    edit(augmented.folder, AUGMENTATION, f"[augmentation]\n{policy}\n", file="labelwright.toml")
    result = augmented.augment()
    assert result.policy == policy.split('"')[1]
    assert [f.name for f in result.functions] == ["swap", "shout"]
    plan = augmented.plan()
    assert {step.stage for step in plan.steps} == {"augmentation", "end_model"}
    assert at_most in (1, 2)
