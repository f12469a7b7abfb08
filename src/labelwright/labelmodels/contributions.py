"""What each vote adds to the log-odds of one example: Shapley values over the sources that voted on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SparseRows, Votes, hash_ids
from labelwright.core.errors import ModelError

__all__ = ["MOST_EXACT", "Contributions", "contributions"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# All subsets of 12 sources are 4,096 rows: one batch of a few milliseconds.
MOST_EXACT = 12

# Rows that sampled orders may ask for, and the least number of pairs of orders: their spread is the stated error.
_SAMPLED_ROWS = 8_192
_FEWEST_PAIRS = 16
# Votes in one batch: bounds memory where one example has thousands of them.
_BATCH_CELLS = 4_000_000

# What a probability counts that the model itself calls 0 on the strength of one vote (shares of votes do), and what
# one counts that is smaller than numbers with full precision.
_IMPOSSIBLE = 1e-9
_SMALLEST = float(np.finfo(np.float64).tiny)

# Sums of log-odds that differ by less are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What the votes on one example add to its log-odds, class by class.

    Everything is a centred log-probability: ``log p`` less the mean of ``log p`` over the classes. The difference of
    two classes is their log-odds.

    Parameters
    ----------
    example_id : int or str
    classes : tuple of (str or int)
    sources : tuple of str
        The v sources that voted on the example, in the order of the votes.
    codes : ndarray of int64, shape (v,)
        What they voted.
    prior : ndarray of float, shape (k,)
        Before any vote; that is the class balance.
    values : ndarray of float, shape (v, k)
        What each vote adds. ``prior + values.sum(axis=0)`` is ``total``, always.
    errors : ndarray of float, shape (v, k)
        Standard errors of ``values``; 0 where they are exact.
    total : ndarray of float, shape (k,)
        After all votes.
    probs : ndarray of float, shape (k,)
        P(Y | votes).
    alone : ndarray of float, shape (v, k)
        What each vote would add if it were the only one.
    last : ndarray of float, shape (v, k)
        What each vote adds to all the others.
    without : ndarray of float, shape (v, k)
        P(Y | the other votes).
    exact : bool
        Whether every subset of the votes was looked at, or each vote added the same in every order that was drawn;
        otherwise ``errors`` tell how far off the values may be.
    additive : bool
        Whether each vote adds the same whatever the others say: then values, ``alone`` and ``last`` are one.
    floor : float
        Smaller probabilities count as this.
    """

    example_id: int | str
    classes: tuple[Class, ...]
    sources: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    prior: Floats
    values: Floats
    errors: Floats
    total: Floats
    probs: Floats
    alone: Floats
    last: Floats
    without: Floats
    exact: bool
    additive: bool
    floor: float

    def odds(self, one: int, other: int) -> tuple[float, Floats, float]:
        """Return the log-odds of class ``one`` against ``other``: before the votes, what each adds (v,), and after."""
        return (
            float(self.prior[one] - self.prior[other]),
            np.asarray(self.values[:, one] - self.values[:, other]),
            float(self.total[one] - self.total[other]),
        )


def contributions(model: Any, votes: Votes | npt.ArrayLike, *, random_state: int = 0) -> tuple[Contributions, ...]:
    """Divide the log-odds of each example among the sources that voted on it.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted; it is not changed.
    votes : Votes, or array_like of int, shape (n, m)
        The examples to explain: one, or a few.
    random_state : int
        With the example id it decides which orders are sampled where more than 12 sources voted.

    Returns
    -------
    tuple of Contributions
        One for each example.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ModelError, VoteError
        If the votes do not fit the model.

    Notes
    -----
    The answer of a model to a subset of the votes, the others abstaining, is worth its centred log-probabilities. The
    Shapley value of a source is what its vote adds, averaged over all orders in which the votes could have come
    (Shapley 1953). It is the one division that adds up, treats equal votes equally and gives nothing to a vote that
    changes nothing. Where log-odds add up, as in Dawid-Skene, it is the vote's log-likelihood ratio; where votes are
    pooled or discount one another, it is a fair share of what they do together. Where silence is evidence (data
    programming), what the silent sources add counts as the doing of those who spoke, since without a vote the answer is
    the class balance.

    Up to 12 votes, all subsets are looked at. Beyond, orders are drawn together with their reverses (antithetic pairs:
    Mitchell, Cooper, Frank & Holmes 2022), and the spread between pairs is the standard error. Sources are told apart
    by their names, so that the order of columns does not matter, and the same example gives the same figures always.

    Log-odds of impossible classes are not finite. Where a model calls a class impossible on the strength of one vote,
    as vote shares do, probabilities below 1e-9 count as 1e-9; otherwise 0 is a number that was too small to hold
    (log-odds past 700), and counts as the smallest one.

    Examples
    --------
    >>> from labelwright.labelmodels import DawidSkene
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=2000)
    >>> right = rng.random((2000, 3)) < [0.9, 0.8, 0.6]
    >>> model = DawidSkene().fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> [found] = contributions(model, [[1, 0, -1]])
    >>> before, added, after = found.odds(1, 0)
    >>> found.sources, found.exact, bool(abs(before + added.sum() - after) < 1e-9)
    (('0', '1'), True, True)
    >>> bool(added[0] > -added[1] > 0)
    True
    """
    params = model._fitted()
    found = model._votes_like(params, votes)
    return tuple(_one(model, params, found.take([i]), random_state) for i in range(found.n))


class _Game:
    """The answers of a model to subsets of the votes on one example."""

    def __init__(self, model: Any, params: Any, row: Votes) -> None:
        codes = row.values[0]
        self.model, self.params, self.row = model, params, row
        self.columns = np.flatnonzero(codes >= 0)
        self.codes = codes[self.columns].astype(np.int64)
        self.names = tuple(row.sources[j] for j in self.columns)
        self.size = len(self.columns)
        # The empty set, each vote alone, all but each, all.
        one = np.eye(self.size, dtype=bool)
        ends = np.zeros((1, self.size), dtype=bool)
        probs = self.probs(np.concatenate([ends, one, ~one, ~ends]))
        singles = probs[1 : self.size + 1]
        self.floor = _IMPOSSIBLE if (singles <= 0).any() else _SMALLEST
        self.full, self.without = probs[-1], probs[self.size + 1 : -1]
        values = self.centred(probs)
        self.prior, self.total = values[0], values[-1]
        self.alone = values[1 : self.size + 1] - self.prior
        self.last = self.total - values[self.size + 1 : -1]

    def probs(self, chosen: Bools) -> Floats:
        """Return P(Y | chosen votes), shape (subsets, k), for subsets ``chosen`` (subsets, v)."""
        votes = Votes(
            self._rows(chosen), classes=self.row.classes, sources=self.row.sources, alphabet=dict(self.row.alphabet)
        )
        return np.asarray(self.model.posterior(self.params, votes).probs)

    def values(self, chosen: Bools) -> Floats:
        """Return what subsets are worth, shape (subsets, k)."""
        size = max(1, _BATCH_CELLS // max(1, self.row.m))
        blocks = [self.centred(self.probs(chosen[at : at + size])) for at in range(0, len(chosen), size)]
        return np.concatenate(blocks)

    def centred(self, probs: Floats) -> Floats:
        """Return ``log probs`` less its mean over the classes."""
        logs = np.log(np.maximum(probs, self.floor))
        return np.asarray(logs - logs.mean(axis=1, keepdims=True))

    def _rows(self, chosen: Bools) -> Any:
        if isinstance(self.row.rows, SparseRows):
            indptr = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int64)
            columns = np.broadcast_to(self.columns, chosen.shape)[chosen].astype(np.int32)
            codes = np.broadcast_to(self.codes, chosen.shape)[chosen].astype(np.int16)
            return SparseRows(indptr, columns, codes, (len(chosen), self.row.m))
        rows = np.full((len(chosen), self.row.m), -1, dtype=np.int16)
        rows[:, self.columns] = np.where(chosen, self.codes, -1)
        return rows


def _one(model: Any, params: Any, row: Votes, random_state: int) -> Contributions:
    game = _Game(model, params, row)
    if game.size <= MOST_EXACT:
        values, additive = _all_subsets(game)
        errors = np.zeros_like(values)
    else:
        seed = int(hash_ids(row.example_ids, salt=random_state)[0])
        values, errors, additive = _sampled(game, np.random.default_rng(seed))
    if not np.allclose(game.prior + values.sum(axis=0), game.total, rtol=0, atol=_ROUNDING):
        raise ModelError(
            f"{type(model).__name__} answers the same votes differently in another batch, so its log-odds cannot be "
            "divided among them."
        )
    return Contributions(
        row.example_ids[0].item(),
        row.classes,
        game.names,
        game.codes,
        game.prior,
        values,
        errors,
        game.total,
        game.full,
        game.alone,
        game.last,
        game.without,
        additive or game.size <= MOST_EXACT,
        additive,
        game.floor,
    )


def _all_subsets(game: _Game) -> tuple[Floats, bool]:
    """Return Shapley values (v, k) from all subsets, and whether log-odds add up."""
    size, k = game.size, len(game.prior)
    if not size:
        return np.zeros((0, k)), True
    chosen = (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)
    worth = game.values(chosen)
    weight = np.array([factorial(s) * factorial(size - s - 1) / factorial(size) for s in range(size)])
    out = np.empty((size, k))
    for j in range(size):
        absent = np.flatnonzero(~chosen[:, j])
        out[j] = weight[chosen[absent].sum(axis=1)] @ (worth[absent + 2**j] - worth[absent])
    # Fractions of factorials round: what is left of the sum, some 1e-15, goes to all alike.
    out += (game.total - game.prior - out.sum(axis=0)) / size
    added = game.prior + chosen @ game.alone
    return out, bool(np.abs(added - worth).max() <= _ROUNDING)


def _sampled(game: _Game, rng: np.random.Generator) -> tuple[Floats, Floats, bool]:
    """Return Shapley values (v, k) from sampled orders, their standard errors, and whether log-odds add up."""
    size, k = game.size, len(game.prior)
    by_name = np.argsort(np.array(game.names))
    pairs = max(_FEWEST_PAIRS, _SAMPLED_ROWS // (2 * (size - 1)))
    orders = np.stack([by_name[rng.permutation(size)] for _ in range(pairs)])
    # places[r, j]: when the vote of j comes in order r; an order and its reverse follow each other.
    forward = np.argsort(orders, axis=1)
    places = np.stack([forward, size - 1 - forward], axis=1).reshape(2 * pairs, size)
    several = max(1, _BATCH_CELLS // (size * size))
    added = np.concatenate([_marginals(game, places[at : at + several]) for at in range(0, len(places), several)])
    means = added.reshape(pairs, 2, size, k).mean(axis=1)
    additive = bool(np.ptp(added, axis=0).max() <= _ROUNDING)
    errors = np.zeros((size, k)) if additive else means.std(axis=0, ddof=1) / np.sqrt(pairs)
    return means.mean(axis=0), errors, additive


def _marginals(game: _Game, places: npt.NDArray[np.int64]) -> Floats:
    """Return what each vote adds when it comes at its place (orders, v), shape (orders, v, k)."""
    orders, size = places.shape
    before = places[:, None, :] < np.arange(1, size)[:, None]
    worth = game.values(before.reshape(-1, size)).reshape(orders, size - 1, -1)
    ends = [np.broadcast_to(end, (orders, 1, len(end))) for end in (game.prior, game.total)]
    steps = np.diff(np.concatenate([ends[0], worth, ends[1]], axis=1), axis=1)
    return np.asarray(np.take_along_axis(steps, places[:, :, None], axis=1))
