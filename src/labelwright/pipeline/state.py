"""What is judged: the votes and labels of a project as its files are now, or as a run left them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright.core import SoftLabels, Votes
from labelwright.data import read
from labelwright.data.files import ParquetSource, TextSource
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import BaseLabelModel

from .examples import Source, Split, open_sources
from .keep import KeptRun
from .run import apply_functions, make_label_model
from .settings import Settings

__all__ = ["LabelledState", "StateSplit", "kept_state", "present_state"]

ReadColumns = Callable[[Sequence[str] | None], pl.DataFrame]


@dataclass(frozen=True, slots=True, eq=False)
class StateSplit:
    """A split with its votes and labels.

    Parameters
    ----------
    votes : Votes, shape (n, m)
    soft : SoftLabels, shape (n, k)
    gold : ndarray of int, shape (n,), or None
        Class codes, -1 where unknown.
    groups : ndarray, shape (n,), or None
    read : callable
        Gives columns (``None`` = all) of its examples, in the order of the votes.
    files : callable
        Gives the names of the files that the examples come from, shape (n,), or ``None`` where there is one file.
    """

    votes: Votes
    soft: SoftLabels
    gold: npt.NDArray[np.int64] | None
    groups: npt.NDArray[Any] | None
    read: ReadColumns
    files: Callable[[], npt.NDArray[Any] | None]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledState:
    """Votes and labels of a project at one moment.

    Parameters
    ----------
    name : str
        What to call it: ``"run 3"``, ``"snapshot main"``, ``"the files as they are"``.
    versions : mapping of str to str
        Version of each function.
    splits : mapping of str to StateSplit
    fitted : callable
        Gives the label model, fitted to the votes on train.
    """

    name: str
    versions: Mapping[str, str]
    splits: Mapping[str, StateSplit]
    fitted: Callable[[], BaseLabelModel[Any, Any]]

    @property
    def example_ids(self) -> npt.NDArray[Any]:
        """Ids of all examples, split by split."""
        return np.concatenate([split.votes.example_ids for split in self.splits.values()])


def kept_state(run: KeptRun, name: str) -> LabelledState:
    """Return what a run left."""
    splits = {
        split: StateSplit(
            run.votes(split),
            run.soft_labels(split),
            run.gold(split),
            run.groups(split),
            lambda columns, split=split: run.frame(split, columns),  # type: ignore[misc]
            lambda: None,
        )
        for split in run.splits
    }
    # What a run kept of its model can label, but has no stats to work out intervals from.
    return LabelledState(
        name, run.functions(), splits, lambda: make_label_model(run.settings()).fit(splits["train"].votes)
    )


def present_state(
    folder: Path, settings: Settings, functions: Sequence[LabelingFunction], *, step: Callable[[str], None]
) -> LabelledState:
    """Apply the functions to the data as it is, and fit the label model; nothing is kept.

    Parameters
    ----------
    folder : Path
    settings : Settings
    functions : sequence of LabelingFunction
    step : callable of str
        Told what is being done.
    """
    step("reading the data")
    sources = open_sources(settings, folder)
    voted = [
        (source, split, votes.take(split.rows))
        for source in sources
        for votes in [apply_functions(functions, source.dataset, settings, step=step)]
        for split in source.splits
    ]
    step("fitting the label model")
    train = next(votes for _, split, votes in voted if split.name == "train")
    model = make_label_model(settings).fit(train)
    splits = {
        split.name: StateSplit(
            votes,
            model.soft_labels(votes),
            split.gold,
            split.groups,
            lambda columns, source=source, split=split: source.frame(  # type: ignore[misc]
                split, source.dataset.columns if columns is None else columns
            ),
            lambda source=source, split=split: _files(source, split, folder),  # type: ignore[misc]
        )
        for source, split, votes in voted
    }
    return LabelledState("the files as they are", {f.name: f.version for f in functions}, splits, lambda: model)


def _files(source: Source, split: Split, folder: Path) -> npt.NDArray[Any] | None:
    """Return the file of each example, where the rows of the source come from several."""
    rows = source.dataset.source
    paths = rows.paths if isinstance(rows, ParquetSource) else []
    paths = [path for path, _ in rows.files] if isinstance(rows, TextSource) else paths
    if len(paths) < 2:
        return None
    first = source.dataset.columns[:1]
    ends = np.cumsum([sum(part.rows for part in read(path).parts(first)) for path in paths])
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name for path in paths]
    return np.array(names)[np.searchsorted(ends, split.rows, side="right")]
