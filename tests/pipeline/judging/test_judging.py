"""Contracts, gates and drift of real projects, from their files to the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv

NO_END_MODEL = SETTINGS.partition("[end_model]")[0]

JUDGED = """
[contracts]
coverage = { min = 0.05 }

[contracts.functions.has_link]
never_votes = ["ham"]
silent_on = "nothing to see"

[gates]
flips = 0.1
slices = ["split"]
drift = 0.01
"""


@pytest.fixture
def judged(make_project) -> lw.Project:
    """A project with contracts and gates that has not been run."""
    return lw.Project(make_project(settings=NO_END_MODEL + JUDGED))


def edit(project: lw.Project, old: str, new: str) -> None:
    path = Path(project.folder) / "supervision.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def statuses(results) -> dict[str, str]:
    return {f"{r.gate} {r.name}": r.status for r in results}


def test_without_a_run_contracts_are_judged_and_gates_have_nothing_to_compare_with(judged):
    found = judged.test()
    assert found.passed
    assert [c.status for c in found.judgement.contracts] == ["kept"] * 6
    assert (found.judgement.gates, found.judgement.reference) == ((), "")


def test_gates_compare_the_files_with_the_last_run(judged):
    judged.run()
    found = judged.test()
    assert found.passed
    assert found.judgement.reference == "run 1"
    assert set(statuses(found.judgement.gates)) == {
        "flips train", "flips test", "slice split = test", "drift new examples"
    }  # fmt: skip
    edit(judged, '"ham" if "song" in x.text else None', '"ham" if "see" in x.text else None')
    found = judged.test()
    assert not found.passed
    assert statuses(found.judgement.gates)["flips train"] == "failed"
    assert found.to_dict()["gates"][0]["flipped"] > 0
    # Nothing was run by that, and what was worked out is there for the next run.
    assert judged.run().number == 2


def test_a_run_is_judged_against_the_newest_snapshot_or_the_run_before(judged):
    judged.run()
    assert judged.judge().gates == ()
    edit(judged, '"ham" if "song" in x.text else None', '"ham" if "see" in x.text else None')
    judged.run()
    first = judged.judge()
    assert (first.reference, first.passed) == ("run 1", False)
    assert any(text.startswith("gate failed: flips, train") for text in first.failures)
    judged.run()
    assert judged.judge().passed  # against the run before, which had the same labels
    judged.snapshot("good", run="1")
    assert (judged.judge().reference, judged.judge().passed) == ("snapshot good", False)
    judged.snapshot("accepted")
    assert (judged.judge().reference, judged.judge().passed) == ("snapshot accepted", True)
    assert judged.test(against="good").judgement.reference == "good"
    assert not judged.test(against="1").passed


def test_what_is_compared_with_must_exist(judged):
    judged.run()
    with pytest.raises(ProjectError, match="mainn"):
        judged.test(against="mainn")
    (judged.folder / "labelwright.toml").write_text(NO_END_MODEL + '[gates]\nagainst = "release"\nflips = 0.1\n')
    with pytest.raises(ProjectError, match="release"):
        judged.test()


def more(n: int, text: str) -> list[dict[str, str]]:
    table = rows()
    return table + [{"key": f"n{i}", "text": f"{text} {i}", "gold": "spam", "split": "train"} for i in range(n)]


def test_new_examples_that_are_unlike_the_old_are_drift(judged):
    judged.run()
    with pytest.raises(ProjectError, match="nope"):
        judged.drift(against="nope")
    assert judged.drift().new == 0
    write_csv(judged.folder / "comments.csv", more(60, "see http://a.b now"))
    found = judged.drift()
    assert (found.old, found.new, found.reference) == (80, 60, "run 1")
    assert ("has_link", "vote rate") in {(r.source, r.measure) for r in found.drift.drifted}
    assert statuses(judged.test().judgement.gates)["drift new examples"] == "failed"


def test_an_edited_example_is_new_but_new_gold_is_not(judged):
    judged.run()
    table = rows()
    table[0]["text"] = "another text"
    for row in table[10:40]:
        row["gold"] = "ham"
    write_csv(judged.folder / "comments.csv", table)
    assert judged.drift().new == 1
    for row in table:
        row["note"] = "seen"
    write_csv(judged.folder / "comments.csv", table)
    assert judged.drift().new == 1


def test_each_file_is_looked_at(make_project):
    folder = make_project(settings=NO_END_MODEL.replace('"comments.csv"', '"*.csv"'))
    project = lw.Project(folder)
    project.run()
    write_csv(folder / "more.csv", [r | {"key": f"m{i}"} for i, r in enumerate(rows(60))])
    write_csv(folder / "new.csv", more(60, "subscribe")[80:])
    found = project.drift()
    assert found.new == 120
    assert {r.place for r in found.drift.rows} == {"new examples", "more.csv", "new.csv"}
    assert {r.place for r in found.drift.drifted if r.source == "subscribe"} == {"new examples", "new.csv"}
    assert "more.csv" not in {r.place for r in found.drift.drifted}


def test_there_must_be_something_to_compare_with(make_project):
    with pytest.raises(ProjectError, match="there is no snapshot and no run to compare with"):
        lw.Project(make_project(functions=FUNCTIONS)).drift()
