"""Swirls and elastic distortion beside references that go pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from labelwright.augmentation import images
from labelwright.augmentation.images.bending import _bells


def pictures(n: int = 2, h: int = 9, w: int = 7) -> torch.Tensor:
    return torch.rand((n, 1, h, w), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def read(image: np.ndarray, x: float, y: float) -> float:
    """One bilinear look-up, nothing outside."""
    h, w = image.shape
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= column < w and 0 <= row < h:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return total


@pytest.mark.parametrize("strength", [-0.8, 1.3])
def test_swirl_is_the_map_of_scikit_image(strength: float) -> None:
    batch = pictures()
    swirl = images.swirl(-2, 2, radius=1.5)
    found = swirl.function(batch, magnitude=np.full(2, strength), **swirl.resources)
    h, w = batch.shape[-2:]
    fall = math.log(2) * 1.5 * 7 / 5
    for row in range(h):
        for column in range(w):
            u, v = column - (w - 1) / 2, row - (h - 1) / 2
            distance, angle = math.hypot(u, v), math.atan2(v, u)
            angle += strength * math.exp(-distance / fall)
            x, y = (w - 1) / 2 + distance * math.cos(angle), (h - 1) / 2 + distance * math.sin(angle)
            assert found[0, 0, row, column].item() == pytest.approx(read(batch[0, 0].numpy(), x, y), abs=1e-9)


def test_elastic_reads_where_its_field_says() -> None:
    batch = pictures()
    n, (h, w) = len(batch), batch.shape[-2:]
    elastic = images.elastic(smoothness=0.3)
    magnitude = np.array([0.05, 0.1])
    found = elastic.function(batch, magnitude=magnitude, rng=np.random.default_rng(3), **elastic.resources)
    down, across = _bells(h, 0.3 * 7), _bells(w, 0.3 * 7)
    knots = np.random.default_rng(3).standard_normal((n, 2, across.shape[1], down.shape[1]))
    for i in range(n):
        for row in range(h):
            for column in range(w):
                way = magnitude[i] * 7 * np.einsum("akl,l,k->a", knots[i], down[row], across[column])
                expected = read(batch[i, 0].numpy(), column + way[0], row + way[1])
                assert found[i, 0, row, column].item() == pytest.approx(expected, abs=1e-9)


def field(n: int, side: int, width: float) -> np.ndarray:
    bells = _bells(side, width)
    knots = np.random.default_rng(0).standard_normal((n, bells.shape[1], bells.shape[1]))
    return bells @ knots @ bells.T


def test_pixels_move_as_far_as_the_magnitude_says_everywhere() -> None:
    # Mean squares of 4,000 normal draws: standard error 0.022.
    assert np.abs((field(4000, 12, 2.5) ** 2).mean(axis=0) - 1).max() < 0.12


@pytest.mark.parametrize("width", [1.0, 2.5, 4.2])
def test_the_field_has_the_covariance_of_smoothed_noise(width: float) -> None:
    distance = np.arange(20.0)
    covariance = _bells(20, width) @ _bells(20, width).T
    assert covariance[10] == pytest.approx(np.exp(-((distance - 10) ** 2) / (4 * width**2)), abs=2e-3)
    # The same as white noise at every pixel has after a Gaussian filter.
    spike = np.zeros(201)
    spike[100] = 1
    twice = ndimage.gaussian_filter1d(ndimage.gaussian_filter1d(spike, width), width)
    assert covariance[10, 10:] == pytest.approx(twice[100:110] / twice[100], abs=2e-2)
