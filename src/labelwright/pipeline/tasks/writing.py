"""Soft labels of several tasks as Parquet files, one for each task."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import atomic_folder, atomic_write
from labelwright.core.task_labels import TaskLabels
from labelwright.data.base import PART_ROWS
from labelwright.pipeline.writing import write_frames

__all__ = ["MARKER", "file_names", "write_task_labels"]

MARKER = "tasks.json"


def write_task_labels(
    folder: Path,
    labels: Mapping[str, TaskLabels],
    vectors: Mapping[str, npt.NDArray[np.int64]],
    *,
    has_ids: bool,
    about: Callable[[str, str], npt.NDArray[np.bool_] | None] | None = None,
) -> dict[str, Path]:
    """Write the soft labels of each task to a file in ``folder``, all of them or none.

    Parameters
    ----------
    folder : Path
        Missing, empty, or written by this function before: then it is replaced.
    labels : mapping of str to TaskLabels
        By split.
    vectors : mapping of str to ndarray of int, shape (n, tasks)
        By split, the label vector of each example as codes of states.
    has_ids : bool
        Whether the examples have ids; without them they are called by their place, which is the column ``row``.
    about : callable, optional
        Of a split and a task: which examples are about the task, ``None`` for all; the others are not written.

    Returns
    -------
    dict of str to Path
        The file of each task.

    Raises
    ------
    DataError
        If something else is in ``folder``.

    Notes
    -----
    Columns: ``id`` (or ``row``), ``split``, ``label``, ``prob_<state>``, ``covered``. ``label`` is the state in the
    most probable label vector that keeps every relation, so that the labels of an example agree over all files; it is
    empty where no vote says anything about the task. ``tasks.json`` names the file and the states of each task.
    """
    graph = next(iter(labels.values())).graph
    names = file_names(graph.names)
    with atomic_folder(folder, marker=MARKER) as temporary:
        for task, name in names.items():
            frames = _frames(task, labels, vectors, "id" if has_ids else "row", about or _all)
            write_frames(frames, temporary / name, "parquet")
        content = {task: {"file": name, "states": graph.states(task)} for task, name in names.items()}
        atomic_write(temporary / MARKER, json.dumps(content, indent=2))
    return {task: folder / name for task, name in names.items()}


def _frames(
    task: str,
    labels: Mapping[str, TaskLabels],
    vectors: Mapping[str, npt.NDArray[np.int64]],
    key: str,
    about: Callable[[str, str], npt.NDArray[np.bool_] | None],
) -> Iterator[pl.DataFrame]:
    for split, found in labels.items():
        soft, column = found.soft_labels(task), found.graph.names.index(task)
        states = soft.classes
        kind = pl.String if isinstance(states[0], str) else pl.Int64
        codes = np.where(soft.covered, vectors[split][:, column], -1)
        table = pl.DataFrame(
            {
                key: soft.example_ids.tolist(),
                "split": pl.Series([split], dtype=pl.String).extend_constant(split, len(codes) - 1),
                "label": pl.Series([None if code < 0 else states[code] for code in codes], dtype=kind),
                **{f"prob_{state}": soft.probs[:, c] for c, state in enumerate(states)},
                "covered": soft.covered,
            }
        )
        rows = about(split, task)
        yield from (table if rows is None else table.filter(rows)).iter_slices(PART_ROWS)


def _all(split: str, task: str) -> None:
    del split, task


def file_names(tasks: Sequence[str], *, ending: str = ".parquet") -> dict[str, str]:
    """Return a name of a file for each task, different on every disk, whatever tasks are called.

    Examples
    --------
    >>> file_names(["kind", "side/left", "Kind", "../kind"])
    {'kind': 'kind.parquet', 'side/left': 'side_left.parquet', 'Kind': '3_Kind.parquet', '../kind': '___kind.parquet'}
    """
    named: dict[str, str] = {}
    seen: set[str] = set()
    for number, task in enumerate(tasks, 1):
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", task)[:100]
        name = f"{number}_{plain}" if plain.lower() in seen else plain
        while name.lower() in seen:
            name = f"{number}_{name}"
        seen.add(name.lower())
        named[task] = f"{name}{ending}"
    return named
