"""Second and third moments of a few views of the votes: what the moment tensor method reads instead of rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["View", "ViewMoments", "make_views"]

# 12 views make 220 triples, each a table of k^3: enough to average over, and quick to go through.
_MOST_VIEWS = 12
_MOST_VIEWS_OF_MANY_CLASSES = 8
_MANY_CLASSES = 4

_BLOCK = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One source, or several of a kind taken together, as a random vector whose parts sum to 1.

    Parameters
    ----------
    features : ndarray of int64, shape (c,)
        Columns of `Problem.x`.
    onto : ndarray of float, shape (c, s)
        Which parts of the vector a vote counts for.
    size : int
        Number of sources.
    silence : bool
        False: the vector is the mean of the votes that there are, and unobserved where there is none (abstains are
        missing at random). True: the vector is the mean over all sources of what they do, and its last part, silence,
        is a value like others.
    share : ndarray of float, shape (parts, k)
        How much each part speaks for each class; silence for none.
    """

    features: npt.NDArray[np.int64]
    onto: Floats
    size: int
    silence: bool
    share: Floats

    def values(self, x: sparse.csr_array[Any]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the vector of each row of ``x`` (p, f), zero where unobserved, and whether it is observed."""
        mass = np.asarray(x[:, self.features] @ self.onto)
        total = mass.sum(axis=1, keepdims=True)
        if self.silence:
            return np.concatenate([mass, self.size - total], axis=1) / self.size, np.ones(len(mass), dtype=bool)
        return mass / np.where(total > 0, total, 1), total[:, 0] > 0


def make_views(problem: Problem, among: npt.NDArray[np.bool_] | None = None, *, silence: bool = False) -> list[View]:
    """Divide the sources into views: each on its own where they are few, otherwise dealt into groups of one kind.

    Parameters
    ----------
    problem : Problem
    among : ndarray of bool, shape (m,), optional
        Sources to use. Default: all.
    silence : bool
        Whether abstaining is a value also of sources that take several sides; of those that take one, it always is.

    Returns
    -------
    list of View
        At most 12, or 8 for more than four classes. Names and votes decide the order, so that the order of the sources
        does not.

    Notes
    -----
    Zhang, Chen, Zhou & Jordan (2016) deal workers into three groups; more groups use more of the triples of votes.
    """
    most = _MOST_VIEWS if problem.k <= _MANY_CLASSES else _MOST_VIEWS_OF_MANY_CLASSES
    used = np.ones(problem.m, dtype=bool) if among is None else among
    several, one = np.flatnonzero(used & problem.multipolar), np.flatnonzero(used & ~problem.multipolar)
    room = min(most, len(several) + len(one))
    for_several = round(room * len(several) / max(1, len(several) + len(one)))
    for_several = int(np.clip(for_several, min(3, len(several)), room - min(3, len(one))))
    votes = problem.member @ problem.totals
    side = (problem.member @ (problem.share * problem.totals[:, None])).argmax(axis=1)
    several_first = sorted(several.tolist(), key=lambda j: (-votes[j], problem.names[j]))
    by_side = sorted(one.tolist(), key=lambda j: (side[j], -votes[j], problem.names[j]))
    return [
        *_deal(problem, several_first, for_several, silence=silence),
        *_deal(problem, by_side, room - for_several, silence=True),
    ]


def _deal(problem: Problem, sources: list[int], views: int, *, silence: bool) -> list[View]:
    places = [np.flatnonzero(problem.source == j) for j in sources]
    alone, out = len(sources) <= views, []
    for at in range(min(views, len(sources))):
        features = np.concatenate(places[at::views])
        onto = np.eye(len(features)) if alone else problem.share[features]
        share = problem.share[features] if alone else np.eye(problem.k)
        if silence:
            share = np.concatenate([share, np.zeros((1, problem.k))])
        out.append(View(features, onto, len(places[at::views]), silence, share))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class ViewMoments:
    """Sums of products of views, over the examples on which the views are observed together.

    Parameters
    ----------
    sizes : tuple of int
        Length of each view's vector; their sum is F.
    pairs : ndarray of float, shape (F, F)
        Sum of ``z_u z_v^T`` for each pair of views.
    pair_rows : ndarray of float, shape (views, views)
        On how many examples both are observed.
    triples : dict of (int, int, int) to ndarray of float
        Sum of ``z_u * z_v * z_w`` for ``u < v < w``, shape (size of u, size of v, size of w).
    triple_rows : dict of (int, int, int) to float
    """

    sizes: tuple[int, ...]
    pairs: Floats
    pair_rows: Floats
    triples: dict[tuple[int, int, int], Floats]
    triple_rows: dict[tuple[int, int, int], float]

    @classmethod
    def of(cls, views: list[View], x: sparse.csr_array[Any], weights: Floats) -> ViewMoments:
        """Sum over the rows of ``x`` (p, f), each counted ``weights`` (p,)."""
        sizes = tuple(int(v.share.shape[0]) for v in views)
        stop = np.cumsum(sizes)
        total, count = int(stop[-1]), len(views)
        pairs, pair_rows = np.zeros((total, total)), np.zeros((count, count))
        tables = {(u, v): np.zeros((sizes[u] * sizes[v], total - stop[v])) for u, v in combinations(range(count), 2)}
        rows = dict.fromkeys(combinations(range(count), 3), 0.0)
        for start in range(0, len(weights), _BLOCK):
            block, w = x[start : start + _BLOCK], weights[start : start + _BLOCK]
            parts = [v.values(block) for v in views]
            z, seen = np.concatenate([p[0] for p in parts], axis=1), np.stack([p[1] for p in parts], axis=1) * 1.0
            pairs += z.T @ (z * w[:, None])
            pair_rows += seen.T @ (seen * w[:, None])
            for (u, v), table in tables.items():
                both = parts[u][0][:, :, None] * (parts[v][0] * w[:, None])[:, None, :]
                table += both.reshape(len(w), -1).T @ z[:, stop[v] :]
                together = (seen[:, u] * seen[:, v] * w) @ seen[:, v + 1 :]
                for at in range(v + 1, count):
                    rows[u, v, at] += float(together[at - v - 1])
        triples = {
            (u, v, at): tables[u, v][:, stop[at - 1] - stop[v] : stop[at] - stop[v]].reshape(
                sizes[u], sizes[v], sizes[at]
            )
            for u, v, at in rows
        }
        return cls(sizes, pairs, pair_rows, triples, rows)

    def __sub__(self, other: ViewMoments) -> ViewMoments:
        return ViewMoments(
            self.sizes,
            self.pairs - other.pairs,
            self.pair_rows - other.pair_rows,
            {t: table - other.triples[t] for t, table in self.triples.items()},
            {t: rows - other.triple_rows[t] for t, rows in self.triple_rows.items()},
        )

    @property
    def places(self) -> list[slice]:
        """Where each view's parts stand among the F."""
        stop = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(stop, self.sizes, strict=True)]
