"""Augmented copies of the training examples: made block by block, kept, and read again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from labelwright.augmentation import Augmented, Policy, check_functions, refuse_findings
from labelwright.augmentation.batches import take
from labelwright.core.failures import Failure, merge_failures
from labelwright.core.seeds import generator
from labelwright.data import ContentPart, divide, read
from labelwright.pipeline.kept.database import Database, library_versions
from labelwright.pipeline.settings import AugmentationSettings
from labelwright.store import ArtifactId, Recipe, Store

from .fields import Examples, as_examples, as_frame, as_read, changed

__all__ = [
    "AugmentationRecord",
    "BlockRecord",
    "Copies",
    "Copying",
    "KeptCopies",
    "Taught",
    "weights_of",
    "with_copies",
]

# Examples of a block on average: few enough that an edit costs little, enough for functions that work on batches.
MEAN_ROWS = 4096

_FAILURES = b"labelwright.failures"
# What is refused even where failures are counted: copies that could not be made again, and spoilt examples.
_NEVER_COUNTED = frozenset({"global chance", "in place", "not repeatable"})
# Columns of a block beside the fields of the end model, whose names nothing else may have.
_ORIGIN, _FUNCTIONS, _MAGNITUDES = "@origin", "@functions", "@magnitudes"


class BlockRecord(msgspec.Struct, frozen=True):
    """Some training examples, one after the other: how many, and the table of their copies."""

    rows: int
    copies: str


class AugmentationRecord(msgspec.Struct, frozen=True):
    """The augmented copies of a run: names of the functions in the order of their codes, fields, and blocks."""

    functions: list[str]
    fields: list[str]
    blocks: list[BlockRecord]


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Augmented copies.

    Parameters
    ----------
    origins : ndarray of int, shape (s,)
        Position in train of the example that each is a copy of, ascending.
    frame : polars.DataFrame, s rows
        The fields of the end model.
    functions : ndarray of int, shape (s, length)
        What was done: positions among the functions; -1 where nothing took effect.
    magnitudes : ndarray of float, shape (s, length)
        NaN where there was none.
    """

    origins: npt.NDArray[np.int64]
    frame: pl.DataFrame
    functions: npt.NDArray[np.int64]
    magnitudes: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.origins)

    def of_rows(self, rows: npt.NDArray[np.bool_]) -> Copies:
        """Return the copies of some examples, ``rows`` of shape (n,), with positions among these."""
        kept = rows[self.origins]
        origins = (np.cumsum(rows) - 1)[self.origins[kept]]
        return Copies(origins, self.frame.filter(kept), self.functions[kept], self.magnitudes[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What an end model learns from: examples, and below them their copies.

    Parameters
    ----------
    frame : polars.DataFrame, s rows
    rows : ndarray of int, shape (s,)
        Position of the example whose labels a row has.
    weights : ndarray of float, shape (s,)
        How often it counts: see `weights_of`.
    """

    frame: pl.DataFrame
    rows: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def with_copies(frame: pl.DataFrame, copies: Copies, covered: npt.NDArray[np.bool_], kind: str) -> Taught:
    """Put copies below the examples they are of: those of covered examples, since others teach nothing.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
    copies : Copies
    covered : ndarray of bool, shape (n,)
    kind : str
        Of the end model.
    """
    kept = np.flatnonzero(covered[copies.origins])
    origins, n = copies.origins[kept], len(covered)
    return Taught(
        pl.concat([as_read(frame, kind), copies.frame[kept]]),
        np.concatenate([np.arange(n), origins]),
        np.concatenate(weights_of(origins, n)),
    )


class Copying:
    """Makes the copies that are not kept.

    Blocks have borders that depend on the fields of the end model alone, and chance in a block hangs on what the block
    holds: so an edit makes the copies of its block anew and no others, and neither gold nor any other column moves one.
    All of train is copied, covered or not: then no edit of a labeling function makes a copy stale.

    Parameters
    ----------
    database : Database
    settings : AugmentationSettings
    kind : str
        Of the end model.
    policy : ArtifactId
        The record of the policy.
    frame : polars.DataFrame
        The fields of the end model, of all of train.
    """

    def __init__(
        self, database: Database, settings: AugmentationSettings, kind: str, policy: ArtifactId, frame: pl.DataFrame
    ) -> None:
        self.database = database
        self.settings = settings
        self.kind = kind
        self.blocks = list(divide(read(frame), mean_rows=MEAN_ROWS))
        self._recipes = [self._recipe(policy, block) for block in self.blocks]
        found = database.find(self._recipes)
        self._keys = {i: found[r.digest] for i, r in enumerate(self._recipes) if r.digest in found}
        self.made = 0

    @property
    def missing(self) -> list[int]:
        """Blocks whose copies have to be made."""
        return [i for i in range(len(self.blocks)) if i not in self._keys]

    @property
    def missing_rows(self) -> int:
        """Number of examples whose copies have to be made."""
        return sum(self.blocks[i].n for i in self.missing)

    def run(self, policy: Policy) -> Iterator[int]:
        """Make the missing copies; yields the number of examples that are done. Each block is kept when it is made.

        Raises
        ------
        TransformationError
            If a function breaks a rule; under ``on_error="skip"`` only if copies could not be made again, or functions
            write to what they get.
        """
        missing = self.missing
        for i in missing:
            if i == missing[0]:
                self._check(policy, self.blocks[i])
            began = time.perf_counter()
            self._keys[i] = self.database.store.put_table("copies", self._copy(policy, self.blocks[i]))
            rows = self.blocks[i].n
            self.database.record([(self._recipes[i], self._keys[i])], seconds=time.perf_counter() - began, rows=rows)
            self.made += rows
            yield self.made

    def record(self, functions: Sequence[str], fields: Sequence[str]) -> AugmentationRecord:
        """Return what a run keeps of it; every block has been made."""
        blocks = [BlockRecord(block.n, str(self._keys[i])) for i, block in enumerate(self.blocks)]
        return AugmentationRecord(list(functions), list(fields), blocks)

    def _check(self, policy: Policy, block: ContentPart) -> None:
        """Try the functions on a few examples, twice."""
        examples = as_examples(block.frame, self.kind, policy.functions)
        findings = check_functions(policy.functions, examples, generator(self.settings.random_state))
        counted = self.settings.on_error == "skip"
        refuse_findings([finding for finding in findings if not counted or finding.kind in _NEVER_COUNTED])

    def _copy(self, policy: Policy, block: ContentPart) -> pa.Table:
        # What the block holds decides on chance in it, not where it stands.
        seed = hashlib.sha256(f"{self.settings.random_state} {block.digest}".encode()).digest()
        rng = generator(int.from_bytes(seed[:16], "big"))
        examples = as_examples(block.frame, self.kind, policy.functions)
        made = policy.apply(examples, rng, on_error=self.settings.on_error)
        return _table(made, examples, block.frame, self.kind)

    def _recipe(self, policy: ArtifactId, block: ContentPart) -> Recipe:
        parameters = {
            "block": block.digest,
            "kind": self.kind,
            "on_error": self.settings.on_error,
            "random_state": self.settings.random_state,
            "versions": library_versions(),
        }
        return Recipe("copies", {"policy": policy}, parameters)


def _table(made: Augmented, examples: Examples, like: pl.DataFrame, kind: str) -> pa.Table:
    """Return the copies to which something was done; what was left as it is would be the original once more."""
    origins = enumerate(made.origins.tolist())
    kept = np.array([i for i, origin in origins if changed(made.examples[i], examples[origin])], dtype=np.int64)
    codes = np.where(made.applied, made.sequences.functions, -1)[kept]
    magnitudes = np.where(made.applied, made.sequences.magnitudes, np.nan)[kept]
    frame = as_frame(take(made.examples, kept), like, kind).with_columns(
        pl.Series(_ORIGIN, made.origins[kept], dtype=pl.Int64),
        pl.Series(_FUNCTIONS, codes.astype(np.int32), dtype=pl.Array(pl.Int32, codes.shape[1])),
        pl.Series(_MAGNITUDES, magnitudes, dtype=pl.Array(pl.Float64, codes.shape[1])),
    )
    failures = [(f.source, f.count, [(str(i), text) for i, text in f.first]) for f in made.failures]
    return frame.to_arrow().replace_schema_metadata({_FAILURES: json.dumps(failures).encode()})


class KeptCopies:
    """Reads the copies that a run kept.

    Parameters
    ----------
    store : Store
    record : AugmentationRecord
    """

    def __init__(self, store: Store, record: AugmentationRecord) -> None:
        self.store = store
        self.record = record

    @classmethod
    def read(cls, store: Store, key: ArtifactId) -> KeptCopies:
        """Return the copies of the record kept under ``key``."""
        return cls(store, msgspec.convert(store.get_json(key), AugmentationRecord))

    def all(self) -> Copies:
        """Return every copy, in the order of train."""
        start, pieces = 0, []
        for block in self.record.blocks:
            pieces.append(_copies(self._block(block), self.record.fields, start))
            start += block.rows
        return Copies(
            np.concatenate([piece.origins for piece in pieces]),
            pl.concat([piece.frame for piece in pieces]),
            np.concatenate([piece.functions for piece in pieces]),
            np.concatenate([piece.magnitudes for piece in pieces]),
        )

    def failures(self) -> list[Failure]:
        """Return what failed, function by function."""
        every = []
        for block in self.record.blocks:
            saved = json.loads((self._block(block).schema.metadata or {}).get(_FAILURES, b"[]"))
            every += [Failure(s, count, tuple((i, text) for i, text in first)) for s, count, first in saved]
        return list(merge_failures(every).values())

    def _block(self, block: BlockRecord) -> pa.Table:
        return self.store.get_table(ArtifactId.parse(block.copies))


def _copies(table: pa.Table, fields: Sequence[str], start: int) -> Copies:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    origins = frame[_ORIGIN].to_numpy() + start
    return Copies(origins, frame.select(fields), frame[_FUNCTIONS].to_numpy(), frame[_MAGNITUDES].to_numpy())


def weights_of(origins: npt.NDArray[np.int64], n: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the weight of each of n originals and of each copy: an example counts as one with all of its copies.

    Examples
    --------
    >>> originals, copies = weights_of(np.array([0, 0, 0]), 2)
    >>> originals.tolist(), copies.tolist()
    ([0.25, 1.0], [0.25, 0.25, 0.25])
    """
    share = np.divide(1.0, 1.0 + np.bincount(origins, minlength=n), dtype=np.float64)
    return share, share[origins]
