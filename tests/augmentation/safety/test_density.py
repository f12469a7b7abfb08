"""Distances, p-values and discriminators are what their definitions say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation.safety.density import Reference, apart, conformal_p_values, linear_scores


@given(st.integers(2, 40), st.integers(0, 2**32))
def test_the_level_is_exact(h: int, seed: int) -> None:
    # Of h exchangeable scores each is as likely the tested one, and then its p-value is 1/h, 2/h, ..., 1 in turn.
    scores = np.random.default_rng(seed).permutation(h).astype(float)
    p = conformal_p_values(scores, scores, np.arange(h))
    assert np.allclose(np.sort(p), np.arange(1, h + 1) / h)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=8), st.integers(0, 5), st.data())
def test_the_own_origin_does_not_count(held: list[int], score: int, data: st.DataObject) -> None:
    own = data.draw(st.integers(0, len(held) - 1))
    others = [x for i, x in enumerate(held) if i != own]
    expected = (1 + sum(x >= score for x in others)) / len(held)
    found = conformal_p_values(np.array([float(score)]), np.array(held, dtype=float), np.array([own]))
    assert np.isclose(found[0], expected)


def test_distances_are_to_the_neighbour_of_that_rank() -> None:
    rng = np.random.default_rng(0)
    rows, more = (rng.normal(size=(n, 4)).astype(np.float32) for n in (700, 60))
    rows[:, -1], more[:, -1] = np.abs(rows[:, -1]), np.abs(more[:, -1])
    reference = Reference(rows, 3)
    far = reference.distances(more)
    within = ((more[:, None, :3] - rows[None, :, :3]) ** 2).sum(axis=2)
    squared = within + more[:, None, 3] ** 2 + rows[None, :, 3] ** 2
    assert np.allclose(far**2, np.sort(squared, axis=1)[:, 2], atol=1e-4)


def test_how_far_apart_examples_are() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    among = ((rows[:, None, :3] - rows[None, :, :3]) ** 2).sum(axis=2) + 1e9 * np.eye(60)
    assert np.allclose(apart(rows) ** 2, among.min(axis=1), atol=1e-4)


def test_a_discriminator_scores_only_what_it_has_not_seen() -> None:
    rng = np.random.default_rng(0)
    originals, same, moved = (rng.normal(size=(300, 6)).astype(np.float32) for _ in range(3))
    halves = np.arange(300) % 2 == 0
    negative, positive = linear_scores(originals, same, halves)
    assert abs((positive[halves, None] > negative[halves]).mean() - 0.5) < 0.1
    negative, positive = linear_scores(originals, moved * 2, halves)  # spread alone is found by the squares
    assert (positive[halves, None] > negative[halves]).mean() > 0.85
    # Labels of one half do not reach the scores of that half: change it, and the other half's scores alone move.
    other = moved.copy()
    other[halves] += 1
    again = linear_scores(originals, other, halves)[0]
    before = linear_scores(originals, moved, halves)[0]
    assert np.allclose(again[halves], before[halves])
    assert not np.allclose(again[~halves], before[~halves])
