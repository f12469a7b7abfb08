"""GLAD: workers have abilities, items have difficulties (Whitehill et al. 2009)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, Seed, SoftLabels, Votes
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats, Problem

from .candidates import Candidates
from .crowd import CROWD_PATTERNS, answer, crowd_problem, few_sources, of_all_sources, rows_told

__all__ = ["GLAD", "GLADParams"]

# Whitehill's priors: ability and log-easiness are normal with mean 1 and variance 1.
_MEAN = 1.0

# Nine nodes integrate exp(polynomials) against a normal density to about three digits; more change no label here.
_NODES, _MASS = np.polynomial.hermite_e.hermegauss(9)
_EASINESS = np.exp(_MEAN + _NODES)
_LOG_MASS = np.log(_MASS / _MASS.sum())

_STEPS = 1000
# A thousandth of the ability's prior standard deviation: labels settle long before.
_TOLERANCE = 1e-3
_NEWTON = 4


@dataclass(frozen=True, slots=True, eq=False)
class GLADParams(Params):
    """What GLAD learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    abilities : ndarray of float, shape (m,)
        Alpha: on an item of easiness 1, the log-odds that the worker is right; 0 guesses, below 0 misleads. The mean
        of its prior, 1, where a worker never answers.
    """

    abilities: Floats


class GLAD(BaseLabelModel[PatternCounts, GLADParams]):
    """Crowds whose workers differ in ability and whose items differ in difficulty.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: the shares of the classes in ``y`` where it is given, otherwise uniform.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    Worker j is right on item i with probability ``sigmoid(alpha_j * beta_i)``, where ``1 / beta_i`` is the item's
    difficulty; errors spread evenly over the other classes (Whitehill, Ruvolo, Wu, Bergsma & Movellan, NIPS 2009,
    eq. 1, here for k >= 2). Priors are theirs: alpha ~ N(1, 1), log beta ~ N(1, 1).

    Whitehill's EM keeps a point estimate of every item's difficulty. A label model's parameters never see rows, so
    here difficulty is *integrated out* over its prior, on nine Gauss-Hermite nodes, together with the class; items
    with the same votes share one sum. That is the marginal likelihood of the same model: abilities stay consistent
    when every item has few answers (point estimates of difficulty do not: Neyman & Scott 1948), and a new item's
    difficulty follows from its own votes (`difficulty`). The M-step is a concave problem for each worker, solved by
    Newton's method.

    EM needs distinct vote rows. A million of them are kept; beyond that, those of a uniform sample of items.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(3, size=1000)
    >>> right = rng.random((1000, 5)) < [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, (1000, 5))) % 3)
    >>> model = GLAD().fit(votes)
    >>> bool((np.diff(model.params_.abilities) < 0).all())
    True
    >>> easy, hard = model.difficulty([[0, 0, 0, 0, 0], [0, 1, 0, 2, 1]])
    >>> bool(easy < hard)
    True
    """

    params_type = GLADParams

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

    def solve(self, stats: PatternCounts) -> GLADParams:
        """Return abilities by EM over class and difficulty."""
        problem, balance = crowd_problem(stats, self.class_balance, method="GLAD")
        found = Candidates.of_problem(problem, balance)
        abilities, step, moved = np.full(problem.m, _MEAN), 0, np.inf
        right, heard = _expected(problem, found, abilities)
        while step < _STEPS and moved >= _TOLERANCE:
            new = _abilities(abilities, right, heard)
            moved = float(np.abs(new - abilities).max())
            abilities, step = new, step + 1
            right, heard = _expected(problem, found, abilities)
        kind: Literal["converged", "max_steps"] = "converged" if moved < _TOLERANCE else "max_steps"
        sentence = (
            f"{'Stopped' if kind == 'max_steps' else 'Converged'} after {step} steps of EM; "
            f"{rows_told(stats, problem)}.{few_sources(problem)}"
        )
        frame = stats.frame
        return GLADParams(
            frame.classes,
            frame.sources,
            frame.alphabet,
            balance,
            of_all_sources(problem, frame, _shares(right.sum(axis=1), heard.sum(axis=1)), np.nan),
            Outcome(kind, sentence, step),
            of_all_sources(problem, frame, abilities, _MEAN),
        )

    def posterior(self, params: GLADParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example, its difficulty integrated out."""

        def solved(found: Candidates, features: Features) -> Floats:
            slopes = params.abilities[features.source]
            return found.posterior(_collapse(_joint(found, features.meaning, slopes))[0])[0]

        return answer(params, self._votes_like(params, votes), solved)

    def difficulty(self, votes: Votes | npt.ArrayLike) -> Floats:
        """Return the posterior mean of ``1 / beta`` for each example, shape (n,); that of the prior without votes.

        Parameters
        ----------
        votes : Votes, or array_like of int, shape (n, m)

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        """
        params = self._fitted()
        found = self._votes_like(params, votes)
        features = Features.of(params.frame)
        rows = Candidates.of_votes(features.matrix(found), features.meaning, params.class_balance)
        summed, shares = _collapse(_joint(rows, features.meaning, params.abilities[features.source]))
        q, _ = rows.posterior(summed)
        return np.asarray(np.add.reduceat(q * ((1 / _EASINESS) @ shares), rows.starts))


def _joint(found: Candidates, meaning: npt.NDArray[np.bool_], slopes: Floats) -> Floats:
    """Return log P(votes, difficulty | candidate), up to a constant for each item, shape (nodes, d).

    With ``s`` of the vote's classes among k, ``right / s`` is compared with ``wrong / (k - s)``.
    """
    size = meaning.sum(axis=1)
    k = meaning.shape[1]
    tells = size < k
    chance = found.evidence(np.log(np.maximum(k - size, 1) / size))
    out = np.multiply.outer(_EASINESS, found.evidence(slopes)) + chance
    for easiness, log_mass, row in zip(_EASINESS, _LOG_MASS, out, strict=True):
        row += (found.heard @ (-np.logaddexp(0.0, slopes * easiness) * tells))[found.item] + log_mass
    return np.asarray(out)


def _shares(right: Floats, heard: Floats) -> Floats:
    """Return the share of right answers, NaN where no answer leaves a class out, shape (m,)."""
    return np.where(heard > 0, right / np.where(heard > 0, heard, 1), np.nan)


def _collapse(joint: Floats) -> tuple[Floats, Floats]:
    """Return the log of the sum over difficulties (d,), and the share of each (nodes, d), in the place of joint."""
    top = joint.max(axis=0)
    joint -= top
    np.exp(joint, out=joint)
    mass = joint.sum(axis=0)
    joint /= mass
    return np.asarray(top + np.log(mass)), joint


def _expected(problem: Problem, found: Candidates, abilities: Floats) -> tuple[Floats, Floats]:
    """E-step: return each source's expected right answers, and its answers, by difficulty, shapes (m, nodes)."""
    summed, each = _collapse(_joint(found, problem.meaning, abilities[problem.source]))
    each *= found.posterior(summed)[0] * found.weights[found.item]
    right = np.stack([found.claims_t @ row for row in each], axis=1)
    by_item = np.add.reduceat(each, found.starts, axis=1)
    heard = np.stack([found.heard_t @ row for row in by_item], axis=1)
    return np.asarray(problem.member @ right), np.asarray(problem.member @ heard)


def _abilities(abilities: Floats, right: Floats, heard: Floats) -> Floats:
    """M-step: maximise each worker's expected log-likelihood plus log-prior, which is concave, shape (m,)."""
    for _ in range(_NEWTON):
        chance = 1 / (1 + np.exp(-np.clip(abilities[:, None] * _EASINESS, -500, 500)))
        slope = (right - heard * chance) @ _EASINESS - (abilities - _MEAN)
        curve = (heard * chance * (1 - chance)) @ _EASINESS**2 + 1
        # Far from the optimum the sigmoid is flat and Newton's step too long.
        abilities = abilities + np.clip(slope / curve, -0.5, 0.5)
    return abilities
