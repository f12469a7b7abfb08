"""Which examples a report shows: a few from each bucket that tells a writer of functions something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Class, SoftLabels, Votes, hash_ids

from .content import ExampleBucket, ShownExample
from .counting import Symbols, entries
from .summary import gold_codes

__all__ = ["pick_examples"]

# A lead of the best class over the second below this is no lead.
_CLOSE = 0.1


def pick_examples(
    votes: Votes,
    soft: SoftLabels,
    text: Callable[[int], str] | Sequence[str],
    gold: Iterable[Any] | None = None,
    *,
    per_bucket: int = 5,
) -> list[ExampleBucket]:
    """Pick examples to read: wrong though sure, in conflict, undecided, without a vote, and sure of each class.

    Parameters
    ----------
    votes : Votes, n rows
    soft : SoftLabels, the same n rows
    text : callable of position -> str, or sequence of str
        What an example says. Called for the examples picked only, so it may read a file.
    gold : iterable of (class, code or None), shape (n,), optional
    per_bucket : int
        Examples to show in each bucket: the most extreme, or by a hash of the example id where none is.

    Returns
    -------
    list of ExampleBucket
        Buckets without examples are left out.

    Examples
    --------
    >>> votes = Votes([[1, 0], [1, 1], [-1, -1]], classes=["ham", "spam"], sources=["a", "b"])
    >>> soft = SoftLabels([[0.5, 0.5], [0.1, 0.9], [0.5, 0.5]], votes.covered, classes=votes.classes)
    >>> [(b.title, b.n) for b in pick_examples(votes, soft, ["one", "two", "three"])]
    [('Sources in conflict', 1), ('Undecided', 1), ('No vote at all', 1), ('Surest: spam', 1)]
    """
    truth = None if gold is None else gold_codes(gold, votes.classes, votes.n)
    show = _Shower(votes, soft, text, truth)
    shuffled = hash_ids(votes.example_ids).astype(np.float64)
    sure, best = soft.confidence, soft.probs.argmax(axis=1)
    conflicting = _conflicting(votes)
    plan: list[tuple[str, str, npt.NDArray[np.bool_], npt.NDArray[np.float64]]] = []
    if truth is not None:
        wrong = soft.covered & (truth >= 0) & (best != truth)
        plan.append(("Sure and wrong", "The soft label contradicts gold; the surest first.", wrong, -sure))
    second, first = np.partition(soft.probs, -2, axis=1)[:, -2:].T
    close = soft.covered & (first - second < _CLOSE)
    plan += [
        ("Sources in conflict", "Two sources contradict each other; picked by a hash.", conflicting, shuffled),
        ("Undecided", "Two classes are close; the closest calls first.", close, first - second),
        ("No vote at all", "Where the next labeling function could help; picked by a hash.", ~soft.covered, shuffled),
    ]
    for code, name in enumerate(votes.classes):
        mine = soft.covered & (best == code) & ~close
        plan.append((f"Surest: {name}", f"The strongest soft labels for {name}.", mine, -soft.probs[:, code]))
    return [
        ExampleBucket(title, description, int(mask.sum()), [show(i) for i in _first(mask, rank, per_bucket)])
        for title, description, mask, rank in plan
        if mask.any()
    ]


def _first(mask: npt.NDArray[np.bool_], rank: npt.NDArray[np.float64], limit: int) -> list[int]:
    where = np.flatnonzero(mask)
    return [int(i) for i in where[np.argsort(rank[where], kind="stable")[:limit]]]


def _conflicting(votes: Votes) -> npt.NDArray[np.bool_]:
    symbols = Symbols.of(votes)
    out = np.zeros(votes.n, dtype=bool)
    for block in entries(votes, symbols):
        out[block.start + block.rows[block.conflicting(symbols)]] = True
    return out


class _Shower:
    """Turns a position into a shown example."""

    def __init__(self, votes: Votes, soft: SoftLabels, text: Any, gold: npt.NDArray[np.int64] | None) -> None:
        self.votes, self.soft, self.gold = votes, soft, gold
        self.text = text if callable(text) else text.__getitem__

    def __call__(self, i: int) -> ShownExample:
        codes = self.votes.take([i]).values[0]
        cast = [(self.votes.sources[j], self._said(j, int(c))) for j, c in enumerate(codes) if c != ABSTAIN]
        truth = None if self.gold is None or self.gold[i] < 0 else self.votes.classes[self.gold[i]]
        probs = tuple(float(p) for p in self.soft.probs[i])
        return ShownExample(self.votes.example_ids[i].item(), str(self.text(i)), cast, probs, truth)

    def _said(self, source: int, code: int) -> Class:
        sets = self.votes.alphabet.get(self.votes.sources[source])
        if sets is None:
            return self.votes.classes[code]
        return " or ".join(str(self.votes.classes[c]) for c in sorted(sets[code]))
