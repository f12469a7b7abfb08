"""Changes compose: what one step and then another did is what the two did together."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import SoftLabels
from labelwright.pipeline.versions.aligning import align
from labelwright.pipeline.versions.changes import ExampleChanges, NamedChanges

CLASSES = st.sampled_from([("ham", "spam"), ("ham", "spam", "eggs"), ("spam", "ham"), (0, 1)])
NAMED = st.dictionaries(st.sampled_from("abcd"), st.one_of(st.integers(0, 2), st.just({"x": [1]})), max_size=4)


@st.composite
def soft_labels(draw: st.DrawFn, classes: tuple) -> SoftLabels:
    """Soft labels of a few of a few ids, as integers or texts, in any order."""
    ids = draw(st.lists(st.integers(0, 7), unique=True, max_size=6))
    rows = [draw(st.sampled_from([0.1, 0.5, 0.9])) for _ in ids]
    probs = np.array([[p, *[(1 - p) / (len(classes) - 1)] * (len(classes) - 1)] for p in rows])
    covered = np.array([draw(st.booleans()) for _ in ids], dtype=bool)
    kind = draw(st.sampled_from([np.int64, np.str_]))
    return SoftLabels(
        probs.reshape(len(ids), len(classes)), covered, classes=classes, example_ids=np.array(ids).astype(kind)
    )


@st.composite
def runs(draw: st.DrawFn) -> dict[str, SoftLabels]:
    """The soft labels of a run: train, and perhaps other splits."""
    classes = draw(CLASSES)
    splits = ["train", *draw(st.lists(st.sampled_from(["valid", "test"]), unique=True))]
    return {split: draw(soft_labels(classes)) for split in splits}


few = settings(max_examples=60)


@given(runs(), runs(), runs())
def test_two_steps_are_one(a, b, c):
    there, on = ExampleChanges.between(a, b), ExampleChanges.between(b, c)
    assert there.then(on) == ExampleChanges.between(a, c)


@few
@given(runs(), runs(), runs(), runs())
def test_composition_is_associative(a, b, c, d):
    one, two, three = (ExampleChanges.between(*pair) for pair in ((a, b), (b, c), (c, d)))
    assert one.then(two).then(three) == one.then(two.then(three))


@few
@given(runs(), runs())
def test_there_and_back_is_nothing(a, b):
    assert len(ExampleChanges.between(a, b).then(ExampleChanges.between(b, a))) == 0
    assert len(ExampleChanges.between(a, a)) == 0


@few
@given(runs(), runs())
def test_changes_survive_json(a, b):
    changes = ExampleChanges.between(a, b)
    assert ExampleChanges.from_dict(json.loads(json.dumps(changes.to_dict()))) == changes


@few
@given(runs(), runs())
def test_counts_are_those_of_a_dictionary(a, b):
    changes = ExampleChanges.between(a, b)

    def labels(run):
        return {
            (split, str(i)): soft.classes[code] if code >= 0 and there else None
            for split, soft in run.items()
            for i, code, there in zip(soft.example_ids, soft.predict(), soft.covered, strict=True)
        }

    old, new = labels(a), labels(b)
    assert changes.added() == len(new.keys() - old.keys())
    assert changes.removed() == len(old.keys() - new.keys())
    flips = [(old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]]
    assert changes.flips() == {pair: flips.count(pair) for pair in flips}
    for split in ("train", "valid", "test"):
        mine = [key for key in old.keys() & new.keys() if old[key] != new[key] and key[0] == split]
        assert sum(changes.flips(split).values()) == len(mine)


@few
@given(NAMED, NAMED, NAMED)
def test_named_changes_compose(a, b, c):
    there, on = NamedChanges.between(a, b), NamedChanges.between(b, c)
    assert there.then(on) == NamedChanges.between(a, c)
    assert list(there.then(on).items) == sorted(there.then(on).items)
    assert NamedChanges.from_dict(json.loads(json.dumps(there.to_dict()))) == there
    assert there.added.keys() | there.removed.keys() | there.changed.keys() == there.items.keys()


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True), st.booleans())
def test_align_finds_the_same_ids(first, second, text):
    one, two = np.array(first, dtype=np.int64), np.array(second, dtype=np.int64)
    rows = align(one, two.astype(np.str_) if text else two)
    assert one[rows[0]].tolist() == two[rows[1]].tolist()
    assert set(one[rows[0]].tolist()) == set(first) & set(second)
    assert (np.diff(rows[0]) > 0).all()


def test_ids_of_one_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(
        "labelwright.pipeline.versions.aligning._text_hashes", lambda ids, _kind: np.zeros(len(ids), dtype=np.uint64)
    )
    one, two = np.array(["c", "a", "b"]), np.array(["b", "x", "c"])
    rows = align(one, two)
    assert one[rows[0]].tolist() == two[rows[1]].tolist() == ["c", "b"]


def test_movers_are_flips_first_and_then_the_farthest():
    a = SoftLabels([[0.9, 0.1], [0.6, 0.4], [0.99, 0.01], [0.5, 0.5]], example_ids=["x", "y", "z", "u"])
    b = SoftLabels([[0.6, 0.4], [0.4, 0.6], [0.98, 0.02], [0.5, 0.5]], example_ids=["x", "y", "z", "u"])
    changes = ExampleChanges.between({"train": a}, {"train": b})
    assert changes.ids[changes.movers()].tolist() == ["y", "x", "z"]
    np.testing.assert_allclose(changes.shift[changes.movers()], [0.2, 0.3, 0.01])
    assert changes.flips() == {(0, 1): 1}
