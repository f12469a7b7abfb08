"""What the answer to each item may be: one graph of claims that fusion and crowd models share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelwright.core.claim_counts import ClaimCounts
from labelwright.labelmodels.problem import Floats, Problem

__all__ = ["Candidates"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items, the values that each may have, and who claims which.

    An item's candidates are the values that somebody claims, and one more that stands for all the values that nobody
    claims. So memory grows with the claims, not with items times values: objects of many values, and crowds of many
    classes, cost no more than the answers that were given.

    Parameters
    ----------
    claims : csr_array, shape (d, f)
        Which features claim which candidate: 1, or less where a claim repeats another.
    item : ndarray of int64, shape (d,)
        Item of each candidate; rising, the unclaimed one last among its item's.
    value : ndarray of int64, shape (d,)
        Class, or number within the item, of each candidate; -1 for the unclaimed one.
    weights : ndarray of float, shape (i,)
        Examples behind each item.
    prior : ndarray of float, shape (d,)
        Log-prior of each candidate, -inf where a known answer rules it out.
    gold : ndarray of bool, shape (i,)
        Whether the answer is known.
    chance : ndarray of float, shape (d,)
        What a claim on the candidate adds when its source is right half the time: log of the number of false values.
        0 for votes, whose features tell it.

    Examples
    --------
    >>> x = sparse.csr_array([[1.0, 0.0, 0.0, 1.0]])
    >>> found = Candidates.of_votes(x, np.eye(2)[[0, 1, 0, 1]] > 0, np.full(2, 0.5))
    >>> found.value.tolist(), found.claims.toarray().tolist()
    ([0, 1, -1], [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    """

    claims: sparse.csr_array[Any]
    item: Integers
    value: Integers
    weights: Floats
    prior: Floats
    gold: npt.NDArray[np.bool_]
    chance: Floats

    @classmethod
    def of_votes(
        cls,
        x: sparse.csr_array[Any],
        meaning: npt.NDArray[np.bool_],
        balance: Floats,
        *,
        weights: Floats | None = None,
        gold: Integers | None = None,
    ) -> Candidates:
        """Return the candidates of rows of votes.

        Parameters
        ----------
        x : csr_array, shape (p, f)
            Rows as 0/1 features.
        meaning : ndarray of bool, shape (f, k)
            Classes that each feature's vote means; a vote for every class is no claim.
        balance : ndarray of float, shape (k,)
            P(Y).
        weights : ndarray of float, shape (p,), optional
            Examples behind each row; default 1.
        gold : ndarray of int64, shape (p,), optional
            Known class, or -1.
        """
        p, k = x.shape[0], meaning.shape[1]
        span = k + 1
        row, feature, cls_ = _expand(x, meaning)
        code = row * span + cls_
        rest = np.arange(p, dtype=np.int64) * span + k
        candidate = np.unique(np.concatenate([code, rest]))
        item, value = np.divmod(candidate, span)
        claims = sparse.csr_array(
            (np.ones(len(code)), (np.searchsorted(candidate, code), feature)), shape=(len(candidate), x.shape[1])
        )
        known = np.full(p, -1, dtype=np.int64) if gold is None else gold
        prior = _log_prior(item, value, balance)
        target = np.isin(known + np.arange(p) * span, candidate)
        wanted = np.where(known < 0, -1, np.where(target, known, k))[item]
        prior = np.where((wanted >= 0) & (value != wanted), -np.inf, np.where(wanted >= 0, 0.0, prior))
        value = np.where(value == k, -1, value)
        return cls(
            claims, item, value, np.ones(p) if weights is None else weights, prior, known >= 0, np.zeros(len(item))
        )

    @classmethod
    def of_problem(cls, problem: Problem, balance: Floats) -> Candidates:
        """Return the candidates of the distinct vote rows that ``problem`` holds."""
        return cls.of_votes(problem.x, problem.meaning, balance, weights=problem.weights, gold=problem.gold)

    @classmethod
    def of_claims(cls, counts: ClaimCounts, *, false_values: int | None = None) -> Candidates:
        """Return the candidates of claims; each source is one feature.

        Parameters
        ----------
        counts : ClaimCounts
        false_values : int, optional
            How many wrong values each item may have. Default: as many as are claimed of it, so that the truth may be
            one of those or one more.
        """
        rows = counts.patterns
        p = rows.shape[0]
        entry = rows.entry_rows
        claimed = np.zeros(p, dtype=np.int64)
        np.maximum.at(claimed, entry, rows.codes.astype(np.int64) + 1)
        wrong = claimed if false_values is None else np.maximum(claimed, false_values)
        start = np.concatenate([[0], np.cumsum(claimed + 1)])
        item = np.repeat(np.arange(p, dtype=np.int64), claimed + 1)
        value = np.arange(start[-1]) - start[item]
        last = value == claimed[item]
        claims = sparse.csr_array(
            (np.ones(len(entry)), (start[entry] + rows.codes, rows.columns)), shape=(len(item), rows.shape[1])
        )
        target = np.where(counts.gold == -2, claimed, counts.gold)[item]
        prior = np.where(last, np.log(wrong + 1 - claimed)[item], 0.0)
        prior = np.where((target >= 0) & (value != target), -np.inf, prior)
        weights = counts.counts.astype(np.float64)
        known = counts.gold != -1
        return cls(claims, item, np.where(last, -1, value), weights, prior, known, np.log(wrong)[item])

    @cached_property
    def starts(self) -> Integers:
        """First candidate of each item, shape (i,)."""
        return np.searchsorted(self.item, np.arange(len(self.weights)))

    @cached_property
    def claims_t(self) -> sparse.csr_array[Any]:
        """Transpose of ``claims``, by rows."""
        return self.claims.T.tocsr()

    @cached_property
    def heard(self) -> sparse.csr_array[Any]:
        """Which features speak on which item, however many values they allow, shape (i, f): 1 each."""
        i, d = len(self.weights), len(self.item)
        gather = sparse.csr_array((np.ones(d), (self.item, np.arange(d))), shape=(i, d))
        found = (gather @ (self.claims > 0).astype(np.float64)).tocsr()
        found.data[:] = 1
        return sparse.csr_array(found)

    @cached_property
    def heard_t(self) -> sparse.csr_array[Any]:
        """Transpose of ``heard``, by rows."""
        return self.heard.T.tocsr()

    def evidence(self, weights: Floats) -> Floats:
        """Sum what the claims on each candidate add, ``weights`` (f, ...) for each feature, shape (d, ...)."""
        return np.asarray(self.claims @ weights)

    def posterior(self, logits: Floats) -> tuple[Floats, Floats]:
        """Return P(candidate | claims) (d, ...) and the log of what was divided by (i, ...), prior included."""
        total = logits + self.prior.reshape(-1, *[1] * (logits.ndim - 1))
        top = np.maximum.reduceat(total, self.starts, axis=0)
        q = np.exp(total - top[self.item])
        mass = np.add.reduceat(q, self.starts, axis=0)
        q /= mass[self.item]
        return q, top + np.log(mass)

    def dense(self, q: Floats, balance: Floats) -> Floats:
        """Return ``q`` (d,) by items and classes (i, k); what nobody claims is spread as ``balance`` says."""
        shape = (len(self.weights), len(balance))
        claimed = self.value >= 0
        out = np.tile(balance, (shape[0], 1))
        out[self.item[claimed], self.value[claimed]] = 0
        left = out.sum(axis=1, keepdims=True)
        out *= q[~claimed][:, None] / np.where(left > 0, left, 1)
        out[self.item[claimed], self.value[claimed]] = q[claimed]
        return np.asarray(out / out.sum(axis=1, keepdims=True))


def _expand(x: sparse.csr_array[Any], meaning: npt.NDArray[np.bool_]) -> tuple[Integers, Integers, Integers]:
    """Return (row, feature, class) of every class that a vote of ``x`` means; a vote for all classes says nothing."""
    size = meaning.sum(axis=1)
    row = np.repeat(np.arange(x.shape[0], dtype=np.int64), np.diff(x.indptr))
    feature = x.indices.astype(np.int64)
    tells = size[feature] < meaning.shape[1]
    row, feature = row[tells], feature[tells]
    named = np.nonzero(meaning)[1]
    first = np.concatenate([[0], np.cumsum(size)])[:-1]
    many = size[feature]
    step = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    return np.repeat(row, many), np.repeat(feature, many), named[np.repeat(first[feature], many) + step]


def _log_prior(item: Integers, value: Integers, balance: Floats) -> Floats:
    """Return log P(candidate): of its class, or of all classes that nobody claims; ``value`` k marks those."""
    k = len(balance)
    prior = np.append(balance, 0.0)[value]
    claimed = np.bincount(item, weights=prior)
    number = np.bincount(item) - 1
    # The difference of sums near 1 is noise: what is left is at least the rarest class, or nothing.
    left = np.where(number < k, np.maximum(1 - claimed, balance.min()), 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.where(value == k, left[item], prior)))
