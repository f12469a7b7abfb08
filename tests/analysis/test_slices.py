"""Slice tables: each row is the score on its examples, differences have closed forms, p-values are Holm's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import fisher_exact

import labelwright as lw
from labelwright.analysis.intervals import wilson
from labelwright.analysis.scores import score
from labelwright.analysis.slices import SplitSlices, slice_table
from labelwright.core import SoftLabels
from labelwright.core.errors import SliceError, VoteError
from labelwright.core.slices import Slices

RNG = np.random.default_rng(0)
PROBS = RNG.dirichlet([1, 1, 1], size=200)
GOLD = RNG.integers(-1, 3, size=200)
MEMBER = np.column_stack([np.arange(200) < 50, np.ones(200, dtype=bool), np.zeros(200, dtype=bool), GOLD < 0])
SLICES = Slices(MEMBER, ["first", "all", "none", "unknown"])


def test_a_row_is_the_score_on_its_examples():
    row = slice_table(PROBS, SLICES, GOLD)["first"]
    known = GOLD[:50] >= 0
    hits = int((PROBS[:50].argmax(axis=1) == GOLD[:50])[known].sum())
    assert (row.n, row.scored) == (50, known.sum())
    assert row.accuracy == wilson(hits, int(known.sum()))
    assert row.share == wilson(50, 200)
    alone = score(SoftLabels(PROBS[:50]), GOLD[:50])
    assert row.macro_f1 == alone.macro_f1


def test_the_difference_is_newcombes_and_its_p_value_fishers():
    # Newcombe 1998, table II, method 10: 56/70 against 48/80.
    hits = np.concatenate([np.arange(70) < 56, np.arange(80) < 48])
    probs = np.where(hits[:, None], [0.9, 0.1], [0.1, 0.9])
    row = slice_table(probs, np.arange(150)[:, None] < 70, np.zeros(150, dtype=int))["0"]
    assert row.difference.value == pytest.approx(0.2)
    assert (row.difference.low, row.difference.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    table = [[56, 14], [48, 32]]
    tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
    assert row.p_value == pytest.approx(2 * min(tails))


def test_p_values_are_adjusted_for_the_number_of_slices_that_were_tested():
    one = slice_table(PROBS, SLICES.select(["first"]), GOLD)["first"]
    assert slice_table(PROBS, SLICES, GOLD)["first"].p_value == one.p_value
    again = Slices(np.column_stack([MEMBER[:, 0], ~MEMBER[:, 0]]), ["first", "rest"])
    both = slice_table(PROBS, again, GOLD)
    assert both["first"].p_value == pytest.approx(min(1.0, 2 * one.p_value))
    assert both["rest"].difference.value == pytest.approx(-one.difference.value)


def test_tables_come_back_from_plain_values():
    found = SplitSlices("test", {"label model": slice_table(PROBS, SLICES, GOLD)})
    back = SplitSlices.from_dict("test", json.loads(json.dumps(found.to_dict())))
    assert back.to_dict() == found.to_dict()
    assert back.tables["label model"]["first"].accuracy == found.tables["label model"]["first"].accuracy


def test_coverage_and_conflicts_may_be_handed_in():
    even = np.arange(200) % 2 == 0
    row = slice_table(PROBS, SLICES, covered=even, conflicting=~even)["first"]
    assert (row.coverage.value, row.conflicts.value) == (0.5, 0.5)
    with pytest.raises(SliceError, match="conflicting are of 3 examples"):
        slice_table(PROBS, SLICES, conflicting=[True] * 3)


def test_what_cannot_be_measured_is_not():
    table = slice_table(PROBS, SLICES, GOLD)
    assert table["all"].p_value is None
    assert not table["all"].difference.known
    assert table["all"].accuracy.known
    assert not table["none"].accuracy.known
    assert not table["none"].coverage.known
    assert (table["unknown"].n > 0, table["unknown"].scored) == (True, 0)
    alone = slice_table(PROBS, SLICES)
    assert alone["first"].share.known
    assert not alone["first"].accuracy.known
    assert json.loads(json.dumps(table.to_dict()))["slices"][2]["accuracy"]["value"] is None


def test_everything_is_the_score_on_all_examples_and_a_slice_of_all_is_the_same():
    table = slice_table(PROBS, SLICES, GOLD)
    whole = score(SoftLabels(PROBS), GOLD)
    assert (table.everything.accuracy, table.everything.macro_f1) == (whole.accuracy, whole.macro_f1)
    assert replace(table.everything, name="all", share=wilson(200, 200)) == table["all"]
    with pytest.raises(SliceError, match="no slice 'third'; there are: first, all, none, unknown"):
        table["third"]


def test_votes_tell_coverage_and_conflicts():
    votes = lw.Votes([[0, 0], [0, 1], [-1, -1], [-1, 1], [1, 1], [0, -1]])
    table = slice_table([[0.9, 0.1]] * 6, [[i < 3] for i in range(6)], votes=votes)
    assert (table.everything.conflicts, table["0"].conflicts) == (wilson(1, 6), wilson(1, 3))
    assert (table.everything.coverage, table["0"].coverage) == (wilson(5, 6), wilson(2, 3))
    assert not slice_table([[0.9, 0.1]] * 6, [[True]] * 6).everything.conflicts.known


def test_copies_of_examples_are_no_news_where_groups_say_so():
    groups = np.arange(200)
    copied = [np.repeat(one, 3, axis=0) for one in (PROBS, MEMBER, GOLD, groups)]
    one = slice_table(PROBS, MEMBER, GOLD, groups=groups)["0"]
    three = slice_table(copied[0], copied[1], copied[2], groups=copied[3])["0"]
    assert three.p_value == pytest.approx(one.p_value, abs=0.02)
    assert three.accuracy.value == one.accuracy.value
    assert three.accuracy.high - three.accuracy.low > 0.9 * (one.accuracy.high - one.accuracy.low)


def test_coverage_is_that_of_the_slice_and_names_are_read():
    covered = np.arange(200) % 4 > 0
    soft = lw.SoftLabels(PROBS, covered=covered, classes=["a", "b", "c"])
    gold = [None if code < 0 else "abc"[code] for code in GOLD]
    row = slice_table(soft, SLICES, gold)["first"]
    assert row.coverage == wilson(int(covered[:50].sum()), 50)
    assert row.accuracy == slice_table(PROBS, SLICES, GOLD)["first"].accuracy


def test_the_table_has_a_line_for_each_slice():
    lines = str(slice_table(PROBS, SLICES, GOLD)).splitlines()
    assert [line.split()[0] for line in lines] == ["slice", "everything", "first", "all", "none", "unknown"]
    assert "conflicts" not in lines[0]
    assert slice_table(PROBS, Slices(np.zeros((200, 0), dtype=bool)), GOLD).rows == ()


def test_slices_and_gold_must_fit():
    with pytest.raises(SliceError, match="3 examples"):
        slice_table(PROBS, [[True]] * 3, GOLD)
    with pytest.raises(SliceError, match="groups are of 3 examples"):
        slice_table(PROBS, SLICES, GOLD, groups=[1, 2, 3])
    with pytest.raises(VoteError, match="gold has 3"):
        slice_table(PROBS, SLICES, [0, 1, 2])
