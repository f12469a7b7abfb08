"""Labels of a project explained: figures add up, ids are found, runs are remembered, labels come out again."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError
from labelwright.pipeline.explaining.explain import explain_label
from labelwright.pipeline.kept.keep import KeptRun, open_store

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv

NO_END_MODEL = SETTINGS[: SETTINGS.index("[end_model]")] + '[end_model]\nkind = "none"\n'


@pytest.fixture
def small(make_project):
    """A project without an end model that was run once."""
    project = lw.Project(make_project(settings=NO_END_MODEL))
    project.run()
    return project


def test_every_label_is_explained_by_its_votes(project):
    run = KeptRun.latest(project.folder)
    for split in run.splits:
        soft, votes = run.soft_labels(split), run.votes(split)
        for row in range(0, soft.n, 7):
            why = project.explain(soft.example_ids[row])
            assert (why.split, why.example_id, why.run) == (split, soft.example_ids[row], 1)
            np.testing.assert_allclose(why.probs, soft.probs[row], rtol=0, atol=1e-9)
            added = np.sum([v.adds for v in why.votes], axis=0) if why.votes else 0.0
            np.testing.assert_allclose(np.add(why.prior, added), why.total, rtol=0, atol=1e-9)
            codes = dict(zip(votes.sources, votes.values[row], strict=True))
            assert {v.function: v.vote for v in why.votes} == {
                name: votes.classes[code] for name, code in codes.items() if code >= 0
            }
            assert set(why.abstained) == {name for name, code in codes.items() if code < 0}
            assert {v.function: v.version for v in why.votes}.items() <= run.functions().items()


def test_an_explanation_has_the_example_its_gold_and_what_it_was_made_of(project):
    why = project.explain("k001")
    table = {row["key"]: row for row in rows()}
    assert why.fields["text"] == table["k001"]["text"]
    assert why.gold == table["k001"]["gold"]
    assert "gold" not in why.fields
    assert "key" not in why.fields
    kept = KeptRun.latest(project.folder)
    assert why.lineage["label_model"] == str(kept.artifact("label_model"))
    assert any(role.startswith("votes") for role in why.lineage)
    assert [v.function for v in why.votes] == sorted(
        (v.function for v in why.votes), key=lambda f: -why.odds(next(v.adds for v in why.votes if v.function == f))
    )
    assert "k001" in why._repr_html_()


def test_what_the_label_would_be_without_a_function(small):
    run = KeptRun.latest(small.folder)
    votes, model = run.votes("train"), run.label_model()
    row = int(np.flatnonzero((votes.values >= 0).sum(axis=1) >= 2)[0])
    example_id = votes.example_ids[row]
    said = []
    why = small.explain(example_id, refit=True, step=said.append)
    for one in why.votes:
        silent = votes.take([row]).values.copy()
        silent[0, votes.sources.index(one.function)] = -1
        rest = lw.Votes(silent, classes=votes.classes, sources=votes.sources)
        np.testing.assert_allclose(one.without, model.predict_proba(rest)[0], rtol=0, atol=1e-12)
        others = votes.values.copy()
        others[:, votes.sources.index(one.function)] = -1
        again = lw.LabelModel().fit(
            lw.Votes(others, classes=votes.classes, sources=votes.sources, example_ids=votes.example_ids)
        )
        np.testing.assert_allclose(one.refitted, again.predict_proba(rest)[0], rtol=0, atol=1e-9)
    assert f"fitting without {why.votes[0].function} (" in " ".join(said)
    assert all(one.refitted is None for one in small.explain(example_id).votes)


def test_intervals_hold_the_label_and_are_worked_out_once(small):
    said = []
    first = small.explain("k001", interval=True, step=said.append)
    assert said
    for (low, high), p in zip(first.interval, first.probs, strict=True):
        assert low <= p <= high
    said.clear()
    second = small.explain("k001", interval=True, step=said.append)
    assert second.interval == first.interval
    assert not said
    # Its artifact was collected, say: it is made again.
    folder = small.folder / ".labelwright" / "artifacts" / "label_models_left_out"
    for file in folder.rglob("*.json"):
        file.unlink()
    assert small.explain("k001", interval=True).interval == first.interval


def test_ids_are_found_as_text_or_number_and_close_ones_are_named(make_project):
    table = [row | {"key": str(1000 + i)} for i, row in enumerate(rows())]
    project = lw.Project(make_project(settings=NO_END_MODEL, table=table))
    project.run()
    assert project.explain(1007).example_id == project.explain("1007").example_id
    with pytest.raises(ProjectError, match=r"no example '?99\d*1007'?.*Did you mean '1007'"):
        project.explain("991007")
    with pytest.raises(ProjectError, match="no example") as error:
        project.explain("something else")
    assert "Did you mean" not in str(error.value)


def test_without_an_id_column_rows_are_names_too(make_project):
    settings = NO_END_MODEL.replace('id = "key"\n', "")
    project = lw.Project(make_project(settings=settings))
    project.run()
    run = KeptRun.latest(project.folder)
    for split in run.splits:
        own = zip(run.soft_labels(split).example_ids.tolist(), run.frame(split)["key"].to_list(), strict=True)
        for example_id, key in list(own)[3:6]:
            row = [one["key"] for one in rows()].index(key)
            for name in (example_id, row, str(row)):
                why = project.explain(name)
                assert (why.example_id, why.fields["key"]) == (example_id, key)
                assert why.place.startswith(f"row {row} of ")
            assert str(why).startswith(f"Example {why.place} ({example_id}), {split}")
            assert f"Example {why.place} ({example_id})" in why.to_page()
    with pytest.raises(ProjectError, match="called by its row in the data, from 0, or by an id that is made from the"):
        project.explain(len(rows()))


def test_rows_of_splits_that_are_files_of_their_own_are_told_apart(make_project):
    splits = '[data.splits]\ntrain = "train.csv"\ntest = "test.csv"\n\n'
    folder = make_project(settings=splits + NO_END_MODEL[NO_END_MODEL.index("[task]") :])
    of_split = {split: [row for row in rows() if row["split"] == split] for split in ("train", "test")}
    for split, own in of_split.items():
        write_csv(folder / f"{split}.csv", own)
    project = lw.Project(folder)
    project.run()
    with pytest.raises(ProjectError, match="several sources have a row 2; name one: train:2 or test:2"):
        project.explain(2)
    for split, own in of_split.items():
        why = project.explain(f"{split}:2")
        assert why.fields["key"] == own[2]["key"]
        assert why.place == f"row 2 of {split}.csv"


def test_an_example_in_no_split_has_votes_too(make_project):
    table = rows()
    table[5]["split"] = "elsewhere"
    project = lw.Project(make_project(settings=NO_END_MODEL, table=table))
    with pytest.warns(match="in no split"):
        project.run()
    why = project.explain("k005", check=True)
    assert why.to_text().startswith("Example k005, no split, run 1")
    assert why.fields["text"] == table[5]["text"]
    assert why.check.same


def test_a_project_without_a_run_says_so(make_project):
    with pytest.raises(ProjectError, match="no finished run"):
        lw.Project(make_project()).explain("k001")


def test_history_collapses_what_did_not_change(small):
    small.run()
    (small.folder / "supervision.py").write_text(
        FUNCTIONS.replace('if "http" in x.text', 'if "https" in x.text')
        + "\nextra = lw.keyword_lf('extra', ['http'], label='spam', field='text')\n"
    )
    small.run()
    _, catalog = open_store(small.folder)
    catalog.add_snapshot("before", 1)
    example_id = next(row["key"] for row in rows() if row["text"].startswith("see http"))
    why = small.explain(example_id)
    assert [(h.first, h.last, h.snapshots) for h in why.history] == [(1, 2, ("before",)), (3, 3, ())]
    assert why.history[0].changes == ()
    assert set(why.history[1].changes) == {"has_link abstains now; it said spam", "extra says spam; it is new"}
    assert why.history[1].probability == pytest.approx(max(why.probs))
    old = small.explain(example_id, snapshot="before")
    assert old.run == 1
    assert "has_link" in {v.function for v in old.votes}
    assert small.explain(example_id, snapshot=2).run == 2
    assert explain_label(small.folder, example_id, history=0).history == ()
    assert "runs 1 to 2 (before): spam" in why.to_text()


def test_history_says_what_is_gone(small):
    small.run()
    table = rows()
    del table[1]
    (small.folder / "supervision.py").write_text(FUNCTIONS.replace('"song" in', '"songs" in'))
    write_csv(
        small.folder / "comments.csv", [*table, {"key": "k999", "text": "http://new", "gold": "spam", "split": "train"}]
    )
    small.run()
    why = small.explain("k999")
    assert why.history[0].changes == ("not in this run",)
    assert math.isnan(why.history[0].probability)
    assert why.history[-1].label == "spam"


def test_a_function_that_failed_did_not_abstain(make_project):
    functions = FUNCTIONS + (
        "\n@lw.labeling_function(labels=['ham'])\ndef boom(x):\n"
        "    if 'http' in x.text:\n        raise KeyError('no such thing')\n"
    )
    settings = NO_END_MODEL + '\n[apply]\non_error = "abstain"\n'
    project = lw.Project(make_project(settings=settings, functions=functions))
    with pytest.warns(match="boom failed"):
        project.run()
    hit = next(row["key"] for row in rows() if "http" in row["text"])
    missed = next(row["key"] for row in rows() if "http" not in row["text"])
    why = project.explain(hit)
    assert why.failed == (("boom", "raised KeyError: 'no such thing'"),)
    assert "boom" not in why.abstained
    assert "FAILED, and so without a vote: boom (raised KeyError: 'no such thing')" in why.to_text()
    assert "boom failed" in why._repr_html_()
    assert project.explain(missed).failed == ()
    assert "boom" in project.explain(missed).abstained


def test_a_label_comes_out_again(small):
    why = small.explain("k001", check=True)
    assert why.check.same
    assert len(why.check.votes_again) == 4
    # One row alone may be summed in another order than among all: the last bit may differ.
    assert why.check.largest_difference == 0
    assert "Checked: Holds" in why.to_text()


def test_a_check_says_what_it_could_not_run(small):
    path = small.folder / "supervision.py"
    path.write_text(FUNCTIONS.replace('"love" in', '"loved" in').replace("def song", "def tune"))
    check = small.explain("k001", check=True).check
    assert check.same
    assert set(check.votes_again) == {"has_link", "subscribe"}
    assert dict(check.not_run) == {
        "love": "it was changed since",
        "song": "the project does not have it any more",
    }
    path.write_text("this is no Python")
    assert len(small.explain("k001", check=True).check.not_run) == 4


def test_a_check_finds_a_function_that_votes_otherwise(make_project):
    outside = "import os, labelwright as lw\n@lw.labeling_function(labels=['ham', 'spam'])\ndef moody(x):\n    return os.environ['MOOD']\n"
    functions = FUNCTIONS + outside
    project = lw.Project(make_project(settings=NO_END_MODEL, functions=functions))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOOD", "ham")
        project.run()
        patch.setenv("MOOD", "spam")
        check = project.explain("k001", check=True).check
    assert not check.same
    assert check.votes_changed == (("moody", "ham", "spam"),)
    assert "DOES NOT HOLD" in str(check)


def test_dependent_functions_are_named_with_their_effect(make_project):
    functions = FUNCTIONS + (
        "\n@lw.labeling_function(labels=['ham', 'spam'])\ndef one(x):\n    return 'spam' if 'http' in x.text else 'ham'\n"
        "\n@lw.labeling_function(labels=['ham', 'spam'])\ndef two(x):\n    return 'spam' if 'http' in x.text else 'ham'\n"
    )
    settings = NO_END_MODEL + '\n[label_model]\ndependencies = [["one", "two"]]\n'
    project = lw.Project(make_project(settings=settings, functions=functions))
    project.run()
    model = KeptRun.latest(project.folder).label_model()
    why = project.explain("k001")
    assert {frozenset(p.functions) for p in why.pairs} == {frozenset(p) for p in model.dependencies_}
    for pair in why.pairs:
        assert pair.together < sum(pair.alone)
        assert pair.effect < 0
        assert re.search(rf"{pair.functions[0]} \+\d.\d\d and {pair.functions[1]}", why.to_text())


def test_what_a_function_decides(project):
    run = KeptRun.latest(project.folder)
    found = project.contributed("has_link", limit=3)
    for one in found.splits:
        votes, model = run.votes(one.name), run.label_model()
        silent = votes.values.copy()
        silent[:, votes.sources.index("has_link")] = -1
        after = model.soft_labels(lw.Votes(silent, classes=votes.classes, sources=votes.sources))
        before = run.soft_labels(one.name)
        assert one.n == votes.n
        assert one.votes == (votes.select(["has_link"]).values >= 0).sum()
        assert one.flips == (before.predict() != after.predict()).sum()
    assert sum(n for _, _, n in found.changes) == found.flips > 0
    assert all(label == "spam" for label, _, _ in found.changes)
    assert len(found.examples) == 3
    first = found.examples[0]
    why = project.explain(first.example_id)
    assert first.text == why.fields["text"]
    last = next(v.last for v in why.votes if v.function == "has_link")
    spam = why.classes.index("spam")
    assert first.adds == pytest.approx(last[spam] - last[1 - spam])
    with pytest.raises(ProjectError, match="Did you mean 'has_link'"):
        project.contributed("has_links")
