"""What adapters share: a guest's transform as a function, its name, its bounds and its version."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.augmentation.batches import is_tensor
from labelwright.core.errors import FunctionError

__all__ = ["Guest", "adapted", "settings_of"]

# What a transform remembers of its last call, and generators that are set anew before each.
_NOT_SETTINGS = frozenset({"params", "py_random", "random_generator", "seed", "training"})


@dataclass(frozen=True, eq=False)
class Guest:
    """A transform of another library as a function of an example (or a batch) and rng.

    Parameters
    ----------
    transform : callable
        The transform; or, where ``made``, a function of a magnitude that returns one.
    made : bool
    """

    transform: Callable[..., Any]
    made: bool

    def __call__(self, example: Any, *, rng: np.random.Generator, magnitude: Any = None) -> Any:
        """Apply the transform, its chance from ``rng``."""
        raise NotImplementedError

    def transform_at(self, magnitude: Any) -> Callable[..., Any]:
        """Return the transform of a magnitude."""
        found: Callable[..., Any] = self.transform(magnitude) if self.made else self.transform
        if not callable(found):
            raise FunctionError(
                f"a function of a magnitude must return a transform, and returned {type(found).__name__}."
            )
        return found

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the transform's settings, or the function that makes it."""
        return {
            "guest": type(self).__qualname__,
            "transform": self.transform if self.made else settings_of(self.transform),
        }


def adapted(
    kind: Callable[[Callable[..., Any], bool], Guest],
    transform: Callable[..., Any],
    *,
    name: str | None,
    magnitude: Magnitude | tuple[float, float] | None,
    batched: bool,
    field: str | None,
    depends_on: Sequence[Any],
    may_change: frozenset[str],
) -> TransformationFunction:
    """Make a transformation function of a guest's transform.

    Raises
    ------
    FunctionError
        If the transform cannot be called, or is made by a lambda and has no name.
    """
    if isinstance(transform, type):
        raise FunctionError(f"{transform.__name__} is a class; make a transform of it: {transform.__name__}(...).")
    if not callable(transform):
        raise FunctionError(f"a transform is something to call, got {type(transform).__name__}.")
    chosen = str(name or getattr(transform, "__name__", type(transform).__name__))
    if chosen == "<lambda>":
        raise FunctionError("a transform made by a lambda needs a name: name='rotate'.")
    return TransformationFunction(
        name=chosen,
        function=kind(transform, magnitude is not None),
        magnitude=Magnitude(*magnitude) if isinstance(magnitude, tuple) else magnitude,
        batched=batched,
        field=field,
        depends_on=tuple(depends_on),
        may_change=may_change,
    )


def settings_of(obj: Any) -> Any:
    """Return what decides what a transform does, as plain values, classes and functions.

    Parameters
    ----------
    obj : object
        Its public attributes count, parts of modules and functions of the user included; what it remembers of its last
        call does not.
    """
    return _settings(obj, frozenset())


def _settings(obj: Any, inside: frozenset[int]) -> Any:
    if obj is None or isinstance(obj, (str, int, float, enum.Enum, np.ndarray, type, types.FunctionType)):
        return obj
    if is_tensor(obj):
        return obj.detach().cpu().numpy()
    if id(obj) in inside:
        return "itself"
    inside |= {id(obj)}
    if isinstance(obj, Mapping):
        return {str(name): _settings(value, inside) for name, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_settings(value, inside) for value in obj]
    if isinstance(obj, (set, frozenset)):
        return sorted(map(repr, obj))
    if not hasattr(obj, "__dict__") or type(obj).__module__ == "torch":
        return repr(obj)  # dtypes, devices
    state = {name: value for name, value in vars(obj).items() if name[0] != "_" and name not in _NOT_SETTINGS}
    for held in ("_modules", "_parameters", "_buffers"):  # where modules of torch keep what they are made of
        state |= vars(obj).get(held, {})
    return {"class": type(obj), **{name: _settings(value, inside) for name, value in state.items()}}
