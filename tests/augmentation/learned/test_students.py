"""What an augmented example is worth: products of gradients, their unit, and how far labels decide."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra torch")

from labelwright.augmentation import LearnedPolicy, transformation_function  # noqa: E402
from labelwright.augmentation.learned import students as room  # noqa: E402
from labelwright.augmentation.learned.students import Students  # noqa: E402


def two_sides(n, seed=0):
    """Two clouds, left and right, and which of them each point is in."""
    rng = np.random.default_rng(seed)
    side = rng.integers(2, size=n)
    return rng.normal(size=(n, 2)) * [0.7, 2.0] + np.column_stack([4.0 * side - 2, np.zeros(n)]), side


def made(n=60, seed=0, lessons=20):
    points, side = two_sides(n, seed)
    found = Students(
        points, side, lambda batch: torch.as_tensor(batch, dtype=torch.float32), np.random.default_rng(1), 0
    )
    for _ in range(lessons):
        found.learn(found.encoded[found.own], found.own)
        found.pass_on()
    return found


def test_worth_is_the_product_of_two_gradients(monkeypatch):
    monkeypatch.setattr(room, "_MOST", np.inf)
    students = made()
    own, others = students.halves
    found = students.worth(students.encoded[own[:5]][None], own[:5], np.random.default_rng(0))[:, 0]
    of_all = students._gradient(students.both[0], others)
    unit = sum((one * one).sum() for one in of_all.values())
    for place, origin in enumerate(own[:5]):
        alone = students._gradient(students.both[0], np.array([origin]))
        exact = sum((alone[name] * of_all[name]).sum() for name in alone) / unit
        assert found[place].item() == pytest.approx(exact.item(), rel=0.05, abs=1e-3)


def test_one_is_what_held_out_examples_are_worth_on_average(monkeypatch):
    monkeypatch.setattr(room, "_MOST", np.inf)
    students = made()
    others = students.halves[1]
    worth = students.worth(students.encoded[others][None], others, np.random.default_rng(0))
    assert worth.mean().item() == pytest.approx(1.0, abs=0.02)


def test_an_example_under_a_false_label_teaches_less_than_nothing():
    students = made()
    own = students.own
    true = students.worth(students.encoded[own][None], own, np.random.default_rng(0))
    students.labels = 1 - students.labels
    students.labels[students.halves[1]] = 1 - students.labels[students.halves[1]]
    false = students.worth(students.encoded[own][None], own, np.random.default_rng(0))
    assert false.mean() < -0.5 < 0 <= true.mean()


def test_no_example_counts_for_more_than_a_few_others(monkeypatch):
    students = made()
    own = students.own
    free = students.worth(students.encoded[own][None], own, np.random.default_rng(0))
    monkeypatch.setattr(room, "_MOST", 0.1)
    held = students.worth(students.encoded[own][None], own, np.random.default_rng(0))
    assert free.abs().max() > 0.1
    assert torch.allclose(held, free.clamp(-0.1, 0.1))


def test_labels_decide_as_far_as_they_say_more_than_chance():
    rng = np.random.default_rng(0)

    def share(labels, lessons):
        points, _ = two_sides(len(labels))
        students = Students(points, labels, lambda batch: torch.as_tensor(batch, dtype=torch.float32), rng, 0)
        for _ in range(lessons):
            students.worth(students.encoded[students.own][None], students.own, rng)
            students.pass_on()
        return students.share

    assert share(two_sides(400)[1], 40) > 0.9
    assert share(rng.integers(2, size=400), 40) < 0.75
    assert share(np.arange(4) % 2, 0) == 0


def test_halves_have_as_many_of_each_class():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 6))
    points = np.zeros((60, 2))
    students = Students(points, labels, lambda batch: torch.as_tensor(batch).float(), np.random.default_rng(1), 0)
    for half in students.halves:
        assert np.bincount(labels[half]).tolist() == [3] * 10
    assert np.sort(np.concatenate(students.halves)).tolist() == list(range(60))


@pytest.mark.slow
@pytest.mark.parametrize("labels", [20, 200])
def test_a_few_labels_find_what_turns_a_class_into_another(labels):
    points, side = two_sides(1000)
    swap = transformation_function("swap", batched=True)(lambda x: x * np.array([-1.0, 1.0]))
    mirror = transformation_function("mirror", batched=True)(lambda x: x * np.array([1.0, -1.0]))
    settings = {"length": 2, "generator": "mean_field", "steps": 150, "batch_size": 32}
    policy = LearnedPolicy([swap, mirror], **settings).fit(points, valid=(points[:labels], side[:labels]))
    share = {one["function"]: np.array(one["probability"]) for one in policy.frequencies_}
    # Both sides look alike, so nothing without labels could tell.
    assert share["swap"].max() < 0.05
    assert share["mirror"].mean() > 0.25


@pytest.mark.slow
def test_what_is_unusual_and_keeps_its_class_is_kept_where_labels_say_so():
    points, side = two_sides(1000)
    far = transformation_function("far", batched=True)(lambda x: x + np.array([0.0, 12.0]))
    settings = {"length": 1, "generator": "mean_field", "steps": 150, "batch_size": 32}
    share = [
        LearnedPolicy([far], **settings).fit(points, valid=valid).frequencies_[1]["probability"][0]
        for valid in (None, (points[:200], side[:200]))
    ]
    assert share[0] < 0.1
    assert share[1] > 0.15
