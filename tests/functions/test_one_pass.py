"""One pass over the data is shared by all functions."""

from __future__ import annotations

from collections import Counter

import pytest

from labelwright.functions.layers import Layer
from labelwright.functions.one_pass import Run
from labelwright.functions.preprocessors import Preprocessor

from .test_preprocessors import counted


def test_five_functions_share_one_pass():
    length, seen = counted()
    run = Run([length] * 5)
    rows = [{"text": "a" * n} for n in range(3)]
    results = [[run.apply([length], row) for _ in range(5)] for row in rows]
    assert seen == ["", "a", "aa"]
    assert all(result is same[0] for same in results for result in same)
    assert run.apply([], rows[0]) is rows[0]


def test_a_shared_beginning_of_two_chains_runs_once():
    calls: Counter[str] = Counter()

    def step(name):
        def function(x):
            calls[name] += 1
            setattr(x, name, x.get("a", 0) + 1)
            return x

        return Preprocessor(function, name=name)

    a, b, c = (step(name) for name in "abc")
    run = Run([[a, b], [a, c], [a], [b]])
    row = {"text": ""}
    assert run.apply((a, b), row).b == 2
    assert run.apply((a, c), row).c == 2
    assert run.apply((a,), row).get("b") is None
    assert run.apply((b,), row).b == 1
    assert calls == {"a": 1, "b": 2, "c": 1}


def test_equal_rows_that_are_different_objects_do_not_share():
    length, seen = counted()
    run = Run([length])
    for _ in range(3):
        run.apply([length], {"text": "a"})
    assert len(seen) == 3


class Batched(Preprocessor):
    """Adds the length in batches, and notes how many it was given."""

    def __init__(self, **options):
        self.sizes = []
        super().__init__(self._one, name="batched", **options)

    def _one(self, x):
        self.sizes.append(1)
        x.length = len(x.text)
        return x

    def process_batch(self, examples):
        self.sizes.append(len(examples))
        return [None if x.get("text") is None else Layer(x, {"length": len(x.text)}) for x in map(Layer, examples)]


def test_batched_preprocessors_see_whole_chunks():
    batched = Batched()
    first, seen = counted()
    run = Run([[batched], [first, batched], [first]])
    assert run.batched
    rows = [{"text": "a" * n} for n in range(4)]
    run.prepare(rows)
    assert batched.sizes == [4, 4]
    assert [run.apply([batched], row).length for row in rows] == [0, 1, 2, 3]
    assert [run.apply([first, batched], row).length for row in rows] == [0, 1, 2, 3]
    assert [run.apply([first], row).length for row in rows] == [0, 1, 2, 3]
    assert batched.sizes == [4, 4]
    assert len(seen) == 4  # what a batch needed first was not done again
    run.prepare(rows[:2])
    assert batched.sizes == [4, 4, 2, 2]


def test_what_a_batch_cannot_do_is_reported_with_its_own_example():
    batched = Batched()
    run = Run([batched])
    rows = [{"text": "a"}, {"text": None}, {"text": "abc"}]
    run.prepare(rows)
    assert run.apply([batched], rows[0]).length == 1
    with pytest.raises(TypeError):
        run.apply([batched], rows[1])
    assert run.apply([batched], rows[2]).length == 3


def test_a_batch_that_fails_is_done_one_by_one():
    class Fails(Batched):
        def process_batch(self, examples):
            raise RuntimeError("no")

    fails = Fails()
    run = Run([fails])
    rows = [{"text": "ab"}]
    run.prepare(rows)
    assert run.apply([fails], rows[0]).length == 2


def test_without_batches_nothing_is_prepared():
    length, seen = counted()
    run = Run([length])
    run.prepare([{"text": "a"}])
    assert not run.batched
    assert seen == []
