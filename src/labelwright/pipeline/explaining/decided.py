"""The other way round: from a function to the labels that it decides."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis.decided import DecidedExample, DecidedLabels, DecidedSplit
from labelwright.core import SoftLabels, Votes
from labelwright.core.errors import ProjectError
from labelwright.labelmodels import BaseLabelModel
from labelwright.pipeline.kept.keep import KeptRun

from .wording import said, shown_text

__all__ = ["decided_labels"]

Floats = npt.NDArray[np.float64]

# Smaller probabilities count as this, so that log-odds are finite.
_LEAST = 1e-12

# Rows that are labelled at once.
_ROWS = 262_144


def decided_labels(folder: Path, function: str, *, run: str | int = "latest", limit: int = 10) -> DecidedLabels:
    """Return which labels of a run a function decides: what changes where it abstains, all else as it was learned.

    Parameters
    ----------
    folder : Path
        The project.
    function : str
    run : str or int
        As for `labelwright.pipeline.explaining.explain.explain_label`.
    limit : int
        How many of the examples to name on which it does most.

    Raises
    ------
    ProjectError
        If there is no such run, or no such function in it; the closest is named.
    """
    kept = KeptRun.named(folder, run)
    versions = kept.functions()
    if function not in versions:
        close = difflib.get_close_matches(function, versions, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ProjectError(f"run {kept.row.run_id} has no function {function!r}.{hint} It has {', '.join(versions)}.")
    model = kept.label_model()
    splits, changes, candidates = [], Counter[tuple[str, str]](), []
    for split in kept.splits:
        found = _Effect.of(model, kept.votes(split), function)
        splits.append(DecidedSplit(split, found.n, len(found.rows), int(found.flipped.sum()), found.shift))
        changes.update(found.changes())
        candidates += [(split, found, int(at)) for at in np.argsort(-np.abs(found.adds), kind="stable")[:limit]]
    candidates.sort(key=lambda one: -abs(one[1].adds[one[2]]))
    settings = kept.settings()
    return DecidedLabels(
        settings.project.name or folder.resolve().name,
        kept.row.number,
        function,
        versions[function],
        tuple(splits),
        tuple((a, b, n) for (a, b), n in sorted(changes.items(), key=lambda item: (-item[1], item[0]))),
        tuple(_example(kept, split, found, at) for split, found, at in candidates[:limit]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Effect:
    """What a function does where it votes: ``rows`` (v,) of ``votes``, with and without it."""

    votes: Votes
    function: str
    n: int
    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    before: SoftLabels
    after: SoftLabels

    @classmethod
    def of(cls, model: BaseLabelModel[Any, Any], votes: Votes, function: str) -> _Effect:
        column = votes.sources.index(function)
        codes = np.concatenate([block[:, column] for _, block in votes.blocks()]).astype(np.int64)
        rows = np.flatnonzero(codes >= 0)
        touched = votes.take(rows)
        return cls(
            votes, function, votes.n, rows, codes[rows], model.soft_labels(touched), _without(model, touched, function)
        )

    @property
    def flipped(self) -> npt.NDArray[np.bool_]:
        """Whether the label would be another, shape (v,)."""
        return np.asarray(self.before.predict() != self.after.predict())

    @property
    def shift(self) -> float:
        """Mean change of the probabilities; NaN without votes."""
        moved = np.abs(self.before.probs - self.after.probs).sum(axis=1) / 2
        return float(moved.mean()) if len(moved) else float("nan")

    @property
    def adds(self) -> Floats:
        """What each vote adds to the log-odds of what it says against the best other class, shape (v,)."""
        meaning = self._meaning()
        return self._odds(self.before.probs, meaning) - self._odds(self.after.probs, meaning)

    def changes(self) -> Mapping[tuple[str, str], int]:
        """Return how many labels flip, by label and label without the function."""
        flipped = self.flipped
        pairs = zip(self.before.predict()[flipped].tolist(), self.after.predict()[flipped].tolist(), strict=True)
        return Counter((self.name(a), self.name(b)) for a, b in pairs)

    def name(self, code: int) -> str:
        """Return a label in words."""
        return "tie" if code < 0 else str(self.votes.classes[code])

    def _meaning(self) -> npt.NDArray[np.bool_]:
        """Return which classes each vote says, shape (v, k)."""
        sets: Sequence[frozenset[int]] = self.votes.alphabet.get(
            self.function, tuple(frozenset({c}) for c in range(self.votes.k))
        )
        table = np.array([[c in one for c in range(self.votes.k)] for one in sets], dtype=bool)
        return np.asarray(table[self.codes].reshape(-1, self.votes.k))

    def _odds(self, probs: Floats, meaning: npt.NDArray[np.bool_]) -> Floats:
        logs = np.log(np.maximum(probs, _LEAST))
        own, others = (np.where(mask, logs, -np.inf).max(axis=1, initial=-np.inf) for mask in (meaning, ~meaning))
        # A vote that leaves every class open says nothing against any.
        return np.asarray(np.where(meaning.all(axis=1), 0.0, own - np.where(meaning.all(axis=1), 0.0, others)))


def _without(model: BaseLabelModel[Any, Any], votes: Votes, function: str) -> SoftLabels:
    """Return the labels where a function abstains."""
    column = votes.sources.index(function)
    probs, covered = np.empty((votes.n, votes.k)), np.empty(votes.n, dtype=bool)
    for start, block in votes.blocks(_ROWS):
        silent = block.copy()
        silent[:, column] = -1
        rest = Votes(silent, classes=votes.classes, sources=votes.sources, alphabet=dict(votes.alphabet))
        found = model.soft_labels(rest)
        probs[start : start + len(block)], covered[start : start + len(block)] = found.probs, found.covered
    return SoftLabels(probs, covered, classes=votes.classes, example_ids=votes.example_ids)


def _example(kept: KeptRun, split: str, found: _Effect, at: int) -> DecidedExample:
    row = int(found.rows[at])
    example_id = found.votes.example_ids[row].item()
    return DecidedExample(
        example_id,
        split,
        said(found.votes, found.function, int(found.codes[at])),
        found.name(int(found.before.predict()[at])),
        found.name(int(found.after.predict()[at])),
        float(found.adds[at]),
        shown_text(kept.settings(), kept.example(example_id).values),
    )
