"""Streams of chance: one for each call, good chance, and cheap."""

from __future__ import annotations

import numpy as np
from scipy import stats

from labelwright.augmentation.chance import Streams
from labelwright.core.seeds import generator


def test_a_stream_is_the_same_whatever_was_drawn_before_and_streams_differ():
    streams = Streams(generator(0))
    seeds = [seed for step in range(3) for seed in streams.seeds(range(-5, 200), step=step)]
    assert len(set(seeds)) == len(seeds)
    first = [streams.at(seed).random() for seed in seeds]
    # Half a number of 64 bits, left over from the call before, is not handed on.
    streams.at(seeds[0]).integers(2**8, dtype=np.uint32)
    assert [streams.at(seed).random() for seed in reversed(seeds)] == first[::-1]
    assert len(set(first)) == len(first)


def test_firsts_of_streams_are_uniform_and_independent_from_step_to_step():
    streams = Streams(generator(1))
    firsts = np.array([[streams.at(s).random() for s in streams.seeds(range(4000), step=step)] for step in (0, 1)])
    assert stats.kstest(firsts[0], "uniform").pvalue > 1e-6
    assert abs(np.corrcoef(firsts)[0, 1]) < 0.1
    assert abs(np.corrcoef(firsts[0][1:], firsts[0][:-1])[0, 1]) < 0.1


def test_the_generator_decides():
    first, again, other = (Streams(generator(seed)).seeds([0], step=0) for seed in (0, 0, 1))
    assert first == again != other
