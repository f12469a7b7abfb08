"""The drift monitor: which examples are new, where they come from, and which votes merely changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labelwright.pipeline.judging.drift import NEW, monitor_drift

from ..states import split, state


def voted(rate, n, start=0, **more):
    votes = np.full((n, 2), -1)
    votes[: int(rate * n), 0] = 1
    votes[::2, 1] = 1
    return split(votes, ids=np.arange(start, start + n), sources=["f", "g"], **more)


def joined(*parts, **more):
    votes = np.concatenate([p.votes.values for p in parts])
    ids = np.concatenate([p.votes.example_ids for p in parts])
    return split(votes, ids=ids, sources=["f", "g"], **more)


def test_an_edit_is_no_drift_but_is_told():
    before, now = state("run 1", train=voted(0.1, 400)), state(train=voted(0.6, 400), versions={"f": "2"})
    found = monitor_drift({"": before}, {"": now}, level=0.01)
    assert (found.old, found.new, found.drift.rows) == (400, 0, ())
    (changed,) = found.changed
    assert (changed.function, changed.changed, changed.before, changed.now, changed.edited) == ("f", 200, 40, 240, True)
    assert str(changed).startswith("f (edited): other votes on 200 of 400 examples; it voted on 40, and now on 240")


def test_an_edit_and_new_examples_are_kept_apart():
    old, new = voted(0.1, 400), voted(0.1, 200, start=400)
    edited_old, edited_new = voted(0.5, 400), voted(0.5, 200, start=400)
    same = monitor_drift({"": state("run 1", train=old)}, {"": state(train=joined(edited_old, edited_new))}, level=0.01)
    assert not same.drift.drifted
    assert same.changed
    shifted = monitor_drift(
        {"": state("run 1", train=old)}, {"": state(train=joined(old, voted(0.3, 200, start=400)))}, level=0.01
    )
    assert [(r.place, r.source, r.measure) for r in shifted.drift.drifted] == [(NEW, "f", "vote rate")]
    assert shifted.to_dict()["rows"][0]["before"] == {"share": 0.1, "count": 40, "n": 400, "groups": None}
    assert (
        monitor_drift({"": state("run 1", train=old)}, {"": state(train=joined(old, new))}, level=0.01).drift.drifted
        == ()
    )


def test_each_file_with_new_examples_is_tested():
    old, first, second = voted(0.1, 400), voted(0.1, 200, start=400), voted(0.4, 200, start=600)
    files = ["a.csv"] * 500 + ["b.csv"] * 100 + ["c.csv"] * 200
    found = monitor_drift(
        {"": state("run 1", train=old)}, {"": state(train=joined(old, first, second, files=files))}, level=0.01
    )
    assert {r.place for r in found.drift.rows} == {NEW, "a.csv", "b.csv", "c.csv"}
    assert {r.before.n for r in found.drift.rows if r.measure == "vote rate"} == {400}
    assert {r.now.n for r in found.drift.rows if r.place == "a.csv" and r.measure == "vote rate"} == {100}
    drifted = {(r.place, r.source) for r in found.drift.drifted if r.measure == "vote rate"}
    assert ("c.csv", "f") in drifted
    assert ("b.csv", "g") not in drifted


def test_each_new_part_is_tested_and_an_old_one_is_not():
    old, first, second = voted(0.1, 400), voted(0.1, 200, start=400), voted(0.4, 200, start=600)
    parts = ["aa"] * 400 + ["bb"] * 200 + ["cc"] * 190 + ["dd"] * 10  # the last has too few to tell anything
    found = monitor_drift(
        {"": state("run 1", train=old)}, {"": state(train=joined(old, first, second, parts=parts))}, level=0.01
    )
    assert {r.place for r in found.drift.rows} == {NEW, "part bb", "part cc"}
    assert {r.place for r in found.drift.drifted if r.measure == "vote rate" and r.source == "f"} >= {"part cc"}
    assert "part bb" not in {r.place for r in found.drift.drifted}


def test_groups_are_looked_at():
    old = voted(0.1, 400, groups=np.arange(400) // 10)
    new_votes = np.full((200, 2), -1)
    new_votes[:60, 0] = 1
    votes = np.concatenate([old.votes.values, new_votes])
    ids = np.arange(600)
    coarse = np.concatenate([np.arange(400) // 40, 100 + np.arange(200) // 60])  # the votes are all in one new group
    loose = monitor_drift(
        {"": state("1", train=voted(0.1, 400))},
        {"": state(train=split(votes, ids=ids, sources=["f", "g"]))},
        level=0.01,
    )
    grouped = monitor_drift(
        {"": state("1", train=old)},
        {"": state(train=split(votes, ids=ids, groups=coarse, sources=["f", "g"]))},
        level=0.01,
    )
    assert ("f", "vote rate") in {(r.source, r.measure) for r in loose.drift.drifted}
    assert ("f", "vote rate") not in {(r.source, r.measure) for r in grouped.drift.drifted}


def test_nothing_in_common_is_no_comparison():
    found = monitor_drift(
        {"": state("1", train=voted(0.1, 50))}, {"": state(train=voted(0.9, 50, start=50))}, level=0.01
    )
    assert (found.old, found.new, found.drift.rows, found.changed) == (0, 50, (), ())


def test_more_examples_of_a_data_set_that_a_function_does_not_read_are_no_drift_of_it():
    # f votes on one data set alone, and all new examples are of the other.
    votes = np.full((600, 2), -1)
    votes[:100, 0] = 1
    votes[::2, 1] = 1
    sets = np.array(["notes"] * 200 + ["calls"] * 400)

    def part(n):
        return replace(split(votes[:n], ids=np.arange(n), sources=["f", "g"]), data_sets=lambda: sets[:n])

    found = monitor_drift({"": state("run 1", train=part(400))}, {"": state(train=part(600))}, level=0.01)
    assert (found.old, found.new, found.drift.drifted) == (400, 200, ())
    assert {r.source for r in found.drift.rows} == {"g"}
    # Where it does read it, silence is one.
    votes[300, 0] = 1
    found = monitor_drift({"": state("run 1", train=part(400))}, {"": state(train=part(600))}, level=0.01)
    assert [(r.source, r.measure) for r in found.drift.drifted] == [("f", "vote rate")]


def test_a_data_set_that_is_all_new_has_nothing_to_be_compared_with():
    votes = np.array([[1, -1]] * 50 + [[-1, 1]] * 50)
    sets = np.array(["notes"] * 50 + ["calls"] * 50)

    def part(n):
        return replace(split(votes[:n], ids=np.arange(n), sources=["f", "g"]), data_sets=lambda: sets[:n])

    assert not monitor_drift({"": state("r", train=part(50))}, {"": state(train=part(100))}, level=0.01).drift.rows
