"""What class an example looks like, judged by a classifier that learned from labelled originals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels
from labelwright.core.errors import VoteError

from .encoding import Features

__all__ = ["Classes", "Classifier", "Recogniser", "classes_of", "fit_classifier"]

_COSINES = 500

Classifier: TypeAlias = Callable[[Features], npt.NDArray[np.int64]]


class Classes:
    """Labels as a distribution for each example, and the one that it is taken for.

    Parameters
    ----------
    probs : array of float, shape (n, k)
    names : sequence of (str or int), shape (k,)
    known : array of bool, shape (n,)
        Whether an example has a label at all.
    """

    def __init__(self, probs: npt.NDArray[np.float64], names: tuple[Class, ...], known: npt.NDArray[np.bool_]) -> None:
        self.probs, self.names, self.known = probs, names, known
        self.codes = np.where(known, probs.argmax(axis=1), -1)

    def take(self, index: npt.NDArray[np.int64]) -> Classes:
        """Return the labels at positions ``index``."""
        return Classes(self.probs[index], self.names, self.known[index])


def classes_of(labels: SoftLabels | Iterable[Any], n: int) -> Classes:
    """Read gold, hard labels or soft labels.

    Parameters
    ----------
    labels : SoftLabels, or sequence of (class or None), shape (n,)
        ``None``, NaN and -1 mean unknown; so do rows of soft labels that are not covered, and ties.
    n : int
        How many there must be.

    Raises
    ------
    VoteError
        If there are not n labels, or fewer than two classes among them.

    Examples
    --------
    >>> found = classes_of(["ham", None, "spam"], 3)
    >>> found.names, found.codes.tolist()
    (('ham', 'spam'), [0, -1, 1])
    """
    if isinstance(labels, SoftLabels):
        _check_number(labels.n, n)
        return Classes(labels.probs, labels.classes, labels.covered & (labels.predict() >= 0))
    # A torch tensor, or an array, gives its values as plain ones.
    values = list(labels.tolist() if hasattr(labels, "tolist") else labels)
    _check_number(len(values), n)
    known = np.array([not (v is None or v != v or (not isinstance(v, str) and v == -1)) for v in values], dtype=bool)
    names = tuple(sorted({v for v, k in zip(values, known, strict=True) if k}, key=lambda v: (str(type(v)), v)))
    if len(names) < 2:
        raise VoteError(f"labels name {len(names)} class(es): {list(names)}; harm by class needs at least two.")
    place = {name: code for code, name in enumerate(names)}
    probs = np.zeros((n, len(names)))
    for row, (value, k) in enumerate(zip(values, known, strict=True)):
        if k:
            probs[row, place[value]] = 1.0
    return Classes(probs, names, known)


def _check_number(found: int, n: int) -> None:
    if found != n:
        raise VoteError(f"{found:,} labels came with {n:,} examples; hand in one for each, None where it is unknown.")


def fit_classifier(rows: Features, probs: npt.NDArray[np.float64]) -> Classifier:
    """Fit a classifier on encoded originals; it returns the most probable class code of each row.

    Parameters
    ----------
    rows : array of float32, shape (r, d)
    probs : array of float, shape (r, k)

    Notes
    -----
    Ridge regression of the label probabilities with a Gaussian kernel as wide as the spread of the data. Averaging over
    neighbours, it estimates P(class | example) and so forgives labels that are wrong at random.
    """
    from scipy.linalg import cho_factor, cho_solve

    sharpness = 1 / _spread(rows)
    gram = _kernel(rows, rows, sharpness)
    gram[np.diag_indices_from(gram)] += 1
    mean = probs.mean(axis=0)
    weights = cho_solve(cho_factor(gram, overwrite_a=True), (probs - mean).astype(np.float32))
    return lambda seen: np.asarray((_kernel(seen, rows, sharpness) @ weights + mean).argmax(axis=1))


def _spread(rows: Features) -> float:
    return float(max(rows.shape[1] * rows.var(), 1e-12))


def _kernel(first: Features, second: Features, sharpness: float) -> Features:
    exponents: Features = first @ second.T
    exponents *= 2
    exponents -= np.einsum("ij,ij->i", first, first)[:, None]
    exponents -= np.einsum("ij,ij->i", second, second)
    np.minimum(exponents, 0, out=exponents)
    exponents *= np.float32(sharpness)
    return np.exp(exponents, out=exponents)


class Recogniser:
    """The same classifier on random cosines, which can quickly be shown more examples than the originals.

    Parameters
    ----------
    rows : array of float32, shape (r, d)
        Originals.
    probs : array of float, shape (r, k)
        Their labels.
    rng : numpy.random.Generator

    Notes
    -----
    Random cosines stand for the kernel (Rahimi & Recht 2007), so all that is kept of the originals is a sum, and
    further examples are added to it.
    """

    def __init__(self, rows: Features, probs: npt.NDArray[np.float64], rng: np.random.Generator) -> None:
        scale = np.sqrt(2 / _spread(rows))
        self._directions = (rng.normal(size=(rows.shape[1], _COSINES)) * scale).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, size=_COSINES).astype(np.float32)
        self._mean = probs.mean(axis=0)
        self._gram, self._cross = self._sums(rows, probs)

    def shown(self, rows: Features, probs: npt.NDArray[np.float64]) -> Classifier:
        """Return a classifier that learned from the originals and from these examples."""
        from scipy.linalg import cho_factor, cho_solve

        more, crossed = self._sums(rows, probs)
        ridge = self._gram + more + np.eye(_COSINES, dtype=np.float32)
        weights = cho_solve(cho_factor(ridge, overwrite_a=True), self._cross + crossed)
        return lambda seen: np.asarray((self._cosines(seen) @ weights + self._mean).argmax(axis=1))

    def _sums(self, rows: Features, probs: npt.NDArray[np.float64]) -> tuple[Features, Features]:
        cosines = self._cosines(rows)
        return cosines.T @ cosines, cosines.T @ (probs - self._mean).astype(np.float32)

    def _cosines(self, rows: Features) -> Features:
        angles: Features = rows @ self._directions
        angles += self._phases
        np.cos(angles, out=angles)
        angles *= np.float32(np.sqrt(2 / _COSINES))
        return angles
