"""Data programming: a generative model of labeling functions with declared dependencies, solved without sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes

from .base import BaseLabelModel, Outcome, Params, check_cardinality
from .crowds.crowd import crowd_problem, of_all_sources, rows_told
from .estimates import expected_accuracies
from .expectation import softmax_rows
from .factors import FactorGraph, cells_of, resolve_factors
from .features import Features
from .majority_vote import MajorityVote
from .problem import Floats, Problem
from .spectral.spectral import learned_balance

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["DataProgramming", "DataProgrammingParams", "Likelihood"]

_STEPS = 1000
_FIRST_STEPS = 50
_BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class DataProgrammingParams(Params):
    """What `DataProgramming` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    accuracy_weights : ndarray of float, shape (m,)
        Half the log-odds of being right, among votes of a source that takes all sides; NaN for a silent source.
    propensity_weights : ndarray of float, shape (m,)
        Log-odds of voting at all, less what the accuracy weight adds; NaN for a silent source.
    dependency_weights : ndarray of float, shape (dependencies,)
        In the order of ``dependencies``.
    dependencies : tuple of str
        ``"kind first second"`` of each dependency between sources that vote.
    scores : ndarray of float, shape (cells, k)
        log P(cell | Y) less that of its component's silence.
    group, unit : ndarray of int64, shape (f,)
        Component of each vote, and what the vote adds to the number of its component's cell.
    offsets : ndarray of int64, shape (components,)
        First cell of each component.
    silence : ndarray of float, shape (k,)
        log P(nobody votes | Y).
    """

    accuracy_weights: Floats
    propensity_weights: Floats
    dependency_weights: Floats
    dependencies: tuple[str, ...]
    scores: Floats
    group: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    silence: Floats

    def __post_init__(self) -> None:
        """Make a tuple of what JSON gave back as a list."""
        object.__setattr__(self, "dependencies", tuple(self.dependencies))

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes that the arrays must have."""
        m, k, f = len(self.sources), len(self.classes), int(self.frame.sizes.sum())
        return {
            "accuracy_weights": (m,),
            "propensity_weights": (m,),
            "dependency_weights": (len(self.dependencies),),
            "scores": (len(self.scores), k),
            "group": (f,),
            "unit": (f,),
            "silence": (k,),
        }


class DataProgramming(BaseLabelModel[PatternCounts, DataProgrammingParams]):
    """The generative model of data programming, with declared dependencies and exact inference.

    Parameters
    ----------
    dependencies : iterable of (kind, first, second), (first, second) or Dependency, optional
        Sources, by name or position, that depend on each other beyond Y. Kinds: "similar" (where none is given),
        "fixing", "reinforcing" (the second fixes, or reinforces, the first), "exclusive"; see
        `labelwright.labelmodels.factors.Factor`.
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: the shares of the classes in ``y`` where it is given; otherwise what third
        moments say, where at least three sources take several sides; otherwise uniform. It is never free: with
        one-sided sources, the likelihood is highest where nearly everything is one class.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    Ratner, De Sa, Wu, Selsam & Ré (NIPS 2016): ``P(L, Y) = exp(theta . h(L, Y)) / Z`` with a factor for the accuracy
    of each source (1 right, -1 wrong, 0 abstains), for its propensity to vote, for P(Y) and for each dependency. They
    estimate the gradient by Gibbs sampling. Here declared dependencies tie sources into small components, all joint
    votes of a component are enumerated, and log Z and the gradient of the marginal likelihood are exact; L-BFGS does
    the rest. Each parameter has a unit normal prior, worth about one example: accuracies around "better than random",
    the others around 0. EM starts from vote shares in which a component counts as one vote, and that is what tells the
    right solution from its mirror image.

    Abstaining is evidence in this model. A source that never gives a code cannot give it, so that a one-sided source
    has two free firing rates.

    With fewer than three sources that vote, the model falls back to majority vote. Distinct vote rows are needed, of
    which a bounded sample is kept (`labelwright.core.PatternCounts`).

    Examples
    --------
    A source of accuracy 0.6, copied four times, beside three of 0.8:

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=4000)
    >>> right = rng.random((4000, 4)) < [0.6, 0.8, 0.8, 0.8]
    >>> votes = np.where(right, truth[:, None], 1 - truth[:, None])[:, [0, 0, 0, 0, 0, 1, 2, 3]]
    >>> model = DataProgramming(dependencies=[(0, 1), (1, 2), (2, 3), (3, 4)]).fit(votes)
    >>> model.accuracies_.round(1).tolist()
    [0.6, 0.6, 0.6, 0.6, 0.6, 0.8, 0.8, 0.8]
    """

    params_type = DataProgrammingParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        dependencies: Iterable[Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.dependencies = dependencies
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: PatternCounts) -> DataProgrammingParams:
        """Return the parameters that ``stats`` give.

        Raises
        ------
        ModelError
            If no source voted, an option is not what it may be, or dependencies tie too many sources together.
        """
        factors = resolve_factors(self.dependencies, stats.frame.sources)
        problem, balance = crowd_problem(stats, self.class_balance, method="DataProgramming")
        with threadpool_limits(limits=1, user_api="blas"):
            graph = FactorGraph.of(problem, factors if problem.m > 2 else [])
            silent = float(stats.weights.sum()) - problem.rows
            told = "given or known"
            if self.class_balance is None and not stats.counts.gold.any():
                learned = learned_balance(problem, _one_of_each(problem, graph), silent=silent)
                told = "uniform" if learned is None else "from third moments"
                balance = balance if learned is None else learned
            likelihood = Likelihood(problem, graph, balance, silent=silent)
            theta, outcome = likelihood.solve() if problem.m > 2 else (likelihood.start, _too_few(problem))
        if outcome.kind != "fell_back":
            sentence = f"{outcome.sentence}; {rows_told(stats, problem)}, class balance {told}."
            outcome = Outcome(outcome.kind, sentence, outcome.steps)
        return _params(stats, likelihood, theta, outcome)

    def posterior(self, params: DataProgrammingParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example; abstains are evidence, and no vote at all is none."""
        found = self._votes_like(params, votes)
        if params.outcome.kind == "fell_back":
            return MajorityVote().posterior(params, found)
        features = Features.of(params.frame)
        probs = np.empty((found.n, len(params.classes)))
        for start in range(0, found.n, _BLOCK):
            stop = min(start + _BLOCK, found.n)
            x = features.matrix(found, start, stop)
            cells = cells_of(x, params.group, params.unit, params.offsets, len(params.scores))
            probs[start:stop] = softmax_rows(cells @ params.scores + params.silence + np.log(params.class_balance))
        probs[~found.covered] = params.class_balance
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)


class Likelihood:
    """The marginal likelihood of the votes, with the prior of the parameters, per example.

    Parameters
    ----------
    problem : Problem
    graph : FactorGraph
    balance : ndarray of float, shape (k,)
        P(Y).
    silent : float
        Examples on which nobody votes: they tell how often sources do.

    Attributes
    ----------
    start : ndarray of float, shape (parameters,)
        Means of the prior: sources as accurate as the mean of all better-than-random ones, nothing else.
    """

    def __init__(self, problem: Problem, graph: FactorGraph, balance: Floats, *, silent: float) -> None:
        self.problem, self.graph, self.balance, self.silent = problem, graph, balance, silent
        self.rows = problem.rows + silent
        # Columns by name, so that sums add up in the same order however the sources are ordered.
        self.x = graph.cells(problem.x)
        self.xt = self.x.T.tocsr()
        m, k = problem.m, problem.k
        right = (1 + 1 / k) / 2
        self.start = np.zeros(graph.statistics.shape[1])
        self.start[:m] = np.log(right * (k - 1) / (1 - right)) / 2

    def posterior(self, theta: Floats) -> tuple[Floats, float]:
        """Return P(Y | votes) of the rows of the problem, and at last of silence, and the log-likelihood of all."""
        problem, (tables, _) = self.problem, self.graph.log_tables(theta)
        scores, silence = self.evidence(tables)
        logits = np.concatenate([self.x @ scores, np.zeros((1, problem.k))]) + silence + np.log(self.balance)
        known = np.flatnonzero(problem.gold >= 0)
        if len(known):
            kept = logits[known, problem.gold[known]]
            logits[known] = -np.inf
            logits[known, problem.gold[known]] = kept
        top = logits.max(axis=1, keepdims=True)
        total = np.exp(logits - top)
        mass = total.sum(axis=1, keepdims=True)
        weights = np.append(problem.weights, self.silent)
        return total / mass, float(weights @ (top + np.log(mass))[:, 0])

    def evidence(self, tables: Floats) -> tuple[Floats, Floats]:
        """Return each cell's log-probability less that of its component's silence, and that of all silence."""
        silence = tables[self.graph.offsets]
        return tables - silence[self.graph.component], silence.sum(axis=0)

    def seen(self, q: Floats) -> tuple[Floats, Floats]:
        """Return examples in each cell of each class, (cells, k), and of each class, (k,), under ``q`` (p + 1, k)."""
        mass = np.append(self.problem.weights, self.silent) @ q
        seen = np.asarray(self.xt @ (self.problem.weights[:, None] * q[:-1]))
        seen[self.graph.offsets] += mass - np.add.reduceat(seen, self.graph.offsets)
        return seen, mass

    def value(self, theta: Floats) -> tuple[float, Floats]:
        """Return what is minimised, the negative log-likelihood and log-prior per example, and its gradient."""
        q, total = self.posterior(theta)
        seen, mass = self.seen(q)
        slope = self.graph.gradient(self.graph.log_tables(theta)[0], seen, mass)
        return self._with_prior(theta, total, slope)

    def value_of(self, theta: Floats, seen: Floats, mass: Floats) -> tuple[float, Floats]:
        """Return the same where the classes are known to be as ``seen``; convex in ``theta``."""
        tables = self.graph.log_tables(theta)[0]
        return self._with_prior(theta, float((seen * tables).sum()), self.graph.gradient(tables, seen, mass))

    def solve(self) -> tuple[Floats, Outcome]:
        """Maximise, from the vote shares in which each component of dependent sources counts as one vote."""
        shares = self.problem.vote_shares(1 / self._members()[self.graph.group])
        first = self.seen(np.concatenate([shares, self.balance[None]]))
        start = _minimised(self.value_of, self.start, first, steps=_FIRST_STEPS)
        found = _minimised(self.value, start.x, (), steps=_STEPS)
        tied = int((self._members() > 1).sum())
        sentence = f"{'Converged' if found.success else 'Stopped'} after {found.nit} steps of L-BFGS"
        sentence += f" with {len(self.graph.factors)} dependencies in {tied} groups" if tied else ""
        return found.x, Outcome("converged" if found.success else "max_steps", sentence, int(found.nit))

    def _members(self) -> Floats:
        """Return how many sources each component has."""
        pairs = np.unique(np.stack([self.graph.group, self.problem.source]), axis=1)
        return np.bincount(pairs[0], minlength=len(self.graph.offsets)).astype(np.float64)

    def _with_prior(self, theta: Floats, total: float, slope: Floats) -> tuple[float, Floats]:
        away = theta - self.start
        return float((away @ away / 2 - total) / self.rows), (away - slope) / self.rows


def _minimised(
    function: Callable[..., tuple[float, Floats]], start: Floats, more: tuple[Floats, ...], *, steps: int
) -> OptimizeResult:
    # Loading an optimiser takes half as long as loading the package; only this method needs it.
    from scipy import optimize

    return optimize.minimize(
        function,
        start,
        args=more,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-13, "gtol": 1e-8},
    )


def _one_of_each(problem: Problem, graph: FactorGraph) -> npt.NDArray[np.bool_]:
    """Choose from each component the source with most votes, shape (m,): the chosen are independent given Y."""
    votes = problem.member @ problem.totals
    order = sorted(range(problem.m), key=lambda j: (-votes[j], problem.names[j]))
    component = np.empty(problem.m, dtype=np.int64)
    component[problem.source] = graph.group
    chosen = np.zeros(problem.m, dtype=bool)
    chosen[np.array(order)[np.unique(component[order], return_index=True)[1]]] = True
    return chosen


def _too_few(problem: Problem) -> Outcome:
    sentence = (
        f"Fell back to majority vote: only {problem.m} of the sources vote, and accuracies can be learned only from "
        "agreement among three or more."
    )
    return Outcome("fell_back", sentence)


def _params(stats: PatternCounts, likelihood: Likelihood, theta: Floats, outcome: Outcome) -> DataProgrammingParams:
    problem, graph, frame = likelihood.problem, likelihood.graph, stats.frame
    scores, silence = likelihood.evidence(graph.log_tables(theta)[0])
    q = likelihood.posterior(theta)[0][:-1]
    unknown = np.full(frame.m, np.nan)
    place = np.array([graph.names.index(name) for name in problem.names])
    f = int(frame.sizes.sum())
    group, unit = np.zeros((2, f), dtype=np.int64)
    group[problem.kept], unit[problem.kept] = graph.group, graph.unit
    return DataProgrammingParams(
        frame.classes,
        frame.sources,
        frame.alphabet,
        likelihood.balance,
        unknown if outcome.kind == "fell_back" else expected_accuracies(problem, frame, q),
        outcome,
        of_all_sources(problem, frame, theta[place], np.nan),
        of_all_sources(problem, frame, theta[problem.m + place], np.nan),
        theta[2 * problem.m :],
        tuple(f"{one.kind} {one.first} {one.second}" for one in graph.factors),
        scores,
        group,
        unit,
        graph.offsets,
        silence,
    )
