"""Transforms of the real libraries, where they are installed."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest
import torch

from labelwright.augmentation import ApplyAll, ApplyEach, check_functions
from labelwright.augmentation.adapters import from_albumentations, from_kornia, from_torchvision
from labelwright.core.seeds import generator


def guest(name):
    """A library, or a skip that says why there is none: builds of torchvision that do not fit torch fail in many ways."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        pytest.skip(f"{name} cannot be imported ({type(error).__name__}: {error})")


IMAGES = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def holds_the_laws(functions, images=IMAGES):
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert [str(finding) for finding in check_functions(functions, images, generator(0))] == []
    policy = ApplyEach(functions)
    first, again, other = (policy.apply(images, generator(seed)).examples for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (len(images) * len(functions), *images.shape[1:])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]  # noqa: NPY002


def test_torchvision():
    guest("torchvision")
    from torchvision.transforms import v2

    transforms = [
        v2.RandomRotation(20),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.2, 0.2, 0.2),
        v2.RandomAffine(10, translate=(0.1, 0.1)),
        v2.RandomApply([v2.GaussianBlur(3)], p=0.7),
        v2.Compose([v2.RandomResizedCrop(16, antialias=True), v2.RandomErasing()]),
        v2.TrivialAugmentWide(),
    ]
    holds_the_laws([from_torchvision(one, name=f"{i}") for i, one in enumerate(transforms)])
    rotate = from_torchvision(lambda a: v2.RandomRotation((a, a)), name="rotate", magnitude=(-30.0, 30.0))
    upright = rotate(IMAGES[0], magnitude=0.0)
    assert torch.equal(upright, IMAGES[0])
    assert torch.equal(rotate(IMAGES[0], magnitude=90.0), torch.rot90(IMAGES[0], 1, (1, 2)))
    versions = [from_torchvision(v2.RandomApply([v2.GaussianBlur(3)], p=p), name="b").version for p in (0.5, 0.7, 0.7)]
    assert versions[0] != versions[1] == versions[2]


def test_kornia():
    kornia = guest("kornia")
    aug = kornia.augmentation
    transforms = [
        aug.RandomRotation(20.0, p=1.0),
        aug.RandomHorizontalFlip(),
        aug.ColorJiggle(0.2, 0.2, 0.2, 0.2, p=1.0),
        aug.AugmentationSequential(aug.RandomAffine(10.0, p=1.0), aug.RandomErasing(p=0.5)),
    ]
    holds_the_laws([from_kornia(one, name=f"{i}") for i, one in enumerate(transforms)])
    rotate = from_kornia(
        lambda angles: kornia.geometry.transform.Rotate(angles),
        name="rotate",
        magnitude=(-30.0, 30.0),
        differentiable=True,
    )
    angles = torch.linspace(-30, 30, 6, requires_grad=True)
    rotate(IMAGES, magnitude=angles).square().sum().backward()
    assert angles.grad.abs().min() > 0
    called = from_kornia(aug.RandomRotation(20.0, p=1.0))
    before = from_kornia(aug.RandomRotation(20.0, p=1.0)).version
    called(IMAGES)
    assert called.version == before != from_kornia(aug.RandomRotation(21.0, p=1.0)).version


@pytest.mark.filterwarnings("ignore::UserWarning")  # its own, about its next releases
def test_albumentations():
    albumentations = guest("albumentations")
    transforms = [
        albumentations.Rotate(limit=20, p=1),
        albumentations.HorizontalFlip(),
        albumentations.RandomBrightnessContrast(p=1),
        albumentations.GaussNoise(p=1),
        albumentations.Compose([albumentations.ElasticTransform(p=1), albumentations.CoarseDropout(p=0.5)]),
        albumentations.CLAHE(p=1),
    ]
    holds_the_laws([from_albumentations(one, name=f"{i}") for i, one in enumerate(transforms)])
    rotate = from_albumentations(
        lambda a: albumentations.Rotate(limit=(a, a), p=1), name="rotate", magnitude=(-30.0, 30.0)
    )
    assert torch.allclose(rotate(IMAGES[0], magnitude=0.0), IMAGES[0], atol=1e-6)
    pictures = (IMAGES.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    flip = from_albumentations(albumentations.HorizontalFlip(p=1), channels="last")
    assert np.array_equal(ApplyAll([flip]).apply(pictures, generator(0)).examples, pictures[:, :, ::-1])
    versions = [from_albumentations(albumentations.Rotate(limit=limit)).version for limit in (10, 20, 20)]
    assert versions[0] != versions[1] == versions[2]
