"""The decorator that makes a Python function a transformation function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
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
    may_change: Collection[str] = (),
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
    may_change: Collection[str] = (),
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
    may_change : collection of {"shape", "dtype", "range", "missing"}, optional
        Rules that it is excused from; see `TransformationFunction`.

    Returns
    -------
    TransformationFunction or decorator

    Raises
    ------
    FunctionError
        If the signature and the rest do not fit: ``magnitude`` without bounds, bounds that the function does not take,
        a resource that it has no parameter for.

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
        made = TransformationFunction(
            name=chosen,
            function=function,
            magnitude=Magnitude(*magnitude) if isinstance(magnitude, tuple) else magnitude,
            batched=batched,
            field=field,
            differentiable=differentiable,
            resources=dict(resources or {}),
            depends_on=tuple(depends_on),
            may_change=frozenset([may_change] if isinstance(may_change, str) else may_change),
        )
        _check_signature(made)
        return made

    return decorate(name) if callable(name) else decorate


def _check_signature(made: TransformationFunction) -> None:
    try:
        parameters = inspect.signature(made.function).parameters
    except (TypeError, ValueError):  # some functions in C have none
        return
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    needs = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    if made.magnitude is None and "magnitude" in needs:
        raise FunctionError(
            f"transformation function {made.name!r} takes a magnitude, but no bounds are given: magnitude=(low, high)."
        )
    if made.magnitude is not None and "magnitude" not in parameters:
        raise FunctionError(
            f"transformation function {made.name!r} has bounds of a magnitude that it does not take; add a parameter "
            "named magnitude."
        )
    unknown = [] if takes_any else sorted(set(made.resources) - set(parameters))
    if unknown:
        raise FunctionError(f"transformation function {made.name!r} has no parameters for its resources {unknown}.")
