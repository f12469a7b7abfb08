"""Crowd answers and claims: from a long table to votes, or to claims for data fusion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import Class, SparseRows, Votes, check_classes
from labelwright.core.claims import Claims
from labelwright.core.errors import DataError

from .long_tables import Codes, Repeats, encode, ids_of, read_long, without_repeats

__all__ = ["read_claims", "read_votes"]

_LARGEST_CODE = int(np.iinfo(np.int16).max)

_ITEM = ("item", "item_id", "task", "task_id", "example", "example_id", "question", "question_id", "unit", "unit_id")
_ANSWERS = {
    "item": (*_ITEM, "id"),
    "worker": ("worker", "worker_id", "annotator", "annotator_id", "rater", "coder", "user", "user_id", "source"),
    "label": ("label", "answer", "response", "annotation", "vote", "class", "category", "value"),
}
_CLAIMS = {
    "source": ("source", "source_id", "worker", "annotator", "provider", "site", "website", "store"),
    "item": (*_ITEM, "object", "object_id", "entity", "entity_id", "id"),
    "value": ("value", "claim", "answer", "label"),
}


def read_votes(
    data: Any,
    *,
    item: str | None = None,
    worker: str | None = None,
    label: str | None = None,
    classes: int | Iterable[Class] | None = None,
    items: npt.ArrayLike | None = None,
    repeats: Repeats = "error",
) -> Votes:
    """Read the answers of a crowd: a long table with one row for each answer.

    Parameters
    ----------
    data : object
        Anything that `labelwright.data.read` reads (a pandas or Polars frame, an Arrow table, a list of dictionaries,
        or the path of CSV, JSON lines or Parquet files), or a list of ``(item, worker, label)`` tuples.
    item, worker, label : str, optional
        Columns. Default: recognised by their names, such as ``task``, ``annotator`` and ``answer``.
    classes : int or sequence of (str or int), optional
        The cardinality, or the classes in the order of their codes. Default: the labels in the table. Whole numbers
        from 0 on are codes; any other labels are named classes, sorted.
    items : array_like of (int or str), optional
        Ids of all examples, in the order wanted: examples without an answer get a row without votes. Default: the
        items of the table, in the order of their first rows.
    repeats : {"error", "first", "last", "majority"}
        What to do where a worker answers twice about one item: refuse, or keep the first or last in the order of the
        table, or what the worker said most often (of equally frequent answers, the first). It holds for answers that
        agree, too: a worker has one vote on an item.

    Returns
    -------
    Votes
        Sparse: memory grows with the answers, not with items times workers. Workers are the sources, sorted; items
        are the example ids.

    Raises
    ------
    DataError
        If the table cannot be read, a column is not found, an item or a worker is missing, a label is not among the
        classes, a code is above 32,767, or a worker answers twice under ``repeats="error"``.

    Notes
    -----
    A missing label, and -1 among whole numbers, is an abstain: the item and the worker stay, without that vote. Ids
    that are whole numbers past 64 bits are read as text.

    Examples
    --------
    >>> answers = [("q1", "ann", "cat"), ("q1", "bob", "dog"), ("q2", "ann", "dog"), ("q2", "ann", "cat")]
    >>> votes = read_votes(answers, repeats="last")
    >>> votes.classes, votes.sources, votes.example_ids.tolist(), votes.values.tolist()
    (('cat', 'dog'), ('ann', 'bob'), ['q1', 'q2'], [[0, 1], [0, -1]])
    """
    table = read_long(data, _ANSWERS, {"item": item, "worker": worker, "label": label})
    said = {
        "worker": encode(table["worker"], "worker"),
        "item": encode(table["item"], "item"),
        "label": encode(table["label"], "label", needed=False),
    }
    named, codes = _labels(said["label"], classes)
    ids, place = _examples(said["item"], items)
    # Answers that say nothing cannot contradict.
    kept = without_repeats(said, np.flatnonzero(codes >= 0), repeats)
    workers = [str(name) for name in said["worker"].values]
    rows = SparseRows.from_entries(
        place[said["item"].codes[kept]], said["worker"].codes[kept], codes[kept], shape=(len(ids), len(workers))
    )
    return Votes(rows, classes=named, sources=workers, example_ids=ids)


def read_claims(
    data: Any,
    *,
    source: str | None = None,
    item: str | None = None,
    value: str | None = None,
    repeats: Repeats = "error",
) -> Claims:
    """Read claims for data fusion: a long table with one row for each claim of a source about an item.

    Parameters
    ----------
    data : object
        Anything that `labelwright.data.read` reads, or a list of ``(source, item, value)`` tuples.
    source, item, value : str, optional
        Columns. Default: recognised by their names, such as ``store``, ``object`` and ``claim``.
    repeats : {"error", "first", "last", "majority"}
        What to do where a source claims twice about one item; as in `read_votes`.

    Returns
    -------
    Claims
        Rows without a value are left out: they claim nothing.

    Raises
    ------
    DataError
        If the table cannot be read or holds no claim, a column is not found, a source or an item is missing, or a
        source claims twice about one item under ``repeats="error"``.

    Examples
    --------
    >>> read_claims([{"store": "a", "isbn": 1, "author": "Knuth"}], item="isbn", value="author")
    Claims(claims=1, items=1, sources=1, values=1)
    """
    table = read_long(data, _CLAIMS, {"source": source, "item": item, "value": value})
    said = {
        "source": encode(table["source"], "source"),
        "item": encode(table["item"], "item"),
        "value": encode(table["value"], "value", needed=False),
    }
    ids = ids_of(said["item"], "item")
    kept = without_repeats(said, np.flatnonzero(said["value"].codes >= 0), repeats)
    if not len(kept):
        raise DataError(f"column {table['value'].name!r} (value) holds no value, so that nobody claims anything.")
    values = np.empty(len(said["value"].values), dtype=object)
    values[:] = said["value"].values.to_list()
    return Claims.from_entries(
        *(column.codes[kept] for column in said.values()),
        sources=[str(name) for name in said["source"].values],
        items=ids,
        values=values,
    )


def _examples(said: Codes, items: npt.ArrayLike | None) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the example ids, and the place of each item of the table among them."""
    found = ids_of(said, "item")
    if items is None:
        _, first = np.unique(said.codes, return_index=True)
        order = np.argsort(first)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return found[order], place
    ids = np.asarray(items)
    if ids.ndim != 1 or (ids.dtype.kind in "iu") != (found.dtype.kind in "iu"):
        kind = "whole numbers" if found.dtype.kind in "iu" else "text"
        raise DataError(f"items must be a list of ids of the table's kind, {kind}; got {ids.dtype}, shape {ids.shape}.")
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], found), max(0, len(ids) - 1))
    strange = found != ids[order][place] if len(ids) else np.ones(len(found), dtype=bool)
    if strange.any():
        at = int(np.argmax(strange))
        raise DataError(
            f"row {int(np.argmax(said.codes == at))}: item {found[at].item()!r} is not among the {len(ids):,} items "
            f"given ({int(strange.sum()):,} such items in all)."
        )
    return ids, order[place]


def _labels(said: Codes, classes: int | Iterable[Class] | None) -> tuple[tuple[Class, ...], npt.NDArray[np.int64]]:
    """Return the classes, and each row's code among them, -1 where it abstains."""
    labels: list[Any] = said.values.to_list()
    column = said.values.name
    if said.values.dtype == pl.Boolean:
        labels = [int(x) for x in labels]
    if any(isinstance(x, float) for x in labels):
        raise DataError(f"column {column!r} (label) holds numbers with fractions; labels are text or whole numbers.")
    named = _classes(labels, column) if classes is None else check_classes(classes)
    place: dict[Any, int] = {str(name): code for code, name in enumerate(named)}
    abstains = -1 in labels
    if all(str(x) in place for x in labels if x != -1):
        labels = [-1 if x == -1 else str(x) for x in labels]
    elif all(isinstance(x, int) for x in labels):
        # Whole numbers that are not the names of classes are their codes.
        place = {code: code for code in range(len(named))}
    place |= {-1: -1} if abstains else {}
    unknown = next((i for i, name in enumerate(labels) if name not in place), None)
    if unknown is not None:
        close = difflib.get_close_matches(str(labels[unknown]), [str(c) for c in named], n=1)
        raise DataError(
            f"row {int(np.argmax(said.codes == unknown))}: {labels[unknown]!r} in column {column!r} (label) is not "
            f"among the classes {list(named)}.{f' Did you mean {close[0]!r}?' if close else ''}"
        )
    return named, np.array([place[name] for name in labels] + [-1], dtype=np.int64)[said.codes]


def _classes(labels: list[Any], column: str) -> tuple[Class, ...]:
    """Return the classes that the labels of a table are of: codes if they are whole numbers from 0 on, else names."""
    spoken = [x for x in labels if x != -1]
    if spoken and isinstance(spoken[0], int) and min(spoken) == 0:
        if max(spoken) > _LARGEST_CODE:
            raise DataError(
                f"column {column!r} (label) holds {max(spoken)}, but codes of classes go from 0 to {_LARGEST_CODE:,}. "
                "If it is no code, hand the labels in as text; if it is an id or a count, name another column."
            )
        return check_classes(max(2, max(spoken) + 1))
    if len(spoken) < 2:
        shown = f"only the label {spoken[0]!r}" if spoken else "no label"
        raise DataError(f"column {column!r} (label) holds {shown}; say what there is to choose from: classes=[...].")
    if isinstance(spoken[0], int) and min(spoken) < 0:
        raise DataError(f"column {column!r} (label) holds {min(spoken)}; codes are 0 or more, and -1 for an abstain.")
    return check_classes([str(x) for x in spoken])
