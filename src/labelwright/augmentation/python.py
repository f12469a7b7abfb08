"""The decorator that makes a Python function a transformation function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from labelwright.core.errors import FunctionError

from .base import Magnitude, TransformationFunction

__all__ = ["transformation_function"]


@overload
def transformation_function(name: Callable[..., Any], /) -> TransformationFunction: ...
@overload
def transformation_function(
    name: str | None = None,
    resources: Mapping[str, Any] | None = None,
    *,
    magnitude: Magnitude | tuple[float, float] | None = None,
    batched: bool = False,
    field: str | None = None,
    differentiable: bool = False,
    depends_on: Sequence[Any] = (),
) -> Callable[[Callable[..., Any]], TransformationFunction]: ...
def transformation_function(
    name: str | Callable[..., Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    *,
    magnitude: Magnitude | tuple[float, float] | None = None,
    batched: bool = False,
    field: str | None = None,
    differentiable: bool = False,
    depends_on: Sequence[Any] = (),
) -> TransformationFunction | Callable[[Callable[..., Any]], TransformationFunction]:
    """Make a Python function a transformation function: a decorator, with or without parentheses.

    The function gets an example and returns a new one, or ``None`` where it cannot be applied. If its signature names
    them, it also gets ``magnitude`` and ``rng``.

    Parameters
    ----------
    name : str, optional
        Default: the function's name.
    resources : mapping of str to object, optional
        Keyword arguments of every call.
    magnitude : Magnitude or (low, high), optional
        Bounds of its tunable number.
    batched : bool, default False
        Whether it takes and returns whole batches, with a magnitude for each example.
    field : str, optional
        The field that it transforms, in data of named fields.
    differentiable : bool, default False
        Whether gradients flow to the magnitude.
    depends_on : sequence of object, optional
        What else the version depends on.

    Returns
    -------
    TransformationFunction or decorator

    Examples
    --------
    >>> @transformation_function(magnitude=(0.0, 0.5))
    ... def shout(text, magnitude, rng):
    ...     return " ".join(w.upper() if rng.random() < magnitude else w for w in text.split())
    >>> shout.magnitude.high
    0.5
    """

    def decorate(function: Callable[..., Any]) -> TransformationFunction:
        if isinstance(function, TransformationFunction):
            raise FunctionError(f"{function.name!r} is a transformation function already.")
        if not callable(function):
            raise FunctionError(f"transformation_function decorates a function, not a {type(function).__name__}.")
        chosen = name if isinstance(name, str) else getattr(function, "__name__", type(function).__name__)
        return TransformationFunction(
            name=chosen,
            function=function,
            magnitude=Magnitude(*magnitude) if isinstance(magnitude, tuple) else magnitude,
            batched=batched,
            field=field,
            differentiable=differentiable,
            resources=dict(resources or {}),
            depends_on=tuple(depends_on),
        )

    return decorate(name) if callable(name) else decorate
