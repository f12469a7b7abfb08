"""Turns of data sets: how often each has its turn is exact, whatever chance does."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core.errors import ModelError
from labelwright.endmodels.torch.multitask import Mixed, Proportional, RoundRobin, Temperature
from labelwright.endmodels.torch.multitask.schedulers import make_turns
from labelwright.endmodels.torch.multitask.steps import examples_in

BATCHES = st.lists(st.integers(1, 60), min_size=1, max_size=6)


def _counts(steps):
    return Counter(which for step in steps for which in step)


@given(BATCHES, st.integers(0, 3))
def test_proportional_and_round_robin_take_every_batch_once(batches, seed):
    for turns in (Proportional(), RoundRobin()):
        steps = turns.steps(batches, np.random.default_rng(seed))
        assert _counts(steps) == dict(enumerate(batches))
        assert all(len(step) == 1 for step in steps)


@given(BATCHES)
def test_round_robin_never_lets_one_wait_while_another_has_two_turns(batches):
    steps = [which for (which,) in RoundRobin().steps(batches, np.random.default_rng(0))]
    for start in range(len(steps)):
        done = Counter(steps[:start])
        assert all(done[d] >= min(count, max(done.values(), default=0) - 1) for d, count in enumerate(batches))


@given(BATCHES)
def test_mixed_takes_all_at_once(batches):
    for fill_up, count in ((True, max(batches)), (False, min(batches))):
        steps = Mixed(fill_up=fill_up).steps(batches, np.random.default_rng(0))
        assert steps == [tuple(range(len(batches)))] * count


@given(BATCHES, st.floats(1, 50), st.integers(0, 3))
def test_temperature_shares_out_all_steps_by_rounded_shares(batches, temperature, seed):
    turns = Temperature(temperature)
    found = _counts(turns.steps(batches, np.random.default_rng(seed)))
    assert found == dict(enumerate(turns.counts(batches)))
    assert sum(found.values()) == sum(batches)
    share = np.array(batches) ** (1 / temperature)
    exact = share / share.sum() * sum(batches)
    if (exact >= 1).all():
        assert all(abs(found[d] - exact[d]) < 1 for d in range(len(batches)))
    assert min(found.values()) >= 1


@given(BATCHES)
def test_temperature_goes_from_proportional_to_equal(batches):
    assert Temperature(1.0).counts(batches) == batches
    equal = Temperature(1e9).counts(batches)
    assert max(equal) - min(equal) <= 1


def test_proportional_shuffles_and_the_order_is_that_of_the_generator():
    first, again, other = (Proportional().steps([30, 30], np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert first != sorted(first)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=4), st.integers(1, 40))
def test_examples_of_an_epoch_are_counted_exactly(sizes, batch_size):
    steps, examples = examples_in(Proportional(), sizes, batch_size)
    assert steps == sum(-(-size // batch_size) for size in sizes)
    assert examples == sum(sizes)


def test_what_cannot_be_is_refused():
    with pytest.raises(ModelError, match="at least 1"):
        Temperature(0.5)
    with pytest.raises(ModelError, match="allowed: 'proportional'"):
        make_turns("alternating")

    class Strange:
        def steps(self, batches, rng):
            return [(len(batches),)]

    with pytest.raises(ModelError, match="turns gave"):
        examples_in(Strange(), [3, 4], 2)
