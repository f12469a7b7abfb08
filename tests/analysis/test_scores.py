"""Scores: which rows count, which ties win, and that intervals are honest where the bootstrap is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.analysis import paired_difference, score
from labelwright.core import SoftLabels
from labelwright.core.errors import VoteError


def noisy(n: int, k: int = 2, *, seed: int = 0, strength: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    gold = rng.integers(k, size=n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), gold] += strength
    probs = np.exp(logits)
    return probs / probs.sum(axis=1, keepdims=True), gold


def test_unknown_gold_is_left_out() -> None:
    probs, gold = noisy(60)
    partly = [int(g) if i % 2 else None for i, g in enumerate(gold)]
    found = score(probs, partly)
    assert found.n == 30
    assert found.accuracy == score(probs[1::2], gold[1::2]).accuracy


def test_uncovered_rows_score_as_the_class_balance_and_apart() -> None:
    probs, gold = noisy(80)
    covered = np.arange(80) < 50
    probs[~covered] = [0.3, 0.7]
    found = score(SoftLabels(probs, covered), gold)
    alone = score(probs[:50], gold[:50])
    assert found.coverage.value == 50 / 80
    assert found.n == 80
    assert found.on_covered is not None
    assert found.on_covered.n == 50
    assert found.on_covered.confusion.tolist() == alone.confusion.tolist()
    assert found.accuracy.value == pytest.approx((50 * alone.accuracy.value + (gold[50:] == 1).sum()) / 80)
    assert alone.on_covered is None


def test_ties_go_by_example_id_not_by_class_or_order() -> None:
    even = np.full((400, 2), 0.5)
    ids = np.arange(400)
    gold = np.zeros(400, dtype=int)
    found = score(SoftLabels(even, example_ids=ids), gold)
    assert 0.4 < found.accuracy.value < 0.6
    assert score(SoftLabels(even, example_ids=ids[::-1]), gold).accuracy == found.accuracy


def test_named_classes() -> None:
    soft = SoftLabels([[0.9, 0.1], [0.2, 0.8]], classes=["ham", "spam"])
    found = score(soft, ["ham", "spam"])
    assert found.accuracy.value == 1
    assert [c.name for c in found.per_class] == ["ham", "spam"]
    assert score([[0.9, 0.1], [0.2, 0.8]], ["ham", "ham"], classes=["ham", "spam"]).accuracy.value == 0.5


def test_a_perfect_score_still_has_width() -> None:
    gold = np.array([0, 1] * 20)
    found = score(np.eye(2)[gold] * 0.98 + 0.01, gold)
    for name in ("accuracy", "macro_f1", "f1", "roc_auc", "average_precision"):
        estimate = getattr(found, name)
        assert estimate.value == pytest.approx(1)
        assert 0.8 < estimate.low < 1, name
        assert estimate.high == 1


def test_one_class_in_gold_leaves_ranks_unmeasured() -> None:
    found = score([[0.4, 0.6]] * 5, [1] * 5)
    assert not found.roc_auc.known
    assert found.accuracy.value == 1
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["roc_auc"]["value"] is None


def test_no_gold_at_all() -> None:
    found = score([[0.4, 0.6]] * 3, [None] * 3)
    assert found.n == 0
    assert not found.accuracy.known
    assert found.confusion.sum() == 0


def test_f1_is_for_two_classes_and_per_class_for_all() -> None:
    probs, gold = noisy(90, 3)
    found = score(probs, gold)
    assert not found.f1.known
    assert sum(c.support for c in found.per_class) == 90
    assert found.macro_f1.value == pytest.approx(np.mean([c.f1.value for c in found.per_class]))


def test_intervals_hold_their_value_and_groups_widen_them() -> None:
    probs, gold = noisy(300)
    plain = score(probs, gold)
    for name in ("accuracy", "macro_f1", "f1", "roc_auc", "average_precision", "log_loss", "brier"):
        estimate = getattr(plain, name)
        assert estimate.low < estimate.value < estimate.high, name
    copies = np.repeat(np.arange(60), 5)
    grouped = score(probs[copies], gold[copies], groups=copies)
    single = score(probs[copies], gold[copies])
    width = grouped.accuracy.high - grouped.accuracy.low
    assert width > 1.8 * (single.accuracy.high - single.accuracy.low)


def test_same_bytes_in_every_run() -> None:
    probs, gold = noisy(100)
    assert score(probs, gold).to_dict() == score(probs, gold).to_dict()


def test_paired_difference_is_antisymmetric_and_narrower_than_two_intervals() -> None:
    probs, gold = noisy(300)
    rng = np.random.default_rng(2)
    other = np.clip(probs + 0.05 * rng.normal(size=(300, 1)) * [1, -1], 0.001, 0.999)
    there = paired_difference(probs, other, gold, metric="log_loss")
    back = paired_difference(other, probs, gold, metric="log_loss")
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high, abs=1e-3)
    assert there.value == pytest.approx(score(probs, gold).log_loss.value - score(other, gold).log_loss.value)
    single = score(probs, gold).log_loss
    assert there.high - there.low < 0.5 * (single.high - single.low)
    assert paired_difference(probs, probs, gold).value == 0


@pytest.mark.slow
def test_paired_difference_holds_its_level() -> None:
    inside = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        gold = rng.integers(2, size=200)
        hard = rng.random(200)
        first, second = (np.where(hard < level, gold, 1 - gold) for level in (0.9, 0.8))
        flip = rng.random(200) < 0.05
        second = np.where(flip, 1 - second, second)
        found = paired_difference(np.eye(2)[first], np.eye(2)[second], gold, random_state=seed)
        inside += found.low <= 0.9 - (0.8 * 0.95 + 0.2 * 0.05) <= found.high
    assert 0.93 <= inside / 400 <= 0.97


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: score([[0.5, 0.5]], [0, 1]), "gold has 2 labels, but there are 1 examples"),
        (lambda: score([[0.5, 0.5]], [2]), "label 2 at position 0"),
        (lambda: score([[0.5, 0.6]], [0]), "not a distribution"),
        (lambda: score([[0.5, 0.5]], [0], groups=[1, 2]), "groups has shape"),
        (lambda: paired_difference([[0.5, 0.5]], [[0.5, 0.5]], [0], metric="auc"), "allowed: accuracy"),
        (lambda: paired_difference([[0.5, 0.5]], [[0.5, 0.5]] * 2, [0]), "must be the same"),
    ],
)
def test_bad_arguments_say_what_and_where(call: object, words: str) -> None:
    with pytest.raises(VoteError, match=words):
        call()  # type: ignore[operator]
