"""Erosion and dilation beside scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from labelwright.augmentation import images


def pictures() -> torch.Tensor:
    return torch.rand((3, 2, 9, 7), generator=torch.Generator().manual_seed(0))


def shape(footprint: str, radius: int) -> np.ndarray:
    steps = np.abs(np.arange(-radius, radius + 1))
    if footprint == "square":
        return np.ones((2 * radius + 1, 2 * radius + 1), dtype=bool)
    return steps[:, None] + steps <= radius


@pytest.mark.parametrize("footprint", ["diamond", "square"])
@pytest.mark.parametrize("radius", [1, 2, 3])
@pytest.mark.parametrize(
    ("factory", "reference", "outside"),
    [(images.erode, ndimage.grey_erosion, np.inf), (images.dilate, ndimage.grey_dilation, -np.inf)],
)
def test_whole_radii_are_those_of_scipy(
    factory: Any, reference: Any, outside: float, radius: int, footprint: Any
) -> None:
    function = factory(0, 3, footprint=footprint)
    found = function.function(pictures(), magnitude=np.full(3, radius), **function.resources)
    where = shape(footprint, radius)[None, None]
    expected = reference(pictures().numpy(), footprint=where, mode="constant", cval=outside)
    assert np.array_equal(found.numpy(), expected)


def test_between_whole_radii_lies_the_mean_of_both() -> None:
    function = images.dilate(0, 3)
    sizes = [function.function(pictures(), magnitude=np.full(3, m), **function.resources) for m in (1.0, 2.0, 1.25)]
    torch.testing.assert_close(sizes[2], 0.75 * sizes[0] + 0.25 * sizes[1])


def test_dilation_is_erosion_of_the_negative() -> None:
    erode, dilate = images.erode(0, 2), images.dilate(0, 2)
    magnitude = np.array([0.5, 1.0, 1.7])
    found = 1 - erode.function(1 - pictures(), magnitude=magnitude, **erode.resources)
    torch.testing.assert_close(found, dilate.function(pictures(), magnitude=magnitude, **dilate.resources))
