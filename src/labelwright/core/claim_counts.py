"""Counts of claims: how often each pattern of agreement about an item occurs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .claims import Claims
from .errors import ModelError
from .seeds import hash_ids
from .sparse import SparseRows

__all__ = ["ClaimCounts"]

_UNKNOWN, _UNCLAIMED = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class ClaimCounts:
    """How often each pattern of agreement occurs: exact, mergeable, subtractable.

    A pattern says who claims something about an item and who agrees with whom; what the values are does not matter to
    fusion, so they are numbered within the item, in the order of the first source (by name) that claims each.

    Parameters
    ----------
    sources : tuple of str
        The sources that claim anything, by name.
    patterns : SparseRows, shape (p, m)
        The distinct patterns, in the order of their keys: a code is the number of a value within the item.
    gold : ndarray of int64, shape (p,)
        Number of the true value; -1 where it is unknown, -2 where it is known and nobody claims it.
    keys : ndarray of uint64, shape (p,)
        Hash of each pattern and its gold.
    counts : ndarray of int64, shape (p,)
        Items of each pattern.

    Notes
    -----
    An item's claims belong together: cut tables between items, never within one. Many sources about few items each
    leave nearly one pattern for each item, so that these stats are at worst as large as the claims.

    Examples
    --------
    >>> claims = Claims(["a", "b", "a", "b"], [1, 1, 2, 2], ["x", "x", "y", "y"])
    >>> counts = ClaimCounts.of(claims)
    >>> counts.patterns.dense().tolist(), counts.counts.tolist()
    ([[0, 0]], [2])
    >>> counts == ClaimCounts.of(claims.take([1])) + ClaimCounts.of(claims.take([0]))
    True
    """

    sources: tuple[str, ...]
    patterns: SparseRows
    gold: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, claims: Claims, *, gold: Mapping[Any, Any] | None = None) -> ClaimCounts:
        """Count ``claims``; ``gold`` maps items to their true values, and items without claims are passed over."""
        rows = cls.rows_of(claims, gold=gold)
        return _grouped(rows.sources, rows.patterns, rows.gold, rows.keys, rows.counts)

    @classmethod
    def rows_of(cls, claims: Claims, *, gold: Mapping[Any, Any] | None = None) -> ClaimCounts:
        """Return one pattern for each item, in the order of the items: not merged, so that answers find their item."""
        if not isinstance(claims, Claims):
            raise ModelError(
                f"claims are a {type(claims).__name__}; pass Claims, as read_claims returns. fit takes votes."
            )
        item, _, chosen = claims.candidates
        local = chosen - np.searchsorted(item, np.arange(claims.n))[claims.item]
        known = _known(claims, gold or {})
        keys = np.asarray(hash_ids(known, salt=1))
        np.add.at(keys, claims.item, _claim_hash(claims.sources, claims.source, local))
        rows = SparseRows.from_entries(claims.item, claims.source, local, shape=(claims.n, claims.m))
        return cls(claims.sources, rows, known, keys, np.ones(claims.n, dtype=np.int64))

    @property
    def items(self) -> int:
        """Number of items."""
        return int(self.counts.sum())

    @property
    def claims(self) -> int:
        """Number of claims."""
        return int(self.counts @ np.diff(self.patterns.indptr))

    def __add__(self, other: ClaimCounts) -> ClaimCounts:
        return self._merged(other, 1)

    def __sub__(self, other: ClaimCounts) -> ClaimCounts:
        out = self._merged(other, -1)
        if (out.counts < 0).any():
            raise ModelError("these stats do not contain the claims to be taken away; subtract only what was added.")
        return out

    def _merged(self, other: ClaimCounts, sign: int) -> ClaimCounts:
        sources = tuple(sorted({*self.sources, *other.sources}))
        rows = SparseRows.concat([_widened(self, sources), _widened(other, sources)])
        return _grouped(
            sources,
            rows,
            np.concatenate([self.gold, other.gold]),
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.counts, sign * other.counts]),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClaimCounts):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        return self.sources == other.sources and all(map(np.array_equal, mine, theirs))

    def _arrays(self) -> tuple[npt.NDArray[np.generic], ...]:
        rows = self.patterns
        return self.keys, self.gold, self.counts, rows.indptr, rows.columns, rows.codes


def _known(claims: Claims, gold: Mapping[Any, Any]) -> npt.NDArray[np.int64]:
    """Return the number of each item's true value within the item, shape (n,)."""
    out = np.full(claims.n, _UNKNOWN, dtype=np.int64)
    if not gold:
        return out
    item, value, _ = claims.candidates
    start = np.searchsorted(item, np.arange(claims.n + 1))
    for i, name in enumerate(claims.items.tolist()):
        if name in gold:
            said = claims.values[value[start[i] : start[i + 1]]].tolist()
            out[i] = said.index(gold[name]) if gold[name] in said else _UNCLAIMED
    return out


def _claim_hash(
    sources: tuple[str, ...], source: npt.NDArray[np.int64], local: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Hash each (source, number of value), so that the wrapping sum over a pattern tells patterns apart."""
    names = hash_ids(np.array(sources, dtype=np.str_)) if sources else np.zeros(0, dtype=np.uint64)
    return np.asarray(hash_ids((names[source] ^ hash_ids(local, salt=2)).view(np.int64)))


def _widened(stats: ClaimCounts, sources: tuple[str, ...]) -> SparseRows:
    place = np.searchsorted(np.array(sources, dtype=np.str_), np.array(stats.sources, dtype=np.str_))
    rows = stats.patterns
    # Both lists of sources are sorted, so columns keep rising within a row.
    columns = place[rows.columns].astype(np.int32)
    return SparseRows(rows.indptr, columns, rows.codes, (rows.shape[0], len(sources)))


def _grouped(
    sources: tuple[str, ...],
    rows: SparseRows,
    gold: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int64],
) -> ClaimCounts:
    """Sum equal patterns; drop those that sum to zero, and the sources that nothing is left of."""
    key, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    total = np.zeros(len(key), dtype=np.int64)
    np.add.at(total, inverse, counts)
    kept = total != 0
    rows = rows.take(first[kept])
    used = np.unique(rows.columns)
    place = np.zeros(max(1, len(sources)), dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    rows = SparseRows(rows.indptr, place[rows.columns], rows.codes, (rows.shape[0], len(used)))
    return ClaimCounts(tuple(sources[j] for j in used), rows, gold[first[kept]], key[kept], total[kept])
