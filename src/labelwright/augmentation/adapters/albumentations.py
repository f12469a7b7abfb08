"""Transforms of Albumentations as transformation functions."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.augmentation.batches import is_tensor
from labelwright.core.errors import FunctionError

from .guests import Guest, adapted, settings_of

__all__ = ["from_albumentations"]

Channels: TypeAlias = Literal["first", "last"]


@dataclass(frozen=True, eq=False)
class _Albumentations(Guest):
    channels: Channels = "first"

    def __call__(self, example: Any, *, rng: np.random.Generator, magnitude: Any = None) -> Any:
        transform: Any = self.transform_at(magnitude)
        # Its generators are its own, not shared: they are set for the call.
        transform.set_random_state(rng, random.Random(int(rng.integers(2**63))))
        found = transform(image=self._as_image(example))["image"]
        return self._as_example(found, example)

    def _moved(self, example: Any) -> bool:
        return self.channels == "first" and example.ndim == 3

    def _as_image(self, example: Any) -> npt.NDArray[Any]:
        array = example.detach().cpu().numpy() if is_tensor(example) else example
        array = np.moveaxis(array, 0, -1) if self._moved(example) else array
        # It knows single precision and bytes, and may write to what it gets.
        return np.array(array, dtype=np.float32 if array.dtype.kind == "f" else array.dtype, order="C")

    def _as_example(self, image: npt.NDArray[Any], example: Any) -> Any:
        if self._moved(example):
            image = np.moveaxis(image[..., None] if image.ndim == 2 else image, -1, 0)
        if not is_tensor(example):
            return np.array(image, dtype=example.dtype if image.dtype.kind == "f" else image.dtype, order="C")
        torch: Any = sys.modules["torch"]
        found = torch.from_numpy(np.ascontiguousarray(image)).to(example.device)
        return found.to(example.dtype) if found.is_floating_point() else found

    def __version_parts__(self) -> dict[str, Any]:
        """Add the layout; transforms are told by what the library itself would write down."""
        told = self.transform if self.made else _written_down(self.transform)
        return {"guest": "_Albumentations", "transform": told, "channels": self.channels}


def from_albumentations(
    transform: Callable[..., Any],
    *,
    name: str | None = None,
    magnitude: Magnitude | tuple[float, float] | None = None,
    channels: Channels = "first",
    field: str | None = None,
    depends_on: Sequence[Any] = (),
    may_change: Collection[str] = (),
) -> TransformationFunction:
    """Make a transformation function of a transform of Albumentations (2.0 and later).

    Parameters
    ----------
    transform : albumentations.BasicTransform or albumentations.Compose
        Of images, such as ``A.Rotate(limit=10)``; it is copied. With ``magnitude``: a function of a magnitude that
        returns one, such as ``lambda angle: A.Rotate(limit=(angle, angle), p=1)``.
    name, magnitude, field, depends_on, may_change
        As for `from_torchvision`.
    channels : {"first", "last"}
        Where examples of three axes have their channels; the library itself has them last.

    Returns
    -------
    TransformationFunction
        Of one image at a time: a tensor or an array, floating in [0, 1] or bytes.

    Raises
    ------
    FunctionError
        If ``transform`` cannot be called, has no generators of its own (before 2.0), or is a lambda and has no name.
    """
    if channels not in ("first", "last"):
        raise FunctionError(f"channels is {channels!r}; it may be 'first' or 'last'.")
    if magnitude is None and callable(transform) and not isinstance(transform, type):
        if not hasattr(transform, "set_random_state"):
            raise FunctionError(
                f"{type(transform).__name__} has no set_random_state, by which transforms of Albumentations (2.0 and "
                "later) get their chance."
            )
        transform = copy.deepcopy(transform)
    return adapted(
        lambda of, made: _Albumentations(of, made, channels),
        transform,
        name=name,
        magnitude=magnitude,
        batched=False,
        field=field,
        depends_on=depends_on,
        may_change=frozenset(may_change),
    )


def _written_down(transform: Any) -> Any:
    """Return what the library writes down of a transform; where it cannot (a lambda), its attributes."""
    try:
        return transform.to_dict()["transform"], type(transform)
    except (AttributeError, NotImplementedError, ValueError):
        return settings_of(transform)
