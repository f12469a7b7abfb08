"""Slices: named subsets of the examples that deserve a look of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import SliceError
from .failures import Failure
from .sparse import positions

__all__ = ["Slices", "as_slices"]


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Slices:
    """Which of n examples belong to which of s slices: frozen, checked once, read-only.

    Slices may be empty, overlap, nest, or hold every example.

    Parameters
    ----------
    member : array_like of bool, shape (n, s)
        True where the example belongs to the slice; 0 and 1 do as well.
    names : sequence of str, optional
        One for each column, all different. Default ``"0"``, ``"1"``, ...
    example_ids : array_like of int or str, shape (n,), optional
        All different. Default: the position, which then travels with the row.
    failures : sequence of Failure, optional
        Slicing functions that raised, counted under ``on_error="outside"``.

    Raises
    ------
    SliceError
        If membership is not a truth value (NaN is none), or the other arguments do not fit it.

    Examples
    --------
    >>> slices = Slices([[True, False], [True, True], [False, False]], ["short", "question"])
    >>> slices
    Slices(n=3, short=2, question=1)
    >>> slices["short"].tolist(), slices.take([1]).example_ids.tolist()
    ([True, True, False], [1])
    """

    member: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    example_ids: npt.NDArray[np.int64] | npt.NDArray[np.str_]
    failures: tuple[Failure, ...]

    def __init__(
        self,
        member: npt.ArrayLike,
        names: Sequence[str] | None = None,
        *,
        example_ids: npt.ArrayLike | None = None,
        failures: Sequence[Failure] = (),
    ) -> None:
        checked = _checked_member(member)
        set_ = object.__setattr__
        set_(self, "member", checked)
        set_(self, "names", _checked_names(names, checked.shape[1]))
        set_(self, "example_ids", _checked_ids(example_ids, len(checked)))
        set_(self, "failures", tuple(failures))

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.member)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Number of examples in each slice, shape (s,)."""
        return np.asarray(self.member.sum(axis=0), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> npt.NDArray[np.bool_]:
        """Return membership in one slice, bool of shape (n,)."""
        return self.member[:, self._column(name)]

    def take(self, index: npt.ArrayLike | slice) -> Slices:
        """Return the examples at ``index`` (different positions, a slice or a boolean mask), ids with them.

        ``failures`` stay as they are: they tell of the functions, over all the examples they were applied to.
        """
        where = positions(index, self.n)
        return Slices(self.member[where], self.names, example_ids=self.example_ids[where], failures=self.failures)

    def select(self, names: Sequence[str]) -> Slices:
        """Return the slices of these names, in that order, with their failures.

        Raises
        ------
        SliceError
            If there is no slice of a name.

        Examples
        --------
        >>> Slices([[True, False]], ["a", "b"]).select(["b"]).member.tolist()
        [[False]]
        """
        columns = [self._column(name) for name in names]
        kept = tuple(failure for failure in self.failures if failure.source in names)
        return Slices(self.member[:, columns], tuple(names), example_ids=self.example_ids, failures=kept)

    def _column(self, name: str) -> int:
        if name not in self.names:
            raise SliceError(f"there is no slice {name!r}; there are: {', '.join(self.names) or 'none'}.")
        return self.names.index(name)

    def __repr__(self) -> str:
        sizes = "".join(f", {name}={size}" for name, size in zip(self.names, self.sizes.tolist(), strict=True))
        return f"Slices(n={self.n}{sizes})"

    def __reduce__(self) -> tuple[object, ...]:
        # Arrays come back from a pickle writeable, so it goes through the front door again.
        return _rebuild, tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def as_slices(slices: Slices | npt.ArrayLike | None, n: int) -> Slices:
    """Return membership of n examples, from `Slices` or an array of shape (n, s); without any, no slices.

    Raises
    ------
    SliceError
        If it is not of n examples.

    Examples
    --------
    >>> as_slices(None, 3)
    Slices(n=3)
    """
    if slices is None:
        return Slices(np.zeros((n, 0), dtype=bool))
    found = slices if isinstance(slices, Slices) else Slices(slices)
    if found.n != n:
        raise SliceError(f"slices are of {found.n} examples, but there are {n}; take the same examples of both.")
    return found


def _rebuild(
    member: npt.ArrayLike, names: Sequence[str], example_ids: npt.ArrayLike, failures: Sequence[Failure]
) -> Slices:
    return Slices(member, names, example_ids=example_ids, failures=failures)


def _checked_member(member: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    try:
        given = np.asarray(member)
    except ValueError as error:
        raise SliceError("member is ragged; it must have one truth value for each example and slice.") from error
    if given.ndim != 2:
        raise SliceError(
            f"member has shape {given.shape}; it must be (n, s): one row for each example, one column for each slice. "
            "Of a single slice, pass member[:, None]."
        )
    made = np.ascontiguousarray(given, dtype=bool) if given.dtype.kind in "biuf" else None
    if made is None or (given.dtype.kind != "b" and not np.array_equal(given, made)):
        raise SliceError(
            f"member ({given.dtype}) holds values other than True and False; an example either belongs to a slice or "
            "does not (NaN, probabilities and codes do not say)."
        )
    made = made.copy()
    made.flags.writeable = False
    return made


def _checked_names(names: Sequence[str] | None, s: int) -> tuple[str, ...]:
    if isinstance(names, str):
        raise SliceError(f"names is the single string {names!r}; pass a list.")
    made = tuple(str(column) for column in range(s)) if names is None else tuple(names)
    if len(made) != s:
        raise SliceError(f"there are {len(made)} names for {s} slices.")
    wrong = [name for name in made if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise SliceError(f"a slice needs a name, a string that is not empty; got {wrong[0]!r}.")
    twice = next((name for name in made if made.count(name) > 1), None)
    if twice is not None:
        raise SliceError(f"two slices are called {twice!r}; names must differ.")
    return made


def _checked_ids(example_ids: npt.ArrayLike | None, n: int) -> npt.NDArray[np.int64] | npt.NDArray[np.str_]:
    ids = np.arange(n) if example_ids is None else np.array(example_ids)
    if ids.dtype == object:
        ids = ids.astype(np.str_)
    if ids.shape != (n,) or ids.dtype.kind not in "iuU":
        raise SliceError(
            f"example_ids has shape {ids.shape} and dtype {ids.dtype}; pass {n} integers or strings, one per example."
        )
    if len(np.unique(ids)) < n:
        raise SliceError("an example id stands more than once; ids must differ, so take each example once.")
    ids.flags.writeable = False
    return ids
