"""What labels would be without a source: with the rest as it was learned, or learned again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Params

__all__ = ["SourceEffect", "drop_one", "learn_without"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SourceEffect:
    """What happens to the labels when one source is silent.

    Parameters
    ----------
    source : str
    flips : int
        Examples whose label changes: to another class, or from one to a tie, or back.
    share : float
        Flips among all examples, 0 to 1.
    shift : float
        Mean change of an example's probabilities (total variation), 0 to 1, over all examples.
    largest_shift : float
        The largest change of any example.
    refit : bool
        Whether the model learned again without the source.
    """

    source: str
    flips: int
    share: float
    shift: float
    largest_shift: float
    refit: bool

    def __str__(self) -> str:
        how = "learned again" if self.refit else "the rest kept"
        return (
            f"without {self.source}: {self.flips:,} labels flip ({self.share:.1%}), mean shift {self.shift:.3f}, {how}"
        )


def drop_one(
    model: BaseLabelModel[Any, Any],
    votes: Votes | npt.ArrayLike | PatternCounts,
    *,
    refit: bool = False,
    y: npt.ArrayLike | None = None,
) -> tuple[SourceEffect, ...]:
    """Silence each source in turn, and compare the labels with those of all sources.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted; it is not changed.
    votes : Votes, array_like of int, shape (n, m), or PatternCounts
        The votes to label. With ``refit`` also those to learn from, and then not PatternCounts.
    refit : bool
        Whether to learn again without the source, instead of keeping what was learned about the others.
    y : array_like of (int or str), shape (n,), optional
        Known classes that the model was fitted with, for ``refit``.

    Returns
    -------
    tuple of SourceEffect
        In the order of the sources.

    Raises
    ------
    ModelError
        If there are no examples, or ``refit`` is asked for on counts.

    Notes
    -----
    Without refitting, only distinct vote rows are labelled, and only those on which the source votes: one pass.
    Abstaining is no evidence for some models and evidence for others; silencing follows the model. Where counts hold a
    sample of the rows, flips are scaled up.

    Examples
    --------
    >>> from labelwright.labelmodels import MajorityVote
    >>> votes = Votes([[1, 1, -1], [0, -1, 1], [-1, 0, 0]], sources=["a", "b", "c"])
    >>> for effect in drop_one(MajorityVote().fit(votes), votes):
    ...     print(effect)
    without a: 1 labels flip (33.3%), mean shift 0.167, the rest kept
    without b: 0 labels flip (0.0%), mean shift 0.000, the rest kept
    without c: 1 labels flip (33.3%), mean shift 0.167, the rest kept
    """
    params = model._fitted()
    if isinstance(votes, PatternCounts):
        if refit:
            raise ModelError(
                "to learn again without a source, hand in votes; counts of rows cannot be summarised anew."
            )
        patterns, found = votes, None
    else:
        found = model._votes_like(params, votes)
        patterns = PatternCounts.of(found, limit=max(1, found.n))
    if not patterns.weights.sum():
        raise ModelError("there are no examples, so nothing can change.")
    rows = _votes_of(params, patterns.patterns)
    before = model.posterior(params, rows)
    effects = []
    for at, source in enumerate(params.sources):
        touched = np.unique(patterns.patterns.entry_rows[patterns.patterns.columns == at])
        other = model
        if found is not None and refit and len(touched):
            other = learn_without(model, found, source, y=y)
            touched = np.arange(len(patterns.keys))
        after = other.posterior(other._fitted(), _votes_of(params, _silence(patterns.patterns.take(touched), at)))
        effects.append(_effect(source, patterns, touched, before.probs, after.probs, refit))
    return tuple(effects)


def learn_without(
    model: BaseLabelModel[Any, Any], votes: Votes, source: str, *, y: npt.ArrayLike | None = None
) -> BaseLabelModel[Any, Any]:
    """Return what ``model`` would have learned from ``votes`` had one source been silent.

    Parameters
    ----------
    model : BaseLabelModel
        It is not changed.
    votes : Votes
        What to learn from.
    source : str
        The source that abstains everywhere; it keeps its column.
    y : array_like of (int or str), shape (n,), optional
        Known classes that the model was fitted with.

    Raises
    ------
    VoteError
        If there is no such source.
    ModelError
        If no other source ever votes.
    """
    votes.select([source])
    silenced = Votes(
        _silence(votes.rows, votes.sources.index(source)),
        classes=votes.classes,
        sources=votes.sources,
        example_ids=votes.example_ids,
        groups=votes.groups,
        alphabet=dict(votes.alphabet),
    )
    other = type(model)(**model.get_params())
    other._plant(other.solve(other.summarize(silenced, gold=y)))
    return other


def _effect(
    source: str, patterns: PatternCounts, touched: npt.NDArray[np.int64], before: Floats, after: Floats, refit: bool
) -> SourceEffect:
    weights = patterns.weights.astype(np.float64)
    scale = float(patterns.counts.rows.sum()) / weights.sum()
    was = before[touched]
    moved = np.abs(was - after).sum(axis=1) / 2
    flips = float(weights[touched] @ (_label(was) != _label(after))) * scale
    total = weights.sum() * scale
    shift = float(weights[touched] @ moved) * scale / total
    return SourceEffect(source, round(flips), float(flips / total), float(shift), float(moved.max(initial=0.0)), refit)


def _label(probs: Floats) -> npt.NDArray[np.int64]:
    """Return the most probable class of each row, -1 where several are, shape (rows,)."""
    best = probs.max(axis=1, keepdims=True)
    alone = (probs >= best - 1e-9).sum(axis=1) == 1
    return np.where(alone, probs.argmax(axis=1), -1)


def _votes_of(params: Params, rows: SparseRows) -> Votes:
    return Votes(rows, classes=params.classes, sources=params.sources, alphabet=dict(params.alphabet))


def _silence(rows: npt.NDArray[np.int8] | npt.NDArray[np.int16] | SparseRows, at: int) -> Any:
    """Return ``rows`` with source ``at`` abstaining everywhere."""
    if not isinstance(rows, SparseRows):
        out = rows.copy()
        out[:, at] = -1
        return out
    kept = rows.columns != at
    indptr = np.concatenate([[0], np.cumsum(kept)])[rows.indptr]
    return replace(rows, indptr=indptr, columns=rows.columns[kept], codes=rows.codes[kept])
