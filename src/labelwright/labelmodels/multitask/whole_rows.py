"""Whole rows of votes on several tasks: a uniform sample of examples that merges to the same bits in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.core.pattern_counts import depths

from .columns import side_by_side
from .recounting import only_cells

__all__ = ["WholeRows"]


@dataclass(frozen=True, slots=True, eq=False)
class WholeRows:
    """Votes on some tasks side by side, of at most ``most`` examples.

    The examples are those whose id hash begins with ``level`` zero bits, the least level at which few enough are left.
    That depends on which examples there are and on nothing else: a part of them never needs a deeper level than the
    whole, so that a merge in any order is a rebuild; and when a source votes anew the same examples are read again,
    which is soon done. `PatternCounts` of the whole would have to look at all votes on all tasks for that.

    Parameters
    ----------
    counts : PatternCounts
        Of these examples.
    level, most : int

    Examples
    --------
    >>> votes = {"dog": Votes([[1], [0], [1]]), "cat": Votes([[0], [1], [-1]])}
    >>> whole = WholeRows.of(votes, ["dog", "cat"], most=2)
    >>> first, rest = ({task: v.take(rows) for task, v in votes.items()} for rows in ([1], [0, 2]))
    >>> whole == WholeRows.of(rest, ["dog", "cat"], most=2) + WholeRows.of(first, ["dog", "cat"], most=2)
    True
    """

    counts: PatternCounts
    level: int
    most: int

    @classmethod
    def of(cls, by_task: Mapping[str, Votes], tasks: Sequence[str], *, most: int) -> WholeRows:
        """Count the votes on ``tasks``, of which one at least has sources."""
        deep = depths(next(by_task[task] for task in tasks if task in by_task))
        level = _level(deep, np.ones(len(deep), dtype=np.int64), most)
        rows = side_by_side(by_task, tasks, np.flatnonzero(deep >= level) if level else None)
        # Two samples that are merged have at most so many different rows; a bound below that would thin them twice.
        return cls(PatternCounts.of(rows, limit=2 * most), level, most)

    def __add__(self, other: WholeRows) -> WholeRows:
        both = replace(self, counts=self.counts + other.counts, level=max(self.level, other.level))
        cells, rows = both.counts.cells, both.counts.cell_counts
        level = max(both.level, _level(cells[:, 3], rows, self.most))
        kept = cells[:, 3] >= level
        if kept.all():
            return replace(both, level=level)
        return replace(both, counts=only_cells(both.counts, cells[kept], rows[kept]), level=level)

    def __sub__(self, other: WholeRows) -> WholeRows:
        if self.level or other.level:
            raise ModelError(
                f"stats of more than {self.most:,} examples of related tasks hold a sample of them; rows cannot be "
                "taken away; merge the stats of the parts that stay."
            )
        return replace(self, counts=self.counts - other.counts)

    def without(self, bucket: int) -> WholeRows:
        """Return the rows outside of one of the 32 sub-sums; a sample stays as thin as it is."""
        return replace(self, counts=self.counts.without(bucket))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WholeRows):
            return NotImplemented
        return (self.level, self.most) == (other.level, other.most) and self.counts == other.counts


def _level(depth: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], most: int) -> int:
    """Return the least level at which at most ``most`` rows are left, of so many rows of each depth."""
    left = np.cumsum(np.bincount(depth, weights=rows, minlength=1)[::-1])[::-1]
    # Past the deepest level nothing is left, which is within any bound.
    return int(np.argmax(np.append(left, 0) <= most))
