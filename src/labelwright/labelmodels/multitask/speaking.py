"""Who speaks up: how often sources name a class, where their task applies and where it does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import expit

from labelwright.core import VoteFrame, Votes
from labelwright.labelmodels.features import Features

from .columns import APPLIES, NOT, SILENT, kinds_of_codes
from .readers import GUESS

__all__ = ["WORTH_OF_GUESS", "Speaking", "first_rates", "learned_rates"]

Floats = npt.NDArray[np.float64]

# What a guess is worth, in examples.
WORTH_OF_GUESS = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Speaking:
    """Which sources of a task name classes, and which say N/A, on each row.

    Parameters
    ----------
    classes, other : csr_array, shape (n, m)
        1 where a source names a class, and where it says N/A.
    """

    classes: sparse.csr_array[Any]
    other: sparse.csr_array[Any]

    @classmethod
    def of(cls, votes: Votes, k: int, *, above: Collection[str] = ()) -> Speaking:
        """Look who speaks in ``votes`` over the states of a task with ``k`` classes; see `kinds_of_codes`."""
        features = Features.of(VoteFrame.of(votes))
        kinds = kinds_of_codes(votes, k, above=above)
        x = features.matrix(votes)
        code = np.arange(len(features.source)) - features.offsets[features.source]
        kind = kinds[features.source, code]
        of_source = np.eye(votes.m)[features.source]
        found = [sparse.csr_array(x @ sparse.csr_array(of_source * (kind == one)[:, None])) for one in (APPLIES, NOT)]
        return cls(*found)

    @classmethod
    def stacked(cls, parts: Sequence[Speaking]) -> Speaking:
        """Put rows of the same sources under each other."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(sparse.vstack([getattr(one, f.name) for one in parts], format="csr") for f in fields(cls)))

    def log_ratio(self, rates: Floats, discounts: Floats) -> Floats:
        """Return how much more probable these rows are where the task applies, shape (n,), as a logarithm."""
        worth = (np.log(rates[:, 0]) - np.log(rates[:, 1])) * discounts[:, None]
        gain = worth - worth[:, [SILENT]]
        return np.asarray(self.classes @ gain[:, APPLIES] + self.other @ gain[:, NOT] + worth[:, SILENT].sum())

    def counts(self, weights: Floats) -> Floats:
        """Return the sum of ``weights`` (n,) over the rows on which a source says each kind, shape (m, 3)."""
        named, other = self.classes.T @ weights, self.other.T @ weights
        return np.column_stack([named, other, weights.sum() - named - other])

    def log_likelihood(self, rates: Floats, applies: Floats, weights: Floats) -> float:
        """Return the log-likelihood of who speaks, each source by itself, where the task applies as often as said.

        Parameters
        ----------
        rates : ndarray of float, shape (m, 2, 3)
        applies, weights : ndarray of float, shape (n,)
            How probable it is on each row that the task applies, and how many examples it stands for.
        """
        silent = _mixed(rates[:, :, SILENT], applies[:, None])
        total = float(weights @ silent.sum(axis=1))
        for kind, said in ((APPLIES, self.classes), (NOT, self.other)):
            row, column = said.nonzero()
            gain = _mixed(rates[column, :, kind], applies[row]) - silent[row, column]
            total += float(weights[row] @ gain)
        return total


def _mixed(rates: Floats, applies: Floats) -> Floats:
    """Return the logarithm of how often a source says something, given how probable it is that its task applies."""
    return np.asarray(np.log(applies * rates[..., 0] + (1 - applies) * rates[..., 1]))


def first_rates(totals: Floats, share: float) -> Floats:
    """Return rates before anything is learned, shape (m, 2, 3).

    Parameters
    ----------
    totals : ndarray of float, shape (m, 3)
        How often each source says each kind.
    share : float
        How probable it is that the task applies.
    """
    typical = totals / totals.sum(axis=1, keepdims=True)
    difference = np.zeros_like(typical)
    # Who speaks says that the task applies (or that it does not), and is right as often as any source is guessed to be.
    for kind, sign, applies in ((APPLIES, 1, share), (NOT, -1, 1 - share)):
        odds = GUESS / (1 - GUESS)
        low = typical[:, kind] / (applies * odds + 1 - applies)
        difference[:, kind] = sign * low * (odds - 1)
    return _rates(typical, difference, share)


def learned_rates(counts: Floats, products: Floats, rows: float, share: float, spread: float, guess: Floats) -> Floats:
    """Return rates from how what a source says goes with what *other* tasks say of whether its task applies.

    A regression of speaking on P(applies): it holds whatever sources of the task have in common, where a mixture would
    take that for applying. A guess counts as 100 rows on which it would be known whether the task applies. What comes
    out counts as far as it is probable that who speaks tells of applying at all; see `_tells`.

    Parameters
    ----------
    counts : ndarray of float, shape (m, 3)
        Rows on which each source says each kind.
    products : ndarray of float, shape (m, 3)
        The sum over these of P(applies) less its mean.
    rows : float
    share : float
        Mean of P(applies).
    spread : float
        Sum over all rows of the square of P(applies) less its mean.
    guess : ndarray of float, shape (m, 2, 3)
        Rates before anything is learned.
    """
    worth = WORTH_OF_GUESS * share * (1 - share)
    guessed = guess[:, 0] - guess[:, 1]
    difference = (products + worth * guessed) / (spread + worth)
    difference *= _tells(counts / rows, products, spread, worth, guessed)
    # A source that is written for a task names classes at least as often where the task applies; and N/A the other way.
    difference[:, APPLIES] = np.maximum(difference[:, APPLIES], 0)
    difference[:, NOT] = np.minimum(difference[:, NOT], 0)
    return _rates(counts / rows, difference, share)


def _tells(typical: Floats, products: Floats, spread: float, worth: float, guessed: Floats) -> float:
    """Return how probable it is that who speaks of a task tells whether it applies.

    Either sources speak as often where it does not, or each rate differs by about what is guessed, give or take what
    that is worth. Both are as probable before any vote; the ratio of their likelihoods (a Bayes factor: Kass & Raftery
    1995) says how much more probable the second is after. Guesses that sources contradict would otherwise stay, and
    what they make of chance would be heard as evidence.

    Parameters
    ----------
    typical, products, guessed : ndarray of float, shape (m, 3)
        How often each source says each kind; sums over these of P(applies) less its mean; differences as guessed.
    spread, worth : float
        What votes and the guess know of differences, in sums of squares of P(applies) less its mean.
    """
    variance = (typical * (1 - typical))[:, :SILENT]
    votes, guessed = products[:, :SILENT], guessed[:, :SILENT]
    said = variance > 0
    if spread <= 0 or not said.any():
        return 0.5
    # Sums of squares over the variance that both hypotheses leave, each with the spread of the difference under it.
    level = votes**2 / spread
    differs = (votes - spread * guessed) ** 2 / (spread * (1 + spread / worth))
    gain = (level - differs)[said] / variance[said] - np.log1p(spread / worth)
    return float(expit(gain.sum() / 2))


def _rates(typical: Floats, difference: Floats, share: float) -> Floats:
    """Return rates where the task applies and where not, of which the mean is ``typical``."""
    rates = np.stack([typical + (1 - share) * difference, typical - share * difference], axis=1)
    # No rate is 0: what was never seen is as rare as one row in ten times a hundred.
    rates = np.maximum(rates, 0.1 / WORTH_OF_GUESS)
    spoken = rates[:, :, :SILENT].sum(axis=2, keepdims=True)
    rates[:, :, :SILENT] *= np.minimum(1, 0.98 / spoken)
    rates[:, :, SILENT] = 1 - rates[:, :, :SILENT].sum(axis=2)
    return rates
