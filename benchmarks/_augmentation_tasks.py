"""The image tasks of the benchmark of augmentation: data, functions by their users, the end model and the budget."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks._augmentation_images import (
    SAFE,
    Split,
    Task,
    accuracy,
    area_under_curve,
    balanced_accuracy,
)
from labelwright.augmentation import ApplyAll, Policy, TransformationFunction, images, transformation_function
from labelwright.endmodels.torch import small_cnn

DATA = Path(os.environ.get("LABELWRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
# Images of the training part that development looks at instead of the test part.
DEVELOPMENT = 10_000


def cut(y: np.ndarray, labels: int, seed: int, development: bool, held_out: int = DEVELOPMENT):
    """Return rows with labels (as many of each class), rows without, and rows held out, of a training part."""
    # Other seeds for development: nothing chosen there has seen the labelled images of the real runs.
    order = np.random.default_rng([seed, 1_000 * development]).permutation(len(y))
    aside, rest = (order[:held_out], order[held_out:]) if development else (order[:0], order)
    classes = np.unique(y)
    each = labels // len(classes)
    chosen = np.concatenate([rest[y[rest] == c][:each] for c in classes])
    return chosen, np.setdiff1d(rest, chosen), aside


def mnist_split(labels: int) -> Callable[[int, bool], Split]:
    def split(seed: int, development: bool) -> Split:
        with np.load(DATA / "mnist" / "data.npz") as file:
            X, y, X_test, y_test = (file[name] for name in ("X_train", "y_train", "X_test", "y_test"))
        chosen, rest, aside = cut(y, labels, seed, development)
        others, truth = (X[aside], y[aside]) if development else (X_test, y_test)
        return (
            images.as_images(X[chosen]),
            y[chosen].astype(int),
            images.as_images(X[rest]),
            images.as_images(others),
            truth.astype(int),
        )

    return split


def cifar_split(labels: int, scored: int, held_out: int) -> Callable[[int, bool], Split]:
    def split(seed: int, development: bool) -> Split:
        import polars as pl
        from PIL import Image

        def read(part: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
            frame = pl.scan_parquet(DATA / "cifar10_jpg" / "images.parquet").filter(pl.col("split") == part).head(rows)
            frame = frame.collect()
            pictures = [np.asarray(Image.open(io.BytesIO(jpg)).convert("RGB")) for jpg in frame["jpg"]]
            return np.stack(pictures), frame["label"].to_numpy().astype(int)

        X, y = read("train", 4 * labels + (held_out if development else 0))
        chosen, rest, aside = cut(y, labels, seed, development, held_out)
        others, truth = (X[aside], y[aside]) if development else read("test", scored)
        return images.as_images(X[chosen]), y[chosen], images.as_images(X[rest]), images.as_images(others), truth

    return split


def pneumonia_split(labels: int) -> Callable[[int, bool], Split]:
    def split(seed: int, development: bool) -> Split:
        with np.load(DATA / "pneumoniamnist" / "data.npz") as file:
            X, y = file["X_train"], file["y_train"].astype(int)
            part = "valid" if development else "test"
            others, truth = file[f"X_{part}"], file[f"y_{part}"].astype(int)
        chosen, rest, _ = cut(y, labels, seed, development, 0)
        return images.as_images(X[chosen]), y[chosen], images.as_images(X[rest]), images.as_images(others), truth

    return split


def plain_affine() -> Policy:
    """Return what many write first for digits: a little of each affine transformation."""
    return ApplyAll(
        [
            images.rotate(-15, 15),
            images.shear_x(-0.2, 0.2),
            images.zoom(0.9, 1.1),
            images.translate_x(-0.07, 0.07),
            images.translate_y(-0.07, 0.07),
        ]
    )


def crop_and_flip() -> Policy:
    """Return what everybody does with CIFAR-10: a shifted crop, and the mirror image half of the time."""
    return ApplyAll([images.translate_x(-0.125, 0.125), images.translate_y(-0.125, 0.125), mirror_half_of_the_time()])


def mirror_half_of_the_time() -> TransformationFunction:
    @transformation_function(batched=True)
    def mirror_half(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        chosen = torch.from_numpy(rng.random(len(pictures)) < 0.5).to(pictures.device)
        return torch.where(chosen[:, None, None, None], pictures.flip(3), pictures)

    return mirror_half


def chest() -> list[TransformationFunction]:
    """Return what a radiologist says leaves a finding in place, two of them written for this task."""

    @transformation_function(batched=True, magnitude=(-0.6, 0.6))
    def exposure(pictures: torch.Tensor, magnitude: np.ndarray) -> torch.Tensor:
        # A film that got more or less light: gamma, the same for every pixel.
        gamma = torch.as_tensor(np.exp(magnitude), dtype=pictures.dtype, device=pictures.device)
        return pictures.clamp_min(0) ** gamma[:, None, None, None]

    @transformation_function(batched=True, magnitude=(0.0, 0.5))
    def collimate(pictures: torch.Tensor, magnitude: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        # Blades that darken the border of the film; lungs lie inside.
        size = pictures.shape[-1]
        edge = torch.linspace(-1, 1, size, device=pictures.device).abs()
        far = torch.maximum(edge[:, None], edge[None, :])
        dark = torch.as_tensor(magnitude, dtype=pictures.dtype, device=pictures.device)[:, None, None, None]
        start = torch.from_numpy(rng.uniform(0.75, 0.95, len(pictures))).to(pictures)[:, None, None, None]
        return torch.where(far > start, pictures * (1 - dark), pictures)

    moves = [move(fill="edge") for move in (images.rotate, images.zoom, images.translate_x, images.translate_y)]
    return [
        *moves,
        images.shear_x(-0.15, 0.15, fill="edge"),
        images.contrast(),
        images.noise(),
        images.blur(),
        exposure,
        collimate,
    ]


def all_tasks(*, gpu: bool) -> list[Task]:
    """Return the image tasks in their settings for this machine."""
    return [
        handed_in(),
        mnist(600, "MNIST, 1 % of labels"),
        *([mnist(6_000, "MNIST, 10 % of labels")] if gpu else []),
        cifar(gpu=gpu),
        pneumonia(),
    ]


def unseen() -> list[TransformationFunction]:
    """Return what somebody hands in who has not looked at the pictures: the whole library, some of it far too wide."""

    @transformation_function(batched=True)
    def invert(pictures: torch.Tensor) -> torch.Tensor:
        return 1 - pictures

    return [
        *images.standard("grey"),
        images.flip_horizontal(),
        images.flip_vertical(),
        replace(images.rotate(-180, 180), name="turn"),
        replace(images.cutout(0, 0.9), name="cover"),
        invert,
    ]


def handed_in() -> Task:
    """Return the task of the paper's premise: users say roughly what may be done, and the system finds out the rest."""
    return replace(
        mnist(600, "MNIST, 1 % of labels, 20 functions as handed in, some of which destroy digits"),
        name="handed_in_600",
        functions=unseen,
        rows=("none", "basics", "random", "RandAugment", "TrivialAugment", SAFE, "mean field", "LSTM", "GRU"),
        checked=True,
    )


def mnist(labels: int, title: str) -> Task:
    return Task(
        name=f"mnist_{labels}",
        title=title,
        split=mnist_split(labels),
        # The library's set for grey pictures, its bounds wide, not picked or narrowed for digits.
        functions=lambda: images.standard("grey"),
        basics=plain_affine,
        network=partial(small_cnn, width=12 if labels == 600 else 32),
        settings={"epochs": 150 if labels == 600 else 40, "batch_size": 64},
        lengths={"random": 3, "RandAugment": 3, "mean field": 3, "LSTM": 3, "GRU": 3},
        learning={"steps": 300},
        score=accuracy,
    )


def cifar(*, gpu: bool) -> Task:
    labels, scored = (4_000, 10_000) if gpu else (1_000, 2_000)
    where = "ResNet-56" if gpu else "a small network, 1,000 labels, 2,000 test images"
    return Task(
        name=f"cifar_{labels}",
        title=f"CIFAR-10, {where}",
        split=cifar_split(labels, scored, 6_000),
        functions=lambda: images.standard("colour"),
        basics=crop_and_flip,
        network="resnet" if gpu else partial(small_cnn, width=16),
        settings={"epochs": 150, "batch_size": 128, "plain_epochs": 10}
        if gpu
        else {"epochs": 40, "batch_size": 64, "plain_epochs": 3},
        lengths={"random": 3, "RandAugment": 2, **dict.fromkeys(("mean field", "LSTM", "GRU"), 4 if gpu else 1)},
        # So short a training bears little augmentation, so that it matters more which.
        learning={"steps": 400} if gpu else {"steps": 200, "entropy": 0.125},
        score=accuracy,
        trials={
            "random": {"length": (1, 2, 3)},
            "RandAugment": {"length": (1, 2, 3), "strength": (0.25,)},
            "GRU": {"length": (1, 2, 3), "entropy": (0.25,)},
        },
    )


def pneumonia() -> Task:
    return Task(
        name="pneumonia_200",
        title="PneumoniaMNIST, 200 labels, functions for chest films, balanced accuracy",
        split=pneumonia_split(200),
        functions=chest,
        basics=lambda: ApplyAll([images.rotate(-10, 10, fill="edge"), images.zoom(0.9, 1.1, fill="edge")]),
        network=partial(small_cnn, width=12),
        settings={"epochs": 250, "batch_size": 50},
        lengths={"random": 3, "RandAugment": 2, "mean field": 4, "LSTM": 4, "GRU": 4},
        learning={"steps": 200},
        score=balanced_accuracy,
        also={"AUC": area_under_curve},
    )
