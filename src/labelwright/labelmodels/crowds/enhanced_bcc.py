"""Enhanced Bayesian classifier combination: items of a class fall into subtypes, on which sources err together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, Seed, SoftLabels, Votes, generator, hash_ids
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import Params
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.problem import Floats
from labelwright.labelmodels.scoring import score_sums

from .confusion import Ballots, Climb, ConfusionModel, ConfusionParams, check_steps, climb, confusion_params, too_few
from .crowd import CROWD_PATTERNS
from .independent_bcc import expected_logs, row_prior

__all__ = ["EnhancedBCC", "EnhancedParams"]

# Doubles in one posterior over rows and subtypes, of which a handful are alive at once: 2 ** 27 are 1 GiB.
_MOST_VALUES = 1 << 27


@dataclass(frozen=True, slots=True, eq=False)
class EnhancedParams(ConfusionParams):
    """What `EnhancedBCC` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    tables : ndarray of float, shape (f, k * subtypes)
        Mean of log P(vote | subtype, the source votes) of each (source, code) pair, subtypes of one class side by side.
    weights : ndarray of float, shape (k * subtypes,)
        Log of the prior of each subtype, up to a constant.
    """

    weights: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the tables and of the weights of subtypes."""
        states = len(self.weights)
        return {"tables": (int(self.frame.sizes.sum()), states), "weights": (states,)}


class EnhancedBCC(ConfusionModel[EnhancedParams]):
    """Crowds whose workers err together: each class has subtypes of items, and each source a table for each subtype.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: learned, with one pseudo-row for each class; where most votes are of one-sided
        sources, which do not identify it, that of the known classes in ``y``, or uniform.
    subtypes : int
        Most subtypes of each class; those that nothing needs stay empty.
    restarts : int
        Random starts; the one of the largest evidence bound is kept.
    max_steps : int
        Most steps of each start.
    tolerance : float
        The steps of a start end when no probability moves by more.
    max_patterns : int
        Most distinct vote rows kept; past it, the model is learned from a uniform sample of rows.
    random_state : int
        Seed of the starts: the vote shares of each row, divided among subtypes at random.

    Raises
    ------
    ModelError
        On fitting, if an option is out of range, or rows x k x subtypes are more than 2 ** 27 numbers (1 GiB): state
        fewer subtypes or ``max_patterns`` then.

    Notes
    -----
    Given its subtype, the votes on an item are independent; given its class, they are not. Mean-field variational
    Bayes; subtypes have a sparse Dirichlet prior (0.1 for a class, as in the paper), rows of tables that of
    `IndependentBCC`, which this model is with one subtype. Time and memory grow with rows x k x subtypes.

    Source: Y. Li, B. Rubinstein & T. Cohn, "Exploiting worker correlation for label aggregation in crowdsourcing" (ICML
    2019).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=600)
    >>> hard = rng.random(600) < 0.3
    >>> right = rng.random((600, 9)) < np.where(hard, 0.3, 0.9)[:, None]
    >>> model = EnhancedBCC(subtypes=2).fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> model.params_.tables.shape
    (18, 4)
    """

    params_type = EnhancedParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        subtypes: int = 10,
        restarts: int = 3,
        max_steps: int = 100,
        tolerance: float = 1e-3,
        max_patterns: int = CROWD_PATTERNS,
        random_state: Seed = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.subtypes = subtypes
        self.restarts = restarts
        self.max_steps = max_steps
        self.tolerance = tolerance
        self.max_patterns = max_patterns
        self.random_state = random_state

    def solve(self, stats: PatternCounts) -> EnhancedParams:
        """Return the parameters that ``stats`` give; rows are not needed.

        Raises
        ------
        ModelError
            If no source voted, or an option is out of range.
        """
        check_steps(self.max_steps)
        ballots = self._ballots(stats)
        simple = too_few(stats, ballots)
        if simple is not None:
            return _with_weights(simple, simple.tables, np.log(simple.class_balance))
        self._check_size(ballots)
        chance, best, found = generator(self.random_state), -np.inf, None
        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            for _ in range(self.restarts):
                model = _Subtypes(ballots, self.subtypes)
                end = climb(model.start(chance), model.step, steps=self.max_steps, tolerance=self.tolerance)
                bound = model.bound(end.q)
                if found is None or bound > best:
                    best, found = bound, (model, end)
        assert found is not None
        return _params(stats, *found, restarts=self.restarts)

    def posterior(self, params: EnhancedParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example; the class balance where nobody voted."""
        found = self._votes_like(params, votes)
        k = len(params.classes)
        probs = np.empty((found.n, k))
        for start, stop, sums, covered in score_sums(found, params.tables):
            block = _by_class(softmax_rows(sums + params.weights), k)
            probs[start:stop] = np.where(covered[:, None], block, params.class_balance)
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)

    def _check_size(self, ballots: Ballots) -> None:
        for name, value in (("subtypes", self.subtypes), ("restarts", self.restarts)):
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise ModelError(f"{name} is {value!r}; it is an integer of at least 1.")
        rows, values = len(ballots.problem.weights), self.subtypes * ballots.frame.k
        if max(rows, len(ballots.source)) * values > _MOST_VALUES:
            raise ModelError(
                f"{rows:,} distinct vote rows times {values} subtypes of all classes are more than {_MOST_VALUES:,} "
                "numbers; state fewer subtypes, or a smaller max_patterns to learn from a sample of rows."
            )


# What subtypes of one class weigh together before any item is seen: few of them are used (Li et al. 2019, section 5).
_SPARSE = 0.1

_TURNS = 3


class _Subtypes:
    """One start: distributions of tables and of subtypes, as they are learned."""

    def __init__(self, ballots: Ballots, subtypes: int) -> None:
        self.ballots, self.subtypes, self.k = ballots, subtypes, ballots.frame.k
        self.prior = np.repeat(row_prior(ballots.slots), subtypes, axis=1)[ballots.slots.slot]

    def start(self, chance: np.random.Generator) -> Floats:
        """Return the vote shares, divided among subtypes at random, shape (p, k * subtypes)."""
        q = self.ballots.start()
        parts = np.empty((*q.shape, self.subtypes))
        parts[_order(self.ballots)] = chance.dirichlet(np.ones(self.subtypes), size=q.shape)
        return np.asarray((q[:, :, None] * parts).reshape(len(q), -1))

    def step(self, q: Floats) -> Floats:
        """Return the next posterior of the rows, shape (p, k * subtypes), known classes set."""
        self.learn(q)
        problem = self.ballots.problem
        new = softmax_rows(problem.x @ self.tables[problem.kept] + self.weights)
        known = np.flatnonzero(problem.gold >= 0)
        if len(known):
            own = np.repeat(np.arange(self.k), self.subtypes) == problem.gold[known][:, None]
            logits = problem.x[known] @ self.tables[problem.kept] + self.weights
            new[known] = softmax_rows(np.where(own, logits, -np.inf))
        return new

    def learn(self, q: Floats) -> None:
        """Set the distributions of tables and subtypes that ``q`` gives."""
        self.values = self.prior + self.ballots.counts(q)
        self.tables = expected_logs(self.ballots, self.values)
        self.mass = (self.ballots.problem.weights @ q).reshape(self.k, -1) + _SPARSE / self.subtypes
        self.balance = self.ballots.balance(_by_class(q, self.k))
        of_class = digamma(self.mass) - digamma(self.mass.sum(axis=1, keepdims=True))
        self.weights = (of_class + np.log(self.balance)[:, None]).ravel()

    def bound(self, q: Floats) -> float:
        """Return the bound of the log evidence, up to a constant, where every distribution is the best for ``q``."""
        self.learn(q)
        ballots, weights = self.ballots, self.ballots.problem.weights
        rows = float((gammaln(self.values) - gammaln(self.prior)).sum())
        before, after = ballots.by_source(self.prior), ballots.by_source(self.values)
        rows -= float((gammaln(after) - gammaln(before)).sum())
        parts = float(gammaln(self.mass).sum() - gammaln(self.mass.sum(axis=1)).sum())
        classes = float(weights @ _by_class(q, self.k) @ np.log(self.balance))
        entropy = -float(weights @ (q * np.log(np.maximum(q, 1e-300))).sum(axis=1))
        return rows + parts + classes + entropy


def _order(ballots: Ballots) -> npt.NDArray[np.int64]:
    """Return an order of the rows that votes alone decide, not the names or the order of sources, shape (p,).

    Rows are told apart by who voted on them, and sources by the rows they voted on, in turns (Weisfeiler & Lehman
    1968); what three turns do not tell apart is alike in all that matters here.
    """
    x, pair = ballots.x, hash_ids(ballots.slots.slot)
    of_row = hash_ids(ballots.problem.weights.astype(np.int64) * (ballots.frame.k + 1) + ballots.problem.gold + 1)
    entry = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    rows = of_row
    for turn in range(_TURNS):
        rows = hash_ids(of_row + np.add.reduceat(pair[x.indices], x.indptr[:-1]), salt=2 * turn)
        said = np.zeros(len(pair), dtype=np.uint64)
        np.add.at(said, x.indices, rows[entry])
        source = ballots.by_source(hash_ids(said + hash_ids(ballots.slots.slot), salt=2 * turn + 1))
        pair = hash_ids(source[ballots.source] + hash_ids(ballots.slots.slot))
    return np.argsort(rows, kind="stable")


def _by_class(q: Floats, k: int) -> Floats:
    """Sum over the subtypes of each class, shape (p, k)."""
    return np.asarray(q.reshape(len(q), k, -1).sum(axis=2))


def _params(stats: PatternCounts, model: _Subtypes, found: Climb, *, restarts: int) -> EnhancedParams:
    ballots, end = model.ballots, Climb(_by_class(found.q, model.k), found.steps, found.converged)
    used = (model.mass > 1).sum(axis=1)
    what = f"variational Bayes (the best of {restarts} starts; {', '.join(map(str, used))} subtypes in use)"
    simple = confusion_params(stats, ballots, end, model.tables, model.balance, what)
    return _with_weights(simple, model.tables, model.weights)


def _with_weights(simple: Params, tables: Floats, weights: Floats) -> EnhancedParams:
    base = (simple.classes, simple.sources, simple.alphabet, simple.class_balance, simple.accuracies, simple.outcome)
    return EnhancedParams(*base, tables, weights)
