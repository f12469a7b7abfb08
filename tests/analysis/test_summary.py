"""lf_summary against brute force, closed forms and the published figures of a real data set."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labelwright.analysis import lf_summary
from labelwright.core import ABSTAIN, Failure, Votes
from labelwright.core.errors import VoteError

# Six examples, six sources. Source 5 never votes; example 5 has no vote.
L = np.array(
    [
        [0, 0, -1, 1, 0, -1],
        [-1, 0, -1, -1, 0, -1],
        [1, -1, 1, -1, -1, -1],
        [-1, -1, -1, 0, -1, -1],
        [1, 1, 1, 1, -1, -1],
        [-1, -1, -1, -1, -1, -1],
    ]
)
Y = [0, 0, 0, 1, 1, 1]


def sparse(values: np.ndarray, **fields: Any) -> Votes:
    rows, columns = np.nonzero(values != ABSTAIN)
    return Votes.from_entries(rows, columns, values[rows, columns], shape=values.shape, **fields)


@pytest.mark.parametrize("make", [lambda: Votes(L), lambda: sparse(L)], ids=["dense", "sparse"])
def test_six_by_six(make: Any) -> None:
    summary = lf_summary(make(), Y)
    rows = summary.rows
    assert [r.polarity for r in rows] == [(0, 1), (0, 1), (1,), (0, 1), (0,), ()]
    assert [r.votes for r in rows] == [3, 3, 2, 3, 2, 0]
    assert [6 * r.coverage for r in rows] == [3, 3, 2, 3, 2, 0]
    assert [6 * r.overlaps for r in rows] == [3, 3, 2, 2, 2, 0]
    assert [6 * r.conflicts for r in rows] == [1, 1, 0, 1, 1, 0]
    assert [r.correct for r in rows] == [2, 3, 1, 1, 2, 0]
    assert [r.incorrect for r in rows] == [1, 0, 1, 2, 0, 0]
    assert [r.accuracy.value for r in rows[:5]] == [2 / 3, 1, 1 / 2, 1 / 3, 1]
    assert [s for _, s in summary.funnel.steps] == [6, 5, 4, 1]
    assert summary.funnel.votes_per_example == (1, 1, 2, 0, 2)


def test_what_was_not_measured_is_never_zero() -> None:
    silent = lf_summary(Votes(L), Y).rows[5]
    assert math.isnan(silent.accuracy.value)
    assert silent.accuracy.n == 0
    without = lf_summary(Votes(L))
    assert all(math.isnan(r.accuracy.value) and r.correct is None and r.incorrect is None for r in without.rows)
    assert "accuracy" not in str(without)
    assert all(math.isnan(r.coverage) for r in lf_summary(Votes(np.empty((0, 2), dtype=int))).rows)


def test_unknown_gold_is_not_judged() -> None:
    row = lf_summary(Votes([[1], [1], [1]]), [1, None, -1]).rows[0]
    assert (row.correct, row.incorrect, row.accuracy.n) == (1, 0, 1)


def brute(values: np.ndarray, gold: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    out = []
    for j in range(values.shape[1]):
        overlap = conflict = right = wrong = cast = 0
        for i in range(len(values)):
            if values[i, j] < 0:
                continue
            others = [v for o, v in enumerate(values[i]) if o != j and v >= 0]
            cast += 1
            overlap += bool(others)
            conflict += any(v != values[i, j] for v in others)
            if gold[i] >= 0:
                right += values[i, j] == gold[i]
                wrong += values[i, j] != gold[i]
        out.append((cast, overlap, conflict, int(right), int(wrong)))
    return out


tables = hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-1, 3))


@given(tables, st.data())
def test_equals_brute_force_dense_and_sparse(values: np.ndarray, data: st.DataObject) -> None:
    gold = data.draw(hnp.arrays(np.int8, len(values), elements=st.integers(-1, 3)))
    expected = brute(values, gold)
    for votes in (Votes(values, classes=4), sparse(values, classes=4)):
        rows = lf_summary(votes, gold).rows
        n = len(values)
        found = [(r.votes, round(r.overlaps * n), round(r.conflicts * n), r.correct, r.incorrect) for r in rows]
        assert found == expected


@given(tables, st.randoms(use_true_random=False))
def test_order_of_rows_and_sources_does_not_matter(values: np.ndarray, random: Any) -> None:
    rows, columns = list(range(values.shape[0])), list(range(values.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    names = [f"s{j}" for j in range(values.shape[1])]
    first = lf_summary(Votes(values, classes=4, sources=names))
    second = lf_summary(Votes(values[rows][:, columns], classes=4, sources=[names[j] for j in columns]))
    assert second.funnel == first.funnel
    assert all(_same(first[name], second[name]) for name in names)


def _same(a: Any, b: Any) -> bool:
    return all(getattr(a, f) == getattr(b, f) for f in ("polarity", "votes", "coverage", "overlaps", "conflicts"))


def test_a_silent_source_changes_nothing() -> None:
    without = lf_summary(Votes(L[:, :5]), Y)
    assert [r.conflicts for r in lf_summary(Votes(L), Y).rows[:5]] == [r.conflicts for r in without.rows]


def test_partial_votes_conflict_only_where_no_class_satisfies_both() -> None:
    alphabet = {"not_a": [[1, 2]]}
    votes = Votes([[0, 1], [0, 0], [0, -1]], classes=["a", "b", "c"], sources=["not_a", "plain"], alphabet=alphabet)
    summary = lf_summary(votes, ["b", "c", "a"])
    assert [r.conflicts for r in summary.rows] == [1 / 3, 1 / 3]
    assert summary.rows[0].polarity == ("b", "c")
    assert (summary.rows[0].correct, summary.rows[0].incorrect) == (2, 1)


def test_failures_are_shown_with_their_first_messages() -> None:
    failure = Failure("0", 3, ((17, "AttributeError: no text"),))
    summary = lf_summary(Votes([[1], [-1]], failures=[failure]))
    assert summary.rows[0].failures == 3
    assert "17: AttributeError: no text" in str(summary)
    assert summary.to_dict()["failures"][0]["first"] == [["17", "AttributeError: no text"]]


def test_accuracies_and_versions_by_name_or_by_position() -> None:
    votes = Votes([[1, 0]], sources=["a", "b"])
    by_name = lf_summary(votes, accuracies={"b": 0.7}, versions={"a": "f" * 64})
    assert math.isnan(by_name["a"].learned_accuracy)
    assert by_name["b"].learned_accuracy == 0.7
    assert (by_name["a"].version, by_name["b"].version) == ("f" * 64, None)
    assert lf_summary(votes, accuracies=[0.6, 0.7])["a"].learned_accuracy == 0.6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"gold": [0, 1, 1]}, "gold has 3 labels, but there are 2 examples"),
        ({"gold": [0, 5]}, "label 5 at position 1"),
        ({"accuracies": [0.5]}, "accuracies has 1 entries, but there are 2 sources"),
        ({"accuracies": {"c": 0.5}}, "accuracies names source 'c'"),
        ({"versions": ["x"]}, "versions has 1 entries"),
    ],
)
def test_bad_arguments_say_what_and_where(arguments: Any, words: str) -> None:
    with pytest.raises(VoteError, match=words):
        lf_summary(Votes([[0, 1], [1, 1]], sources=["a", "b"]), **arguments)


def test_to_dict_is_json_and_columns_are_one_length() -> None:
    summary = lf_summary(Votes(L), Y)
    assert json.loads(json.dumps(summary.to_dict(), allow_nan=False))["sources"][5]["accuracy"]["value"] is None
    assert {len(column) for column in summary.columns().values()} == {6}


def test_html_escapes_names() -> None:
    votes = Votes([[1]], sources=["<script>alert(1)</script>"])
    assert "<script" not in lf_summary(votes)._repr_html_()


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in str(lf_summary(Votes([[1]], sources=["red\x1b[31m"])))


def test_five_thousand_sources_stay_sparse() -> None:
    rng = np.random.default_rng(0)
    n, m, cast = 20_000, 5_000, 60_000
    cells = np.unique(rng.integers(n * m, size=cast))
    cast = len(cells)
    votes = Votes.from_entries(cells // m, cells % m, rng.integers(2, size=cast), shape=(n, m))
    tracemalloc.start()
    summary = lf_summary(votes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(r.votes for r in summary.rows) == cast
    assert peak < 60e6  # dense votes alone would take 100 MB as int8


@pytest.mark.parametrize("name", ["youtube", "sms", "trec", "openi_reports"])
def test_published_figures_of_real_sets(data_root: Path, name: str) -> None:
    arrays = np.load(data_root / name / "data.npz")
    meta = json.loads((data_root / name / "meta.json").read_text())
    summary = lf_summary(Votes(arrays["L_train"], classes=meta["k"]), arrays["y_train"])
    published = meta["stats"]["train"]
    funnel = summary.funnel
    assert funnel.covered / funnel.n == pytest.approx(published["covered"], abs=5e-5)
    assert funnel.conflicting / funnel.n == pytest.approx(published["conflict"], abs=5e-5)
    assert np.mean([r.coverage for r in summary.rows]) == pytest.approx(published["lf_cov_mean"], abs=5e-5)
    for row, accuracy in zip(summary.rows, meta["lf_acc"]["train"], strict=True):
        assert row.accuracy.known == (accuracy is not None)
        if accuracy is not None:
            assert row.accuracy.value == pytest.approx(accuracy, abs=6e-4)


@pytest.mark.parametrize("make", [Votes, sparse], ids=["dense", "sparse"])
def test_accuracies_by_group_have_the_same_value_and_wider_intervals(make: Any) -> None:
    rng = np.random.default_rng(0)
    gold = np.repeat(rng.integers(0, 2, 40), 5)
    groups = np.repeat([f"patient {i}" for i in range(40)], 5)
    # A source that is right or wrong on whole groups, one that is so by example, and one that never votes.
    by_group = np.where(np.repeat(rng.random(40) < 0.7, 5), gold, 1 - gold)
    by_example = np.where(rng.random(200) < 0.7, gold, 1 - gold)
    values = np.stack([by_group, by_example, np.full(200, ABSTAIN)], axis=1)
    gold[:15] = ABSTAIN
    plain, grouped = lf_summary(make(values), gold), lf_summary(make(values, groups=groups), gold)
    for a, b in zip(plain.rows, grouped.rows, strict=True):
        assert (a.correct, a.incorrect, a.accuracy.n) == (b.correct, b.incorrect, b.accuracy.n)
    assert not grouped.rows[2].accuracy.known
    widths = [[r.accuracy.high - r.accuracy.low for r in s.rows[:2]] for s in (plain, grouped)]
    assert widths[1][0] > 1.7 * widths[0][0]
    assert widths[1][1] < 1.4 * widths[0][1]
    assert [r.accuracy.value for r in plain.rows[:2]] == pytest.approx([r.accuracy.value for r in grouped.rows[:2]])
