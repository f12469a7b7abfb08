"""Noise by its moments, blur beside scipy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from labelwright.augmentation import images
from labelwright.augmentation.images import grain


def pictures(h: int = 12, w: int = 9) -> torch.Tensor:
    return torch.rand((3, 2, h, w), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_noise_is_normal_with_the_standard_deviation_asked_for() -> None:
    batch = torch.full((3, 1, 100, 100), 0.5, dtype=torch.float64)
    sizes = np.array([0.02, 0.05, 0.1])
    found = images.noise().function(batch, magnitude=sizes, rng=np.random.default_rng(0)).numpy() - 0.5
    for noise, size in zip(found, sizes, strict=True):
        assert noise.std() == pytest.approx(size, rel=0.03)
        assert stats.kstest(noise.ravel() / size, "norm").pvalue > 1e-4
    # Neighbours and images know nothing of each other.
    assert abs(np.corrcoef(found[0].ravel()[1:], found[0].ravel()[:-1])[0, 1]) < 0.05
    assert abs(np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1]) < 0.05


def test_the_version_of_noise_tells_how_it_is_drawn() -> None:
    assert images.noise().version != dataclasses.replace(images.noise(), depends_on=()).version


@pytest.mark.parametrize("side", [4, 5])
def test_noise_is_the_same_with_a_gradient_and_without(side: int) -> None:
    # An odd number of levels has half a pair left over.
    batch, sizes = torch.full((3, 1, side, side), 0.5), torch.tensor([0.01, 0.05, 0.1])
    found = images.noise().function(batch, magnitude=sizes, rng=np.random.default_rng(0))
    learned = images.noise().function(batch, magnitude=sizes.requires_grad_(), rng=np.random.default_rng(0))
    assert torch.equal(found, learned)


def test_either_number_of_the_pairs_takes_every_quantile() -> None:
    quantiles = stats.norm.ppf((np.arange(2**14) + 0.5) / 2**14)
    for numbers in torch.view_as_real(grain._pairs(torch.float64)).T.numpy():
        assert np.sort(numbers) == pytest.approx(quantiles, abs=1e-12)


def test_the_numbers_of_a_pair_know_nothing_of_each_other() -> None:
    first, second = torch.view_as_real(grain._pairs(torch.float64)).T.numpy()
    # Whatever mixture of the two is normal, and nearer to it than as many independent draws (.0068); so is their distance.
    for angle in np.linspace(0, np.pi, 17):
        assert stats.kstest(np.cos(angle) * first + np.sin(angle) * second, "norm").statistic < 4e-3
    assert stats.kstest((first**2 + second**2) / 2, "expon").statistic < 4e-3
    for power, other in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]:
        expected = (first**power).mean() * (second**other).mean()
        assert (first**power * second**other).mean() == pytest.approx(expected, abs=2.5e-2)
    cells = np.histogram2d(stats.norm.cdf(first), stats.norm.cdf(second), bins=32, range=[[0, 1], [0, 1]])[0]
    assert np.abs(cells - 16).max() <= 4


@pytest.mark.parametrize("sigma", [0.4, 0.8, 1.5])
@pytest.mark.parametrize("way", ["_by_products", "_by_convolution"])
@pytest.mark.parametrize(("h", "w"), [(12, 9), (3, 20), (10, 10)])
def test_blur_is_that_of_scipy(sigma: float, way: str, h: int, w: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grain, "_PRODUCTS_UP_TO", 1000 if way == "_by_products" else 0)
    blur = images.blur()
    found = blur.function(pictures(h, w), magnitude=np.full(3, sigma), **blur.resources)
    expected = ndimage.gaussian_filter(pictures(h, w).numpy(), sigma, mode="nearest", axes=(2, 3))
    assert found.numpy() == pytest.approx(expected, abs=1e-9)


def test_each_image_is_blurred_by_its_own_magnitude() -> None:
    blur = images.blur()
    sizes = np.array([0.0, 0.5, 1.2])
    found = blur.function(pictures(), magnitude=sizes, **blur.resources)
    for i in range(3):
        alone = blur.function(pictures()[i : i + 1], magnitude=sizes[i : i + 1], **blur.resources)
        torch.testing.assert_close(found[i : i + 1], alone)
