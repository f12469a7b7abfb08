"""Ids that look like one that is not there."""

from __future__ import annotations

import difflib

import numpy as np

from .keep import KeptRun

__all__ = ["closest_ids"]

# Comparing texts letter by letter takes a microsecond each or more, so only so many are compared.
_MOST_COMPARED = 20_000


def closest_ids(kept: KeptRun, wanted: str, *, most: int = 3) -> list[str]:
    """Return ids of the run that are like ``wanted``, the closest first; none where nothing is.

    Among many ids, only those of about its length that begin alike are compared.
    """
    ids = np.concatenate([kept.soft_labels(split).example_ids.astype(np.str_) for split in kept.splits])
    if len(ids) > _MOST_COMPARED:
        length = np.char.str_len(ids)
        ids = ids[np.abs(length - len(wanted)) <= 1]
        for begin in range(1, len(wanted)):
            if len(ids) <= _MOST_COMPARED:
                break
            ids = ids[np.char.startswith(ids, wanted[:begin])]
        ids = ids[:_MOST_COMPARED]
    return [str(one) for one in difflib.get_close_matches(wanted, ids.tolist(), n=most, cutoff=0.7)]
