"""The seam: what every policy does."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import FunctionError
from labelwright.functions.versions import version_of

from .applying import Augmented, OnError, apply_sequences
from .base import Batch, TransformationFunction
from .sequences import NOTHING, Sequences

__all__ = ["DrawingPolicy", "Policy"]


class Policy(abc.ABC):
    """A way to choose transformation functions, their order and their magnitudes, for each example anew.

    A policy is `sample` alone; `apply` is the same for all of them.

    Parameters
    ----------
    functions : sequence of TransformationFunction
        What it chooses among; no two share a name.

    Raises
    ------
    FunctionError
        If there is none, one is not a transformation function, or two share a name.
    """

    functions: tuple[TransformationFunction, ...]

    def __init__(self, functions: Sequence[TransformationFunction]) -> None:
        self.functions = checked_functions(functions)

    @abc.abstractmethod
    def sample(self, batch: Batch, rng: np.random.Generator) -> Sequences:
        """Draw what is to be done: one or more sequences for each example of ``batch``.

        Parameters
        ----------
        batch : Batch
            n examples; most policies only look at their number.
        rng : numpy.random.Generator
        """

    def apply(self, batch: Batch, rng: np.random.Generator, *, on_error: OnError = "raise") -> Augmented:
        """Draw sequences and apply them; see `apply_sequences`."""
        return apply_sequences(self.functions, batch, self.sample(batch, rng), rng, on_error=on_error)

    @property
    def version(self) -> str:
        """64 hex digits that change when what the policy does changes: its functions, its settings, its code."""
        return version_of(self)

    def __version_parts__(self) -> dict[str, Any]:
        """What the version is made of: the class and every public attribute of the instance."""
        return {"class": type(self), **{name: value for name, value in vars(self).items() if name[0] != "_"}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(function.name for function in self.functions)})"


class DrawingPolicy(Policy):
    """A policy whose sequences do not depend on the examples: a policy is `draw` alone.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    copies : int
        Augmented copies of each example, at least 1. The copies of an example follow each other.
    keep_originals : bool
        Whether each example also comes as it is, before its copies.
    """

    def __init__(
        self, functions: Sequence[TransformationFunction], *, copies: int = 1, keep_originals: bool = False
    ) -> None:
        super().__init__(functions)
        self.copies = checked_count("copies", copies)
        self.keep_originals = bool(keep_originals)

    @abc.abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Draw sequences for ``n`` examples.

        Returns
        -------
        functions : numpy.ndarray of int64, shape (n, copies for each, length)
        magnitudes : numpy.ndarray of float64, same shape
        """

    def sample(self, batch: Batch, rng: np.random.Generator) -> Sequences:
        """Draw the sequences of each example; the examples themselves are not looked at."""
        codes, magnitudes = self.draw(len(batch), rng)
        if self.keep_originals:
            codes = np.concatenate([np.full_like(codes[:, :1], NOTHING), codes], axis=1)
            magnitudes = np.concatenate([np.full_like(magnitudes[:, :1], np.nan), magnitudes], axis=1)
        n, each, length = codes.shape
        origins = np.repeat(np.arange(n), each)
        return Sequences(origins, codes.reshape(-1, length), magnitudes.reshape(-1, length))


def checked_functions(functions: Sequence[TransformationFunction]) -> tuple[TransformationFunction, ...]:
    """Return the functions of a policy as a tuple.

    Raises
    ------
    FunctionError
        If there is none, one is not a transformation function, or two share a name.
    """
    if isinstance(functions, TransformationFunction):
        raise FunctionError(f"a policy takes a list of transformation functions: write [{functions.name}].")
    functions = tuple(functions)
    if not functions:
        raise FunctionError("a policy needs at least one transformation function, got none.")
    for function in functions:
        if not isinstance(function, TransformationFunction):
            raise FunctionError(
                f"a policy holds transformation functions, got {function!r}; decorate it with "
                "@transformation_function first."
            )
    names = [function.name for function in functions]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FunctionError(f"transformation functions of a policy need names of their own; used twice: {twice}.")
    return functions


def checked_count(what: str, count: int) -> int:
    """Return a count that is at least 1.

    Raises
    ------
    FunctionError
        If it is no integer or below 1.
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise FunctionError(f"{what} is {count!r}; it must be an integer of at least 1.")
    return int(count)
