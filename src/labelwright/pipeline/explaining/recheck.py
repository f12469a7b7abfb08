"""Working one label out again from what it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from labelwright.analysis.explanation_content import LabelCheck
from labelwright.core import Votes
from labelwright.core.errors import LabelwrightError, ProjectError
from labelwright.data import read
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import BaseLabelModel
from labelwright.pipeline.kept.finding import find_place
from labelwright.pipeline.kept.keep import ExampleRow, KeptRun
from labelwright.pipeline.refreshing.run import apply_functions
from labelwright.pipeline.settings import Settings
from labelwright.pipeline.supervision import load_functions
from labelwright.store import ArtifactId

from .wording import said

__all__ = ["recheck_label"]

# Rounding in another batch.
_ROUNDING = 1e-9


def recheck_label(kept: KeptRun, example: ExampleRow, votes: Votes, model: BaseLabelModel[Any, Any]) -> LabelCheck:
    """Run the functions on the example again, and the label model on its votes; compare with what was kept.

    A function is run where the project still has it in the version that gave the vote; that of others cannot be had
    again here, and is said.

    Parameters
    ----------
    kept : KeptRun
    example : ExampleRow
    votes : Votes
        Those kept of the example, n = 1.
    model : BaseLabelModel
        The run's label model.

    Returns
    -------
    LabelCheck
    """
    settings = kept.settings()
    difference = float(np.abs(kept.soft_labels_of(example.id).probs - model.soft_labels(votes).probs).max())
    codes = dict(zip(votes.sources, votes.values[0].tolist(), strict=True))
    again, left = _same_functions(kept, votes.sources)
    votes_again, changed = [], []
    frame = _frame(kept, example)
    for function in again:
        try:
            code = _vote(function, frame, settings, votes)
        except LabelwrightError as error:
            left.append((function.name, str(error)))
            continue
        if code == codes[function.name]:
            votes_again.append(function.name)
        else:
            was = said(votes, function.name, codes[function.name])
            changed.append((function.name, was, said(votes, function.name, code)))
    same = not changed and difference <= _ROUNDING
    return LabelCheck(same, tuple(votes_again), tuple(changed), tuple(left), difference)


def _same_functions(kept: KeptRun, sources: tuple[str, ...]) -> tuple[list[LabelingFunction], list[tuple[str, str]]]:
    """Return the functions that are as they were in the run, and why others are not."""
    try:
        today = {f.name: f for f in load_functions(kept.folder)}
    except ProjectError as error:
        return [], [(name, f"the project's functions cannot be read ({error})") for name in sources]
    found, left = [], []
    versions = kept.functions()
    for name in sources:
        if name not in today:
            left.append((name, "the project does not have it any more"))
        elif today[name].version != versions.get(name):
            left.append((name, "it was changed since"))
        else:
            found.append(today[name])
    return found, left


def _frame(kept: KeptRun, example: ExampleRow) -> pl.DataFrame:
    """Return the example as a frame of one row, with the types of its data."""
    data = kept.kept_data
    part, row = find_place(data, example.id)
    found = pl.from_arrow(kept.store.get_rows(ArtifactId.parse(data.parts[part].data), [row]))
    assert isinstance(found, pl.DataFrame)
    return found


def _vote(function: LabelingFunction, frame: pl.DataFrame, settings: Settings, votes: Votes) -> int:
    """Return the vote of one function on one example, as a code of the run."""
    data = read(frame, id=settings.data.id, group=settings.data.group)
    applied = apply_functions([function], data, settings)
    if applied.classes != votes.classes:
        raise ProjectError(f"it votes for {applied.classes} now, and the run knew {votes.classes}")
    return int(applied.values[0, 0])
