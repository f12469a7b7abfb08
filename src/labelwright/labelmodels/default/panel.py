"""A panel of experts: what each of them answers to the same votes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core import VoteFrame, Votes
from labelwright.labelmodels.crowds.item_effects import ItemEffects, ItemVotes
from labelwright.labelmodels.crowds.slots import Slots
from labelwright.labelmodels.expectation import softmax_rows, sum_in_order
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats
from labelwright.labelmodels.scoring import score_sums, share_sums

__all__ = ["Answers", "Panel"]


# So few different codes are counted along with the scores; more of them are counted vote by vote.
_FEW_SLOTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What experts answer to a block of rows.

    Parameters
    ----------
    start, stop : int
        The block's rows.
    probs : ndarray of float, shape (chosen, stop - start, k)
    more : ndarray of float, shape (stop - start, c)
        Sums of the further table that was asked for.
    covered : ndarray of bool, shape (stop - start,)
    """

    start: int
    stop: int
    probs: Floats
    more: Floats
    covered: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Experts that add up scores of votes, and at last the vote shares; over all (source, code) pairs of the frame.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, f, k)
        What each vote says for each class.
    balances : ndarray of float, shape (experts, k)
        P(Y) of each expert.
    item_strengths : ndarray of float, shape (experts, k)
        How alike the votes on one item are (`labelwright.labelmodels.crowds.item_effects.ItemEffects`); 0 for experts
        that take them for independent.
    typical : ndarray of float, shape (experts, slots, k)
        P(code | Y) of the whole crowd; only effects of items ask for it.
    mass : ndarray of float, shape (f,)
        What a vote counts in the vote shares.
    voices : ndarray of float, shape (f,)
        1 for one of the sources that are surely one, 0 for the others, where votes on one item are counted.
    """

    scores: Floats
    balances: Floats
    item_strengths: Floats
    typical: Floats
    mass: Floats
    voices: Floats

    def __len__(self) -> int:
        return len(self.scores) + 1

    def answers(self, votes: Votes, chosen: Sequence[int], more: Floats | None = None) -> Iterator[Answers]:
        """Yield what the ``chosen`` experts answer, block by block; the last one (``len - 1``) is the vote shares.

        ``more`` (f, c) is a further table to sum in the same pass.
        """
        if more is None and list(chosen) == [len(self.scores)]:
            for start, stop, shares, covered in share_sums(votes, self.mass):
                yield Answers(start, stop, _shared(shares)[None], np.empty((stop - start, 0)), covered)
            return
        frame = VoteFrame.of(votes)
        features, slots, k = Features.of(frame), Slots.of(frame), frame.k
        experts = [e for e in chosen if e < len(self.scores)]
        parts = [*self.scores[experts]]
        if len(experts) < len(chosen):
            parts.append(features.share * self.mass[:, None])
        at = sum(part.shape[1] for part in parts)
        hard = {e: ItemEffects(slots, self.typical[e], self.item_strengths[e]) for e in experts}
        counted = bool(self.item_strengths[experts].any()) and len(slots.careful) <= _FEW_SLOTS
        width = 0
        if counted:
            width = len(slots.careful)
            parts.append((slots.slot[:, None] == np.arange(width)) * self.voices[:, None])
        table = np.concatenate([*parts, np.zeros((len(features.source), 0)) if more is None else more], axis=1)
        for start, stop, sums, covered in score_sums(votes, table):
            probs = []
            for place, e in enumerate(experts):
                logits = sums[:, place * k : (place + 1) * k] + np.log(self.balances[e])
                if self.item_strengths[e].any() and counted:
                    logits += hard[e].by_counts(sums[:, at : at + width])
                elif self.item_strengths[e].any():
                    logits += hard[e].log_ratios(ItemVotes.of(self._voiced(features.matrix(votes, start, stop)), slots))
                probs.append(softmax_rows(logits))
            if len(experts) < len(chosen):
                probs.append(_shared(sums[:, at - k : at]))
            yield Answers(start, stop, np.stack(probs), sums[:, at + width :], covered)

    def _voiced(self, x: sparse.csr_array[Any]) -> sparse.csr_array[Any]:
        """Leave of the votes ``x`` (rows, f) one of those of the sources that are surely one."""
        if self.voices.all():
            return x
        heard = sparse.csr_array(x @ sparse.diags_array(self.voices))
        heard.eliminate_zeros()
        return heard


def _shared(sums: Floats) -> Floats:
    """Scale ``sums`` (rows, k) to rows that sum to 1; rows without a vote stay 0."""
    mass = sum_in_order(sums.T)
    return np.asarray(sums / np.where(mass > 0, mass, 1)[:, None])
