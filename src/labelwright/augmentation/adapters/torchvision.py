"""Transforms of torchvision (v2) as transformation functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction

from .guests import Guest, adapted
from .torch_chance import seeded, through_tensors

__all__ = ["from_torchvision"]


class _Torchvision(Guest):
    def __call__(self, example: Any, *, rng: np.random.Generator, magnitude: Any = None) -> Any:
        transform = self.transform_at(magnitude)
        with seeded(rng, example):
            return through_tensors(transform, example)


def from_torchvision(
    transform: Callable[..., Any],
    *,
    name: str | None = None,
    magnitude: Magnitude | tuple[float, float] | None = None,
    field: str | None = None,
    depends_on: Sequence[Any] = (),
    may_change: Collection[str] = (),
) -> TransformationFunction:
    """Make a transformation function of a transform of torchvision v2.

    Parameters
    ----------
    transform : callable
        A transform of one image, such as ``v2.RandomRotation(10)``. With ``magnitude``: a function of a magnitude that
        returns one, such as ``lambda angle: v2.RandomRotation((angle, angle))``.
    name : str, optional
        Default: the transform's class.
    magnitude : Magnitude or (low, high), optional
        Bounds of the magnitude that policies tune.
    field : str, optional
        The field that holds the image, in data of named fields.
    depends_on, may_change
        As for `transformation_function`.

    Returns
    -------
    TransformationFunction
        Of one image at a time, (channels, height, width): applied to a whole batch, transforms of torchvision draw one
        angle for all its images. Tensors, arrays and PIL images come back as what they were.

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
    >>> half = from_torchvision(lambda strength: (lambda x: x * strength), name="dim", magnitude=(0.0, 1.0))
    >>> half(torch.ones(1, 2, 2), magnitude=0.5).sum().item()
    2.0
    """
    return adapted(
        _Torchvision,
        transform,
        name=name,
        magnitude=magnitude,
        batched=False,
        field=field,
        depends_on=depends_on,
        may_change=frozenset(may_change),
    )
