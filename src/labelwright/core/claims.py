"""Claims: what each source says about each item, where every item has values of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import VoteError
from .sparse import positions

__all__ = ["Claims", "FusedValues"]


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Claims:
    """Claims for data fusion: frozen, checked once, read-only.

    Votes choose among the same k classes on every example; claims do not. Each item (a book, a flight) has its own set
    of candidate values: those that somebody claims.

    Parameters
    ----------
    source, item : array_like of (str or int), shape (c,)
        Who claims, and about what. Sources are kept as strings.
    value : array_like of (str, int, float or bool), shape (c,)
        What is claimed. Two claims agree where their values are equal: bring them to one form first.

    Attributes
    ----------
    sources : tuple of str, length m
        The sources, in the order of their names.
    items : ndarray of int or str, shape (n,)
        The items, sorted.
    values : ndarray, shape (v,)
        The different values, sorted (or in the order in which they come, where they cannot be compared).
    source, item, value : ndarray of int64, shape (c,)
        Positions in those of each claim; sorted by item, then source.

    Raises
    ------
    VoteError
        If the columns differ in length, something is missing, or a source claims twice about one item.

    Examples
    --------
    >>> claims = Claims(["a", "b", "c"], ["book", "book", "film"], ["Knuth", "Knuth, D.", "Lang"])
    >>> claims
    Claims(claims=3, items=2, sources=3, values=3)
    >>> claims.items.tolist(), claims.source.tolist()
    (['book', 'film'], [0, 1, 2])
    """

    sources: tuple[str, ...]
    items: npt.NDArray[Any]
    values: npt.NDArray[Any]
    source: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]

    def __init__(self, source: npt.ArrayLike, item: npt.ArrayLike, value: npt.ArrayLike) -> None:
        columns = {"source": _column(source, "source"), "item": _column(item, "item"), "value": _column(value, "value")}
        lengths = {what: len(column) for what, column in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{count} of {what}" for what, count in lengths.items())
            raise VoteError(f"source, item and value differ in length: {told}. Each claim has one of each.")
        if columns["item"].dtype.kind not in "iuU":
            raise VoteError(f"item has values of type {columns['item'].dtype}; items are integers or strings.")
        names = columns["source"]
        sources, s = np.unique(names if names.dtype.kind == "U" else names.astype(np.str_), return_inverse=True)
        items, i = np.unique(columns["item"], return_inverse=True)
        values, v = _distinct(columns["value"])
        self._set(tuple(str(x) for x in sources), items, values, s, i, v)

    @classmethod
    def from_entries(
        cls,
        source: npt.ArrayLike,
        item: npt.ArrayLike,
        value: npt.ArrayLike,
        *,
        sources: Sequence[str],
        items: npt.ArrayLike,
        values: npt.ArrayLike,
    ) -> Claims:
        """Build claims from positions: how millions of claims come in without millions of names.

        Parameters
        ----------
        source, item, value : array_like of int, shape (c,)
            Positions in the three lists of names.
        sources, items, values : array_like
            Different names; those that no claim uses are left out.

        Examples
        --------
        >>> Claims.from_entries([1, 0], [0, 0], [0, 0], sources=["a", "b"], items=[7], values=["x", "y"])
        Claims(claims=2, items=1, sources=2, values=1)
        """
        named = {"source": np.array(sources, dtype=np.str_), "item": np.asarray(items), "value": np.asarray(values)}
        codes = {"source": np.asarray(source), "item": np.asarray(item), "value": np.asarray(value)}
        found = {}
        for what, names in named.items():
            entries = codes[what]
            if entries.size and (entries.dtype.kind not in "iu" or entries.min() < 0 or entries.max() >= len(names)):
                raise VoteError(f"{what} holds positions outside 0..{len(names) - 1}.")
            used, where = np.unique(entries.astype(np.int64), return_inverse=True)
            order = np.arange(len(used)) if what == "value" else np.argsort(names[used], kind="stable")
            place = np.empty_like(order)
            place[order] = np.arange(len(order))
            found[what] = names[used][order], place[where]
        out = object.__new__(cls)
        (who, s), (about, i), (said, v) = found.values()
        out._set(tuple(str(x) for x in who), about, said, s, i, v)
        return out

    def _set(
        self,
        sources: tuple[str, ...],
        items: npt.NDArray[Any],
        values: npt.NDArray[Any],
        s: npt.NDArray[np.int64],
        i: npt.NDArray[np.int64],
        v: npt.NDArray[np.int64],
    ) -> None:
        order = np.lexsort((s, i))
        s, i, v = s[order], i[order], v[order]
        twice = np.flatnonzero((s[1:] == s[:-1]) & (i[1:] == i[:-1]))
        if len(twice):
            at = twice[0]
            raise VoteError(
                f"source {sources[s[at]]!r} claims {values[v[at]]!s} and {values[v[at + 1]]!s} about item "
                f"{items[i[at]]!s} ({len(twice)} repeats in all); keep one claim of each source about each item. "
                "labelwright.data.read_claims has a policy for repeats."
            )
        fields = {"sources": sources, "items": items, "values": values, "source": s, "item": i, "value": v}
        for name, found in fields.items():
            if isinstance(found, np.ndarray):
                found.flags.writeable = False
            object.__setattr__(self, name, found)

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.items)

    @property
    def m(self) -> int:
        """Number of sources."""
        return len(self.sources)

    @property
    def candidates(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The values that each item may have.

        Returns
        -------
        item, value : ndarray of int64, shape (d,)
            The different claims, sorted by item; within an item in the order of the first source that claims each, so
            that the numbering does not depend on what other items there are.
        chosen : ndarray of int64, shape (c,)
            Candidate of each claim.

        Examples
        --------
        >>> item, value, chosen = Claims(["a", "b", "c"], [7, 7, 7], ["y", "x", "y"]).candidates
        >>> value.tolist(), chosen.tolist()
        ([1, 0], [0, 1, 0])
        """
        pair = self.item * max(1, len(self.values)) + self.value
        _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return self.item[first[order]], self.value[first[order]], rank[inverse]

    def take(self, index: npt.ArrayLike | slice) -> Claims:
        """Return the claims about the items at ``index`` (positions, a slice or a boolean mask).

        Examples
        --------
        >>> Claims(["a", "b"], [1, 2], [True, False]).take([1]).items.tolist()
        [2]
        """
        chosen = np.isin(self.item, positions(index, self.n))
        names = np.array(self.sources, dtype=np.str_)
        return Claims(names[self.source[chosen]], self.items[self.item[chosen]], self.values[self.value[chosen]])

    def __len__(self) -> int:
        return len(self.source)

    def __repr__(self) -> str:
        return f"Claims(claims={len(self):,}, items={self.n:,}, sources={self.m:,}, values={len(self.values):,})"


@dataclass(frozen=True, slots=True, eq=False)
class FusedValues:
    """The answer of data fusion: for each item the values that are claimed, and how probable each is.

    Parameters
    ----------
    items : ndarray of int or str, shape (n,)
    item : ndarray of int64, shape (d,)
        Position of the item of each candidate; rising.
    candidates : ndarray, shape (d,)
        Claimed values.
    probs : ndarray of float, shape (d,)
        P(value | claims). What an item's probabilities lack of 1 is that of a value that nobody claims.

    Examples
    --------
    >>> fused = FusedValues(np.array(["book"]), np.array([0, 0]), np.array(["Knuth", "Lang"]), np.array([0.7, 0.2]))
    >>> fused.values.tolist(), fused.probabilities.tolist(), fused.score({"book": "Knuth"})
    (['Knuth'], [0.7], 1.0)
    """

    items: npt.NDArray[Any]
    item: npt.NDArray[np.int64]
    candidates: npt.NDArray[Any]
    probs: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.items, self.item, self.candidates, self.probs):
            array.flags.writeable = False

    @property
    def best(self) -> npt.NDArray[np.int64]:
        """The most probable candidate of each item, shape (n,); of equal ones, the first."""
        order = np.lexsort((np.arange(len(self.item)), -self.probs, self.item))
        return np.asarray(order[np.searchsorted(self.item, np.arange(len(self.items)))])

    @property
    def values(self) -> npt.NDArray[Any]:
        """The most probable value of each item, shape (n,)."""
        return np.asarray(self.candidates[self.best])

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """The probability of the most probable value of each item, shape (n,)."""
        return np.asarray(self.probs[self.best])

    def score(self, gold: Mapping[Any, Any]) -> float:
        """Return the share of the items in ``gold`` (item to value) whose most probable value is the true one.

        Raises
        ------
        VoteError
            If no item of ``gold`` is among the items.
        """
        found = dict(zip(self.items.tolist(), self.values.tolist(), strict=True))
        right = [found[item] == value for item, value in gold.items() if item in found]
        if not right:
            raise VoteError("no item of gold is among the items that were claimed about, so there is nothing to score.")
        return float(np.mean(right))

    def __len__(self) -> int:
        return len(self.items)


def _column(values: npt.ArrayLike, what: str) -> npt.NDArray[Any]:
    array = values if isinstance(values, np.ndarray) else _listed(values)
    if array.ndim != 1:
        raise VoteError(f"{what} has shape {array.shape}; it is a column, with one entry for each claim.")
    missing = _missing(array)
    if missing.any():
        at = int(np.argmax(missing))
        raise VoteError(
            f"{what} is missing at position {at} ({int(missing.sum())} in all); leave out claims that say nothing."
        )
    if array.dtype == object and all(isinstance(x, str) for x in array):
        return array.astype(np.str_)
    return array


def _listed(values: Any) -> npt.NDArray[Any]:
    """Return a list as an array without turning numbers among texts into texts."""
    listed = list(values)
    if len({type(x) for x in listed}) == 1 and isinstance(listed[0], (str, bool, int, float, np.generic)):
        return np.asarray(listed)
    out = np.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def _missing(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if array.dtype.kind == "f":
        return np.asarray(np.isnan(array))
    if array.dtype == object:
        return np.array([x is None or x != x for x in array], dtype=bool)
    return np.zeros(len(array), dtype=bool)


def _distinct(column: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the distinct values and the position of each claim's among them."""
    if column.dtype != object:
        values, inverse = np.unique(column, return_inverse=True)
        return values, inverse.astype(np.int64)
    places: dict[Any, int] = {}
    try:
        # 1, 1.0 and True are equal to Python, but not to the people who claim them.
        found = [places.setdefault((type(x), x), len(places)) for x in column]
    except TypeError as error:
        raise VoteError(f"a claimed value cannot be compared ({error}); values are text, numbers or tuples.") from error
    values = np.empty(len(places), dtype=object)
    values[:] = [x for _, x in places]
    return values, np.array(found, dtype=np.int64)
