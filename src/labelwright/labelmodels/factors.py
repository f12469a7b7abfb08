"""The factors of data programming, summed exactly: joint tables of small components instead of Gibbs sampling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core.errors import ModelError

from .dependencies.cliques import check_dependencies, disjoint_cliques, resolve_pairs
from .problem import Floats, Problem

__all__ = ["KINDS", "Factor", "FactorGraph", "cells_of", "resolve_factors"]

KINDS = ("exclusive", "fixing", "reinforcing", "similar")

# A table of this many joint votes still sums in milliseconds: ten sources that vote for one of two classes or abstain.
_MOST_CELLS = 65_536

# Above this many (cell, class) pairs, the tables of all sources together would not fit in memory.
_MOST_ENTRIES = 1 << 24


@dataclass(frozen=True, slots=True, order=True)
class Factor:
    """A dependency of two sources beyond Y.

    Parameters
    ----------
    kind : {"similar", "fixing", "reinforcing", "exclusive"}
    first, second : str
        Names of the sources. The second one fixes, or reinforces, the first.

    Notes
    -----
    Ratner, De Sa, Wu, Selsam & Ré (NIPS 2016), section 4, with "is y" for votes that mean the class y:

    ============ ==================================================================================
    similar      1 if both vote the same, or both abstain
    fixing       1 if the first is wrong and the second is y; -1 if the first abstains and the second does not
    reinforcing  1 if both are y; -1 if the first abstains and the second does not
    exclusive    -1 if both vote
    ============ ==================================================================================
    """

    kind: str
    first: str
    second: str


def resolve_factors(dependencies: Iterable[Any] | None, sources: Sequence[str]) -> list[Factor]:
    """Return declared dependencies as factors, sorted, each once.

    Parameters
    ----------
    dependencies : iterable of (kind, first, second), (first, second) or Dependency, or None
        Sources by name or position; without a kind, "similar".
    sources : sequence of str

    Raises
    ------
    ModelError
        If a kind is unknown, or a pair is not two different sources.

    Examples
    --------
    >>> resolve_factors([("fixing", "b", "a"), (0, 1)], ["a", "b"])
    [Factor(kind='fixing', first='b', second='a'), Factor(kind='similar', first='a', second='b')]
    """
    found = set()
    for one in check_dependencies(dependencies):
        kind, pair = "similar", one
        if isinstance(one, Sequence) and not isinstance(one, str) and len(one) == 3:
            kind, pair = one[0], tuple(one[1:])
        if kind not in KINDS:
            raise ModelError(f"dependencies hold {one!r}; allowed kinds: {', '.join(KINDS)}.")
        low, high = resolve_pairs([pair], sources)[0]
        first = pair.first if hasattr(pair, "first") else pair[0]
        backward = first in (high, sources[high]) and kind in ("fixing", "reinforcing")
        found.add(Factor(kind, *((sources[high], sources[low]) if backward else (sources[low], sources[high]))))
    return sorted(found)


@dataclass(frozen=True, eq=False)
class FactorGraph:
    """Components of dependent sources, each with the table of all that its sources can say together.

    ``P(L, Y) = P(Y) prod_C exp(theta . h_C(l_C, Y)) / Z_C(Y)``, where the components C are disjoint. A *cell* is one
    joint vote of a component; its first cell is silence.

    Parameters
    ----------
    offsets : ndarray of int64, shape (components,)
        First cell of each component.
    component : ndarray of int64, shape (cells,)
        Component of each cell.
    statistics : csr_array, shape (cells * k, parameters)
        h: the value of each factor in each cell under each class. Parameters are the accuracies of the sources in the
        order of their names, their propensities, and the dependencies.
    group : ndarray of int64, shape (f,)
        Component of each vote.
    unit : ndarray of int64, shape (f,)
        What a vote adds to the number of its component's cell.
    names : tuple of str
        Sources, sorted.
    factors : tuple of Factor
    k : int
    """

    offsets: npt.NDArray[np.int64]
    component: npt.NDArray[np.int64]
    statistics: sparse.csr_array[Any]
    group: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    names: tuple[str, ...]
    factors: tuple[Factor, ...]
    k: int

    @classmethod
    def of(cls, problem: Problem, factors: Iterable[Factor]) -> FactorGraph:
        """Build the tables; factors of sources that never vote are left out.

        Raises
        ------
        ModelError
            If dependencies tie so many sources together that their joint votes cannot be enumerated.
        """
        if len(problem.source) * problem.k > _MOST_ENTRIES:
            raise ModelError(
                f"{problem.m:,} sources give {len(problem.source):,} different votes for {problem.k:,} classes, too "
                "many for tables of what each says under each class. Use a model of accuracies alone: GLAD or Fusion."
            )
        names = tuple(sorted(problem.names))
        place = {name: at for at, name in enumerate(names)}
        kept = tuple(f for f in factors if f.first in place and f.second in place)
        tied = disjoint_cliques(len(names), [(place[f.first], place[f.second]) for f in kept])
        alone = sorted(set(range(len(names))) - {j for group in tied for j in group})
        groups = sorted([*tied, *((j,) for j in alone)])
        position = {name: at for at, name in enumerate(problem.names)}
        columns = [np.flatnonzero(problem.source == position[name]) for name in names]
        blocks, sizes = [], []
        component, unit = np.zeros((2, len(problem.source)), dtype=np.int64)
        for at, group in enumerate(groups):
            _check_size(names, group, [len(columns[j]) for j in group])
            letters = _letters([len(columns[j]) + 1 for j in group])
            radix = np.cumprod([1, *(len(columns[j]) + 1 for j in group[:-1])])
            for j, first in zip(group, radix, strict=True):
                component[columns[j]] = at
                unit[columns[j]] = first * np.arange(1, len(columns[j]) + 1)
            blocks.append(_statistics(problem, columns, place, group, letters, kept))
            sizes.append(len(letters))
        return cls(
            np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
            np.repeat(np.arange(len(groups)), sizes),
            sparse.csr_array(sparse.vstack(blocks, format="csr")),
            component,
            unit,
            names,
            kept,
            problem.k,
        )

    def cells(self, x: sparse.csr_array[Any]) -> sparse.csr_array[Any]:
        """Return which cells but silence the rows of ``x`` (p, f) are in, as a 0/1 matrix, shape (p, cells)."""
        return cells_of(x, self.group, self.unit, self.offsets, len(self.component))

    def log_tables(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return log P(cell | Y), shape (cells, k), and log Z of each component under each class, (components, k)."""
        logits = np.asarray(self.statistics @ theta).reshape(-1, self.k)
        top = np.maximum.reduceat(logits, self.offsets)
        total = np.add.reduceat(np.exp(logits - top[self.component]), self.offsets)
        log_partition = top + np.log(total)
        return logits - log_partition[self.component], log_partition

    def gradient(self, tables: Floats, seen: Floats, mass: Floats) -> Floats:
        """Return the gradient of ``sum(seen * tables)`` by theta: what was seen less what is expected.

        Parameters
        ----------
        tables : ndarray of float, shape (cells, k)
            log P(cell | Y).
        seen : ndarray of float, shape (cells, k)
            Examples in each cell of each class.
        mass : ndarray of float, shape (k,)
            Examples of each class.
        """
        return np.asarray(self.statistics.T @ (seen - mass * np.exp(tables)).ravel())


def cells_of(
    x: sparse.csr_array[Any],
    group: npt.NDArray[np.int64],
    unit: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    cells: int,
) -> sparse.csr_array[Any]:
    """Return which of the cells but silence the rows of votes ``x`` (p, f) are in; see `FactorGraph`."""
    f = len(unit)
    number = sparse.csr_array(
        x @ sparse.csr_array((unit.astype(np.float64), (np.arange(f), group)), shape=(f, len(offsets)))
    )
    number.eliminate_zeros()
    number.sort_indices()
    columns = offsets[number.indices] + np.rint(number.data).astype(np.int64)
    return sparse.csr_array((np.ones(len(columns)), columns, number.indptr), shape=(number.shape[0], cells))


def _check_size(names: tuple[str, ...], group: tuple[int, ...], sizes: list[int]) -> None:
    cells = 1
    for size in sizes:
        cells *= size + 1
    if cells > _MOST_CELLS:
        some = ", ".join(repr(names[j]) for j in group[:4])
        raise ModelError(
            f"dependencies tie {len(group)} sources together ({some}, ...), which can vote in {cells:.3g} ways; at "
            f"most {_MOST_CELLS:,} can be summed exactly. Declare fewer dependencies, so that the group falls apart, "
            "or leave out all but one of sources that are copies."
        )


def _letters(sizes: list[int]) -> npt.NDArray[np.int64]:
    """Return each member's state, 0 for abstain, in each cell; the first member changes fastest."""
    radix = np.cumprod([1, *sizes[:-1]])
    return np.asarray(np.arange(int(np.prod(sizes)))[:, None] // radix % np.array(sizes))


def _statistics(
    problem: Problem,
    columns: list[npt.NDArray[np.int64]],
    place: dict[str, int],
    group: tuple[int, ...],
    letters: npt.NDArray[np.int64],
    factors: tuple[Factor, ...],
) -> sparse.csr_array[Any]:
    """Return h of one component, shape (cells * k, parameters)."""
    m, k, cells = len(place), problem.k, len(letters)
    member = {j: at for at, j in enumerate(group)}
    # meaning[j][state] says for which classes that is a vote; state 0 is none.
    meaning = {j: np.concatenate([np.zeros((1, k), dtype=bool), problem.meaning[columns[j]]]) for j in group}
    right = {j: meaning[j][letters[:, at]] for j, at in member.items()}
    votes = {j: np.repeat(letters[:, at, None] > 0, k, axis=1) for j, at in member.items()}
    values = {j: right[j] * 1.0 - (votes[j] & ~right[j]) for j in group}
    values |= {m + j: votes[j] * 1.0 for j in group}
    for at, factor in enumerate(factors):
        first, second = place[factor.first], place[factor.second]
        if first in member and second in member:
            same = (right[first] == right[second]).all(axis=1, keepdims=True)
            values[2 * m + at] = _value(factor.kind, votes, right, first, second, same)
    data = np.stack([values[column].reshape(cells * k) for column in values], axis=1)
    row, which = np.nonzero(data)
    where = np.array(list(values))[which]
    return sparse.csr_array((data[row, which], (row, where)), shape=(cells * k, 2 * m + len(factors)))


def _value(
    kind: str,
    votes: dict[int, npt.NDArray[np.bool_]],
    right: dict[int, npt.NDArray[np.bool_]],
    first: int,
    second: int,
    same: npt.NDArray[np.bool_],
) -> Floats:
    """Return a factor's value in each cell under each class, shape (cells, k); see `Factor`."""
    if kind == "similar":
        return np.asarray(np.broadcast_to(same, votes[first].shape) * 1.0)
    if kind == "exclusive":
        return np.asarray(-1.0 * (votes[first] & votes[second]))
    missed = ~votes[first] & votes[second]
    wrong = votes[first] & ~right[first]
    hit = right[second] & (wrong if kind == "fixing" else right[first])
    return np.asarray(hit, dtype=np.float64) - missed
