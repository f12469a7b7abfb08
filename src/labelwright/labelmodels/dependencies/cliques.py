"""Declared dependencies as disjoint cliques, and each clique's votes as one composite vote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import VoteFrame
from labelwright.core.errors import ModelError

__all__ = ["CliqueCells", "check_dependencies", "disjoint_cliques", "resolve_pairs"]

# A clique whose members' votes combine in more ways than this is told apart by its net tally: fuller tables would have
# more cells than most data have examples for each.
MOST_CELLS = 256


def check_dependencies(dependencies: Iterable[Any] | None) -> Iterable[Any]:
    """Return the option ``dependencies`` if it can be gone through, time and again; none for None.

    Raises
    ------
    ModelError
        If it is text, a single thing, or an iterator, which the first fit would use up.

    Examples
    --------
    >>> check_dependencies([("a", "b")])
    [('a', 'b')]
    """
    if dependencies is None:
        return ()
    if isinstance(dependencies, (str, Iterator)) or not isinstance(dependencies, Iterable):
        raise ModelError(f"dependencies is {dependencies!r}; give a list of pairs of sources: [('first', 'second')].")
    return dependencies


def resolve_pairs(dependencies: Iterable[Any] | None, sources: Sequence[str]) -> list[tuple[int, int]]:
    """Return dependencies as pairs of source positions, each once, the lower first, sorted.

    Parameters
    ----------
    dependencies : iterable of (str, str), (int, int) or Dependency, or None
        Names or positions of two sources that depend on each other beyond Y; a `Dependencies` is such an iterable.
    sources : sequence of str
        The sources in the order of their columns.

    Raises
    ------
    ModelError
        If a pair is not two different sources, or names a source that there is not.

    Examples
    --------
    >>> resolve_pairs([("b", "a"), (0, 1), (1, 2)], ["a", "b", "c"])
    [(0, 1), (1, 2)]
    """
    place = {name: j for j, name in enumerate(sources)}
    found = set()
    for pair in check_dependencies(dependencies):
        ends = (pair.first, pair.second) if hasattr(pair, "first") and hasattr(pair, "second") else pair
        if isinstance(ends, str) or not isinstance(ends, Sequence | np.ndarray) or len(ends) != 2:
            raise ModelError(f"{pair!r} is not a pair of sources; give two names or two positions.")
        first, second = sorted(_position(end, place, sources) for end in ends)
        if first == second:
            raise ModelError(f"source {sources[first]!r} cannot depend on itself; give two different sources.")
        found.add((first, second))
    return sorted(found)


def disjoint_cliques(m: int, pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Close pairs to disjoint cliques: the connected components of at least two of ``m`` sources.

    A chain a-b-c becomes the clique {a, b, c}. Without that, the inverse covariance of single votes is not zero
    between a and c (Loh & Wainwright 2013: only triangulated graphs with singleton separators keep their zeros).

    Examples
    --------
    >>> disjoint_cliques(6, [(0, 1), (1, 2), (4, 5)])
    ((0, 1, 2), (4, 5))
    """
    leader = list(range(m))
    for first, second in pairs:
        low, high = sorted((leader[first], leader[second]))
        leader = [low if one == high else one for one in leader]
    groups: dict[int, list[int]] = {}
    for j, one in enumerate(leader):
        groups.setdefault(one, []).append(j)
    return tuple(tuple(members) for members in groups.values() if len(members) > 1)


@dataclass(frozen=True, slots=True)
class CliqueCells:
    """What the members of one clique said together, as one code: cell 0 where all abstain.

    Where the votes combine in at most 256 ways, each way is a cell of its own. Otherwise the cell is a tally: for two
    classes the votes for class 1 less those for class 0, for more the class with most votes (or a tie). Any function of
    a clique's votes is as independent of the other sources given Y as the votes are, so that coarser cells lose
    information, not truth.

    Parameters
    ----------
    members : tuple of int
        Positions of the sources, rising.
    sizes : tuple of int
        How many codes each member has.
    meanings : tuple of tuple of frozenset of int
        For each member and code, the classes that the vote means.
    k : int
        Cardinality.

    Examples
    --------
    >>> cells = CliqueCells.of(VoteFrame((0, 1), ("a", "b", "c")), (0, 2))
    >>> cells.count, cells.code([[-1, 0, -1], [0, 1, -1], [1, -1, 1]]).tolist()
    (9, [0, 1, 8])
    >>> cells.letters.tolist()[8]
    [1, 1]
    """

    members: tuple[int, ...]
    sizes: tuple[int, ...]
    meanings: tuple[tuple[frozenset[int], ...], ...]
    k: int

    @classmethod
    def of(cls, frame: VoteFrame, members: Iterable[int]) -> CliqueCells:
        """Return the cells of the sources at ``members``."""
        chosen = tuple(sorted(members))
        own = dict(frame.alphabet)
        singles = tuple(frozenset([c]) for c in range(frame.k))
        meanings = tuple(own.get(frame.sources[j], singles) for j in chosen)
        return cls(chosen, tuple(len(meaning) for meaning in meanings), meanings, frame.k)

    @property
    def by_tally(self) -> bool:
        """Whether cells are tallies."""
        total = 1
        for size in self.sizes:
            total *= size + 1
        return total > MOST_CELLS

    @property
    def count(self) -> int:
        """Number of cells, the one of abstaining included."""
        if self.by_tally:
            return 2 * len(self.members) + 2 if self.k == 2 else self.k + 2
        return int(np.prod([size + 1 for size in self.sizes]))

    @property
    def letters(self) -> npt.NDArray[np.int64]:
        """Code of each member in each cell, -1 for abstain, shape (count, number of members); for cells not tallied."""
        radix = np.cumprod([1, *(size + 1 for size in self.sizes[:-1])])
        return np.asarray(np.arange(self.count)[:, None] // radix % (np.array(self.sizes) + 1) - 1)

    def code(self, block: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the cell of each row of ``block``, votes (n, m) with -1 for abstain; shape (n,)."""
        votes = np.asarray(block)[:, self.members].astype(np.int64)
        if not self.by_tally:
            radix = np.cumprod([1, *(size + 1 for size in self.sizes[:-1])])
            return np.asarray((votes + 1) @ radix)
        return np.where((votes >= 0).any(axis=1), self._tally(votes), 0)

    def _tally(self, votes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the tally of each row of the members' votes as a code of 1 or more, shape (n,)."""
        mass = np.zeros((len(votes), self.k))
        for at, meaning in enumerate(self.meanings):
            # A vote for several classes is a vote for none of them over another.
            table = np.zeros((len(meaning) + 1, self.k))
            for code, classes in enumerate(meaning):
                table[code + 1, sorted(classes)] = 1
            mass += table[votes[:, at] + 1]
        if self.k == 2:
            return np.asarray(mass[:, 1] - mass[:, 0], dtype=np.int64) + len(self.members) + 1
        most = mass == mass.max(axis=1, keepdims=True)
        return np.where(most.sum(axis=1) == 1, most.argmax(axis=1) + 1, self.k + 1)


def _position(end: Any, place: dict[str, int], sources: Sequence[str]) -> int:
    if isinstance(end, str):
        if end not in place:
            raise ModelError(f"dependencies name a source {end!r}; there are {', '.join(sources)}.")
        return place[end]
    if isinstance(end, (int, np.integer)) and not isinstance(end, bool) and 0 <= end < len(sources):
        return int(end)
    raise ModelError(f"dependencies hold {end!r}; allowed: names of sources, or positions 0 to {len(sources) - 1}.")
