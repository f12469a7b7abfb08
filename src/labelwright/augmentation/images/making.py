"""How image functions are declared: what is checked when one is made, long before a batch comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core.errors import FunctionError

__all__ = ["Fill", "checked_fill", "checked_level", "factor", "made", "not_negative"]

# What lies outside an image: a level in [0, 1], the nearest pixel of the edge, or the image mirrored at its edge.
Fill: TypeAlias = float | Literal["edge", "reflect"]


def made(
    name: str,
    function: Callable[..., Any],
    magnitude: Magnitude | None = None,
    *,
    differentiable: bool = True,
    depends_on: tuple[Any, ...] = (),
    **resources: Any,
) -> TransformationFunction:
    """Return the transformation function; ``resources`` are its fixed settings, and count in its version.

    Functions of this library count by name, not by code: what ``depends_on`` says has to change with what one does.
    """
    return TransformationFunction(
        name=name,
        function=function,
        magnitude=magnitude,
        batched=True,
        differentiable=differentiable and magnitude is not None,
        resources=resources,
        depends_on=depends_on,
    )


def checked_fill(fill: Fill) -> Fill:
    """Return ``fill``, or say what is allowed."""
    return fill if fill in ("edge", "reflect") else checked_level(fill, '; or "edge" or "reflect"')


def checked_level(fill: Any, more: str = "") -> float:
    """Return a level in [0, 1], or say that it must be one."""
    if isinstance(fill, int | float) and 0 <= fill <= 1:
        return float(fill)
    raise FunctionError(f"fill is {fill!r}; allowed: a number in [0, 1]{more}.")


def not_negative(low: float, high: float, unit: str) -> Magnitude:
    """Return a magnitude that starts at 0 or above."""
    if low < 0:
        raise FunctionError(f"low is {low!r}; {unit} cannot be below 0.")
    return Magnitude(low, high, unit=unit)


def factor(low: float, high: float, *, least: float) -> Magnitude:
    """Return a magnitude that multiplies: at least ``least``, and neutral at 1."""
    if not least <= low <= 1 <= high:
        raise FunctionError(f"a factor needs {least:g} <= low <= 1 <= high, got {low!r} and {high!r}.")
    return Magnitude(low, high, neutral=1.0, unit="factor")
