"""Slice tables: each row is the score on its examples, differences have closed forms, p-values are Holm's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import fisher_exact

import labelwright as lw
from labelwright.analysis.intervals import wilson
from labelwright.analysis.scores import score
from labelwright.analysis.slices import slice_table
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


def test_coverage_is_that_of_the_slice_and_names_are_read():
    covered = np.arange(200) % 4 > 0
    soft = lw.SoftLabels(PROBS, covered=covered, classes=["a", "b", "c"])
    gold = [None if code < 0 else "abc"[code] for code in GOLD]
    row = slice_table(soft, SLICES, gold)["first"]
    assert row.coverage == wilson(int(covered[:50].sum()), 50)
    assert row.accuracy == slice_table(PROBS, SLICES, GOLD)["first"].accuracy


def test_the_table_has_a_line_for_each_slice():
    lines = str(slice_table(PROBS, SLICES, GOLD)).splitlines()
    assert [line.split()[0] for line in lines] == ["slice", "first", "all", "none", "unknown"]
    assert slice_table(PROBS, Slices(np.zeros((200, 0), dtype=bool)), GOLD).rows == ()


def test_slices_and_gold_must_fit():
    with pytest.raises(SliceError, match="3 examples"):
        slice_table(PROBS, [[True]] * 3, GOLD)
    with pytest.raises(VoteError, match="gold has 3"):
        slice_table(PROBS, SLICES, [0, 1, 2])
