"""What examples are called, and the keys by which they are found."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import hash_ids
from labelwright.data.identity import content_ids

__all__ = ["index_keys", "keys_of", "part_ids", "qualified"]


def qualified(data_set: str, example_id: object) -> str:
    """Return what an example, or a group, of one of several data sets is called."""
    return f"{data_set}:{example_id}"


def part_ids(arrays: Any) -> npt.NDArray[Any]:
    """Return ids from content, from the arrays that a part keeps."""
    return content_ids(arrays.get("names", arrays["hashes"]), arrays["repeats"])


def index_keys(ids: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Return 32 bits of a hash of each id, to find examples by."""
    return (hash_ids(ids) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def keys_of(example_id: str, *, by_content: bool) -> npt.NDArray[np.uint32]:
    """Return the keys that an example of this id may have: a text of digits may be meant for a number."""
    if by_content:
        digits = example_id[24:32]  # ids from content are a hash already
        return np.array([int(digits, 16)] if re.fullmatch("[0-9a-f]{8}", digits) else [], dtype=np.uint32)
    keys = [index_keys(np.array([example_id]))]
    if re.fullmatch(r"-?\d{1,18}", example_id):
        keys.append(index_keys(np.array([int(example_id)])))
    return np.concatenate(keys)
