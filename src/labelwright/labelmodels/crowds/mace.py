"""MACE: workers either know the answer or spam (Hovy et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from labelwright.core import PatternCounts, Seed, SoftLabels, Votes, generator, hash_ids
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats, Problem

from .candidates import Candidates
from .crowd import CROWD_PATTERNS, answer, crowd_problem, few_sources, of_all_sources, rows_told

__all__ = ["MACE", "MACEParams"]

# Jeffreys' prior of a share: Beta(1/2, 1/2), which the paper gives competence, and Dirichlet(1/2) for what spam says.
_JEFFREYS = 0.5

# The paper restarts EM and keeps the likeliest end: 10 times 50 steps in its software.
_RESTARTS = 10
_SHORT = 50

# Candidates times starts that are worked on at once: 128 MiB for each array of them.
_CELLS = 1 << 24

_STEPS = 2000
# Of a competence, which lies between 0 and 1: labels settle long before.
_TOLERANCE = 1e-4

# Ends whose likelihoods differ by less than this share are one end, reached at different distances.
_SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class MACEParams(Params):
    """What MACE learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    competences : ndarray of float, shape (m,)
        Theta, 0 to 1: how often the worker tries; otherwise it spams. NaN where a worker never answers.
    spam : ndarray of float, shape (f,)
        Xi: how often each code is what a worker says when it spams, in the order of sources and their codes; 0 where
        the votes that were learned from do not hold it.
    gains : ndarray of float, shape (f,)
        What each vote adds to the log-odds of the classes it means.
    """

    competences: Floats
    spam: Floats
    gains: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Expected logarithms, shapes (f, restarts): of trying, of spamming, and of what spam says."""

    tries: Floats
    spams: Floats
    says: Floats

    @property
    def gains(self) -> Floats:
        return np.asarray(np.logaddexp(self.tries, self.spams + self.says) - self.spams - self.says)

    @property
    def knew(self) -> Floats:
        """P(the worker tried | what it says is true)."""
        return np.asarray(np.exp(self.tries - np.logaddexp(self.tries, self.spams + self.says)))

    def take(self, starts: slice) -> _State:
        return _State(self.tries[:, starts], self.spams[:, starts], self.says[:, starts])


class MACE(BaseLabelModel[PatternCounts, MACEParams]):
    """Crowds of workers who try, and of workers who spam.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: the shares of the classes in ``y`` where it is given, otherwise uniform.
    random_state : int
        Seed of the restarts.

    Notes
    -----
    Worker j says the true class with probability ``theta_j``; otherwise it spams: it says class c with probability
    ``xi_jc``, whatever the truth (Hovy, Berg-Kirkpatrick, Vaswani & Hovy, NAACL 2013). So a worker who always says the
    same loses all weight, where one accuracy per worker would still count its votes.

    Variational EM with Jeffreys' priors; ten starts, the first from vote shares, the others drawn; the likeliest runs
    on until it settles. All starts are solved at once. Draws depend on ``random_state`` and on how often each source
    gave each vote, never on the order or the names of sources.

    EM needs distinct vote rows. A million of them are kept; beyond that, those of a uniform sample of items.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=500)
    >>> votes = np.where(rng.random((500, 5)) < 0.8, truth[:, None], 1 - truth[:, None])
    >>> votes[:, 4] = 1
    >>> model = MACE().fit(votes)
    >>> bool(model.params_.competences[4] < 0.1 < model.params_.competences[0])
    True
    """

    params_type = MACEParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        random_state: Seed = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold, limit=CROWD_PATTERNS)

    def solve(self, stats: PatternCounts) -> MACEParams:
        """Return competences and spam by variational EM."""
        problem, balance = crowd_problem(stats, self.class_balance, method="MACE")
        found = Candidates.of_problem(problem, balance)
        state = _likeliest(problem, found, _starts(problem, self.random_state))
        step, moved = _SHORT, np.inf
        while step < _STEPS and moved >= _TOLERANCE:
            new = _improve(problem, found, state)
            moved = float(np.abs(np.exp(new.tries) - np.exp(state.tries)).max())
            state, step = new, step + 1
        kind: Literal["converged", "max_steps"] = "converged" if moved < _TOLERANCE else "max_steps"
        sentence = (
            f"{'Stopped' if kind == 'max_steps' else 'Converged'} after {step} steps of EM, the best of {_RESTARTS} "
            f"starts; {rows_told(stats, problem)}.{few_sources(problem)}"
        )
        return _params(stats, problem, balance, state, _right(found, state)[0][:, 0], Outcome(kind, sentence, step))

    def posterior(self, params: MACEParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example."""

        def solved(found: Candidates, features: Features) -> Floats:
            del features
            return found.posterior(found.evidence(params.gains))[0]

        return answer(params, self._votes_like(params, votes), solved)


def _starts(problem: Problem, random_state: Seed) -> _State:
    """Return the first state from vote shares, the others drawn."""
    q = problem.vote_shares(np.ones(len(problem.source)))
    agreed = ((problem.xt @ (problem.weights[:, None] * q)) * problem.meaning).sum(axis=1)
    first = _maximise(problem, agreed[:, None])
    # What identifies a source here is how often it gave each vote: neither order nor names may matter.
    code = np.arange(len(problem.source)) - np.searchsorted(problem.source, problem.source)
    own = np.zeros(problem.m, dtype=np.uint64)
    np.add.at(own, problem.source, hash_ids(code) * problem.totals.astype(np.uint64))
    salt = int(generator(random_state).integers(2**62))
    draws = np.stack([hash_ids(own.view(np.int64), salt=salt + r) for r in range(_RESTARTS - 1)], axis=1)
    tries = ((draws >> np.uint64(11)).astype(np.float64)[problem.source] + 0.5) / 2**53
    says = problem.totals + _JEFFREYS
    says = np.log(says / problem.by_source(says))[:, None] * np.ones(_RESTARTS - 1)
    return _State(
        np.concatenate([first.tries, np.log(tries)], axis=1),
        np.concatenate([first.spams, np.log1p(-tries)], axis=1),
        np.concatenate([first.says, says], axis=1),
    )


def _likeliest(problem: Problem, found: Candidates, starts: _State) -> _State:
    """Take short runs of EM, as many at once as memory allows, and return the end with the highest likelihood."""
    at_once = max(1, _CELLS // len(found.item))
    ends, fits = [], []
    for first in range(0, _RESTARTS, at_once):
        state = starts.take(slice(first, first + at_once))
        for _ in range(_SHORT):
            state = _improve(problem, found, state)
        fit = _right(found, state)[1] + problem.totals @ (state.spams + state.says)
        ends += [state.take(slice(r, r + 1)) for r in range(len(fit))]
        fits += fit.tolist()
    return ends[int(np.argmax(np.array(fits) >= max(fits) - _SAME * abs(max(fits))))]


def _improve(problem: Problem, found: Candidates, state: _State) -> _State:
    return _maximise(problem, _right(found, state)[0] * state.knew)


def _right(found: Candidates, state: _State) -> tuple[Floats, Floats]:
    """E-step: return expected right votes (f, starts), and the log-evidence beyond spam (starts,)."""
    q, mass = found.posterior(found.evidence(state.gains))
    return np.asarray(found.claims_t @ (q * found.weights[found.item][:, None])), np.asarray(found.weights @ mass)


def _maximise(problem: Problem, knew: Floats) -> _State:
    """M-step of variational Bayes: expected logarithms under the posterior Beta and Dirichlet distributions."""
    spam = problem.totals[:, None] - knew
    known = problem.by_source(knew) + _JEFFREYS
    spammed = problem.by_source(spam) + _JEFFREYS
    both = digamma(known + spammed)
    said = spam + _JEFFREYS
    says = digamma(said) - digamma(problem.by_source(said))
    return _State(digamma(known) - both, digamma(spammed) - both, says)


def _params(
    stats: PatternCounts, problem: Problem, balance: Floats, state: _State, right: Floats, outcome: Outcome
) -> MACEParams:
    frame = stats.frame
    votes = problem.member @ problem.totals
    knew = (problem.member @ (right * state.knew[:, 0]) + _JEFFREYS) / (votes + 2 * _JEFFREYS)
    spam, gains = np.zeros(int(frame.sizes.sum())), np.zeros(int(frame.sizes.sum()))
    spam[problem.kept], gains[problem.kept] = np.exp(state.says[:, 0]), state.gains[:, 0]
    return MACEParams(
        frame.classes,
        frame.sources,
        frame.alphabet,
        balance,
        of_all_sources(problem, frame, problem.member @ right / votes, np.nan),
        outcome,
        of_all_sources(problem, frame, knew, np.nan),
        spam,
        gains,
    )
