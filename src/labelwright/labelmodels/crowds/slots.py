"""Sources that use the same codes with the same meanings: what they say can be pooled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.core import VoteFrame
from labelwright.labelmodels.problem import Floats

__all__ = ["Slots"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Codes of alphabets. Sources with the same codes, of the same meaning, share one; a slot is one of its codes.

    Parameters
    ----------
    slot : ndarray of int64, shape (f,)
        Slot of each (source, code) pair, the codes of the first source first.
    starts : ndarray of int64, shape (alphabets,)
        First slot of each alphabet.
    careful : ndarray of float, shape (slots, k)
        P(code | Y) of one who is always right.

    Examples
    --------
    >>> slots = Slots.of(VoteFrame((0, 1), ("a", "b")))
    >>> slots.slot.tolist(), slots.careful.tolist()
    ([0, 1, 0, 1], [[1.0, 0.0], [0.0, 1.0]])
    """

    slot: Indices
    starts: Indices
    careful: Floats

    @classmethod
    def of(cls, frame: VoteFrame) -> Slots:
        """Number the slots of ``frame`` in the order of its sources."""
        own = dict(frame.alphabet)
        plain = tuple(frozenset([c]) for c in range(frame.k))
        first: dict[tuple[frozenset[int], ...], int] = {}
        slots, size = [], 0
        for name in frame.sources:
            codes = tuple(own.get(name, plain))
            if codes not in first:
                first[codes] = size
                size += len(codes)
            slots.append(first[codes] + np.arange(len(codes)))
        meaning = np.array([[c in code for c in range(frame.k)] for codes in first for code in codes], dtype=np.float64)
        starts = np.array(list(first.values()), dtype=np.int64)
        # A class that no code means leaves one who is right with nothing to say: any code then.
        mute = np.repeat(np.add.reduceat(meaning, starts) == 0, [len(codes) for codes in first], axis=0)
        empty = cls(np.concatenate(slots).astype(np.int64), starts, np.where(mute, 1.0, meaning))
        return cls(empty.slot, starts, empty.normalised(empty.careful))

    @property
    def even(self) -> Floats:
        """P(code) of one who says any code alike, shape (slots, k)."""
        return self.normalised(np.ones_like(self.careful))

    @property
    def alphabet(self) -> Indices:
        """Number of each slot's alphabet, shape (slots,)."""
        return np.searchsorted(self.starts, np.arange(len(self.careful)), side="right") - 1

    def pooled(self, values: Floats) -> Floats:
        """Sum ``values`` (f, c) over sources, shape (slots, c)."""
        out = np.zeros((len(self.careful), values.shape[1]))
        np.add.at(out, self.slot, values)
        return out

    def normalised(self, values: Floats) -> Floats:
        """Scale ``values`` (slots, c) so that the codes of each alphabet sum to 1."""
        return np.asarray(values / np.add.reduceat(values, self.starts)[self.alphabet])
