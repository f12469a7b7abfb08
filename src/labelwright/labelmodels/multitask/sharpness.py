"""How far to trust votes that are handed up: as far as they foretell who speaks of a task that they do not vote on.

Sources that take one side each identify neither how common classes are nor how often they err, so that the default
label model is careful with them: whatever they agree on, much of the prior stays. Where a task is refined in two ways
or more, there is something to learn from. Votes on different children contradict each other where one errs, and who
speaks of a child is foretold well by the votes outside of it where these can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, TaskGraph

from .families import Sight, children_of, numbers_of, speaking_of_columns, without_columns
from .readers import Reader
from .recounting import pattern_votes
from .speaking import first_rates

__all__ = ["sharpened"]

Floats = npt.NDArray[np.float64]

# Powers of the evidence that are tried. Less than 1 is not: the reader is careful already.
_POWERS = 2.0 ** np.arange(0.0, 4.25, 0.25)


def sharpened(
    reader: Reader, graph: TaskGraph, task: str, stats: PatternCounts, below: Mapping[str, tuple[int, ...]]
) -> Reader:
    """Return a reader that is surer, where that foretells better who speaks of each child from the votes outside of it.

    It goes half of the way, in logarithms, from the reader as it is to the power that foretells best: a likelihood in
    which functions of different children err by themselves counts as much as the caution, and no more.

    Parameters
    ----------
    reader : Reader
    graph : TaskGraph
    task : str
    stats : PatternCounts
        Of the votes on the task, beside what votes below it imply, where it applies.
    below : mapping of str to tuple of int
        By child, the numbers at the head of the columns of the tasks from it on.

    Returns
    -------
    Reader
        The same one where fewer than two children have votes: votes that imply one class never contradict each other.
    """
    votes, rows = pattern_votes(stats), stats.weights.astype(np.float64)
    member = numbers_of(votes.sources)
    seen = [(r, np.isin(member, below[r.child])) for r in children_of(graph, task) if below.get(r.child)]
    if len(seen) < 2:
        return reader
    told = np.zeros(len(_POWERS))
    for relation, mine in seen:
        inside = [votes.classes.index(c) for c in relation.classes]
        evidence = reader.log_evidence(without_columns(votes, mine))
        speaking = speaking_of_columns(stats.patterns, mine)
        totals = speaking.counts(rows)
        for i, power in enumerate(_POWERS):
            applies = _probs(power * evidence, reader.balance)[:, inside].sum(axis=1)
            share = float(np.clip(rows @ applies / max(rows.sum(), 1.0), 1e-3, 1 - 1e-3))
            sight = Sight(applies, rows, speaking)
            told[i] += sight.forecast(sight.rates(first_rates(totals, share)))
    return replace(reader, sharpness=float(np.sqrt(_POWERS[told.argmax()])))


def _probs(logs: Floats, balance: Floats) -> Floats:
    scaled = np.exp(logs - logs.max(axis=1, keepdims=True)) * balance
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))
