"""Distinct vote rows in which each clique of dependent sources is one source."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows, VoteCounts, VoteFrame
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.dependencies.cliques import CliqueCells

__all__ = ["merge_cliques"]


def merge_cliques(stats: PatternCounts, cliques: tuple[CliqueCells, ...]) -> PatternCounts:
    """Return ``stats`` in which the members of each clique are replaced by one source, after all others.

    Parameters
    ----------
    stats : PatternCounts
    cliques : tuple of CliqueCells
        Disjoint. Code c of a new source is cell c + 1 of its clique, and means the classes for which most members vote.

    Returns
    -------
    PatternCounts
        With the same rows in the same order, of which some may be equal where cells are tallies. Where rows are a
        sample, the votes of the new sources are counted in the sample.

    Examples
    --------
    >>> from labelwright.core import Votes
    >>> stats = PatternCounts.of(Votes([[0, 2, 1], [0, -1, 1]], sources=["a", "b", "c"]))
    >>> merged = merge_cliques(stats, (CliqueCells.of(stats.frame, (0, 1)),))
    >>> merged.frame.sources, int(merged.counts.by_source("a & b").sum())
    (('c', 'a & b'), 2)
    """
    frame, rows = stats.frame, stats.patterns.dense()
    alone = np.setdiff1d(np.arange(frame.m), [j for clique in cliques for j in clique.members])
    merged = np.stack([clique.code(rows) - 1 for clique in cliques], axis=1)
    names = [" & ".join(sorted(frame.sources[j] for j in clique.members)) for clique in cliques]
    own = {name: sets for name, sets in frame.alphabet if name in {frame.sources[j] for j in alone}}
    own |= {name: _meanings(clique) for name, clique in zip(names, cliques, strict=True)}
    new = VoteFrame(
        frame.classes,
        (*(frame.sources[j] for j in alone), *names),
        tuple(sorted(own.items(), key=lambda item: item[0])),
    )
    votes = np.concatenate([rows[:, alone].astype(np.int64), merged], axis=1)
    row, column = np.nonzero(votes >= 0)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(votes)))]).astype(np.int64)
    patterns = SparseRows(indptr, column.astype(np.int32), votes[row, column].astype(np.int16), votes.shape)
    counts = VoteCounts(new, stats.counts.rows, stats.counts.covered, _counted(stats, new, patterns), stats.counts.gold)
    return PatternCounts(counts, stats.level, patterns, stats.keys, stats.cells, stats.cell_counts, stats.limit)


def _counted(stats: PatternCounts, frame: VoteFrame, patterns: SparseRows) -> npt.NDArray[np.int64]:
    """Return votes in each sub-sum and (source, code), shape (32, f)."""
    offsets = np.concatenate([[0], np.cumsum(frame.sizes)])
    pattern, _, bucket, _ = stats.cells.T
    rows = patterns.take(pattern)
    at, size = rows.entry_rows, int(offsets[-1])
    key = bucket[at] * size + offsets[rows.columns] + rows.codes
    counted = np.bincount(key, stats.cell_counts[at], BUCKETS * size)
    return np.rint(counted).astype(np.int64).reshape(BUCKETS, size)


def _meanings(clique: CliqueCells) -> tuple[frozenset[int], ...]:
    """Return the classes that each cell but the first means: those for which most members vote."""
    mass = np.zeros((clique.count, clique.k))
    if clique.by_tally:
        mass[np.arange(clique.k) + 1, np.arange(clique.k)] = 1
    else:
        for column, meaning in enumerate(clique.meanings):
            table = np.zeros((len(meaning) + 1, clique.k))
            for code, classes in enumerate(meaning):
                table[code + 1, sorted(classes)] = 1 / len(classes)
            mass += table[clique.letters[:, column] + 1]
    return tuple(frozenset(np.flatnonzero(one >= one.max() - 1e-9).tolist()) for one in mass[1:])
