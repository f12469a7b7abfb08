"""Independent Bayesian classifier combination: Dawid-Skene with Dirichlet priors, by variational Bayes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import digamma
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts
from labelwright.labelmodels.problem import Floats

from .confusion import Ballots, ConfusionModel, ConfusionParams, check_steps, climb, confusion_params, too_few
from .crowd import CROWD_PATTERNS
from .slots import Slots

__all__ = ["IndependentBCC", "expected_logs", "row_prior"]


class IndependentBCC(ConfusionModel[ConfusionParams]):
    """Each source has its own table of confusions, known only as far as its votes tell it.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: learned, with one pseudo-row for each class; where most votes are of one-sided
        sources, which do not identify it, that of the known classes in ``y``, or uniform.
    max_steps : int
        Most steps of the iteration.
    tolerance : float
        The steps end when no probability moves by more.
    max_patterns : int
        Most distinct vote rows kept. Rows of a crowd are nearly all distinct, so this is 2 ** 20; past it, the model is
        learned from a uniform sample of rows.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    Mean-field variational Bayes: P(Y | votes) of each row, and Dirichlet distributions of each row of each table, are
    fitted in turn. In place of the Gibbs sampling and exponential hyperpriors of the paper, the prior of a row is that
    of Li et al. (2019): 4 pseudo-votes for the right code and 1 for each other. Sources vote independently given the
    class; see `EnhancedBCC` for sources that do not, and `HierarchicalDawidSkene` for priors that the votes tell.

    Source: H.-C. Kim & Z. Ghahramani, "Bayesian classifier combination" (AISTATS 2012), the model IBCC.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(3, size=500)
    >>> right = rng.random((500, 5)) < [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + 1) % 3)
    >>> model = IndependentBCC().fit(votes)
    >>> bool(model.score(votes, truth) > 0.95)
    True
    """

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        max_steps: int = 300,
        tolerance: float = 1e-3,
        max_patterns: int = CROWD_PATTERNS,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
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
        fallback = too_few(stats, ballots)
        if fallback is not None:
            return fallback
        prior = row_prior(ballots.slots)[ballots.slots.slot]
        tables, balance = np.empty(0), np.empty(0)

        def step(q: Floats) -> Floats:
            nonlocal tables, balance
            tables = expected_logs(ballots, prior + ballots.counts(q))
            balance = ballots.balance(q)
            return ballots.posterior(tables, balance)

        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            found = climb(ballots.start(), step, steps=self.max_steps, tolerance=self.tolerance)
        return confusion_params(stats, ballots, found, tables, balance, "variational Bayes")


def row_prior(slots: Slots) -> Floats:
    """Return Dirichlet parameters of rows, shape (slots, k): 4 for the codes that are right, and 1 for each other.

    Examples
    --------
    >>> from labelwright.core import VoteFrame
    >>> row_prior(Slots.of(VoteFrame((0, 1), ("a",)))).tolist()
    [[4.0, 1.0], [1.0, 4.0]]
    """
    return 3 * slots.careful + 1


def expected_logs(ballots: Ballots, values: Floats) -> Floats:
    """Return the mean of log P(vote | state) under Dirichlet distributions of parameters ``values`` (f, states)."""
    return np.asarray(digamma(values) - digamma(ballots.by_source(values))[ballots.source])
