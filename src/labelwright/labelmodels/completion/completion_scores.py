"""From what moments say of votes and Y to what each vote, abstain and clique cell says for the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels.dependencies.cliques import CliqueCells
from labelwright.labelmodels.features import Features

__all__ = ["CellMoments", "cell_scores", "cell_tables", "member_prior", "vote_scores"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A source that gives one side in fewer of its votes than this takes the other side only.
_POLE = 0.05

# What is believed of a clique's cell before it is seen counts like one example of each class.
_PSEUDO_EXAMPLES = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class CellMoments:
    """What moments say of the cells of one clique.

    Parameters
    ----------
    share : ndarray of float, shape (c,)
        P(cell).
    loadings : ndarray of float, shape (c,)
        ``Cov(cell, Y) / sd(Y)``.
    reliability : float
        Squared correlation, 0 to 1, of Y with what the other groups say of it: an example is worth so much of a
        labelled one.
    """

    share: Floats
    loadings: Floats
    reliability: float

    @classmethod
    def of(
        cls, together: Floats, covariance: Floats, loadings: Floats, weights: Floats, outside: npt.NDArray[np.bool_]
    ) -> CellMoments:
        """Solve for the loadings of cells from how they go with votes outside the clique.

        Parameters
        ----------
        together : ndarray of float, shape (c, f + 1)
            P(cell and vote), and at last P(cell).
        covariance, loadings, weights
            Of single votes; see `labelwright.labelmodels.completion.completion.complete`.
        outside : ndarray of bool, shape (f,)
            Votes of other groups.

        Notes
        -----
        A cell and a vote outside are independent given Y, so that ``Cov(cell, vote)`` is the product of their loadings.
        The weights of the best linear prediction of Y keep their proportions when the clique is left out of it.
        """
        share = together[:, -1]
        score = np.where(outside, weights, 0)
        spoken = float(score @ loadings)
        variance = float(score @ covariance @ score)
        if spoken <= 0 or variance <= 0:
            return cls(share, np.zeros(len(share)), 0.0)
        votes = together[:, :-1] @ score
        mixed = votes - share * votes.sum()
        return cls(share, mixed / spoken, min(1.0, spoken**2 / variance))


def cell_tables(cells: CellMoments, balance: Floats) -> Floats:
    """Return P(cell | Y), shape (c, 2), within what probabilities may be."""
    spread = np.sqrt(balance[0] * balance[1])
    tables = cells.share[:, None] + np.outer(cells.loadings, [-spread / balance[0], spread / balance[1]])
    return np.asarray(np.clip(tables, 0, 1))


def cell_scores(cells: CellMoments, balance: Floats, prior: Floats, rows: float) -> Floats:
    """Return what each cell adds to the log-odds of the classes, shape (c, 2).

    Parameters
    ----------
    cells : CellMoments
    balance : ndarray of float, shape (2,)
        P(Y).
    prior : ndarray of float, shape (c, 2)
        P(Y | cell) as the members alone would have it; what is believed where a cell is rare.
    rows : float
        Examples behind the moments.

    Examples
    --------
    >>> seen = CellMoments(np.array([0.5, 0.0]), np.array([0.2, 0.0]), 1.0)
    >>> even = np.array([0.5, 0.5])
    >>> np.exp(cell_scores(seen, even, np.array([[0.5, 0.5], [0.2, 0.8]]), np.inf)).round(6).tolist()
    [[0.6, 1.4], [0.4, 1.6]]
    """
    known = cells.share * cells.reliability
    # How many labelled examples of the cell it would take to know as much.
    worth = np.where(known > 0, rows, 0) * np.where(known > 0, known, 1)
    spread = np.sqrt(balance[0] * balance[1]) * cells.loadings / np.where(cells.share > 0, cells.share, 1)
    floor = np.minimum(1, 1 / np.sqrt(np.maximum(worth, 1)))[:, None] * balance
    found = np.clip(balance + np.outer(spread, [-1.0, 1.0]), floor, 1 - floor[:, ::-1])
    trust = np.where(np.isinf(worth), 1, worth / np.where(np.isinf(worth), 1, worth + _PSEUDO_EXAMPLES))[:, None]
    mixed = trust * found + (1 - trust) * prior
    return np.asarray(np.log(np.maximum(mixed, 1e-300) / balance))


def vote_scores(
    tables: Floats, means: Floats, features: Features, *, rows: float, use_abstains: bool
) -> tuple[Floats, Floats]:
    """Return what votes add to the log-odds, and what abstaining of each source does.

    Parameters
    ----------
    tables : ndarray of float, shape (f, 2)
        P(vote | Y).
    means : ndarray of float, shape (f,)
        P(vote).
    features : Features
    rows : float
        Examples behind them.
    use_abstains : bool
        Whether abstaining says something. If not, a source that takes several sides says what it says *when* it votes.

    Returns
    -------
    ndarray of float, shape (f, 2)
        For votes, beside what abstaining adds.
    ndarray of float, shape (m, 2)
        For abstains.

    Notes
    -----
    A share estimated from n examples is not known to be smaller than its own standard error, so that no vote says more
    than that; the bound vanishes with n. Votes that were never seen say nothing.
    """
    source, m = features.source, len(features.offsets) - 1
    silence = np.ones((m, 2))
    np.subtract.at(silence, source, tables)
    quiet = np.ones(m)
    np.subtract.at(quiet, source, means)
    said = np.log(_bounded(tables, means, rows))
    silent = np.log(_bounded(np.maximum(silence, 0), np.maximum(quiet, 0), rows))
    if not use_abstains:
        voted = _bounded(np.minimum(1 - silence, 1), 1 - quiet, rows)
        said = said - np.where(_several_sided(means, features), np.log(voted), 0)[source]
        silent = np.zeros((m, 2))
    return np.where(means[:, None] > 0, said - silent[source], 0), silent


def _bounded(tables: Floats, means: Floats, rows: float) -> Floats:
    """Return probabilities (c, 2) kept from 0 by their standard error; 1 where the letter does not occur at all."""
    floor = np.minimum(means, np.sqrt(np.clip(means * (1 - means), 0, None) / rows))
    occurs = means > 1e-12
    return np.asarray(np.where(occurs[:, None], np.maximum(np.maximum(tables, floor[:, None]), 1e-300), 1))


def _several_sided(means: Floats, features: Features) -> npt.NDArray[np.bool_]:
    """Return whether each source takes both sides, shape (m, 1)."""
    m = len(features.offsets) - 1
    mass = np.zeros((m, features.meaning.shape[1]))
    np.add.at(mass, features.source, features.share * means[:, None])
    total = mass.sum(axis=1)
    return np.asarray(((mass.min(axis=1) >= _POLE * total) & (total > 0))[:, None])


def member_prior(cells: CliqueCells, features: Features, scores: Floats, silence: Floats, balance: Floats) -> Floats:
    """Return P(Y | cell) as if the members were independent, shape (c, 2); P(Y) for tallies."""
    if cells.by_tally:
        return np.tile(balance, (cells.count, 1))
    letters, logits = cells.letters, np.tile(np.log(balance), (cells.count, 1))
    for column, j in enumerate(cells.members):
        table = np.concatenate([silence[[j]], silence[j] + scores[features.offsets[j] : features.offsets[j + 1]]])
        logits += table[letters[:, column] + 1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
