"""Transforms of Kornia as transformation functions."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.augmentation.batches import is_tensor

from .guests import Guest, adapted
from .torch_chance import seeded, through_tensors

__all__ = ["from_kornia"]


class _Kornia(Guest):
    def __call__(self, batch: Any, *, rng: np.random.Generator, magnitude: Any = None) -> Any:
        if isinstance(batch, list):  # images of sizes of their own, or values of a field
            sizes = [None] * len(batch) if magnitude is None else [magnitude[i : i + 1] for i in range(len(batch))]
            return [self(image[None], rng=rng, magnitude=size)[0] for image, size in zip(batch, sizes, strict=True)]
        if self.made:
            torch: Any = sys.modules["torch"]
            like = batch if is_tensor(batch) else torch.from_numpy(np.array(batch))
            magnitude = torch.as_tensor(magnitude).to(like)
        transform = self.transform_at(magnitude)
        with seeded(rng, batch):
            return through_tensors(transform, batch)


def from_kornia(
    transform: Callable[..., Any],
    *,
    name: str | None = None,
    magnitude: Magnitude | tuple[float, float] | None = None,
    differentiable: bool = False,
    field: str | None = None,
    depends_on: Sequence[Any] = (),
    may_change: Collection[str] = (),
) -> TransformationFunction:
    """Make a transformation function of a transform of Kornia.

    Parameters
    ----------
    transform : callable
        A transform of a batch (n, channels, height, width), such as ``kornia.augmentation.RandomRotation(10.0)``, which
        draws for each image anew. With ``magnitude``: a function of a tensor of n magnitudes that returns one, such as
        ``lambda angles: kornia.geometry.transform.Rotate(angles)``.
    name, magnitude, field, depends_on, may_change
        As for `from_torchvision`.
    differentiable : bool
        Whether gradients flow from the images to the magnitudes.

    Returns
    -------
    TransformationFunction
        Batched. Images in a list are transformed one after the other.

    Raises
    ------
    FunctionError
        If ``transform`` cannot be called, or is a lambda and has no name.

    Notes
    -----
    Transforms draw from torch's shared generator: it is seeded from ``rng`` for the call and put back.

    Examples
    --------
    >>> import torch
    >>> dim = from_kornia(lambda sizes: (lambda x: x * sizes[:, None, None, None]), name="dim", magnitude=(0.0, 1.0))
    >>> dim(torch.ones(2, 1, 1, 1), magnitude=[0.5, 0.25]).ravel().tolist()
    [0.5, 0.25]
    """
    made = adapted(
        _Kornia,
        transform,
        name=name,
        magnitude=magnitude,
        batched=True,
        field=field,
        depends_on=depends_on,
        may_change=frozenset(may_change),
    )
    return dataclasses.replace(made, differentiable=differentiable)
