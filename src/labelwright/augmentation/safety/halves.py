"""Two halves of the originals: each in turn is the reference that the other is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .classes import Classes, Classifier, Recogniser, fit_classifier
from .density import Reference, apart, conformal_p_values, linear_scores
from .encoding import Directions, Features, Rows

__all__ = ["STRANGE", "Half", "Seen", "halves_of", "prepare"]

# An example is strange if it lies farther from the data than all but this share of held-out originals.
STRANGE = 0.05
_NEIGHBOURS = 5
# Examples of one half that are transformed: enough for a departure of a few percent, few enough for many functions.
_TESTED = 750


@dataclass(frozen=True, eq=False, kw_only=True)
class Half:
    """What one half of the originals is held against, and how it stands before any function.

    Parameters
    ----------
    tested : array of int, shape (t,)
        Positions, among all examples, of those that are transformed.
    own : array of int, shape (t,)
        Where they stand in ``held_out``.
    held_out : array of float, shape (h,)
        Distances of all originals of this half from the reference.
    reference : Reference
        The other half.
    directions : Directions
        Fitted to the other half.
    before : Seen
        The tested originals themselves.
    recogniser : Recogniser, optional
        Has been shown the labelled examples of the other half, and may be shown more.
    classify : callable, optional
        Has learned from the labelled examples of the other half.
    """

    tested: npt.NDArray[np.int64]
    own: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.float64]
    reference: Reference
    directions: Directions
    before: Seen
    recogniser: Recogniser | None
    classify: Classifier | None

    def look(self, rows: Features, which: npt.NDArray[np.int64]) -> Seen:
        """Look at encoded examples that come from ``tested[which]``."""
        return _seen(self.reference, rows, self.held_out, self.own[which], self.classify)

    def tell_apart(
        self, rows: Features, which: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return scores of originals and of transformed examples, and which discriminator they come from."""
        # Groups stay together, so that no discriminator scores what it has seen the like of.
        side = np.unique(groups, return_inverse=True)[1] % 2 == 0
        return *linear_scores(self.before.rows[which], rows, side), side


@dataclass(frozen=True, eq=False)
class Seen:
    """Examples beside a reference: features (t, d), strange (t,), distance from the next (t,), class codes (t,)."""

    rows: Features
    strange: npt.NDArray[np.bool_]
    apart: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]


def _seen(
    reference: Reference,
    rows: Features,
    held_out: npt.NDArray[np.float64],
    own: npt.NDArray[np.int64],
    classify: Classifier | None,
) -> Seen:
    strange = conformal_p_values(reference.distances(rows), held_out, own) <= STRANGE
    classes = np.full(len(rows), -1, dtype=np.int64) if classify is None else classify(rows[:, :-1])
    return Seen(rows, strange, apart(rows), classes)


def halves_of(groups: npt.NDArray[np.int64], rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], ...]:
    """Split positions into two halves at random, groups kept together."""
    units = np.unique(groups, return_inverse=True)[1]
    order = rng.permutation(int(units.max()) + 1)
    sizes = np.bincount(units)
    first = np.zeros(len(order), dtype=bool)
    first[order[np.cumsum(sizes[order]) <= len(groups) / 2]] = True
    return np.flatnonzero(first[units]), np.flatnonzero(~first[units])


def prepare(
    rows: Rows,
    mine: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    *,
    scaled: int,
    classes: Classes | None,
    rng: np.random.Generator,
) -> Half:
    """Fit directions and classifiers to the other half, and look at the originals of this one."""
    directions = Directions(rows[other], scaled, seed=int(rng.integers(2**31)))
    reference = Reference(directions(rows[other]), _NEIGHBOURS)
    recogniser, classify = None, None
    if classes is not None and classes.known[other].any():
        labelled = reference.rows[classes.known[other], :-1], classes.probs[other[classes.known[other]]]
        recogniser, classify = Recogniser(*labelled, rng), fit_classifier(*labelled)
    found = directions(rows[mine])
    held_out = reference.distances(found)
    order = rng.permutation(len(mine))
    if classes is not None:
        # Harm by class is measured where a label is known: such examples come first, half of the places at most.
        known = classes.known[mine[order]]
        first = order[known][: _TESTED // 2]
        order = np.concatenate([first, order[~np.isin(order, first)]])
    own = np.sort(order[:_TESTED])
    return Half(
        tested=mine[own],
        own=own,
        held_out=held_out,
        reference=reference,
        directions=directions,
        before=_seen(reference, found[own], held_out, own, classify),
        recogniser=recogniser,
        classify=classify,
    )
