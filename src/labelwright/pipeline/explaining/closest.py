"""Ids that look like one that is not there."""

from __future__ import annotations

import difflib

import numpy as np
import numpy.typing as npt

from labelwright.pipeline.kept.keep import KeptRun

__all__ = ["closest_ids"]

# Comparing texts letter by letter takes a microsecond each or more, so only so many are compared.
_MOST_COMPARED = 20_000

# So many characters of an id may stand for it.
_ENOUGH = 4


def closest_ids(kept: KeptRun, wanted: str, *, most: int = 3) -> list[str]:
    """Return ids of the run that begin with ``wanted``, or else are like it, the closest first; none where nothing is.

    Among many ids, only those of about its length that begin alike are compared.
    """
    data = kept.kept_data
    ids = np.concatenate([data.part_ids(part).astype(np.str_) for part in range(len(data.parts))])
    begun = ids[np.char.startswith(ids, wanted)] if len(wanted) >= _ENOUGH else ids[:0]
    if len(begun):
        return [str(one) for one in begun[:most]]
    return difflib.get_close_matches(wanted, _narrowed(ids, wanted).tolist(), n=most, cutoff=0.7)


def _narrowed(ids: npt.NDArray[np.str_], wanted: str) -> npt.NDArray[np.str_]:
    """Return few enough ids to compare."""
    if len(ids) <= _MOST_COMPARED:
        return ids
    ids = ids[np.abs(np.char.str_len(ids) - len(wanted)) <= 1]
    for begin in range(1, len(wanted)):
        if len(ids) <= _MOST_COMPARED:
            break
        ids = ids[np.char.startswith(ids, wanted[:begin])]
    return ids[:_MOST_COMPARED]
