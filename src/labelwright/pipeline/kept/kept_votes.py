"""Votes as a run keeps them: bit planes by function and part, with the failures that were counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Class, Failure, SparseRows, Votes
from labelwright.core.votes import KEPT_FAILURES
from labelwright.store import ArtifactId, Store
from labelwright.store.bit_planes import SUFFIX, at, decode, encode, entries, votes_cast

from .kept_data import KeptData

__all__ = ["Failures", "KeptVotes", "PartVotesRecord", "VotesRecord", "count_failures"]

_HELD_BYTES = 512 * 2**20
# Where fewer than this share of all votes were cast, summing and labelling them one by one is faster.
_SPARSE = 1 / 8


class Failures(msgspec.Struct, frozen=True):
    """The rows of a part on which a function raised, and what it said: ``messages[which[i]]`` on ``rows[i]``."""

    rows: list[int]
    which: list[int]
    messages: list[str]

    @classmethod
    def of(cls, failed: Sequence[tuple[int, str]]) -> Failures:
        """Gather ``(row, message)`` pairs."""
        ordered = sorted(failed)
        messages = list(dict.fromkeys(said for _, said in ordered))
        place = {said: i for i, said in enumerate(messages)}
        return cls([row for row, _ in ordered], [place[said] for _, said in ordered], messages)

    def pairs(self) -> list[tuple[int, str]]:
        """Return ``(row, message)`` pairs, by row."""
        return [(row, self.messages[i]) for row, i in zip(self.rows, self.which, strict=True)]


def count_failures(
    data: KeptData, names: Iterable[str], parts: Iterable[tuple[int, Mapping[str, Failures]]]
) -> list[Failure]:
    """Return what failed on parts of the data, in the order of the functions' names, with the ids of the first few."""
    counts: dict[str, int] = {}
    first: dict[str, list[tuple[Any, str]]] = {}
    for part, failures in parts:
        for name, failed in failures.items():
            counts[name] = counts.get(name, 0) + len(failed.rows)
            shown = first.setdefault(name, [])
            shown += [(data.id_at(part, row), said) for row, said in failed.pairs()[: KEPT_FAILURES - len(shown)]]
    return [Failure(name, counts[name], tuple(first[name])) for name in names if name in counts]


class PartVotesRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The votes on one part: of each function, in the order of the columns, its bit planes; and what failed.

    ``sets`` holds, for a function that voted for several classes of which one holds, what its codes beyond the classes
    stand for on this part.
    """

    votes: list[tuple[str, str]]
    failures: dict[str, str]
    sets: dict[str, str] = {}


class VotesRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The votes of a run: classes, sources, and one `PartVotesRecord` for each part of the data.

    ``alphabet`` holds, for a function that voted for several classes of which one holds, what each of its codes stands
    for on all parts together.
    """

    classes: list[str | int]
    sources: list[str]
    parts: list[str]
    alphabet: dict[str, list[list[int]]] = {}


class KeptVotes:
    """Reads votes from the bit planes that a run kept.

    Parameters
    ----------
    store : Store
    record : VotesRecord
    data : KeptData
    """

    def __init__(self, store: Store, record: VotesRecord, data: KeptData) -> None:
        self.store = store
        self.record = record
        self.data = data
        self.classes: tuple[Class, ...] = tuple(record.classes)
        self.sources = tuple(record.sources)
        self._rows: dict[int, npt.NDArray[Any] | SparseRows] = {}
        most = max([len(self.classes), *map(len, record.alphabet.values())])
        self.dtype = np.int8 if most <= np.iinfo(np.int8).max else np.int16
        self._place = {part: i for i, part in enumerate(data.numbers)}
        # Decoded once where all of them fit: stats, labels and scores read the same votes.
        self._hold = data.n * len(self.sources) * self.dtype().itemsize <= _HELD_BYTES

    @property
    def states(self) -> dict[str, list[Any]]:
        """What decides, beside the votes of a part, what their codes stand for."""
        return {"classes": self.record.classes}

    def inputs(self, part: int) -> dict[str, ArtifactId]:
        """Return which artifact holds the votes on a part, as recipes name it."""
        return {"votes": ArtifactId.parse(self.record.parts[self._place[part]])}

    def scope(self, part: int) -> dict[str, Any]:
        """Return what decides, beside the content of a part, how its votes are counted."""
        return dict(self.data.scope(part))

    def part_record(self, part: int) -> PartVotesRecord:
        """Return which artifacts hold the votes on a part: none where its data set is not about the task."""
        if part not in self._place:
            return PartVotesRecord([], {})
        key = ArtifactId.parse(self.record.parts[self._place[part]])
        return msgspec.convert(self.store.get_json(key), PartVotesRecord)

    def matrix(self, part: int) -> npt.NDArray[Any]:
        """Return the votes on a part, shape (rows, m)."""
        rows = self._rows_of(part)
        return rows.dense().astype(self.dtype, copy=False) if isinstance(rows, SparseRows) else rows

    def column(self, part: int, source: str) -> npt.NDArray[Any]:
        """Return the votes of one function on a part, shape (rows,)."""
        record = self.part_record(part)
        key = dict(record.votes).get(source)
        if key is None:
            return np.full(self.data.parts[part].rows, ABSTAIN, dtype=self.dtype)
        found = decode(self.store.get_bytes(ArtifactId.parse(key), SUFFIX))
        return self._recoded(found, source, record) if source in record.sets else found

    def failures_of(self, part: int) -> dict[str, Failures]:
        """Return what failed on a part, by function."""
        found = self.part_record(part).failures
        return {s: msgspec.convert(self.store.get_json(ArtifactId.parse(key)), Failures) for s, key in found.items()}

    def of(self, split: str, over: KeptData | None = None) -> Votes:
        """Return the votes on a split; its failures are those of all the rows of its source.

        ``over`` are other data sets than those that are about the task; on theirs, all abstain.
        """
        data = self.data if over is None else over
        sources = {data.source_of[part] for part in data.numbers if len(data.part_rows(part, split))}
        return Votes(
            data.take(split, self.matrix),
            classes=self.classes,
            sources=self.sources,
            example_ids=data.ids(split),
            groups=data.groups(split),
            alphabet=self.record.alphabet,
            failures=self.failures(sources),
        )

    def of_part(self, part: int, index: npt.NDArray[np.int64] | None = None) -> Votes:
        """Return the votes on some rows of a part (default: all), sparse where few were cast."""
        rows, ids, groups = self._rows_of(part), self.data.part_ids(part), self.data.part_groups(part)
        if index is not None and len(index) < len(ids):
            rows = rows.take(index) if isinstance(rows, SparseRows) else rows[index]
            ids, groups = ids[index], None if groups is None else groups[index]
        return Votes(
            rows,
            classes=self.classes,
            sources=self.sources,
            example_ids=ids,
            groups=groups,
            alphabet=self.record.alphabet,
        )

    def of_row(self, part: int, row: int) -> Votes:
        """Return the votes on one example; of each function one bit by bit, without reading the others."""
        record = self.part_record(part)
        codes = np.full((1, len(self.sources)), ABSTAIN, dtype=self.dtype)
        for source, key in record.votes:
            codes[0, self.sources.index(source)] = at(self.store.get_bytes(ArtifactId.parse(key), SUFFIX), row)
        for source in record.sets:
            j = self.sources.index(source)
            codes[:, j] = self._recoded(codes[:, j], source, record)
        return Votes(
            codes,
            classes=self.classes,
            sources=self.sources,
            example_ids=[self.data.id_at(part, row)],
            alphabet=self.record.alphabet,
        )

    def failures(self, sources: Collection[int] | None = None) -> list[Failure]:
        """Return what failed on the rows of some sources (default: of all), in the order of the functions."""
        parts = [part for part in self.data.numbers if sources is None or self.data.source_of[part] in sources]
        return count_failures(self.data, self.sources, ((part, self.failures_of(part)) for part in parts))

    def _rows_of(self, part: int) -> npt.NDArray[Any] | SparseRows:
        """Return the votes on a part, shape (rows, m), sparse where few were cast."""
        if part not in self._rows:
            record = self.part_record(part)
            n, own = self.data.parts[part].rows, dict(record.votes)
            # Who was not asked, abstains.
            silent = b"" if len(own) == len(self.sources) else encode(np.full(n, ABSTAIN, dtype=self.dtype))
            contents = [
                self.store.get_bytes(ArtifactId.parse(own[s]), SUFFIX) if s in own else silent for s in self.sources
            ]
            for j, source in enumerate(self.sources):
                if source in record.sets:
                    contents[j] = encode(self._recoded(decode(contents[j]), source, record))
            few = sum(map(votes_cast, contents)) < _SPARSE * n * len(contents)
            found = _sparse(contents, n) if few else _dense(contents, n, self.dtype)
            if not self._hold:
                return found
            self._rows[part] = found
        return self._rows[part]

    def _recoded(self, codes: npt.NDArray[Any], source: str, record: PartVotesRecord) -> npt.NDArray[Any]:
        """Return the votes of one function on a part in its codes for all parts together."""
        k, letters = len(self.classes), self.record.alphabet[source]
        own = self.store.get_json(ArtifactId.parse(record.sets[source]))
        # The last entry answers for -1, abstain.
        table = np.array([*range(k), *(letters.index(states) for states in own), -1], dtype=self.dtype)
        return np.asarray(table[codes])


def _dense(contents: Sequence[bytes], n: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Read the votes of functions on n rows, shape (n, m)."""
    out = np.empty((len(contents), n), dtype=dtype)
    for row, content in zip(out, contents, strict=True):
        decode(content, row)
    return np.ascontiguousarray(out.T)


def _sparse(contents: Sequence[bytes], n: int) -> SparseRows:
    """Read the votes of functions on n rows one by one, and put them row by row."""
    # Here, because a project that is only looked at needs no sums.
    from scipy import sparse

    pairs = [entries(content) for content in contents]
    rows, codes = (np.concatenate(part) for part in zip(*pairs, strict=True))
    indptr = np.cumsum([0, *(len(cast) for cast, _ in pairs)])
    by_row = sparse.csc_array((codes, rows, indptr), shape=(n, len(contents))).tocsr()
    columns = by_row.indices.astype(np.int32, copy=False)
    return SparseRows(by_row.indptr.astype(np.int64), columns, by_row.data, (n, len(contents)))
