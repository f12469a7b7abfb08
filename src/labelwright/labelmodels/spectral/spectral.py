"""Spectral methods: accuracies from eigenvectors of moments, then one step of EM. Nothing depends on a start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from labelwright.labelmodels.estimates import among_all_features, expected_accuracies
from labelwright.labelmodels.expectation import Fit, posterior_of, run
from labelwright.labelmodels.majority_vote import MajorityVote, check_some_votes, gold_balance
from labelwright.labelmodels.problem import Floats, Problem
from labelwright.labelmodels.scoring import posterior_from_scores

from .tensor import MOST_CLASSES, TensorFit, tensor_decomposition
from .views import View, ViewMoments, make_views

__all__ = ["Spectral", "SpectralParams", "agreement_eigenvector", "learned_balance", "source_tables", "tensor_fit"]

_STEPS = 500
_TOLERANCE = 1e-12

# In standard deviations: what chance exceeds once in a thousand.
_MISFIT = 3.0

# Third moments rest on the examples on which three sources vote.
_FEWEST_ROWS = 30

# Probabilities from moments may be zero or less by chance; one vote in a thousand is not noise.
_SMALLEST = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class SpectralParams(Params):
    """What `Spectral` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    scores : ndarray of float, shape (f, k)
        What each vote adds to the log-odds of each class; 0 for votes that were never seen. Empty after falling back.
    """

    scores: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape that ``scores`` must have."""
        rows = 0 if self.outcome.kind == "fell_back" else int(self.frame.sizes.sum())
        return {"scores": (rows, len(self.classes))}


class Spectral(BaseLabelModel[PatternCounts, SpectralParams]):
    """Accuracies from moments of the votes by linear algebra, then one step of EM.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: the shares of the classes in ``y`` where it is given; otherwise what third
        moments say, where at least three sources take several sides; otherwise uniform.
    steps : int
        Steps of EM after the spectral estimate.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    *Two classes, sources that take both sides*: what two workers say agrees in expectation by the product of their
    reliabilities ``2 a - 1``, so that reliabilities are an eigenvector of the matrix of agreements (Ghosh, Kale &
    McAfee, EC 2011; for workers who share few items, the ratio of two eigenvectors of Dalvi, Dasgupta, Kumar & Rastogi,
    WWW 2013). See `agreement_eigenvector`.

    *Otherwise* second moments do not identify the model, and the third-moment tensor is decomposed (Anandkumar et al.,
    JMLR 2014; Zhang, Chen, Zhou & Jordan, JMLR 2016). See `tensor_fit`.

    Zhang et al. show that *one* step of EM from such an estimate reaches the minimax rate; that is the default.
    Abstains are missing at random for sources that take several sides; a source that takes one side enters the moments
    by whether it fires, and in the answer only its firing counts.

    With fewer than three sources that vote, more than 12 classes, or moments that do not tell the classes apart, the
    model falls back to majority vote, and ``outcome_`` says why.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.choice(3, 4000, p=[0.5, 0.3, 0.2])
    >>> right = rng.random((4000, 6)) < [0.9, 0.8, 0.7, 0.7, 0.6, 0.6]
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, 3, (4000, 6))) % 3)
    >>> model = Spectral().fit(votes)
    >>> model.accuracies_.round(1).tolist(), model.class_balance_.round(1).tolist()
    ([0.9, 0.8, 0.7, 0.7, 0.6, 0.6], [0.5, 0.3, 0.2])
    """

    params_type = SpectralParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        *,
        steps: int = 1,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.steps = steps
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: PatternCounts) -> SpectralParams:
        """Return the parameters that ``stats`` give.

        Raises
        ------
        ModelError
            If no source voted, or an option is not what it may be.
        """
        check_some_votes(stats.counts)
        if self.steps < 1:
            raise ModelError(f"steps is {self.steps}; at least one step of EM turns moments into probabilities.")
        given = check_class_balance(self.class_balance, stats.frame.k)
        if given is None and stats.counts.gold.any():
            given = gold_balance(stats.counts)
        problem = Problem.of(stats)
        with threadpool_limits(limits=1, user_api="blas"):
            start, sentence = _start(problem, given, float(stats.weights.sum()) - problem.rows)
            if start is None:
                return _majority(stats, sentence, given)
            tables, balance = start
            scores = np.log(np.maximum(tables, _SMALLEST))
            none = np.ones(len(problem.source))
            q = posterior_of(problem, scores, balance)
            fit: Fit = run(problem, q, balance, none, prior_weight=0, steps=self.steps, tolerance=_TOLERANCE)
        steps = f"{fit.steps} step{'s' if fit.steps > 1 else ''} of EM"
        return SpectralParams(
            stats.frame.classes,
            stats.frame.sources,
            stats.frame.alphabet,
            balance,
            expected_accuracies(problem, stats.frame, fit.q),
            Outcome("closed_form", f"{sentence}, then {steps}.", fit.steps),
            among_all_features(problem, stats.frame, fit.scores, 0.0),
        )

    def posterior(self, params: SpectralParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example."""
        found = self._votes_like(params, votes)
        if params.outcome.kind == "fell_back":
            return MajorityVote().posterior(params, found)
        return posterior_from_scores(found, params.scores, params.class_balance)


def agreement_eigenvector(agreement: Floats, rows: Floats) -> Floats | None:
    """Return reliabilities w, shape (m,), with ``w_i w_j`` nearest to the mean agreement of each pair.

    Parameters
    ----------
    agreement : ndarray of float, shape (m, m)
        For each pair of sources, how often they agreed less how often they did not. The diagonal is not read.
    rows : ndarray of float, shape (m, m)
        On how many examples both voted.

    Returns
    -------
    ndarray or None
        In -1 to 1, ``2 * accuracy - 1``, positive on average; None where no two sources meet.

    Notes
    -----
    Ghosh et al. (2011) take the top eigenvector of the agreement matrix. Where workers share few items, Dalvi et al.
    (2013) divide it by the top eigenvector of ``rows``, because ``agreement ~ rows * (w w^T)``. That is the start;
    alternating weighted least squares then find the best w for all pairs, each counted by its examples, which neither
    the missing diagonal nor an uneven graph biases.

    Examples
    --------
    >>> w = np.array([0.8, 0.6, 0.4, -0.2])
    >>> agreement_eigenvector(100 * np.outer(w, w), np.full((4, 4), 100.0)).round(6).tolist()
    [0.8, 0.6, 0.4, -0.2]
    """
    rows = rows * (1 - np.eye(len(rows)))
    agreement = agreement * (1 - np.eye(len(rows)))
    if not rows.any():
        return None
    top, shape = np.linalg.eigh(agreement), np.linalg.eigh(rows)
    size = np.abs(shape[1][:, -1])
    ratio = np.where(size > 1e-9, top[1][:, -1] / np.maximum(size, 1e-9), 0)
    w = ratio * np.sqrt(max(top[0][-1], 0) / shape[0][-1])
    for _ in range(_STEPS):
        before = w.copy()
        for j in range(len(w)):
            below = rows[j] @ w**2
            w[j] = agreement[j] @ w / below if below > 0 else 0
        if np.abs(w - before).max() < _TOLERANCE:
            break
    w = np.clip(w, -1, 1)
    return np.asarray(w * (1 if w @ rows.sum(axis=1) >= 0 else -1))


def tensor_fit(
    problem: Problem, among: npt.NDArray[np.bool_] | None = None, *, silent: float = 0.0
) -> tuple[list[View], ViewMoments, TensorFit] | None:
    """Decompose the third moments of the sources ``among`` (m,), all by default; None where they identify nothing.

    ``silent`` is the number of examples without a vote, which a `Problem` leaves out: where silence is a value, they
    count.

    Whether to vote may depend on Y (functions), or be decided by whoever hands out the examples (crowds). The first
    makes silence a value like others, the second makes it missing at random. Where the first fits the covariances of
    what sources do, abstains included, as well as chance allows, it is taken; otherwise the second.
    """
    heard = np.ones(problem.m) if among is None else among.astype(np.float64)
    enough = problem.weights[problem.x @ (problem.member.T @ heard) >= 3].sum() >= _FEWEST_ROWS
    if problem.k > MOST_CLASSES or not enough:
        return None
    fallback = None
    x = sparse.csr_array(sparse.vstack([problem.x, sparse.csr_array((1, len(problem.source)))], format="csr"))
    weights = np.append(problem.weights, silent)
    for silence in (True, False):
        views = make_views(problem, among, silence=silence)
        if len(views) < 3:
            return None
        moments = ViewMoments.of(views, x, weights)
        fit = tensor_decomposition(moments, np.concatenate([v.share for v in views]))
        found = None if fit is None else (views, moments, fit)
        if fit is not None and silence and fit.misfit <= _MISFIT and fit.strength >= 1:
            return found
        fallback = found
    return fallback


def source_tables(problem: Problem, views: list[View], fit: TensorFit, *, silent: float = 0.0) -> Floats:
    """Return P(vote | Y) for each feature, shape (f, k), from its moments with the views that its source is not in.

    For a source that takes several sides, among its votes (they sum to 1 over its codes); for one that takes one side,
    among all examples (its firing rate).

    Notes
    -----
    ``E[x_j z_v^T] = A_j diag(p) A_v^T`` is linear in A_j, given the views (Zhang et al. 2016, algorithm 1, line 8).
    """
    k, stop, several = problem.k, np.cumsum([len(v.share) for v in views]), problem.multipolar
    silence = all(v.silence for v in views)
    above = np.zeros((len(problem.source), k))
    gram = np.zeros((problem.m, k, k))
    for view, end in zip(views, stop, strict=True):
        joint = fit.tables[end - len(view.share) : end] * fit.balance
        z, seen = view.values(problem.x)
        weight = problem.weights * seen
        everyone = weight.sum() + (silent if view.silence else 0)
        rows = np.where(several & (not silence), problem.member @ (problem.xt @ weight), everyone)
        outside = np.ones(problem.m)
        outside[problem.source[view.features]] = 0
        above += outside[problem.source][:, None] * (problem.xt @ (problem.weights[:, None] * z) @ joint)
        gram += (rows * outside)[:, None, None] * (joint.T @ joint)
    # A source that meets few others is drawn to what all sources of its moments say alike: no difference by class.
    inverse = np.linalg.pinv(gram, rcond=1e-9, hermitian=True)
    tables = np.maximum(np.matmul(above[:, None, :], inverse[problem.source])[:, 0], _SMALLEST)
    told = np.where(
        several[problem.source][:, None], tables / np.maximum(problem.by_source(tables), 1e-300), np.minimum(tables, 1)
    )
    return np.asarray(told)


def _start(problem: Problem, given: Floats | None, silent: float) -> tuple[tuple[Floats, Floats] | None, str]:
    """Return (tables, P(Y)) from moments, or None, and a sentence that says how, or why not."""
    if problem.m < 3:
        return None, f"only {problem.m} of the sources vote, and moments need three"
    uniform = np.full(problem.k, 1 / problem.k)
    learned = learned_balance(problem, silent=silent) if given is None else given
    told = "given or known" if given is not None else "uniform" if learned is None else "from third moments"
    balance = uniform if learned is None else learned
    if problem.k == 2 and problem.multipolar.all():
        w = _reliabilities(problem)
        if w is None:
            return None, "sources agree no more than coins would, where two vote on one example"
        return (_one_coin(problem, w), balance), f"Eigenvector of the agreement of workers, class balance {told}"
    decomposed = tensor_fit(problem, silent=silent)
    if decomposed is None or decomposed[2].strength < 1:
        return None, f"the third moments of these votes do not tell {problem.k} classes apart from chance"
    views, _, fit = decomposed
    how = "" if problem.multipolar.all() else ", one-sided sources by whether they fire"
    sentence = f"Decomposed the third moments of {len(views)} views{how}, class balance {told}"
    return (source_tables(problem, views, fit, silent=silent), balance), sentence


def learned_balance(
    problem: Problem, among: npt.NDArray[np.bool_] | None = None, *, silent: float = 0.0
) -> Floats | None:
    """Return P(Y) from the third moments of several-sided sources, shape (k,); None where they do not tell.

    Firing alone would mistake what fires for what is. ``among`` (m,) are the sources to listen to; ``silent`` counts
    the examples without a vote.
    """
    heard = problem.multipolar if among is None else problem.multipolar & among
    found = tensor_fit(problem, heard, silent=silent) if heard.sum() >= 3 else None
    return None if found is None or found[2].strength < 1 else found[2].balance


def _reliabilities(problem: Problem) -> Floats | None:
    side = problem.share[:, 1] - problem.share[:, 0]
    value = np.asarray((problem.x @ (problem.member.T * side[:, None])).todense())
    fired = np.asarray((problem.x @ problem.member.T).todense())
    weight = problem.weights[:, None]
    order = sorted(range(problem.m), key=lambda j: problem.names[j])
    # By name, so that sums add up in the same order however the sources are ordered.
    value, fired = value[:, order], fired[:, order]
    agreement, rows = value.T @ (value * weight), fired.T @ (fired * weight)
    w = agreement_eigenvector(agreement, rows)
    if w is None or not _beyond_chance(agreement, rows):
        return None
    out = np.empty(problem.m)
    out[order] = w
    return out


def _beyond_chance(agreement: Floats, rows: Floats) -> bool:
    """Tell whether sources agree, or disagree, more than coins would: chi squared over all pairs."""
    upper = np.triu(rows > 0, 1)
    pairs = int(upper.sum())
    statistic = float((agreement[upper] ** 2 / rows[upper]).sum())
    return bool(statistic > pairs + _MISFIT * np.sqrt(2 * pairs))


def _one_coin(problem: Problem, reliability: Floats) -> Floats:
    """Return P(vote | Y) of sources that are right with probability ``(1 + reliability) / 2`` for either class."""
    right = np.clip((1 + reliability[problem.source]) / 2, _SMALLEST, 1 - _SMALLEST)[:, None]
    # A vote for both classes says nothing.
    both = problem.meaning.all(axis=1, keepdims=True)
    return np.asarray(np.where(both, 1.0, np.where(problem.meaning, right, 1 - right)))


def _majority(stats: PatternCounts, why: str, given: Floats | None) -> SpectralParams:
    frame = stats.frame
    return SpectralParams(
        frame.classes,
        frame.sources,
        frame.alphabet,
        np.full(frame.k, 1 / frame.k) if given is None else given,
        np.full(frame.m, np.nan),
        Outcome("fell_back", f"Fell back to majority vote: {why}."),
        np.zeros((0, frame.k)),
    )
