"""Mirror images, and patches cut out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labelwright.augmentation import images


def pictures(n: int = 3) -> torch.Tensor:
    return torch.rand((n, 2, 6, 5), generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25


def test_flips_are_those_of_numpy_and_two_are_none() -> None:
    across, down = images.flip_horizontal().function, images.flip_vertical().function
    assert np.array_equal(across(pictures()).numpy(), pictures().numpy()[..., ::-1])
    assert np.array_equal(down(pictures()).numpy(), pictures().numpy()[..., ::-1, :])
    for flip in (across, down):
        assert torch.equal(flip(flip(pictures())), pictures())


@pytest.mark.parametrize("fill", [0.0, 0.9])
def test_cutout_hides_one_square_and_nothing_else(fill: float) -> None:
    batch = torch.rand((64, 3, 20, 20), generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    sides = np.linspace(0.05, 0.6, 64)
    cutout = images.cutout(high=0.6, fill=fill)
    found = cutout.function(batch, magnitude=sides, rng=np.random.default_rng(0), **cutout.resources)
    hidden = (found != batch).any(1).numpy()
    assert np.allclose(found.numpy()[np.broadcast_to(hidden[:, None], found.shape)], fill)
    whole = 0
    for image, side in zip(hidden, sides * 20, strict=True):
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        # A full rectangle, no larger than the side, and that large unless it touches the edge.
        assert image.sum() == len(rows) * len(columns)
        assert max(len(rows), len(columns)) <= np.ceil(side)
        if len(rows) and rows[0] > 0 and rows[-1] < 19:
            assert len(rows) >= np.floor(side)
            whole += 1
    assert whole > 20


def test_patches_fall_anywhere() -> None:
    batch = torch.ones((2000, 1, 8, 8))
    cutout = images.cutout()
    found = cutout.function(batch, magnitude=np.full(2000, 0.25), rng=np.random.default_rng(0), **cutout.resources)
    share = (found == 0).double().mean((0, 1))
    # A patch of 2 x 2 around a centre anywhere covers 1/16 of the image, less where it would stick out.
    assert share[1:-1, 1:-1].numpy() == pytest.approx(1 / 16, abs=0.025)
    assert share.min() > 0.01
