"""Gates: flips are counted, slices fail beyond chance only, drift is what the monitor says."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.core.errors import ProjectError
from labelwright.pipeline.judging.drift import monitor_drift
from labelwright.pipeline.judging.gates import CHANCE, judge_gates
from labelwright.pipeline.judging_settings import GatesSettings

from ..states import split, state


def labelled(labels, **more):
    """A split whose one function votes the labels."""
    return split(np.asarray(labels)[:, None], labels=labels, sources=["f"], **more)


def test_flips_are_counted_among_the_examples_that_both_have():
    before = state("run 1", train=labelled([0, 0, 1, 1, -1], ids=list("abcde")))
    now = state(train=labelled([1, 0, 1, -1, -1, 1], ids=list("abcdex")))
    (found,) = judge_gates(GatesSettings(flips=0.4), {"": before}, {"": now}, None)
    assert (found.status, found.figures["flipped"], found.figures["n"]) == ("passed", 2, 5)
    (found,) = judge_gates(GatesSettings(flips=0.3), {"": before}, {"": now}, None)
    assert (found.gate, found.name, found.status) == ("flips", "train", "failed")
    assert found.sentence == "2 of 5 labels flipped (40.00%); allowed 30.00%"


def test_examples_are_found_by_their_ids_in_whatever_order():
    before = state("run 1", train=labelled([1, 0, 0, 1], ids=list("dcba")))
    now = state(train=labelled([1, 0, 0, 0, 1], ids=list("abxcd")))
    (found,) = judge_gates(GatesSettings(flips=0.0), {"": before}, {"": now}, None)
    assert (found.figures["flipped"], found.figures["n"]) == (0, 4)


def test_splits_and_examples_that_the_reference_lacks_are_not_judged():
    before = state("run 1", train=labelled([0], ids=["a"]))
    now = state(train=labelled([1], ids=["b"]), test=labelled([1], ids=["c"]))
    found = judge_gates(GatesSettings(flips=0.0), {"": before}, {"": now}, None)
    assert [r.status for r in found] == ["not judged"] * 2
    assert "run 1 has no such split" in found[1].sentence


def slices(before, now, gold, columns, **more):
    was = state("run 1", train=labelled([0]), test=labelled(before))
    present = state(train=labelled([0]), test=labelled(now, gold=gold, **more))
    return {r.name: r for r in judge_gates(GatesSettings(slices=columns), {"": was}, {"": present}, None)}


def test_a_slice_that_got_worse_beyond_chance_fails():
    gold = np.ones(60, dtype=int)
    now = gold.copy()
    now[:12] = 0  # the first dozen of channel "a" became wrong
    now[40] = 0
    found = slices(gold, now, gold, ["channel", "split"], frame={"channel": ["a"] * 30 + ["b"] * 30})
    assert {name: r.status for name, r in found.items()} == {
        "channel = a": "failed",
        "channel = b": "passed",
        "split = test": "failed",
    }
    assert found["channel = a"].figures["lost"] == 12
    assert found["channel = a"].figures["adjusted"] == pytest.approx(2 * 2.0**-12)  # the smaller p of three is split's
    assert "accuracy 100.0% -> 60.0% of 30; 12 became wrong and 0 right" in found["channel = a"].sentence
    assert "no more than chance" in found["channel = b"].sentence


def test_what_won_passes():
    gold = np.ones(40, dtype=int)
    found = slices(np.zeros(40, dtype=int), gold, gold, ["split"])
    assert (found["split = test"].status, found["split = test"].figures["won"]) == ("passed", 40)


def test_groups_lose_together():
    # Thirty labels became wrong, but all in two groups: that is two facts.
    gold = np.ones(60, dtype=int)
    now = np.array([0] * 30 + [1] * 30)
    groups = np.repeat(np.arange(4), 15)
    assert slices(gold, now, gold, ["split"])["split = test"].status == "failed"
    assert slices(gold, now, gold, ["split"], groups=groups)["split = test"].status == "passed"
    by_group = slices(gold, now, gold, ["group"], groups=groups)
    assert [r.figures["lost"] for r in by_group.values()] == [15, 15, 0, 0]


def test_chance_fails_a_slice_no_more_often_than_stated():
    rng = np.random.default_rng(0)
    failed = 0
    for _ in range(150):
        was, now = (rng.random(200) < 0.8 for _ in range(2))
        channel = rng.choice(list("abcde"), size=200)
        found = slices(
            was.astype(int), now.astype(int), np.ones(200, dtype=int), ["channel"], frame={"channel": channel}
        )
        failed += any(r.status == "failed" for r in found.values())
    assert failed <= 5  # binomial(150, 0.01) is above with a chance of 0.004
    assert CHANCE == 0.01


def test_without_gold_nothing_is_judged():
    found = slices([0, 1], [0, 1], None, ["split", "channel"])
    assert [r.status for r in found.values()] == ["not judged"] * 2
    found = slices([0, 1], [0, 1], [-1, -1], ["split"])
    assert "no example of valid or test has gold" in found["split"].sentence


def test_a_slice_must_be_a_column_of_few_values():
    gold = np.ones(1200, dtype=int)
    with pytest.raises(ProjectError, match="names group, but the data has none"):
        slices(gold, gold, gold, ["group"])
    with pytest.raises(ProjectError, match="'text', which has 1,200 values"):
        slices(gold, gold, gold, ["text"], frame={"text": [str(i) for i in range(1200)]})


def test_drift_passes_and_fails_with_its_figures():
    old = np.array([1] * 100 + [-1] * 900)
    new = np.array([1] * 90 + [-1] * 210)
    before = state("run 1", train=labelled(old))
    now = state(train=labelled(np.concatenate([old, new])))
    gates = GatesSettings(drift=0.01)
    (found,) = judge_gates(gates, {"": before}, {"": now}, monitor_drift({"": before}, {"": now}, level=0.01))
    assert found.status == "failed"
    assert "f, vote rate on new examples: 10.0% of 1,000 -> 30.0% of 300" in found.sentence
    (found,) = judge_gates(
        gates, {"": before}, {"": now}, monitor_drift({"": before}, {"": now}, level=0.01, tolerance=0.25)
    )
    assert found.status == "passed"
    (found,) = judge_gates(gates, {"": now}, {"": now}, monitor_drift({"": now}, {"": now}, level=0.01))
    assert (found.status, found.sentence) == ("passed", "there are no new examples")
