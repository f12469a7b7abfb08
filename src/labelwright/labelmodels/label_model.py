"""The default label model: EM over distinct vote rows, votes of correlated sources discounted, priors averaged over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes
from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from .class_balance import balance_from_third_cumulants
from .dependence import Dependence
from .expectation import Fit, posterior_of, run, softmax_rows, vote_scores
from .features import Features
from .majority_vote import check_some_votes, gold_balance
from .problem import Floats, Problem

__all__ = ["LabelModel", "LabelModelParams"]

# How much the prior counts beside the data. The data cannot tell (see docs/explanation/label-model.md), so the answer
# averages over half-decades from a tenth to equal parts, and the limit in which only the prior is left (vote shares).
_PRIOR_WEIGHTS = (0.1, 0.3, 1.0)
_MIDDLE = 1

# The model is wrong, and more steps of EM only fit how: the likelihood of unipolar sources is highest in one class.
_STEPS = 5

# Where the model can be checked, EM without a prior may run until it converges, or is not trusted.
_MOST_STEPS = 60

# P(Y) moves slowest of all: a class of 3 % takes some 300 steps to find.
_MOST_BALANCE_STEPS = 500
_SHARPER = 3
_NO_REPETITION = 0.9
_TOLERANCE = 1e-4

# A share estimated from fewer random labels than this may be off by more than ten points; votes say more.
_WORTH_OF_VOTES = 100

_BLOCK = 65_536


class _Options(TypedDict):
    prior_weight: float
    steps: int
    tolerance: float
    learn_balance: bool


@dataclass(frozen=True, slots=True, eq=False)
class LabelModelParams(Params):
    """What `LabelModel` learns.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, f, k)
        What each vote adds to the log-odds of each class, discounts included, for each weight of the prior; none after
        falling back to majority vote.
    shares : ndarray of float, shape (experts + 1,)
        How much each expert counts in the answer, and at last the vote shares; they sum to 1.
    discounts : ndarray of float, shape (f,)
        What a vote counts, 1 where the source repeats no other; in the order of sources and their codes.
    """

    scores: Floats
    shares: Floats
    discounts: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of scores, shares and discounts."""
        features, experts = int(self.frame.sizes.sum()), len(self.scores)
        return {
            "scores": (experts, features, len(self.classes)),
            "shares": (experts + 1,),
            "discounts": (features,),
        }


class LabelModel(BaseLabelModel[PatternCounts, LabelModelParams]):
    """The default: learns how far each source can be trusted, without gold labels.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: where at least three sources take several sides and give most of the votes, EM
        learns it with the rest; otherwise uniform. Known classes in ``y`` are added to that, so they should be a random
        sample: 100 of them count as much as what the votes say, and 1 for each class as much as nothing known.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    Five ideas, argued in ``docs/explanation/label-model.md``:

    1. A source that takes one side speaks by firing; a source that takes several speaks by what it says when it fires.
    2. The prior ("better than chance") is worth a share of the data, however many there are, because more data of a
       wrong model are not more evidence (coarsened posterior: Miller & Dunson 2019). The answer averages over that
       share, or follows the misfit where the votes let it be measured.
    3. Votes that repeat each other beyond Y are discounted by their design effect (Kish 1965).
    4. Where the model cannot be checked, EM takes few steps from the vote shares.
    5. P(Y) is learned only where several-sided sources identify it, as far as the model fits.

    With fewer than three sources that vote, nothing can be learned about them: the model falls back to majority vote.
    EM needs distinct vote rows; `labelwright.core.PatternCounts` keeps them in bounded form.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=2000)
    >>> right = rng.random((2000, 5)) < [0.9, 0.8, 0.7, 0.6, 0.6]
    >>> model = LabelModel().fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> bool((np.diff(model.accuracies_[:4]) < 0).all())
    True
    >>> print(model.outcome_)
    Converged after ... steps of EM; 2,000 examples in 32 distinct vote rows, class balance from the votes. Weight of
    the prior for misfit: ...%.
    """

    params_type = LabelModelParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> PatternCounts:
        """Return counts of distinct vote rows; see `labelwright.core.PatternCounts`."""
        check_cardinality(self.cardinality)
        return PatternCounts.of(self._votes(votes), gold=gold)

    def solve(self, stats: PatternCounts) -> LabelModelParams:
        """Return the parameters that ``stats`` give; rows are not needed.

        Raises
        ------
        ModelError
            If no source voted, ``class_balance`` does not fit the classes, or stats past their limit hold no row.
        """
        check_some_votes(stats.counts)
        given = check_class_balance(self.class_balance, stats.frame.k)
        problem = Problem.of(stats)
        if not len(problem.weights):
            raise ModelError(
                f"more than {stats.limit:,} distinct vote rows leave a sample, and no row with a vote is in it. Ids "
                "that repeat between batches do this; give each row its own (Votes(..., example_ids=...))."
            )
        if problem.m < 3:
            return _majority(stats, problem, given)
        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            dependence = Dependence(problem)
            balance, origin, free = _balance(stats, problem, dependence, given)
            fits, shares, discounts = _fits(problem, dependence, balance, free)
        return LabelModelParams(
            stats.frame.classes,
            stats.frame.sources,
            stats.frame.alphabet,
            balance,
            _accuracies(stats, problem, fits[0].q),
            _outcome(stats, problem, fits, shares, origin, dependence.known),
            _everywhere(stats, problem, np.stack([f.scores * discounts[:, None] for f in fits], axis=1), 0.0),
            shares,
            _everywhere(stats, problem, discounts[:, None, None], 1.0)[0, :, 0],
        )

    def posterior(self, params: LabelModelParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example: the mean over the weights of the prior."""
        found = self._votes_like(params, votes)
        features = Features.of(params.frame)
        experts, k = len(params.scores), len(params.classes)
        table = np.concatenate([*params.scores, features.share * params.discounts[:, None]], axis=1)
        probs = np.empty((found.n, k))
        covered = np.empty(found.n, dtype=bool)
        for start in range(0, found.n, _BLOCK):
            stop = min(start + _BLOCK, found.n)
            total = features.matrix(found, start, stop) @ table
            votes_for = total[:, experts * k :]
            mass = votes_for.sum(axis=1, keepdims=True)
            covered[start:stop] = mass[:, 0] > 0
            mean = params.shares[-1] * votes_for / np.where(mass > 0, mass, 1)
            for e in np.flatnonzero(params.shares[:-1]):
                mean += params.shares[e] * softmax_rows(total[:, e * k : (e + 1) * k] + np.log(params.class_balance))
            probs[start:stop] = np.where(mass > 0, mean, params.class_balance)
        return SoftLabels(probs, covered, classes=params.classes, example_ids=found.example_ids)


def _balance(
    stats: PatternCounts, problem: Problem, dependence: Dependence, given: Floats | None
) -> tuple[Floats, str, Fit | None]:
    """Return P(Y), where it comes from, and EM without a prior where the votes identify the model.

    P(Y) is then one of the parameters that EM finds. It counts as far as the model fits, and the shares of the classes
    in the votes for the rest, as they are the P(Y) of the limit in which the data count nothing. Known classes are
    added to what the votes say.
    """
    if given is not None:
        return given, "given", _free_fit(problem, dependence, given, learn_balance=False)
    balance, origin = np.full(problem.k, 1 / problem.k), "uniform"
    found = balance_from_third_cumulants(problem, dependence.distinct)
    if found is not None:
        balance, origin = found, "from third cumulants"
    elif _identified(problem, dependence):
        balance, origin = _vote_balance(problem, dependence), "from vote shares"
    learned = _free_fit(problem, dependence, balance, learn_balance=True)
    if learned is not None:
        misfit = dependence.misfit(learned.q)
        balance, origin = (1 - misfit) * learned.balance + misfit * balance, "from the votes"
    known = stats.counts.gold.sum(axis=0)
    if known.any():
        worth = problem.k if origin == "uniform" else _WORTH_OF_VOTES
        balance = (known + worth * balance) / (known.sum() + worth)
        origin = "from the known classes"
    free = None if learned is None else _free_fit(problem, dependence, balance, learn_balance=False)
    return balance, origin, free


def _vote_balance(problem: Problem, dependence: Dependence) -> Floats:
    """Return the mean vote shares of the sources that take several sides, shape (k,), a source that repeats left out.

    One pseudo-row for each class keeps logarithms finite.
    """
    votes = problem.totals * (problem.multipolar & dependence.distinct)[problem.source]
    shares = votes @ problem.share / votes.sum()
    return np.asarray((problem.rows * shares + 1) / (problem.rows + problem.k))


def _discounts(problem: Problem, dependence: Dependence, balance: Floats) -> Floats:
    """Alternate discounts and single EM steps: what repeats depends on Y, and Y on what repeats.

    The first discounts take all correlation for repetition, so that many copies do not outvote the rest and become the
    truth that explains them. (They only choose the start: sources that agree because they are right lose alike.)
    """
    q = problem.vote_shares(np.ones(len(problem.source)))
    q = problem.vote_shares(dependence.discounts(np.tile(problem.weights @ q / problem.rows, (len(q), 1))))
    for _ in range(_STEPS):
        scores = vote_scores(problem, q, balance, _PRIOR_WEIGHTS[_MIDDLE])
        q = posterior_of(problem, scores * dependence.discounts(q)[:, None], balance)
    return dependence.discounts(q)


def _fits(
    problem: Problem, dependence: Dependence, balance: Floats, free: Fit | None
) -> tuple[list[Fit], Floats, Floats]:
    """Run EM for each weight of the prior.

    Returns
    -------
    list of Fit
        One for each expert.
    ndarray of float, shape (experts + 1,)
        What each expert, and at last the vote shares, count in the answer.
    ndarray of float, shape (f,)
        Discounts.
    """
    if free is None:
        discounts = _discounts(problem, dependence, balance)
    else:
        discounts = dependence.discounts(free.q)
        last = run(problem, free.q, balance, discounts, prior_weight=0, steps=_MOST_STEPS, tolerance=_TOLERANCE)
        free = replace(last, steps=free.steps + last.steps)
    start = problem.vote_shares(discounts)
    fits = [
        run(problem, start, balance, discounts, prior_weight=w, steps=_STEPS, tolerance=_TOLERANCE)
        for w in _PRIOR_WEIGHTS
    ]
    doubt = np.full(len(fits) + 1, 1 / (len(fits) + 1))
    if free is None:
        return fits, doubt, discounts
    misfit = dependence.misfit(free.q)
    return [free, *fits], np.concatenate([[1 - misfit], misfit * doubt]), discounts


def _free_fit(problem: Problem, dependence: Dependence, balance: Floats, *, learn_balance: bool) -> Fit | None:
    """Run EM without a prior where the model is identified; return None where it is not, or EM does not converge.

    There the model can be checked, and the prior counts only by the share of misfit. Otherwise nothing tells how far to
    trust the data. A free P(Y) is learned from the several-sided sources alone: one-sided ones would draw it to one
    class.

    Independence goes first: if it leaves over no agreement that stands out, nothing repeats. If it does, discounts are
    found again from the sharper posterior, which explains agreement that a cautious one left over.
    """
    if not _identified(problem, dependence):
        return None
    none = np.ones(len(problem.source))
    heard = problem.multipolar[problem.source].astype(np.float64) if learn_balance else none
    most = _MOST_BALANCE_STEPS if learn_balance else _MOST_STEPS
    options: _Options = {"prior_weight": 0, "steps": most, "tolerance": _TOLERANCE, "learn_balance": learn_balance}
    simple = run(problem, problem.vote_shares(none), balance, heard, **options)
    if simple.converged and dependence.discounts(simple.q).min() > _NO_REPETITION:
        return simple
    discounts = _discounts(problem, dependence, balance)
    q, steps = problem.vote_shares(discounts), 0
    for _ in range(_SHARPER):
        free = run(problem, q, balance, discounts * heard, **options)
        if not free.converged:
            return None
        q, discounts, steps = free.q, dependence.discounts(free.q), steps + free.steps
    return replace(free, steps=steps)


def _identified(problem: Problem, dependence: Dependence) -> bool:
    """Tell whether three distinct sources or more take several sides, and such sources give most of the votes."""
    several = problem.multipolar[problem.source]
    enough = int((problem.multipolar & dependence.distinct).sum()) >= 3
    return dependence.known and enough and bool(problem.totals[several].sum() > problem.totals.sum() / 2)


def _accuracies(stats: PatternCounts, problem: Problem, q: Floats) -> Floats:
    """Return the expected share of each source's votes that hold the true class, shape (m,)."""
    seen = problem.xt @ (problem.weights[:, None] * q)
    right = problem.member @ (seen * problem.meaning).sum(axis=1)
    place = {name: j for j, name in enumerate(stats.frame.sources)}
    votes = problem.member @ seen.sum(axis=1)
    out = np.full(stats.frame.m, np.nan)
    # A rare source may have no vote in a sample of the rows.
    out[[place[name] for name in problem.names]] = np.where(votes > 0, right / np.maximum(votes, 1e-9), np.nan)
    return out


def _everywhere(stats: PatternCounts, problem: Problem, values: Floats, silent: float) -> Floats:
    """Put ``values`` (kept features, experts, k) in their places among all features, shape (experts, f, k)."""
    out = np.full((values.shape[1], int(stats.frame.sizes.sum()), values.shape[2]), silent)
    out[:, problem.kept] = values.transpose(1, 0, 2)
    return out


def _outcome(
    stats: PatternCounts, problem: Problem, fits: list[Fit], shares: Floats, origin: str, dependence: bool
) -> Outcome:
    converged = len(fits) > len(_PRIOR_WEIGHTS)
    steps = fits[0].steps
    rows = f"{int(stats.counts.covered.sum()):,} examples in {len(problem.weights):,} distinct vote rows"
    if stats.level:
        rows += f" (a sample of one example in {2**stats.level})"
    sentence = f"{'Converged' if converged else 'Stopped'} after {steps} steps of EM"
    sentence += f"{'' if converged else ', as planned'}; {rows}, class balance {origin}."
    if converged:
        sentence += f" Weight of the prior for misfit: {1 - shares[0]:.0%}."
    if not dependence:
        sentence += " There are too many (source, vote) pairs to look for correlated sources."
    return Outcome("converged" if converged else "max_steps", sentence, steps)


def _majority(stats: PatternCounts, problem: Problem, given: Floats | None) -> LabelModelParams:
    balance = gold_balance(stats.counts) if given is None else given
    f = int(stats.frame.sizes.sum())
    sentence = (
        f"Fell back to majority vote: {problem.m} of {stats.frame.m} sources ever vote, and accuracies can be learned "
        "only from agreement among three or more."
    )
    return LabelModelParams(
        stats.frame.classes,
        stats.frame.sources,
        stats.frame.alphabet,
        balance,
        np.full(stats.frame.m, np.nan),
        Outcome("fell_back", sentence),
        np.empty((0, f, problem.k)),
        np.ones(1),
        np.ones(f),
    )
