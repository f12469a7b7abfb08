"""Policies that need no learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import FunctionError

from .base import TransformationFunction
from .policy import DrawingPolicy, checked_count
from .strengths import magnitudes_of, one_sided, with_random_sides

__all__ = ["ApplyAll", "ApplyEach", "ApplyOne", "MeanField", "RandAugment", "Random", "TrivialAugment"]

_Drawn = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]

# Sums of probabilities that come from single precision are this far from 1.
_SUM_TOLERANCE = 1e-5


class ApplyAll(DrawingPolicy):
    """Every function once, in the order given, each at a strength drawn uniformly on its sides.

    Parameters
    ----------
    functions, copies, keep_originals
        As for `DrawingPolicy`.

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function
    ... def shout(text):
    ...     return text.upper()
    >>> @transformation_function
    ... def ask(text):
    ...     return text + "?"
    >>> ApplyAll([shout, ask], keep_originals=True).apply(["yes"], np.random.default_rng(0)).examples
    ['yes', 'YES?']
    """

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw ``copies`` sequences of all functions for each of ``n`` examples."""
        shape = (n, self.copies, len(self.functions))
        return _at_random_strength(self.functions, np.broadcast_to(np.arange(shape[-1]), shape), rng)


class ApplyEach(DrawingPolicy):
    """Every function alone: as many copies of each example as there are functions (times ``copies``).

    Parameters
    ----------
    functions, copies, keep_originals
        As for `DrawingPolicy`; strengths are drawn uniformly on the sides of each function.

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function
    ... def shout(text):
    ...     return text.upper()
    >>> @transformation_function
    ... def ask(text):
    ...     return text + "?"
    >>> ApplyEach([shout, ask]).apply(["yes"], np.random.default_rng(0)).examples
    ['YES', 'yes?']
    """

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw ``copies`` times one step of each function, for each of ``n`` examples."""
        each = np.tile(np.arange(len(self.functions)), self.copies)[:, None]
        return _at_random_strength(self.functions, np.broadcast_to(each, (n, *each.shape)), rng)


class ApplyOne(DrawingPolicy):
    """One function for each copy, all equally likely; an example's copies differ in it as far as functions go.

    Parameters
    ----------
    functions, copies, keep_originals
        As for `DrawingPolicy`; strengths are drawn uniformly on the sides of each function.

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function
    ... def shout(text):
    ...     return text.upper()
    >>> ApplyOne([shout], copies=2).apply(["yes", "no"], np.random.default_rng(0)).examples
    ['YES', 'YES', 'NO', 'NO']
    """

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw one step for each copy of ``n`` examples: decks of all functions, shuffled, are dealt to the copies."""
        m = len(self.functions)
        decks = -(-self.copies // m)
        dealt = rng.permuted(np.broadcast_to(np.arange(m), (n * decks, m)), axis=1).reshape(n, decks * m)
        return _at_random_strength(self.functions, dealt[:, : self.copies, None], rng)


class Random(DrawingPolicy):
    """Each step an independent, uniform choice among the functions, its strength uniform on its sides.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    length : int
        Steps in a sequence.
    copies, keep_originals
        As for `DrawingPolicy`.

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function(magnitude=(0.0, 1.0))
    ... def fade(value, magnitude):
    ...     return value * (1 - magnitude)
    >>> drawn = Random([fade], length=3, copies=2).sample([1.0, 2.0], np.random.default_rng(0))
    >>> drawn.functions.shape, drawn.origins.tolist()
    ((4, 3), [0, 0, 1, 1])
    """

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        *,
        length: int = 2,
        copies: int = 1,
        keep_originals: bool = False,
    ) -> None:
        super().__init__(functions, copies=copies, keep_originals=keep_originals)
        self.length = checked_count("length", length)

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw ``copies`` sequences for each of ``n`` examples."""
        codes = rng.integers(len(self.functions), size=(n, self.copies, self.length))
        return _at_random_strength(self.functions, codes, rng)


class MeanField(DrawingPolicy):
    """Each step an independent choice among the functions, or among functions and levels, by given probabilities.

    Parameters
    ----------
    functions : sequence of TransformationFunction
        m functions.
    probabilities : array_like of float, shape (m,) or (m, levels)
        Of each function, its strength then uniform on its sides; or of each function at each level. They add up to 1.
    strengths : array_like of float in [-1, 1], shape (levels,) or (m, levels), optional
        What the levels of two-dimensional ``probabilities`` mean. Default: `Magnitude.levels`. A function without a
        magnitude has the sum of its row.
    length, copies, keep_originals
        As for `Random`.

    Raises
    ------
    FunctionError
        If probabilities are negative, do not add up to 1, or shapes do not fit the functions.

    References
    ----------
    Ratner, Ehrenberg, Hussain, Dunnmon & Ré (2017), "Learning to Compose Domain-Specific Transformations for Data
    Augmentation", section 4 (the mean field generator, once its probabilities are known).

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function
    ... def shout(text):
    ...     return text.upper()
    >>> @transformation_function
    ... def ask(text):
    ...     return text + "?"
    >>> drawn = MeanField([shout, ask], [0.1, 0.9], length=1).sample([""] * 1000, np.random.default_rng(0))
    >>> drawn.counts(2).tolist()
    [89, 911]
    """

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        probabilities: npt.ArrayLike,
        *,
        strengths: npt.ArrayLike | None = None,
        length: int = 2,
        copies: int = 1,
        keep_originals: bool = False,
    ) -> None:
        super().__init__(functions, copies=copies, keep_originals=keep_originals)
        self.length = checked_count("length", length)
        self.probabilities = _checked_probabilities(probabilities, len(self.functions))
        self.strengths = self._level_strengths(strengths)

    def _level_strengths(self, strengths: npt.ArrayLike | None) -> npt.NDArray[np.float64] | None:
        """Return what the levels mean, shape (m, levels), or ``None`` where there are none."""
        if self.probabilities.ndim == 1:
            if strengths is not None:
                raise FunctionError("strengths say what levels mean; give probabilities of shape (functions, levels).")
            return None
        m, levels = self.probabilities.shape
        if strengths is None:
            return np.stack(
                [np.zeros(levels) if f.magnitude is None else f.magnitude.levels(levels) for f in self.functions]
            )
        given = np.asarray(strengths, dtype=np.float64)
        if given.shape not in ((levels,), (m, levels)) or not (np.abs(given) <= 1).all():
            raise FunctionError(
                f"strengths need shape ({levels},) or ({m}, {levels}) and values in [-1, 1], got shape {given.shape}."
            )
        given = np.broadcast_to(given, (m, levels))
        only = one_sided(self.functions)[:, None]
        wrong = ((only != 0) & (given * only < 0)).any(axis=1)
        if wrong.any():
            name = self.functions[int(np.flatnonzero(wrong)[0])].name
            raise FunctionError(f"strengths of {name!r} lie on a side that it does not have; see Magnitude.sides.")
        return given

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw ``copies`` sequences for each of ``n`` examples."""
        drawn = rng.choice(self.probabilities.size, size=(n, self.copies, self.length), p=self.probabilities.ravel())
        if self.strengths is None:
            return _at_random_strength(self.functions, drawn, rng)
        codes, level = np.divmod(drawn, self.probabilities.shape[1])
        return codes, magnitudes_of(self.functions, codes, self.strengths[codes, level])


class RandAugment(DrawingPolicy):
    """A number of functions drawn uniformly, all at one strength.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    length : int
        N, how many functions are applied, with replacement.
    strength : float in [0, 1]
        M, as a share of the published scale of 30: 0.3 is the published M = 9.
    copies, keep_originals
        As for `DrawingPolicy`.

    Notes
    -----
    As in the released code, functions with two sides get either with the same chance, and functions without a
    magnitude are applied as they are. The published list of functions has the identity in it; with a list of your own,
    add one for a chance of fewer steps.

    References
    ----------
    Cubuk, Zoph, Shlens & Le (2019), "RandAugment: Practical automated data augmentation with a reduced search space".

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function(magnitude=(-10.0, 10.0))
    ... def shift(value, magnitude):
    ...     return value + magnitude
    >>> drawn = RandAugment([shift], length=1, strength=0.3).sample([0.0] * 50, np.random.default_rng(0))
    >>> np.unique(drawn.magnitudes).tolist()
    [-3.0, 3.0]
    """

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        *,
        length: int = 2,
        strength: float = 0.3,
        copies: int = 1,
        keep_originals: bool = False,
    ) -> None:
        super().__init__(functions, copies=copies, keep_originals=keep_originals)
        self.length = checked_count("length", length)
        if not 0 <= strength <= 1:
            raise FunctionError(f"strength is {strength!r}; it must lie within [0, 1] (M = 9 of 30 is 0.3).")
        self.strength = float(strength)

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw ``copies`` sequences for each of ``n`` examples."""
        codes = rng.integers(len(self.functions), size=(n, self.copies, self.length))
        return codes, magnitudes_of(self.functions, codes, with_random_sides(self.functions, codes, self.strength, rng))


class TrivialAugment(DrawingPolicy):
    """One function drawn uniformly, at a strength drawn uniformly: the baseline every learned policy has to beat.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    levels : int, optional
        Strengths are drawn from 0, 1 / (levels - 1), ..., 1: the published 31 by default. ``None``: continuous.
    copies, keep_originals
        As for `DrawingPolicy`.

    Notes
    -----
    Functions with two sides get either with the same chance; level 0 leaves the example as it is.

    References
    ----------
    Müller & Hutter (2021), "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", algorithm 1.

    Examples
    --------
    >>> from labelwright.augmentation import transformation_function
    >>> @transformation_function(magnitude=(0.0, 30.0))
    ... def shift(value, magnitude):
    ...     return value + magnitude
    >>> TrivialAugment([shift]).sample([0.0] * 4, np.random.default_rng(0)).magnitudes.ravel().tolist()
    [26.0, 19.0, 15.0, 8.0]
    """

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        *,
        levels: int | None = 31,
        copies: int = 1,
        keep_originals: bool = False,
    ) -> None:
        super().__init__(functions, copies=copies, keep_originals=keep_originals)
        if levels is not None and checked_count("levels", levels) < 2:
            raise FunctionError("levels is 1; give at least 2 (nothing and all), or None for continuous strengths.")
        self.levels = levels

    def draw(self, n: int, rng: np.random.Generator) -> _Drawn:
        """Draw one step for each of the ``copies`` of ``n`` examples."""
        codes = rng.integers(len(self.functions), size=(n, self.copies, 1))
        if self.levels is None:
            return _at_random_strength(self.functions, codes, rng)
        sizes = rng.integers(self.levels, size=codes.shape) / (self.levels - 1)
        return codes, magnitudes_of(self.functions, codes, with_random_sides(self.functions, codes, sizes, rng))


def _at_random_strength(
    functions: Sequence[TransformationFunction], codes: npt.NDArray[np.int64], rng: np.random.Generator
) -> _Drawn:
    sizes = rng.random(codes.shape)
    return codes, magnitudes_of(functions, codes, with_random_sides(functions, codes, sizes, rng))


def _checked_probabilities(probabilities: npt.ArrayLike, m: int) -> npt.NDArray[np.float64]:
    given = np.asarray(probabilities, dtype=np.float64)
    if given.ndim not in (1, 2) or len(given) != m or not given.size:
        raise FunctionError(f"probabilities need shape ({m},) or ({m}, levels) for {m} functions, got {given.shape}.")
    if not (given >= 0).all():
        raise FunctionError("probabilities must be 0 or more.")
    total = float(given.sum())
    if not abs(total - 1) <= _SUM_TOLERANCE:
        raise FunctionError(f"probabilities add up to {total:.6g}; they must add up to 1.")
    return given / total
