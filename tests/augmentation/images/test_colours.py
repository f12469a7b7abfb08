"""Brightness, contrast, colour and hue in closed form."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
import torch

from labelwright.augmentation import images
from labelwright.core.errors import FunctionError

LUMA = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).reshape(3, 1, 1)


def pictures(n: int = 3) -> torch.Tensor:
    return torch.rand((n, 3, 5, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def call(factory: Any, batch: torch.Tensor, magnitude: Any, bounds: tuple[float, float] = (0.0, 2.0)) -> torch.Tensor:
    found: torch.Tensor = factory(*bounds).function(batch, magnitude=np.broadcast_to(magnitude, len(batch)))
    return found


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_closed_forms(factor: float) -> None:
    batch = pictures()
    grey = (batch * LUMA).sum(1, keepdim=True)
    means = grey.mean((2, 3), keepdim=True)
    torch.testing.assert_close(call(images.brightness, batch, factor), (batch * factor).clamp(0, 1))
    torch.testing.assert_close(call(images.contrast, batch, factor), (means + factor * (batch - means)).clamp(0, 1))
    torch.testing.assert_close(call(images.colour, batch, factor), (grey + factor * (batch - grey)).clamp(0, 1))


def test_grey_images_have_no_colour_to_change() -> None:
    batch = pictures()[:, :1]
    assert torch.equal(call(images.colour, batch, 0.3), batch)
    assert torch.equal(call(images.hue, batch, 0.3, (-1, 1)), batch)
    means = batch.mean((2, 3), keepdim=True)
    torch.testing.assert_close(call(images.contrast, batch, 0.3), means + 0.3 * (batch - means))


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_are_refused(channels: int) -> None:
    for factory in (images.colour, images.contrast, images.hue):
        with pytest.raises(FunctionError, match=rf"takes images of 1 or 3 channels .* got {channels}"):
            call(factory, torch.rand(2, channels, 4, 4), 0.9)


def test_whole_turns_of_hue_are_nothing_and_turns_add_up() -> None:
    batch = 0.4 + 0.2 * pictures()  # far from where levels are cut off
    for turns in (-1.0, 1.0):
        torch.testing.assert_close(call(images.hue, batch, turns, (-2, 2)), batch)
    twice = call(images.hue, call(images.hue, batch, 0.15, (-1, 1)), 0.2, (-1, 1))
    torch.testing.assert_close(twice, call(images.hue, batch, 0.35, (-1, 1)))


def test_hue_keeps_what_is_seen_as_brightness() -> None:
    batch = 0.4 + 0.2 * pictures()
    found = call(images.hue, batch, [0.1, -0.3, 0.5], (-1, 1))
    torch.testing.assert_close((found * LUMA).sum(1), (batch * LUMA).sum(1), atol=1e-6, rtol=0)


@pytest.mark.parametrize("turns", [-0.1, 0.05, 0.1])
def test_hue_goes_the_way_of_hsv(turns: float) -> None:
    for red, green, blue in ([0.7, 0.4, 0.4], [0.4, 0.7, 0.4], [0.4, 0.4, 0.7]):
        colour = torch.tensor([red, green, blue], dtype=torch.float64).reshape(1, 3, 1, 1)
        found = call(images.hue, colour, turns, (-1, 1)).flatten().tolist()
        before, after = colorsys.rgb_to_hsv(red, green, blue)[0], colorsys.rgb_to_hsv(*found)[0]
        assert (after - before + 0.5) % 1 - 0.5 == pytest.approx(turns, abs=0.05)
