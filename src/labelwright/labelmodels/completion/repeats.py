"""Sources that say exactly what another says: they count as one, and no test is needed to find them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Problem

__all__ = ["repeated_in_moments", "repeated_in_rows", "third_of_weighted"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def repeated_in_moments(counts: Integers, moments: Floats, features: Features, among: Iterable[int]) -> Integers:
    """Return for each source the first source that gave the very same votes, shape (m,); itself where none did.

    Parameters
    ----------
    counts : ndarray of int64, shape (f,)
        Votes of each feature.
    moments : ndarray of float, shape (f, f)
        E[x x^T] of the features.
    features : Features
    among : iterable of int
        The sources that are compared.

    Examples
    --------
    >>> from labelwright.core import VoteFrame
    >>> x = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 0, 1]])
    >>> features = Features.of(VoteFrame((0, 1), ("a", "b")))
    >>> repeated_in_moments(x.sum(axis=0), x.T @ x / 3, features, range(2)).tolist()
    [0, 0]
    """
    first = np.arange(len(features.offsets) - 1)
    alike: dict[Hashable, list[int]] = {}
    for j in among:
        own = slice(int(features.offsets[j]), int(features.offsets[j + 1]))
        if not counts[own].any():
            continue
        rivals = alike.setdefault((counts[own].tobytes(), features.meaning[own].tobytes()), [])
        for other in rivals:
            at = np.arange(own.start, own.stop), np.arange(features.offsets[other], features.offsets[other + 1])
            # Both are the same integers divided by the same number of rows.
            if np.array_equal(moments[at], moments[at[0], at[0]]):
                first[j] = other
                break
        else:
            rivals.append(j)
    return first


def repeated_in_rows(problem: Problem) -> list[tuple[str, str]]:
    """Return pairs of sources, by name, of which the second gave the very same votes as the first in every row.

    Examples
    --------
    >>> from labelwright.core import PatternCounts, Votes
    >>> votes = Votes([[0, 1, 0], [1, 1, 1], [-1, 0, -1]], sources=["a", "b", "c"])
    >>> repeated_in_rows(Problem.of(PatternCounts.of(votes)))
    [('a', 'c')]
    """
    said: list[list[Hashable]] = [[] for _ in problem.names]
    stops = np.split(problem.xt.indices, problem.xt.indptr[1:-1])
    for rows, source, meaning in zip(stops, problem.source.tolist(), problem.meaning, strict=True):
        said[source].append((np.sort(rows).tobytes(), meaning.tobytes()))
    first: dict[Hashable, str] = {}
    pairs = [(first.setdefault(tuple(one), name), name) for one, name in zip(said, problem.names, strict=True)]
    return [pair for pair in pairs if pair[0] != pair[1]]


def third_of_weighted(third: Floats, means: Floats, moments: Floats, side: Floats, times: Floats) -> Floats:
    """Return third moments with repeated sources as one group each, of those with each source as a group of its own.

    Parameters
    ----------
    third : ndarray of float, shape (f,)
        ``E[x sum_{d<e} b_d b_e]`` over the pairs of other sources; see `RowSums`.
    means, moments : ndarray of float, shapes (f,) and (f, f)
        E[x] and E[x x^T] of the votes of one source of each group.
    side : ndarray of float, shape (f,)
        1 where the vote speaks for class 1, -1 for class 0, 0 for neither.
    times : ndarray of float, shape (f,)
        How many sources repeat the vote, itself included.

    Notes
    -----
    A group of c takes c times the side b of one. Too much in ``third`` are pairs within a group, ``c (c - 1) / 2``
    times ``x b^2``, and, for a vote x of side s in the group itself, the c - 1 others beside all T outside,
    ``(c - 1) s x T``. Both are second moments.
    """
    alone = side**2 * means
    within, fewer = times * (times - 1) / 2, (times - 1) * (times - 2) / 2
    inside = moments @ (side**2 * within) + (fewer - within) * alone
    outside = (times - 1) * (side * (moments @ (side * times)) - times * alone)
    return np.asarray(third - inside - outside)
