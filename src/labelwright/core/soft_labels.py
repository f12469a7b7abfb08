"""Soft labels: for each example, a probability for each class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .classes import Class, check_classes
from .errors import VoteError
from .notebook import soft_labels_html
from .seeds import hash_ids
from .sparse import positions

__all__ = ["SoftLabels", "Ties", "break_ties"]

Ties: TypeAlias = Literal["abstain", "random", "prior"]

# Probabilities that differ by less than this are one tie: sums in another order must not settle it.
_TIE = 1e-9


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class SoftLabels:
    """A distribution over k classes for each of n examples: frozen, checked, read-only.

    Parameters
    ----------
    probs : array_like of float, shape (n, k)
        Rows sum to 1 (within 1e-6).
    covered : array_like of bool, shape (n,), optional
        Whether at least one source voted. Default: all. Rows that are not covered hold the class balance.
    classes : int or sequence of (str or int), optional
        The classes in the order of the columns. Default 0..k-1.
    example_ids : array_like of int or str, shape (n,), optional
        Default: the position.

    Raises
    ------
    VoteError
        If shapes do not fit, or a row is not a distribution.

    Examples
    --------
    >>> soft = SoftLabels([[0.9, 0.1], [0.5, 0.5]], classes=["ham", "spam"])
    >>> soft.predict().tolist()
    [0, -1]
    """

    probs: npt.NDArray[np.float64]
    covered: npt.NDArray[np.bool_]
    classes: tuple[Class, ...]
    example_ids: npt.NDArray[Any]

    def __init__(
        self,
        probs: npt.ArrayLike,
        covered: npt.ArrayLike | None = None,
        *,
        classes: int | Iterable[Class] | None = None,
        example_ids: npt.ArrayLike | None = None,
    ) -> None:
        p = np.array(probs, dtype=np.float64)
        if p.ndim != 2 or p.shape[1] < 2:
            raise VoteError(f"soft labels must have shape (n, k) with k of at least 2, got {p.shape}.")
        # A product sums short rows twenty times faster than a sum along them.
        total = p @ np.ones(p.shape[1])
        if not ((p >= -1e-12).all() and (np.abs(total - 1) <= 1e-6).all()):
            row = int(np.argmin((p >= -1e-12).all(axis=1) & (np.abs(total - 1) <= 1e-6)))
            raise VoteError(f"row {row} of the soft labels is {p[row].tolist()}, which is not a distribution (sum 1).")
        c = np.ones(len(p), dtype=bool) if covered is None else np.array(covered, dtype=bool)
        ids = np.arange(len(p)) if example_ids is None else np.array(example_ids)
        found = check_classes(p.shape[1] if classes is None else classes)
        if c.shape != (len(p),) or ids.shape != (len(p),) or len(found) != p.shape[1]:
            raise VoteError(
                f"soft labels of shape {p.shape} came with covered {c.shape}, example_ids {ids.shape} "
                f"and {len(found)} classes; they must fit."
            )
        for name, value in (("probs", p), ("covered", c), ("classes", found), ("example_ids", ids)):
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.probs)

    @property
    def k(self) -> int:
        """Cardinality: number of classes."""
        return int(self.probs.shape[1])

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Largest probability of each row, shape (n,)."""
        return np.asarray(self.probs.max(axis=1))

    def predict(self, *, ties: Ties = "abstain", class_balance: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
        """Return the most probable class code of each row, shape (n,); see `break_ties`."""
        return break_ties(self.probs, ties=ties, example_ids=self.example_ids, class_balance=class_balance)

    def take(self, index: npt.ArrayLike) -> SoftLabels:
        """Return the rows at ``index`` (positions or a boolean mask)."""
        where = positions(index, self.n)
        return SoftLabels(
            self.probs[where], self.covered[where], classes=self.classes, example_ids=self.example_ids[where]
        )

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        covered = f"{self.covered.mean():.1%}" if self.n else "no rows"
        return f"SoftLabels(n={self.n:,}, classes={self.classes}, covered={covered})"

    def _repr_html_(self) -> str:
        return soft_labels_html(self)


def break_ties(
    probs: npt.ArrayLike,
    *,
    ties: Ties = "abstain",
    example_ids: npt.ArrayLike | None = None,
    class_balance: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Return the most probable class of each row.

    Parameters
    ----------
    probs : array_like of float, shape (n, k)
    ties : {"abstain", "random", "prior"}
        What a row becomes whose largest probabilities are equal (within 1e-9): -1; one of them by a hash of the
        example id, so the same in every run and order; or the one that is most common by ``class_balance``.
    example_ids : array_like, shape (n,), optional
        Default: the position.
    class_balance : array_like of float, shape (k,), optional
        Needed for ``"prior"``. Classes that are equal there too go to the lower code.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        Codes, or -1.

    Examples
    --------
    >>> break_ties([[0.5, 0.5]], ties="prior", class_balance=[0.2, 0.8]).tolist()
    [1]
    """
    p = np.asarray(probs, dtype=np.float64)
    # Down columns: reductions along short rows take four times as long.
    columns = np.ascontiguousarray(p.T)
    level = columns >= columns.max(axis=0) - _TIE
    best, several, tied = _first(level), level.sum(axis=0) > 1, level.T
    if ties == "abstain":
        return np.asarray(np.where(several, -1, best), dtype=np.int64)
    if ties == "prior":
        if class_balance is None:
            raise VoteError('ties="prior" needs class_balance.')
        weight: npt.NDArray[Any] = np.broadcast_to(np.asarray(class_balance, dtype=np.float64), p.shape)
    elif ties == "random":
        ids = np.arange(len(p)) if example_ids is None else example_ids
        weight = np.stack([hash_ids(ids, salt=1 + c) >> np.uint64(1) for c in range(p.shape[1])], axis=1).astype(
            np.int64
        )
    else:
        raise VoteError(f"ties is {ties!r}; allowed: 'abstain', 'random', 'prior'.")
    chosen = np.where(tied, weight, -1).argmax(axis=1)
    return np.asarray(np.where(several, chosen, best), dtype=np.int64)


def _first(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the first row of ``chosen`` (k, n) that is true in each column, shape (n,); one is."""
    out = np.zeros(chosen.shape[1], dtype=np.int64)
    for code in range(len(chosen) - 1, -1, -1):
        out[chosen[code]] = code
    return out
