"""The seam: what every transformation function has."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import FunctionError
from labelwright.core.seeds import generator
from labelwright.functions.versions import version_of

__all__ = ["Batch", "Magnitude", "TransformationFunction"]

_RULES = frozenset({"dtype", "missing", "range", "shape"})

# A torch tensor or an array whose first axis counts the examples, or any sequence of examples (texts, records).
Batch: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Magnitude:
    """The one tunable number of a transformation function: its unit, its bounds, and where it does nothing.

    Policies speak of *strengths* in [-1, 1], the same for every function: 0 is ``neutral``, 1 is ``high``, -1 is
    ``low``, and between them the magnitude is linear on either side of ``neutral``. A function whose ``neutral`` is
    one of its bounds has one side only.

    Parameters
    ----------
    low, high : float
        Bounds, both allowed; ``low < high``.
    neutral : float, optional
        Where the function leaves an example as it is. Default: 0 where that lies within the bounds, else ``low``.
    unit : str
        What the number counts, for people: "degrees", "share of words".

    Raises
    ------
    FunctionError
        If the bounds are not finite numbers in order, or ``neutral`` is not within them.

    Examples
    --------
    >>> zoom = Magnitude(0.5, 2.0, neutral=1.0)
    >>> zoom.at([-1.0, 0.0, 0.5]).tolist()
    [0.5, 1.0, 1.5]
    >>> Magnitude(0.0, 0.3).sides
    (1,)
    """

    low: float
    high: float
    neutral: float = float("nan")
    unit: str = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise FunctionError(f"a magnitude needs finite bounds with low < high, got {self.low!r} and {self.high!r}.")
        neutral = self.neutral
        if np.isnan(neutral):
            neutral = 0.0 if self.low <= 0 <= self.high else self.low
        for name, value in (("low", self.low), ("high", self.high), ("neutral", neutral)):
            # 0, 0.0 and -0.0 are one bound, and one version.
            object.__setattr__(self, name, float(value) + 0.0)
        if not self.low <= self.neutral <= self.high:
            raise FunctionError(f"neutral is {self.neutral}; it must lie within [{self.low}, {self.high}].")

    @property
    def sides(self) -> tuple[int, ...]:
        """The signs of strength that mean something: (-1, 1), or (1,) or (-1,) where one bound is neutral."""
        return tuple(sign for sign, bound in ((-1, self.low), (1, self.high)) if bound != self.neutral)

    def at(self, strength: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the magnitudes of strengths in [-1, 1], in the shape of ``strength``."""
        strength = np.asarray(strength, dtype=np.float64)
        return self.neutral + np.where(
            strength >= 0, strength * (self.high - self.neutral), strength * (self.neutral - self.low)
        )

    def levels(self, count: int) -> npt.NDArray[np.float64]:
        """Return ``count`` evenly spaced strengths over its sides, in rising order, shape (count,).

        Two sides: from -1 to 1 (an odd count has 0 in it, where nothing happens). One side: from 1 / count of the way
        to the whole of it.

        Examples
        --------
        >>> Magnitude(-1.0, 1.0).levels(4).round(2).tolist()
        [-1.0, -0.33, 0.33, 1.0]
        >>> Magnitude(0.0, 1.0).levels(4).tolist()
        [0.25, 0.5, 0.75, 1.0]
        """
        if len(self.sides) == 1:
            return np.sort(self.sides[0] * np.arange(1, count + 1) / count)
        return np.linspace(-1.0, 1.0, count) if count > 1 else np.ones(1)

    def strength(self, magnitude: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the strengths of magnitudes: the inverse of `at`."""
        away = np.asarray(magnitude, dtype=np.float64) - self.neutral
        room = np.where(away >= 0, self.high - self.neutral, self.neutral - self.low)
        return np.divide(away, room, out=np.zeros_like(away), where=room > 0)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TransformationFunction:
    """Something that may be done to an example without changing its class; made by `transformation_function`.

    Parameters
    ----------
    name : str
        No two functions of a policy share one.
    function : callable
        Gets one example (``batched=False``) and returns a new one, or ``None`` where it cannot be applied; or gets a
        batch (``batched=True``) and returns a batch of the same shape. Where its signature has them it also gets the
        keyword arguments ``magnitude`` (float; batched: array of shape (n,)), ``rng`` (`numpy.random.Generator`), and
        ``resources`` by name. It never writes to what it got.
    magnitude : Magnitude, optional
        The tunable number; ``None`` = the function has none.
    batched : bool
        Whether it takes a whole batch.
    field : str, optional
        In data of named fields, the one that it transforms: it then gets and returns that field's value.
    differentiable : bool
        Whether gradients flow from its output to its magnitude (torch, batched).
    resources : mapping of str to object
        Keyword arguments of every call: lexicons, models.
    depends_on : sequence of object
        What else its version depends on.
    may_change : collection of {"shape", "dtype", "range", "missing"}
        Rules that it is excused from. Shape: shapes of arrays, fields of records. Dtype: dtypes of arrays, types of
        values. Range: images within [0, 1] stay there. Missing: numbers do not become NaN. In a batch that is one
        array, shape and dtype hold all the same.

    Raises
    ------
    FunctionError
        If the name is empty, the function cannot be called, or ``may_change`` has other words in it.
    """

    name: str
    function: Callable[..., Any]
    magnitude: Magnitude | None = None
    batched: bool = False
    field: str | None = None
    differentiable: bool = False
    resources: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    depends_on: tuple[Any, ...] = ()
    may_change: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise FunctionError(f"a transformation function needs a name, got {self.name!r}.")
        if not callable(self.function):
            raise FunctionError(f"{self.name!r} is made of {self.function!r}, which cannot be called.")
        may_change = frozenset(self.may_change)
        if not may_change <= _RULES:
            raise FunctionError(
                f"may_change of {self.name!r} holds {sorted(may_change - _RULES)}; it may hold {sorted(_RULES)}."
            )
        object.__setattr__(self, "may_change", may_change)

    @cached_property
    def takes(self) -> frozenset[str]:
        """Which of ``magnitude`` (where it has one) and ``rng`` the signature of the function names."""
        return _named(self.function) & ({"rng"} if self.magnitude is None else {"magnitude", "rng"})

    def __call__(self, example: Any, *, magnitude: Any = None, rng: np.random.Generator | None = None) -> Any:
        """Call the function on one example (or a batch, if it is batched), to look at what it does; nothing is checked.

        Parameters
        ----------
        example : object
            An example or a batch; of named fields, the value of ``field``.
        magnitude : float or array_like of shape (n,), optional
            Default: the middle of the way from neutral to the upper bound (the lower, where that is the only side).
        rng : numpy.random.Generator, optional
            Default: a generator from seed 0.
        """
        more = dict(self.resources)
        if self.magnitude is not None and "magnitude" in self.takes:
            if magnitude is None:
                magnitude = float(self.magnitude.at(0.5 * self.magnitude.sides[-1]))
            more["magnitude"] = (
                np.full(len(example), magnitude) if self.batched and np.ndim(magnitude) == 0 else magnitude
            )
        if "rng" in self.takes:
            more["rng"] = generator(0) if rng is None else rng
        return self.function(example, **more)

    @cached_property
    def version(self) -> str:
        """64 hex digits that change when what the function does changes; worked out on first use."""
        return version_of(self)

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of, besides ``depends_on``."""
        magnitude = self.magnitude
        return {
            "function": self.function,
            "magnitude": None if magnitude is None else [magnitude.low, magnitude.high, magnitude.neutral],
            "batched": self.batched,
            "field": self.field,
            "resources": self.resources,
        }

    def __repr__(self) -> str:
        return f"TransformationFunction({self.name!r})"


def _named(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of parameters; none where there is no signature to read (some functions in C)."""
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()
