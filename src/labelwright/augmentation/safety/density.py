"""How near examples lie to a reference half of the data, and to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .encoding import Features

__all__ = ["Reference", "apart", "conformal_p_values", "linear_scores"]

_CHUNK = 500


@dataclass(frozen=True, eq=False)
class Reference:
    """Encoded originals that others are compared with.

    Parameters
    ----------
    rows : array of float32, shape (r, d + 1)
        From `Directions`: places along d directions, and the length of what lies outside of them.
    neighbours : int
        Nearness is the distance to the neighbour of this rank.

    Notes
    -----
    What lies outside of the principal directions counts as orthogonal between any two examples, as it nearly is in many
    dimensions: the squared distance is that along the directions plus both lengths squared.
    """

    rows: Features
    neighbours: int

    def distances(self, rows: Features) -> npt.NDArray[np.float64]:
        """Return how far rows lie from the reference, shape (n,)."""
        rank = min(self.neighbours, len(self.rows)) - 1
        squares = np.einsum("ij,ij->i", self.rows, self.rows)
        far = np.empty(len(rows))
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            squared = some[:, :-1] @ self.rows[:, :-1].T
            squared *= -2
            squared += squares
            squared.partition(rank, axis=1)
            far[start : start + _CHUNK] = squared[:, rank] + np.einsum("ij,ij->i", some, some)
        return np.asarray(np.sqrt(np.maximum(far, 0)))


def apart(rows: Features) -> npt.NDArray[np.float64]:
    """Return the distance of each row from the nearest other, along the directions alone, shape (n,)."""
    places = rows[:, :-1]
    squares = np.einsum("ij,ij->i", places, places)
    squared = squares[:, None] + squares - 2 * places @ places.T
    np.fill_diagonal(squared, np.inf)
    return np.asarray(np.sqrt(np.maximum(squared.min(axis=1), 0)), dtype=np.float64)


def conformal_p_values(
    scores: npt.NDArray[np.float64], held_out: npt.NDArray[np.float64], own: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return how unusual scores are among those of held-out originals, each compared with all but its own origin.

    Parameters
    ----------
    scores : array of float, shape (n,)
        Larger = stranger.
    held_out : array of float, shape (h,)
        Scores of originals that played no part in making the score.
    own : array of int, shape (n,)
        Which of the held-out originals each scored example comes from; it is left out of the comparison.

    Notes
    -----
    ``(1 + number at least as strange) / h``. For an example exchangeable with the other ``h - 1`` originals,
    ``P(p <= a) <= a`` for every ``a``, exactly, whatever the score (Vovk, Gammerman & Shafer 2005).

    Examples
    --------
    >>> conformal_p_values(np.array([9.0, 0.0]), np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 1])).tolist()
    [0.25, 1.0]
    """
    ordered = np.sort(held_out)
    stranger = len(ordered) - np.searchsorted(ordered, scores, "left")
    return np.asarray((1 + stranger - (held_out[own] >= scores)) / len(ordered))


def linear_scores(
    originals: Features, transformed: Features, halves: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Score examples by a discriminator that has seen neither them nor their origins: higher = more like transformed.

    Parameters
    ----------
    originals, transformed : array of float32, shape (n, d)
        In one order: row i of ``transformed`` comes from row i of ``originals``.
    halves : array of bool, shape (n,)
        The discriminator that scores one half is fitted on the other.

    Notes
    -----
    Linear discriminant analysis on the features and their squares, shrunk a little. Against a logistic regression it is
    as able here and a hundred times faster, which matters when there is one for each function and magnitude.
    """
    first = np.column_stack([originals, originals**2]).astype(np.float64)
    second = np.column_stack([transformed, transformed**2]).astype(np.float64)
    scores = np.zeros(len(first)), np.zeros(len(first))
    for half in (halves, ~halves):
        if half.sum() < 2 or (~half).sum() < 2:
            continue
        a, b = first[half], second[half]
        spread = np.concatenate([a, b]).std(axis=0)
        spread[spread == 0] = 1
        within = np.atleast_2d(np.cov(a / spread, rowvar=False) + np.cov(b / spread, rowvar=False))
        within[np.diag_indices_from(within)] += 0.01
        weights = np.linalg.solve(within, (b.mean(axis=0) - a.mean(axis=0)) / spread) / spread
        for out, rows in zip(scores, (first, second), strict=True):
            out[~half] = rows[~half] @ weights
    return scores
