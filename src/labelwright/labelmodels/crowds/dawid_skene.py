"""Dawid-Skene: every source has its own table of confusions (Dawid & Skene 1979)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts
from labelwright.core.errors import ModelError
from labelwright.labelmodels.problem import Floats

from .confusion import Ballots, ConfusionModel, ConfusionParams, check_steps, climb, confusion_params, too_few
from .crowd import CROWD_PATTERNS
from .worker_prior import FlatPrior, OneCoinPrior, Prior, WorkerPrior

__all__ = ["DawidSkene"]

# From the start, where nothing is known of the crowd, its prior takes more steps than the few that follow EM.
_FIRST_ROUNDS = 20

# Maximum likelihood has no prior; so much keeps logarithms finite.
_TINY = 1e-10


class DawidSkene(ConfusionModel[ConfusionParams]):
    """Each source confuses the classes in its own way: EM for P(vote | Y) of each source.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: learned; where most votes are of one-sided sources, which do not identify it,
        that of the known classes in ``y``, or uniform.
    one_coin : bool
        Whether a source has one accuracy for all classes, and its errors fall evenly on the others, in place of a
        table.
    shrinkage : {"hierarchical"} or float
        What rows of few votes are drawn towards. "hierarchical": what the source's other rows and the whole crowd do,
        as far as the votes say that sources are alike; nothing is to be chosen. A number of 0 or more: so many
        pseudo-votes for each code (for right and for wrong, if ``one_coin``); 0 is the maximum likelihood of 1979.
    max_steps : int
        Most steps of EM.
    tolerance : float
        EM ends when no probability moves by more.
    max_patterns : int
        Most distinct vote rows kept. Rows of a crowd are nearly all distinct, so this is 2 ** 20; past it, EM runs on a
        uniform sample of rows.
    random_state : int
        Kept for the seam: nothing is drawn.

    Raises
    ------
    ModelError
        On fitting, if an option is out of range.

    Notes
    -----
    The E-step is ``P(Y | votes) ~ P(Y) prod_j P(vote_j | Y)`` over the sources that vote, in logarithms; whether a
    source votes says nothing about Y. The M-step is the posterior mean of each row under its prior; see
    `labelwright.labelmodels.crowds.worker_prior.WorkerPrior` for how the votes themselves tell its strength (empirical
    Bayes). The start is the vote shares. A model of tables of m sources has m k k parameters and keeps that many
    numbers.

    Of a source that takes only one side, P(vote | Y, it votes) is 1 for every class. Such sources tell nothing here,
    and for those `labelwright.LabelModel` is the model.

    Sources: A. P. Dawid & A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm"
    (Applied Statistics 1979); T. Minka, "Estimating a Dirichlet distribution" (2000).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(3, size=1000)
    >>> right = rng.random((1000, 5)) < [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + 1) % 3)
    >>> model = DawidSkene().fit(votes)
    >>> model.accuracies_.round(1).tolist()
    [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> print(model.outcome_)
    Converged after ... steps of EM; 1,000 examples in ... distinct vote rows, 5 sources, class balance learned.
    """

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        one_coin: bool = False,
        shrinkage: Literal["hierarchical"] | float = "hierarchical",
        max_steps: int = 300,
        tolerance: float = 1e-3,
        max_patterns: int = CROWD_PATTERNS,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.one_coin = one_coin
        self.shrinkage = shrinkage
        self.max_steps = max_steps
        self.tolerance = tolerance
        self.max_patterns = max_patterns
        self.random_state = random_state

    def solve(self, stats: PatternCounts) -> ConfusionParams:
        """Return the parameters that ``stats`` give; rows are not needed.

        Raises
        ------
        ModelError
            If no source voted, or an option is out of range.
        """
        check_steps(self.max_steps)
        ballots = self._ballots(stats)
        prior = self._prior(ballots)
        fallback = too_few(stats, ballots)
        if fallback is not None:
            return fallback
        rounds, tables, balance = _FIRST_ROUNDS, np.empty(0), np.empty(0)
        pseudo = _TINY if self.shrinkage == 0 else 1.0

        def step(q: Floats) -> Floats:
            nonlocal prior, rounds, tables, balance
            counts = ballots.counts(q)
            prior, rounds = prior.update(counts, rounds), 3
            tables, balance = np.log(prior.rows(counts)), ballots.balance(q, pseudo)
            return ballots.posterior(tables, balance)

        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            found = climb(ballots.start(), step, steps=self.max_steps, tolerance=self.tolerance)
        what = f"{'one-coin ' if self.one_coin else ''}EM"
        return confusion_params(stats, ballots, found, tables, balance, what)

    def _prior(self, ballots: Ballots) -> Prior:
        if self.shrinkage == "hierarchical":
            return OneCoinPrior.of(ballots, None) if self.one_coin else WorkerPrior.of(ballots)
        pseudo: object = self.shrinkage
        if not isinstance(pseudo, (int, float)) or not 0 <= pseudo < np.inf:
            raise ModelError(f'shrinkage is {pseudo!r}; it is "hierarchical", or pseudo-votes, a number of 0 or more.')
        return OneCoinPrior.of(ballots, pseudo) if self.one_coin else FlatPrior(ballots, pseudo)
