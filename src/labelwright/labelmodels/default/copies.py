"""Sources that are surely one and the same: which of them speaks, for itself and for its copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows, VoteFrame
from labelwright.labelmodels.problem import Problem

from .dependence import Dependence

__all__ = ["places_in_frame", "speakers", "without_copies"]


def without_copies(stats: PatternCounts, problem: Problem, dependence: Dependence) -> PatternCounts:
    """Return the stats in which all but one of the sources that are surely one keep silent."""
    if dependence.distinct.all():
        return stats
    frame, rows = stats.frame, stats.patterns
    repeats = {problem.names[j] for j in np.flatnonzero(~dependence.distinct)}
    kept = np.array([name not in repeats for name in frame.sources])
    stay = kept[rows.columns]
    indptr = np.concatenate([[0], np.cumsum(stay)])[rows.indptr]
    patterns = SparseRows(indptr, rows.columns[stay], rows.codes[stay], rows.shape)
    votes = np.where(np.repeat(kept, frame.sizes), stats.counts.votes, 0)
    return replace(stats, patterns=patterns, counts=replace(stats.counts, votes=votes))


def speakers(problem: Problem, dependence: Dependence, frame: VoteFrame) -> npt.NDArray[np.int64]:
    """Return for each (source, code) pair that of the source which speaks for its copies, shape (f,)."""
    place = {name: j for j, name in enumerate(frame.sources)}
    speaker = np.arange(frame.m)
    chosen = {int(dependence.group[j]): problem.names[j] for j in np.flatnonzero(dependence.distinct)}
    for j in np.flatnonzero(~dependence.distinct):
        speaker[place[problem.names[j]]] = place[chosen[int(dependence.group[j])]]
    offsets = np.cumsum(frame.sizes) - frame.sizes
    source = np.repeat(np.arange(frame.m), frame.sizes)
    code = np.arange(len(source)) - offsets[source]
    # A copy may know codes that its speaker does not; these it says for itself.
    able = code < frame.sizes[speaker][source]
    return np.asarray(np.where(able, offsets[speaker][source], offsets[source]) + code)


def places_in_frame(problem: Problem, frame: VoteFrame) -> npt.NDArray[np.int64]:
    """Return where the sources that vote stand in the frame, shape (problem.m,)."""
    place = {name: j for j, name in enumerate(frame.sources)}
    return np.array([place[name] for name in problem.names], dtype=np.int64)
