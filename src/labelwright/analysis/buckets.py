"""Label buckets: the examples on which two or more labelings say a given combination."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core.errors import VoteError

__all__ = ["label_buckets"]


def label_buckets(*labels: npt.ArrayLike) -> dict[tuple[Any, ...], npt.NDArray[np.int64]]:
    """Group example positions by what several labelings say of them.

    Parameters
    ----------
    *labels : array_like of int or str, shape (n,)
        Gold and predicted codes, say, or the votes of two sources; at least one.

    Returns
    -------
    dict of tuple to ndarray of int
        Positions, rising, by the combination of labels; combinations that do not occur are absent. Keys are sorted.

    Raises
    ------
    VoteError
        If the labelings differ in length.

    Examples
    --------
    >>> buckets = label_buckets([0, 0, 1], [0, 1, 1])
    >>> {key: where.tolist() for key, where in buckets.items()}
    {(0, 0): [0], (0, 1): [1], (1, 1): [2]}
    """
    arrays = [np.asarray(one) for one in labels]
    if not arrays:
        raise VoteError("label_buckets needs at least one array of labels.")
    if any(a.ndim != 1 or len(a) != len(arrays[0]) for a in arrays):
        raise VoteError(f"labelings differ in shape: {', '.join(str(a.shape) for a in arrays)}; pass n labels each.")
    if not len(arrays[0]):
        return {}
    known = [np.unique(a, return_inverse=True) for a in arrays]
    cell = np.ravel_multi_index(tuple(i for _, i in known), tuple(len(v) for v, _ in known))
    order = np.argsort(cell, kind="stable")
    found, starts = np.unique(cell[order], return_index=True)
    places = np.unravel_index(found, tuple(len(v) for v, _ in known))
    keys = [tuple(values[p[i]].item() for (values, _), p in zip(known, places, strict=True)) for i in range(len(found))]
    return dict(zip(keys, np.split(order, starts[1:]), strict=True))
