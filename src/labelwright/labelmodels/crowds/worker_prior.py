"""Priors of confusion rows, whose strengths the votes tell: empirical Bayes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import digamma

from labelwright.labelmodels.problem import Floats

from .confusion import Ballots

__all__ = ["FlatPrior", "OneCoinPrior", "Prior", "WorkerPrior", "strength_step"]

# Below this a Dirichlet parameter is nothing, and logarithms of what it leaves stay far from overflow.
_TINY = 1e-10

# A strength outside these is as good as none, or as good as no difference at all: it must not run away to infinity.
_WEAKEST, _STRONGEST = 1e-2, 1e4


@dataclass(frozen=True, slots=True, eq=False)
class FlatPrior:
    """Every code of every source gets the same number of pseudo-votes; 0 is maximum likelihood.

    Parameters
    ----------
    ballots : Ballots
    pseudo : float
        Pseudo-votes of each code in each class.
    """

    ballots: Ballots
    pseudo: float

    def update(self, counts: Floats, rounds: int = 0) -> FlatPrior:
        """Return the prior itself: nothing is learned."""
        del counts, rounds
        return self

    def alphas(self) -> Floats:
        """Return Dirichlet parameters, shape (f, k)."""
        return np.full((len(self.ballots.source), self.ballots.frame.k), max(self.pseudo, _TINY))

    def rows(self, counts: Floats) -> Floats:
        """Return P(vote | Y) of each pair, shape (f, k), given expected ``counts`` (f, k)."""
        return _means(self.ballots, self.alphas() + counts)


@dataclass(frozen=True, slots=True, eq=False)
class WorkerPrior:
    """Each source is careful now and then, and otherwise errs as the whole crowd errs; its rows vary around that.

    Row y of source j is ``Dirichlet(strength * (r_j careful_y + (1 - r_j) guess_y))`` with ``r_j ~ Beta(skill)``.
    A large strength ties all rows of a source to one number, a small one leaves them free.

    Parameters
    ----------
    ballots : Ballots
    strength : float
        Votes that the prior of one row is worth.
    reliability : ndarray of float, shape (m,)
        r_j: share of the votes that are right for sure.
    guess : ndarray of float, shape (slots, k)
        P(code | Y, not careful), of all sources of an alphabet.
    skill : tuple of float
        Parameters of the Beta distribution of reliability in the crowd.

    Notes
    -----
    All four maximise the marginal likelihood of the Dirichlet-multinomial given expected counts, which is what
    variational Bayes maximises in them. Each update is the fixed point of Minka (2000), which never lowers it:
    ``a (digamma(a + c) - digamma(a))`` of c votes are news about the mean of their prior, the rest repeats the source's
    own habit. The news of a row is divided between careful votes and guesses; the careful ones and the guesses of a
    source are again counts, of a Beta-binomial. One pseudo-vote, spread evenly, keeps each row of guesses proper.
    """

    ballots: Ballots
    strength: float
    reliability: Floats
    guess: Floats
    skill: tuple[float, float]

    @classmethod
    def of(cls, ballots: Ballots) -> WorkerPrior:
        """Start as a better-than-chance source is on average: careful in half of its votes, one vote for each code."""
        half = np.full(ballots.frame.m, 0.5)
        return cls(ballots, float(ballots.frame.k), half, ballots.slots.even, (1.0, 1.0))

    def update(self, counts: Floats, rounds: int = 3) -> WorkerPrior:
        """Take ``rounds`` steps of the fixed point for expected ``counts`` (f, k)."""
        found = self
        for _ in range(rounds):
            found = found._step(counts)
        return found

    def _step(self, counts: Floats) -> WorkerPrior:
        b = self.ballots
        alphas = self.alphas()
        news = alphas * (digamma(alphas + counts) - digamma(alphas))
        careful = self._careful() / np.maximum(alphas / self.strength, _TINY) * news
        sure = b.by_source(careful).sum(axis=1)
        total = b.by_source(news).sum(axis=1)
        guess = b.slots.normalised(b.slots.pooled(news - careful) + b.slots.even)
        skill = _skill_step(self.skill, sure, total)
        reliability = (sure + skill[0]) / (total + sum(skill))
        strength = strength_step(self.strength, float(total.sum()), b.by_source(counts))
        return replace(self, strength=strength, reliability=reliability, guess=guess, skill=skill)

    def _careful(self) -> Floats:
        b = self.ballots
        return np.asarray(self.reliability[b.source][:, None] * b.slots.careful[b.slots.slot])

    def means(self) -> Floats:
        """Return the prior mean of each source's rows, shape (f, k)."""
        b = self.ballots
        return self._careful() + (1 - self.reliability[b.source])[:, None] * self.guess[b.slots.slot]

    def alphas(self) -> Floats:
        """Return Dirichlet parameters, shape (f, k)."""
        return np.maximum(self.strength * self.means(), _TINY)

    def rows(self, counts: Floats) -> Floats:
        """Return the posterior mean of P(vote | Y) of each pair, shape (f, k), given expected ``counts`` (f, k)."""
        return _means(self.ballots, self.alphas() + counts)


@dataclass(frozen=True, slots=True, eq=False)
class OneCoinPrior:
    """Each source is right with one probability, whatever the class, and its errors fall evenly on the other codes.

    Parameters
    ----------
    ballots : Ballots
    accuracy : ndarray of float, shape (m,)
    skill : tuple of float
        Parameters of the Beta distribution of accuracy in the crowd.
    learned : bool
        Whether ``skill`` is learned.
    """

    ballots: Ballots
    accuracy: Floats
    skill: tuple[float, float]
    learned: bool

    @classmethod
    def of(cls, ballots: Ballots, pseudo: float | None) -> OneCoinPrior:
        """Start without differences; ``pseudo`` votes for right and for wrong, or learned where None."""
        skill = (1.0, 1.0) if pseudo is None else (max(pseudo, _TINY), max(pseudo, _TINY))
        return cls(ballots, np.full(ballots.frame.m, 0.5), skill, pseudo is None)

    def update(self, counts: Floats, rounds: int = 3) -> OneCoinPrior:
        """Return accuracies for expected ``counts`` (f, k), and skill after ``rounds`` steps of its fixed point."""
        b = self.ballots
        right = b.by_source(counts * (b.slots.careful[b.slots.slot] > 0)).sum(axis=1)
        total = b.by_source(counts).sum(axis=1)
        skill = self.skill
        for _ in range(rounds if self.learned else 0):
            skill = _skill_step(skill, right, total)
        return replace(self, accuracy=(right + skill[0]) / (total + sum(skill)), skill=skill)

    def rows(self, counts: Floats) -> Floats:
        """Return P(vote | Y) of each pair, shape (f, k); ``counts`` have been used in `update`."""
        del counts
        b = self.ballots
        wrong = np.where(b.slots.careful > 0, 0.0, 1.0)
        # Where every code is right, errors are no different.
        wrong = np.where(np.add.reduceat(wrong, b.slots.starts)[b.slots.alphabet] == 0, 1.0, wrong)
        share = self.accuracy[b.source][:, None]
        means = share * b.slots.careful[b.slots.slot] + (1 - share) * b.slots.normalised(wrong)[b.slots.slot]
        return np.maximum(means, _TINY)


Prior = FlatPrior | WorkerPrior | OneCoinPrior


def strength_step(strength: float, news: float, sizes: Floats) -> float:
    """One step of Minka's fixed point for the strength of Dirichlet priors of known means.

    Parameters
    ----------
    strength : float
    news : float
        Sum of ``a (digamma(a + c) - digamma(a))`` over all cells of counts c with the Dirichlet parameters a.
    sizes : ndarray of float
        Sum of counts of each draw from the prior.
    """
    below = float((digamma(strength + sizes) - digamma(strength)).sum())
    return min(max(news / max(below, _TINY), _WEAKEST), _STRONGEST)


def _skill_step(skill: tuple[float, float], sure: Floats, total: Floats) -> tuple[float, float]:
    a, b = skill
    up = [float((digamma(s + c) - digamma(s)).sum()) for s, c in ((a, sure), (b, np.maximum(total - sure, 0)))]
    below = max(float((digamma(a + b + total) - digamma(a + b)).sum()), _TINY)
    first, second = (min(max(s * u / below, _WEAKEST), _STRONGEST) for s, u in zip(skill, up, strict=True))
    return first, second


def _means(ballots: Ballots, values: Floats) -> Floats:
    """Scale ``values`` (f, k) so that the codes of each source sum to 1."""
    return np.asarray(values / ballots.by_source(values)[ballots.source])
