"""Many sources: keep those whose pairs stand out most before the exact tests."""

from __future__ import annotations

import numpy as np

from labelwright.core import PatternCounts
from labelwright.core.moments import MomentCounts

from .pair_sums import PairSums
from .residual_tests import copied, standing_out

__all__ = ["screened"]

# The graphical lasso decomposes matrices of this size some thousand times, which is a few seconds.
_MOST_SIGNALS = 150

# One table of 4,096 x 4,096, as the default label model allows itself.
_MOST_FEATURES = 4_096


def screened(stats: PatternCounts | MomentCounts) -> tuple[PairSums, str]:
    """Return the sums of all sources that vote, or of those that may depend, and a sentence if some were left out.

    Notes
    -----
    A subset of independent sources is as independent as all, so that tests within a subset are valid; pairs left out
    count as not found, and the false discovery rate is that over all pairs. The sources kept are those of the pairs
    with the largest agreement, in standard deviations, beyond one robust low-rank fit to all. Above 4,096 (source,
    code) features, only the sources with the most votes enter that fit.
    """
    totals = stats.counts.votes.sum(axis=0)
    sizes = stats.frame.sizes
    source = np.repeat(np.arange(stats.frame.m), sizes)
    votes, codes = np.bincount(source, totals, len(sizes)), np.bincount(source, totals > 0, len(sizes))
    names = np.array(stats.frame.sources, dtype=object)
    # Names settle equal numbers, so that the choice does not depend on the order of the sources.
    order = np.array(sorted(np.flatnonzero(votes), key=lambda j: (-votes[j], names[j])), dtype=np.int64)
    if np.maximum(codes[order] - 1, 1).sum() <= _MOST_SIGNALS:
        return PairSums.of(stats), ""
    most = order[np.cumsum(codes[order]) <= _MOST_FEATURES]
    whole = PairSums.of(stats, among=list(names[most]), whole=True)
    z = np.triu(standing_out(whole, copied(whole, whole.moments(np.ones(1)))), 1)
    width = np.bincount(whole.source, minlength=whole.m)
    kept: list[int] = []
    for pair in np.argsort(-z, axis=None, kind="stable"):
        more = [j for j in divmod(int(pair), whole.m) if j not in kept]
        if z.flat[pair] <= 0 or width[kept].sum() + width[more].sum() > _MOST_SIGNALS:
            break
        kept += more
    among = [whole.names[j] for j in sorted(kept)]
    note = f" Of {len(order):,} sources, the {len(among)} whose pairs stand out most were looked at closely."
    return PairSums.of(stats, among=among), note
