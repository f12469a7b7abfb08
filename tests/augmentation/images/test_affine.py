"""Rotation, shear, zoom and translation in closed form, and beside scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from labelwright.augmentation import images
from labelwright.augmentation.base import TransformationFunction


def pictures(n: int = 3, h: int = 8, w: int = 8) -> torch.Tensor:
    return torch.rand((n, 2, h, w), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def call(function: TransformationFunction, batch: torch.Tensor, magnitude: Any) -> torch.Tensor:
    found: torch.Tensor = function.function(batch, magnitude=np.full(len(batch), magnitude), **function.resources)
    return found


def close(found: torch.Tensor, expected: torch.Tensor | np.ndarray) -> None:
    torch.testing.assert_close(found, torch.as_tensor(expected), atol=1e-9, rtol=0)


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
def test_quarter_turns_are_rot90(quarters: int) -> None:
    close(call(images.rotate(-360, 360), pictures(), 90.0 * quarters), torch.rot90(pictures(), quarters, (2, 3)))


def test_a_full_turn_is_nothing() -> None:
    close(call(images.rotate(-360, 360), pictures(), 360.0), pictures())


@pytest.mark.parametrize("by", [-3, 1, 4])
def test_translation_by_whole_pixels_shifts(by: int) -> None:
    batch = pictures(h=6, w=8)
    right, down = torch.zeros_like(batch), torch.zeros_like(batch)
    for x in range(8):
        if 0 <= x - by < 8:
            right[..., x] = batch[..., x - by]
    for y in range(6):
        if 0 <= y - by < 6:
            down[..., y, :] = batch[..., y - by, :]
    close(call(images.translate_x(-1, 1), batch, by / 8), right)
    close(call(images.translate_y(-1, 1), batch, by / 6), down)


@pytest.mark.parametrize(("fill", "mode"), [("edge", "nearest"), ("reflect", "reflect")])
@pytest.mark.parametrize("by", [-0.3, 0.4])
def test_fills_are_those_of_scipy(fill: Any, mode: str, by: float) -> None:
    batch = pictures(h=7, w=5)
    for factory, axis, side in ((images.translate_x, 3, 5), (images.translate_y, 2, 7)):
        way = np.zeros(4)
        way[axis] = by * side
        expected = ndimage.shift(batch.numpy(), way, order=1, mode=mode)
        close(call(factory(-1, 1, fill=fill), batch, by), expected)


@pytest.mark.parametrize("fill", [0.0, 0.6])
@pytest.mark.parametrize(("h", "w"), [(9, 9), (6, 11)])
@pytest.mark.parametrize(
    ("factory", "magnitude", "matrix"),
    [
        # What scipy wants: from (y, x) of the result to (y, x) of what it is read from.
        (
            images.rotate,
            25.0,
            lambda m: [[np.cos(np.radians(m)), np.sin(np.radians(m))], [-np.sin(np.radians(m)), np.cos(np.radians(m))]],
        ),
        (images.shear_x, 0.3, lambda m: [[1, 0], [m, 1]]),
        (images.shear_y, -0.2, lambda m: [[1, m], [0, 1]]),
        (images.zoom, 1.2, lambda m: [[1 / m, 0], [0, 1 / m]]),
        (images.zoom, 0.8, lambda m: [[1 / m, 0], [0, 1 / m]]),
    ],
)
def test_affine_maps_are_those_of_scipy(
    factory: Any, magnitude: float, matrix: Any, h: int, w: int, fill: float
) -> None:
    batch = pictures(2, h, w)
    found = call(factory(fill=fill), batch, magnitude)
    middle = np.array([(h - 1) / 2, (w - 1) / 2])
    back = np.array(matrix(magnitude))
    offset = middle - back @ middle
    for i in range(2):
        for channel in range(2):
            # With a border, since scipy's constant mode does not blend across the edge.
            framed = np.pad(batch[i, channel].numpy(), 4, constant_values=fill)
            expected = ndimage.affine_transform(
                framed, back, offset + 4 - back @ np.full(2, 4.0), order=1, mode="constant", cval=fill
            )[4:-4, 4:-4]
            close(found[i, channel], expected)


def test_rotation_turns_counter_clockwise_and_shears_lean_as_they_say() -> None:
    batch = torch.zeros((1, 1, 9, 9))
    batch[0, 0, 0, 4] = 1  # top of the middle column

    def place(function: TransformationFunction, magnitude: float, x: torch.Tensor = batch) -> tuple[int, int]:
        at = int(call(function, x, magnitude).flatten().argmax())
        return at // 9, at % 9

    assert place(images.rotate(-90, 90), 90.0) == (4, 0)
    assert place(images.shear_x(-1, 1), 0.5) == (0, 6)  # the top leans to the right
    assert place(images.shear_y(-1, 1), 0.5, batch.transpose(2, 3).flip(3)) == (2, 8)  # the right side is lifted
    assert place(images.zoom(0.5, 2), 0.5) == (2, 4)
    assert place(images.translate_x(-1, 1), 2 / 9) == (0, 6)
    assert place(images.translate_y(-1, 1), 2 / 9) == (2, 4)


def test_each_image_has_a_magnitude_of_its_own() -> None:
    batch = pictures(4)
    angles = np.array([0.0, 90.0, 180.0, 270.0])
    found = images.rotate(-360, 360).function(batch, magnitude=angles, fill=0.0)
    for i in range(4):
        close(found[i], torch.rot90(batch[i], i, (1, 2)))
