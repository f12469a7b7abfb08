"""What the safety report accepts, narrows and rejects, and what it says of classes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelwright.augmentation import Magnitude, TransformationFunction, transformation_function
from labelwright.augmentation.safety import safety_report
from labelwright.core import SoftLabels
from labelwright.core.errors import FunctionError, VoteError

Floats = npt.NDArray[np.float64]


def disc(n: int, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.random(n))
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


@transformation_function(batched=True)
def stay(x: Floats) -> Floats:
    return x.copy()


@transformation_function(magnitude=(-2.0, 2.0), batched=True)
def shift(x: Floats, magnitude: Floats) -> Floats:
    return x + np.column_stack([magnitude, np.zeros(len(x))])


@transformation_function(batched=True)
def point(x: Floats) -> Floats:
    return np.zeros_like(x)


@transformation_function(batched=True)
def another(x: Floats, rng: np.random.Generator) -> Floats:
    return disc(len(x), int(rng.integers(2**32)))


@transformation_function(batched=True)
def mirror(x: Floats) -> Floats:
    return -x


def test_doing_nothing_departs_by_exactly_nothing() -> None:
    report = safety_report([stay], disc(300))
    (row,) = report.rows
    assert (row.departure.value, row.alike.value, row.n) == (0, 0, 300)
    assert row.auc.low < 0.5 < row.auc.high
    assert report["stay"].outcome == "accepted"
    assert math.isnan(row.magnitude)


@pytest.mark.slow
def test_an_example_drawn_anew_is_never_blamed() -> None:
    reports = [safety_report([another, mirror], disc(200, seed), random_state=seed) for seed in range(30)]
    assert all(not report.rejected for report in reports)
    departures = np.array([report.rows[0].departure.value for report in reports])
    assert abs(departures.mean()) < 0.015  # the share beyond the quantile is what it should be
    inside = [r.rows[0].departure.low <= 0 <= r.rows[0].departure.high for r in reports]
    assert np.mean(inside) > 0.85


def test_what_leaves_the_data_is_narrowed_to_where_it_does_not() -> None:
    report = safety_report([shift, point], disc(1000), strengths=[0.02, 0.05, 0.5, 1.0])
    verdict = report["shift"]
    assert verdict.outcome == "narrowed"
    assert -verdict.low == verdict.high == 0.1
    assert "off the data" in verdict.why
    assert report.rejected == ("point",)
    assert "alike" in report["point"].why
    (kept,) = report.accepted_functions()
    assert kept.magnitude == Magnitude(-0.1, 0.1, 0.0)
    assert kept.version != shift.version
    # Farther is stranger.
    right = [r.departure.value for r in report.rows if r.function == "shift" and r.strength > 0]
    assert right == sorted(right)


def test_what_was_not_tried_is_not_accepted() -> None:
    verdict = safety_report([shift], disc(200), strengths=[0.02])["shift"]
    assert (verdict.outcome, verdict.low, verdict.high) == ("narrowed", -0.04, 0.04)
    assert verdict.why == "tried between -0.04 and 0.04 only"


def test_a_side_that_leaves_at_once_is_closed() -> None:
    @transformation_function(magnitude=(-9.0, 0.05), batched=True)
    def lopsided(x: Floats, magnitude: Floats) -> Floats:
        return x + magnitude[:, None]

    report = safety_report([lopsided], disc(600))
    (kept,) = report.accepted_functions()
    assert kept.magnitude is not None
    assert (kept.magnitude.low, kept.magnitude.high) == (0.0, 0.05)


def blobs(n: int, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    centres = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 9.0]])
    return rng.normal(size=(n, 2)) + centres[label], label


@transformation_function(batched=True)
def swap(x: Floats) -> Floats:
    # Class 0 lands where class 1 is, and the other way round: it stays on the data all the while.
    return np.where(x[:, 1:] < 5, x * [-1, 1], x)


def test_one_class_turned_into_another_stays_on_the_data_and_only_labels_tell() -> None:
    x, label = blobs(900)
    blind = safety_report([swap], x)
    assert blind["swap"].outcome == "accepted"
    assert "labels would tell" in blind.note
    report = safety_report([swap, stay], x, labels=label)
    assert report.rejected == ("swap",)
    harm = {h.label: h for h in report.harm if h.function == "swap"}
    assert (harm[0].harmful, harm[0].becomes, harm[1].harmful, harm[1].becomes) == (True, 1, True, 0)
    assert not harm[2].harmful
    assert harm[0].looks_other.low > 0.9
    assert not any(h.harmful for h in report.harm if h.function == "stay")
    assert all(h.harm.value <= 0 for h in report.harm if h.function == "stay")
    assert report.classifier_accuracy > 0.95


@pytest.mark.parametrize("kind", ["soft", "noisy", "few"])
def test_soft_and_noisy_and_few_labels_tell_too(kind: str) -> None:
    x, label = blobs(1500)
    rng = np.random.default_rng(1)
    wrong = np.where(rng.random(1500) < 0.2, rng.integers(3, size=1500), label)
    labels: Any = SoftLabels(0.7 * np.eye(3)[wrong] + 0.1, rng.random(1500) < 0.9, classes=["a", "b", "c"])
    if kind == "noisy":
        labels = wrong
    if kind == "few":
        labels = [int(v) if i % 5 == 0 else None for i, v in enumerate(label)]
    report = safety_report([swap, stay], x, labels=labels)
    assert report.rejected == ("swap",)


def test_every_label_is_used_up_to_half_of_what_is_looked_at() -> None:
    points, truth = blobs(2000)
    for known, used in ((200, 200), (2000, 1500)):
        labels = [code if place < known else None for place, code in enumerate(truth.tolist())]
        report = safety_report([stay], points, labels=labels)
        assert sum(row.harm.n for row in report.harm) == used
        assert report.n == 1500


def test_being_unfamiliar_is_no_harm() -> None:
    @transformation_function(batched=True)
    def far(x: Floats) -> Floats:
        return x * [-1, 1] + [0.0, -12.0]  # where no original is, mirrored, and every class still by itself

    x, label = blobs(900)
    report = safety_report([far], x, labels=label)
    assert report.rows[0].departs
    assert not any(h.harmful for h in report.harm)
    assert max(h.looks_other.value for h in report.harm) > 0.9


def test_figures_do_not_depend_on_the_other_functions_nor_on_the_run() -> None:
    x = disc(300)
    noisy = TransformationFunction(
        name="noisy", function=lambda x, magnitude, rng: x + magnitude * rng.normal(size=2), magnitude=Magnitude(0, 1)
    )
    one, two, again = (safety_report(f, x) for f in ([noisy], [stay, noisy], [stay, noisy]))
    assert [r.departure for r in one.rows] == [r.departure for r in two.rows if r.function == "noisy"]
    assert two.to_dict() == again.to_dict()
    assert safety_report([noisy], x, random_state=1).rows[0].departure != one.rows[0].departure


def test_a_function_that_fails_is_counted_and_one_that_never_applies_is_not_accepted() -> None:
    def fails(x: Floats) -> Floats:
        if x[0] < 0:
            raise ValueError("left")
        return x.copy()

    functions = [
        TransformationFunction(name="fails", function=fails),
        TransformationFunction(name="never", function=lambda x: None),
    ]
    report = safety_report(functions, disc(400), labels=[i % 2 for i in range(400)])
    assert report.rejected == ("never",)
    assert report["never"].why == "it took effect on no example, so nothing can be said"
    assert [f.source for f in report.failures] == ["fails"]
    (row,) = [r for r in report.rows if r.function == "fails"]
    assert row.n == 400 - report.failures[0].count
    assert (row.departure.value, row.alike.value) == (0, 0)
    assert "fails failed on" in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_groups_are_worth_less() -> None:
    # Forty patients with twenty alike images each: what holds for one image holds for its patient.
    x = np.repeat(disc(40), 20, axis=0) + np.random.default_rng(0).normal(size=(800, 2)) / 50
    groups = np.repeat(np.arange(40), 20)

    def width(**options: Any) -> float:
        row = safety_report([shift], x, strengths=[0.2], **options).rows[0]
        return row.departure.high - row.departure.low

    assert width(groups=groups) > 1.8 * width()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"functions": []}, "no function"),
        ({"functions": [stay, stay]}, "two functions are named 'stay'"),
        ({"examples": disc(10)}, "10 examples are too few"),
        ({"strengths": [0.0]}, "strengths are shares"),
        ({"tolerance": 1.5}, "tolerance is a share"),
        ({"groups": np.zeros(3)}, "need one each"),
        ({"groups": np.zeros(100)}, "1 groups"),
    ],
)
def test_wrong_input_is_named(options: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"functions": [stay], "examples": disc(100)} | options
    with pytest.raises(FunctionError, match=said):
        safety_report(given.pop("functions"), given.pop("examples"), **given)
    with pytest.raises(VoteError, match="3 labels"):
        safety_report([stay], disc(100), labels=[0, 1, 0])


def test_texts_and_records_are_held_against_their_kind() -> None:
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(40)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(300)]
    functions = [
        TransformationFunction(name="swap", function=lambda t, rng: " ".join(rng.permutation(t.split()))),
        TransformationFunction(name="garble", function=lambda t: t[::-1].replace("d", "qx")),
        TransformationFunction(name="silence", function=lambda t: "word1"),
    ]
    report = safety_report(functions, texts)
    assert set(report.rejected) == {"garble", "silence"}
    fielded = [TransformationFunction(name=f.name, function=f.function, field="text") for f in functions]
    assert safety_report(fielded, [{"text": t, "size": 1.0} for t in texts]).rejected == report.rejected


def test_the_table_and_the_page_say_the_verdicts_and_escape_names() -> None:
    odd = TransformationFunction(name="<b>odd\n</b>", function=lambda x: x + 9)
    report = safety_report([odd, shift], disc(200))
    lines = str(report).splitlines()
    assert lines[0].split() == ["function", "verdict", "may", "stay", "worst", "departure", "at", "AUC", "why"]
    assert lines[1].startswith("<b>odd·</b>")
    assert "rejected" in lines[1]
    page = report._repr_html_()
    assert "<b>odd" not in page
    assert "&lt;b&gt;odd" in page
    with pytest.raises(KeyError):
        report["nobody"]


@pytest.mark.slow
def test_a_six_turned_upside_down_is_a_nine_and_a_little_turn_is_harmless(data_root: Path) -> None:
    from scipy.ndimage import rotate

    path = data_root / "mnist" / "data.npz"
    if not path.exists():
        pytest.skip(f"MNIST not found at {path}; set LABELWRIGHT_DATA to the folder of data sets")
    with np.load(path) as held:
        images = held["X_train"][:4000, None].astype(np.float32) / 255
        digits = held["y_train"][:4000]

    def turned(x: npt.NDArray[np.float32], degrees: float) -> npt.NDArray[np.float32]:
        found = rotate(x, degrees, axes=(2, 3), reshape=False, order=1)
        return np.asarray(np.clip(found, 0, 1), dtype=np.float32)

    @transformation_function(batched=True)
    def upside_down(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return x[:, :, ::-1, ::-1].copy()

    @transformation_function(magnitude=Magnitude(-10, 10, unit="degrees"), batched=True)
    def turn(x: npt.NDArray[np.float32], magnitude: Floats) -> npt.NDArray[np.float32]:
        return turned(x, float(magnitude[0]))  # the report tries one magnitude at a time

    report = safety_report([upside_down, turn], images, labels=digits, strengths=[0.5, 1.0])
    harm = {h.label: h for h in report.harm if h.function == "upside_down"}
    assert (harm[6].harmful, harm[6].becomes) == (True, 9)
    assert (harm[9].harmful, harm[9].becomes) == (True, 6)
    assert harm[6].looks_other.low > 0.8
    assert not harm[0].harmful or harm[0].harm.value < harm[6].harm.value
    assert report["turn"].outcome == "accepted"
    assert not any(h.harmful for h in report.harm if h.function == "turn")
    assert "upside_down" in report.rejected
