"""Stats as if only some of the examples had been seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, VoteCounts, Votes
from labelwright.labelmodels.features import Features

__all__ = ["only_cells", "pattern_votes", "recounted"]


def pattern_votes(stats: PatternCounts) -> Votes:
    """Return the distinct rows of votes, in their order."""
    frame = stats.frame
    return Votes(stats.patterns, classes=frame.classes, sources=frame.sources, alphabet=dict(frame.alphabet))


def recounted(stats: PatternCounts, cells: npt.NDArray[np.int64], cell_counts: npt.NDArray[np.int64]) -> VoteCounts:
    """Return the counts of single votes that belong to cells."""
    features = Features.of(stats.frame)
    rows = np.bincount(cells[:, 2], weights=cell_counts, minlength=len(stats.counts.rows)).astype(np.int64)
    x = features.matrix(pattern_votes(stats)).astype(np.int64)[cells[:, 0]]
    voted = np.diff(x.indptr) > 0
    votes, gold = np.zeros_like(stats.counts.votes), np.zeros_like(stats.counts.gold)
    covered = np.bincount(cells[voted, 2], weights=cell_counts[voted], minlength=len(rows)).astype(np.int64)
    for bucket in range(len(rows)):
        mine = cells[:, 2] == bucket
        votes[bucket] = x[mine].T @ cell_counts[mine]
    known = cells[:, 1] > 0
    np.add.at(gold, (cells[known, 2], cells[known, 1] - 1), cell_counts[known])
    return VoteCounts(stats.frame, rows, covered, votes, gold)


def only_cells(stats: PatternCounts, cells: npt.NDArray[np.int64], cell_counts: npt.NDArray[np.int64]) -> PatternCounts:
    """Return stats of the rows in some cells alone; rows of votes that are in none of them are gone."""
    counts = recounted(stats, cells, cell_counts)
    alive, place = np.unique(cells[:, 0], return_inverse=True)
    cells = np.concatenate([place.reshape(-1, 1), cells[:, 1:]], axis=1)
    return replace(
        stats,
        counts=counts,
        patterns=stats.patterns.take(alive),
        keys=stats.keys[alive],
        cells=cells,
        cell_counts=cell_counts,
    )
