"""The label matrix L: what each source said about each example."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .alphabets import Letters, first_lacking, lookup, plain_letters, recoded, united
from .classes import Class, check_classes
from .errors import VoteError
from .failures import KEPT_FAILURES, Failure, merge_failures
from .given_votes import checked_column, checked_ids, checked_names, column_names, dense_codes
from .notebook import votes_html
from .seeds import hash_ids
from .sparse import SparseRows, first_outside, positions

__all__ = ["ABSTAIN", "KEPT_FAILURES", "Failure", "Votes", "class_codes", "merge_failures"]

ABSTAIN = -1

_DENSE_BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Votes:
    """The votes of m sources on n examples: frozen, checked once, read-only.

    Parameters
    ----------
    values : array_like of int, shape (n, m), or SparseRows
        Codes 0..k-1, with -1 for abstain; a data frame of pandas or Polars has a column for each source. Dense codes
        are kept as int8 (int16 past 127).
    classes : int or sequence of (str or int), optional
        The cardinality, or the classes in the order of their codes. Default: as many as the codes need, at least 2.
    sources : sequence of str, optional
        One name per column, all different. Default: the columns of a data frame; else ``"0"``, ``"1"``, ...
    example_ids : array_like of int or str, shape (n,), optional
        All different. Default: the position, which then travels with the row.
    groups : array_like of int or str, shape (n,), optional
        Rows of one group are never told apart by resampling (sentences of one document, say).
    alphabet : mapping of str to sequence of sets, optional
        For sources whose codes do not each mean one class: ``{"not_spam": [{0, 2}]}`` says that code 0 of source
        ``not_spam`` means "class 0 or 2". A source that is not named votes for classes.
    failures : sequence of Failure, optional
        Sources that raised, counted under ``on_error="abstain"``.

    Raises
    ------
    VoteError
        If the values are ragged, not integers or outside the alphabet, or the other arguments do not fit them.

    Examples
    --------
    >>> votes = Votes([[1, -1], [0, 1]], classes=["ham", "spam"], sources=["has_link", "short"])
    >>> votes
    Votes(n=2, m=2, classes=('ham', 'spam'), coverage=100.0%)
    >>> votes.values.dtype, votes.k
    (dtype('int8'), 2)
    """

    rows: npt.NDArray[np.int8] | npt.NDArray[np.int16] | SparseRows
    classes: tuple[Class, ...]
    sources: tuple[str, ...]
    example_ids: npt.NDArray[Any]
    groups: npt.NDArray[Any] | None = None
    alphabet: Mapping[str, tuple[frozenset[int], ...]] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()

    def __init__(
        self,
        values: npt.ArrayLike | SparseRows,
        *,
        classes: int | Iterable[Class] | None = None,
        sources: Iterable[str] | None = None,
        example_ids: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
        alphabet: Mapping[str, Iterable[Iterable[int]]] | None = None,
        failures: Iterable[Failure] = (),
    ) -> None:
        known = None if classes is None else check_classes(classes)
        rows = values if isinstance(values, SparseRows) else dense_codes(values, None if alphabet else known)
        n, m = rows.shape
        names = checked_names(column_names(values) if sources is None else sources, m)
        sets = {s: tuple(frozenset(int(c) for c in one) for one in codes) for s, codes in (alphabet or {}).items()}
        set_ = object.__setattr__
        set_(self, "rows", rows)
        set_(self, "classes", known or check_classes(max(2, _highest(rows) + 1, _highest_class(sets) + 1)))
        set_(self, "sources", names)
        set_(self, "example_ids", checked_ids(example_ids, n))
        set_(self, "groups", None if groups is None else checked_column(groups, n, "groups"))
        set_(self, "alphabet", sets)
        set_(self, "failures", tuple(failures))
        self._check_codes()

    def _check_codes(self) -> None:
        for source, sets in self.alphabet.items():
            if source not in self.sources:
                raise VoteError(f"alphabet names source {source!r}, which is not among the sources.")
            for code, one in enumerate(sets):
                if not one or not one <= set(range(self.k)):
                    raise VoteError(
                        f"alphabet of source {source!r}, code {code}: {sorted(one)} must be a non-empty set of "
                        f"classes 0..{self.k - 1}."
                    )
        allowed = np.array([len(self.alphabet.get(s, self.classes)) for s in self.sources], dtype=np.int64)
        outside = first_outside(self.rows, allowed)
        if outside is not None:
            row, column, code = outside
            raise VoteError(
                f"example {self.example_ids[row]}, source {self.sources[column]!r} voted {code}; allowed: -1 (abstain) "
                f"to {allowed[column] - 1}. Was the cardinality ({self.k}) meant to be larger?"
            )

    @classmethod
    def from_entries(
        cls,
        rows: npt.ArrayLike,
        columns: npt.ArrayLike,
        codes: npt.ArrayLike,
        *,
        shape: tuple[int, int],
        **fields: Any,
    ) -> Votes:
        """Build sparse votes from a long table with one entry per vote.

        Parameters
        ----------
        rows, columns, codes : array_like of int, shape (number of votes,)
            Example position, source position and code. One source votes once on one example.
        shape : tuple of int
            ``(n, m)``.
        **fields
            As for `Votes`.

        Examples
        --------
        >>> Votes.from_entries([0, 2], [1, 0], [1, 0], shape=(3, 2)).values.tolist()
        [[-1, 1], [-1, -1], [0, -1]]
        """
        return cls(SparseRows.from_entries(rows, columns, codes, shape=shape), **fields)

    @property
    def n(self) -> int:
        """Number of examples."""
        return int(self.rows.shape[0])

    @property
    def m(self) -> int:
        """Number of sources."""
        return int(self.rows.shape[1])

    @property
    def k(self) -> int:
        """Cardinality: number of classes."""
        return len(self.classes)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n, m)``."""
        return self.n, self.m

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are kept sparse."""
        return isinstance(self.rows, SparseRows)

    @property
    def values(self) -> npt.NDArray[Any]:
        """The dense, read-only label matrix (n, m); made on each call where the votes are kept sparse."""
        return self.rows.dense() if isinstance(self.rows, SparseRows) else self.rows

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Whether at least one source voted, shape (n,)."""
        if isinstance(self.rows, SparseRows):
            return np.asarray(np.diff(self.rows.indptr) > 0)
        out = np.zeros(self.n, dtype=bool)
        for start, block in self.blocks():
            out[start : start + len(block)] = (block != ABSTAIN).any(axis=1)
        return out

    @property
    def bucket(self) -> npt.NDArray[np.uint8]:
        """Which of 32 sub-sums each row belongs to, by a hash of its group or example id, shape (n,)."""
        return np.asarray(hash_ids(self.example_ids if self.groups is None else self.groups) & np.uint64(31), np.uint8)

    def blocks(self, size: int = _DENSE_BLOCK) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield ``(first row, dense block of at most size rows)``: how models read votes of either kind."""
        for start in range(0, self.n, size):
            stop = min(start + size, self.n)
            yield start, self.rows.dense(start, stop) if isinstance(self.rows, SparseRows) else self.rows[start:stop]

    def take(self, index: npt.ArrayLike | slice) -> Votes:
        """Return the rows at ``index`` (different positions, a slice or a boolean mask), ids and groups with them.

        ``failures`` stay as they are: they tell of the sources, over all the rows they were applied to.

        Examples
        --------
        >>> Votes([[0], [1], [-1]]).take([True, False, True]).example_ids.tolist()
        [0, 2]
        """
        where = positions(index, self.n)
        if len(np.unique(where)) < len(where):
            raise VoteError("a row is taken twice; example ids must differ, so take each row once.")
        rows = self.rows.take(where) if isinstance(self.rows, SparseRows) else self.rows[where]
        groups = None if self.groups is None else _read_only(self.groups[where])
        return self._with(rows, example_ids=_read_only(self.example_ids[where]), groups=groups)

    def select(self, sources: Sequence[str]) -> Votes:
        """Return the columns of ``sources``, in that order.

        Examples
        --------
        >>> Votes([[0, 1]], sources=["a", "b"]).select(["b"]).values.tolist()
        [[1]]
        """
        unknown = [s for s in sources if s not in self.sources]
        if unknown:
            raise VoteError(f"no source is called {unknown[0]!r}; there are {', '.join(self.sources)}.")
        checked_names(sources, len(sources))
        where = np.array([self.sources.index(s) for s in sources], dtype=np.int64)
        rows = self.rows.select(where) if isinstance(self.rows, SparseRows) else self.rows[:, where]
        kept = {s: self.alphabet[s] for s in sources if s in self.alphabet}
        failures = tuple(f for f in self.failures if f.source in sources)
        return self._with(rows, sources=tuple(sources), alphabet=kept, failures=failures)

    def in_alphabet(self, alphabet: Mapping[str, Letters], *, strict: bool = True) -> Votes:
        """Return the same votes in the codes of another alphabet; equal sets of classes are equal votes.

        Parameters
        ----------
        alphabet : mapping of str to tuple of frozenset of int
            As for `Votes`.
        strict : bool
            Whether a vote for a set that ``alphabet`` does not hold is refused. Otherwise it becomes an abstain.

        Examples
        --------
        >>> votes = Votes([[0]], classes=3, sources=["no"], alphabet={"no": [{0, 2}]})
        >>> votes.in_alphabet({"no": (frozenset({1}), frozenset({0, 2}))}).values.tolist()
        [[1]]
        """
        known = {source: alphabet[source] for source in self.sources if source in alphabet}
        if known == self.alphabet:
            return self
        table = lookup(self.sources, self.alphabet, known, self.k)
        if strict and (found := first_lacking(self.rows, table)) is not None:
            row, column, code = found
            sets = self.alphabet.get(self.sources[column], plain_letters(self.k))
            raise VoteError(
                f"example {self.example_ids[row]}, source {self.sources[column]!r} voted "
                f"{' or '.join(str(self.classes[c]) for c in sorted(sets[code]))}, for which the alphabet has no code."
            )
        return self._with(recoded(self.rows, table), alphabet=known)

    @staticmethod
    def concat(parts: Sequence[Votes]) -> Votes:
        """Stack the rows of votes that share sources and classes; alphabets are united.

        Examples
        --------
        >>> a, b = Votes([[0], [1]]).take([0]), Votes([[0], [1]]).take([1])
        >>> Votes.concat([b, a]).values.tolist()
        [[1], [0]]
        """
        if not parts:
            raise VoteError("there are no votes to concatenate.")
        first = parts[0]
        for other in parts[1:]:
            for what in ("sources", "classes"):
                if getattr(other, what) != getattr(first, what):
                    raise VoteError(f"votes differ in their {what}: {getattr(first, what)} and {getattr(other, what)}.")
            if (other.groups is None) != (first.groups is None):
                raise VoteError("some votes have groups and some have none.")
        alphabet = united([p.alphabet for p in parts], first.k)
        parts = [p.in_alphabet(alphabet) for p in parts]
        sparse = [p.rows for p in parts if isinstance(p.rows, SparseRows)]
        rows = SparseRows.concat(sparse) if len(sparse) == len(parts) else np.concatenate([p.values for p in parts])
        groups = None if first.groups is None else np.concatenate([np.asarray(p.groups) for p in parts])
        return Votes(
            rows,
            classes=first.classes,
            sources=first.sources,
            example_ids=np.concatenate([p.example_ids for p in parts]),
            groups=groups,
            alphabet=alphabet,
            failures=merge_failures(f for p in parts for f in p.failures).values(),
        )

    def codes(self, labels: Iterable[Any]) -> npt.NDArray[np.int64]:
        """Translate classes (or ``None``, NaN and -1: unknown) to codes, shape (n,), -1 = unknown.

        Examples
        --------
        >>> Votes([[0], [1]], classes=["ham", "spam"]).codes(["spam", None]).tolist()
        [1, -1]
        """
        return class_codes(labels, self.classes)

    def _with(self, rows: npt.NDArray[Any] | SparseRows, **changes: Any) -> Votes:
        """Return a copy with other rows; what was checked once is not checked again."""
        out = object.__new__(Votes)
        if not isinstance(rows, SparseRows):
            rows.flags.writeable = False
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)} | {"rows": rows} | changes
        for name, value in values.items():
            object.__setattr__(out, name, value)
        return out

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        covered = f"{self.covered.mean():.1%}" if self.n else "no rows"
        return f"Votes(n={self.n:,}, m={self.m}, classes={self.classes}, coverage={covered})"

    def _repr_html_(self) -> str:
        return votes_html(self)


def class_codes(labels: Iterable[Any], classes: Sequence[Class]) -> npt.NDArray[np.int64]:
    """Translate classes to codes; ``None``, NaN and -1 mean unknown and become -1.

    Parameters
    ----------
    labels : iterable of (str, int or None)
        Classes by name, or codes where the classes are integers.
    classes : sequence of (str or int)
        The classes in the order of their codes.

    Raises
    ------
    VoteError
        If a label is not among the classes; integer codes are also taken for named classes.

    Examples
    --------
    >>> class_codes(["spam", None, -1, 0], ["ham", "spam"]).tolist()
    [1, -1, -1, 0]
    """
    known: dict[Any, int] = {c: i for i, c in enumerate(classes)}
    known |= {i: i for i in range(-1, len(classes))} | {None: -1}
    out = []
    for position, label in enumerate(labels):
        label = label.item() if isinstance(label, np.generic) else label
        if isinstance(label, float):
            label = None if np.isnan(label) else int(label) if label.is_integer() else label
        code = known.get(label)
        if code is None:
            raise VoteError(f"label {label!r} at position {position} is not among the classes {list(classes)}.")
        out.append(code)
    return np.array(out, dtype=np.int64)


def _highest(rows: npt.NDArray[Any] | SparseRows) -> int:
    codes = rows.codes if isinstance(rows, SparseRows) else rows
    return int(codes.max()) if codes.size else ABSTAIN


def _highest_class(sets: Mapping[str, tuple[frozenset[int], ...]]) -> int:
    return max((c for codes in sets.values() for one in codes for c in one), default=ABSTAIN)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array
