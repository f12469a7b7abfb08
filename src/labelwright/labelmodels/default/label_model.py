"""The default label model: EM over distinct vote rows, votes of correlated sources discounted, priors averaged over."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from labelwright.labelmodels.crowds.slots import Slots
from labelwright.labelmodels.dependencies.cliques import resolve_pairs
from labelwright.labelmodels.expectation import sum_in_order
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.majority_vote import check_some_votes, gold_balance
from labelwright.labelmodels.problem import Floats, Problem

from .dependence import Dependence
from .experts import Experts, one_sided, several_sided, told
from .free_fit import WORTH_OF_VOTES, free, mostly_several, with_known
from .known_classes import corrected
from .panel import Panel

if TYPE_CHECKING:
    from .left_out import LeftOut, Without

__all__ = ["LabelModel", "LabelModelParams"]

# An accuracy is never nearer to 0 or 1 than this, where log-odds are compared.
_NEVER = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class LabelModelParams(Params):
    """What `LabelModel` learns.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, f, k)
        What each vote adds to the log-odds of each class, discounts included, by each expert; none after falling back
        to majority vote.
    shares : ndarray of float, shape (experts + 1,)
        How much each expert counts in the answer, and at last the vote shares; they sum to 1.
    discounts : ndarray of float, shape (f,)
        What a vote counts in the first expert, 1 where the source repeats no other; in the order of sources and their
        codes.
    mass : ndarray of float, shape (f,)
        What a vote counts in the vote shares.
    voices, balances, item_strengths, typical : ndarray of float
        The rest of the experts: see `labelwright.labelmodels.default.panel.Panel`.
    correction : ndarray of float, shape (f, k)
        What known classes add to the log-odds of the mixture; 0 without them.
    sharpness : float
        What they multiply them with; 1 without them.
    dependent : ndarray of int64, shape (pairs, 2)
        Positions of the sources that the first expert takes for dependent beyond Y.
    """

    scores: Floats
    shares: Floats
    discounts: Floats
    mass: Floats
    voices: Floats
    balances: Floats
    item_strengths: Floats
    typical: Floats
    correction: Floats
    sharpness: float
    dependent: npt.NDArray[np.int64]

    @property
    def panel(self) -> Panel:
        """The experts."""
        return Panel(self.scores, self.balances, self.item_strengths, self.typical, self.mass, self.voices)

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what the experts are."""
        f, k, experts = int(self.frame.sizes.sum()), len(self.classes), len(self.scores)
        return {
            "scores": (experts, f, k),
            "shares": (experts + 1,),
            "discounts": (f,),
            "mass": (f,),
            "voices": (f,),
            "balances": (experts, k),
            "item_strengths": (experts, k),
            "typical": (experts, len(Slots.of(self.frame).careful), k),
            "correction": (f, k),
            "dependent": (len(self.dependent), 2),
        }


class LabelModel(BaseLabelModel[PatternCounts, LabelModelParams]):
    """The default: learns how far each source can be trusted, without gold labels.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: where at least three sources take several sides and give most of the votes, EM
        learns it with the rest, or, where they hardly meet, it is how often each class has most votes; else uniform.
        Known classes in ``y`` are added to that, so they should be a random sample: 100 of them count as much as what
        the votes say, and 1 for each class as much as nothing known.
    dependencies : iterable of (str, str), (int, int) or Dependency, optional
        Pairs of sources that depend on each other beyond Y, by name or position, or what `learn_dependencies` found.
        They add to those that the model finds by itself; only sources that take several sides need it, as what others
        fire together is discounted anyway.
    random_state : int
        Kept for the seam: nothing is drawn.

    Attributes
    ----------
    dependencies_ : tuple of (str, str)
        The pairs that were taken for one source that says what both say.

    Notes
    -----
    Six ideas, argued in ``docs/explanation/label-model.md``:

    1. A source that takes one side speaks by firing; a source that takes several by what it says when it fires.
    2. The prior ("better than chance") is worth a share of the data, however many there are, because more data of a
       wrong model are not more evidence (coarsened posterior: Miller & Dunson 2019). Where most votes are one-sided,
       the answer averages over that share.
    3. Votes that repeat each other beyond Y are discounted by their design effect (Kish 1965), or, where the model can
       be checked, taken for one vote.
    4. Where several-sided sources identify the model, EM runs without a prior, learns P(Y) too, and counts as far as it
       fits. The rest is a ladder of structure: vote shares, one accuracy for each source, and tables that expect hard
       items; EM with a prior, where sources hardly meet. Who votes counts where it surely tells of the class, and not
       of how hard an example is.
    5. A class must mean what votes call it: a fit in which it does not is not trusted, however good.
    6. Known classes come last: they say which expert to trust, and correct the answer where all are wrong.

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
    Converged after ... steps of EM; 2,000 examples in 32 distinct vote rows, class balance from the votes. Misfit:
    ...%.
    """

    params_type = LabelModelParams

    # Whether sources are taken for dependent only where they surely are; see `for_fit_test`.
    _surely = False

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        dependencies: Iterable[Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.dependencies = dependencies
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
        unlabelled = _without_known_classes(stats)
        problem = Problem.of(unlabelled)
        if not len(problem.weights):
            raise ModelError(
                f"more than {stats.limit:,} distinct vote rows leave a sample, and no row with a vote is in it. Ids "
                "that repeat between batches do this; give each row its own (Votes(..., example_ids=...))."
            )
        # Dependencies that name no source are refused whatever the votes.
        declared = self._declared(stats, problem)
        if problem.m < 3:
            return _majority(stats, problem, given)
        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            dependence = Dependence(problem, declared, surely=self._surely)
            informed = bool(stats.counts.gold.any())
            if mostly_several(problem, dependence):
                experts = several_sided(unlabelled, problem, dependence, given, informed=stats if informed else None)
            else:
                experts = one_sided(unlabelled, problem, dependence, given)
            added, sharpness = np.zeros((int(stats.frame.sizes.sum()), stats.frame.k)), 1.0
            if informed:
                experts, added, sharpness = told(stats, experts)
        return LabelModelParams(
            stats.frame.classes,
            stats.frame.sources,
            stats.frame.alphabet,
            experts.balance,
            experts.accuracies,
            _outcome(stats, problem, experts, dependence.known),
            experts.panel.scores,
            experts.shares,
            experts.discounts,
            experts.panel.mass,
            experts.panel.voices,
            experts.panel.balances,
            experts.panel.item_strengths,
            experts.panel.typical,
            added,
            sharpness,
            experts.dependent,
        )

    def solve_without(
        self, stats: PatternCounts, params: LabelModelParams, buckets: Sequence[int]
    ) -> Iterator[LabelModelParams]:
        """Yield what the model learns without each of ``buckets``: near the whole, where EM without a prior rules."""
        near = None
        if params.outcome.kind == "converged":
            with threadpool_limits(limits=1, user_api="blas"):
                near = self._near(stats)
        if near is None:
            yield from super().solve_without(stats, params, buckets)
            return
        for first in range(0, len(buckets), near.at_once):
            some = buckets[first : first + near.at_once]
            with threadpool_limits(limits=1, user_api="blas"):
                found = near.each(some)
            for bucket, one in zip(some, found, strict=True):
                if one is None:
                    yield self.solve(stats.without(bucket))
                else:
                    yield _moved(params, one, stats, bucket, self.class_balance is not None)

    def _near(self, stats: PatternCounts) -> LeftOut | None:
        """Return what solves again near the whole, or None where EM without a prior is not trusted."""
        from .left_out import LeftOut

        unlabelled = _without_known_classes(stats)
        problem = Problem.of(unlabelled)
        dependence = Dependence(problem, self._declared(stats, problem), surely=self._surely)
        found = free(problem, dependence, check_class_balance(self.class_balance, stats.frame.k))
        return None if found.fit is None else LeftOut(stats, problem, dependence, found)

    def for_fit_test(self) -> Self:
        """Return the model with the discounts alone that are sure; itself where it has no others.

        A discount that chance gives costs labels next to nothing. But it is given where sources agree most beyond Y,
        and the tables then leave still more of that agreement unexplained: a test of what is left would reject more
        often than it says. (A score test takes the parameters under the hypothesis that is tested.)
        """
        params = self._fitted()
        if params.outcome.kind != "converged" or (params.discounts == 1).all():
            return self
        sure = copy.copy(self)
        sure._surely = True
        sure.params_ = sure.solve(self.stats_)
        return sure if sure.params_.outcome.kind == "converged" else self

    @property
    def dependencies_(self) -> tuple[tuple[str, str], ...]:
        """The pairs of sources that were taken for one which says what both say."""
        params = self._fitted()
        return tuple((params.sources[int(i)], params.sources[int(j)]) for i, j in params.dependent)

    def _declared(self, stats: PatternCounts, problem: Problem) -> list[tuple[int, int]]:
        """Return the declared pairs of sources that take several sides, as numbers of sources that vote.

        Of others, all that they fire together beyond Y is discounted anyway.
        """
        sources = stats.frame.sources
        number = {name: j for j, name in enumerate(problem.names) if problem.multipolar[j]}
        pairs = [(sources[i], sources[j]) for i, j in resolve_pairs(self.dependencies, sources)]
        return [(number[a], number[b]) for a, b in pairs if a in number and b in number]

    def posterior(self, params: LabelModelParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example: the mean over the experts, as known classes correct it."""
        found = self._votes_like(params, votes)
        chosen = np.flatnonzero(params.shares)
        informed = bool(params.correction.any()) or params.sharpness != 1
        more = np.hstack([params.correction, np.ones((len(params.mass), 1))]) if informed else None
        probs = np.empty((found.n, len(params.classes)))
        for part in params.panel.answers(found, chosen.tolist(), more):
            mean = sum_in_order(params.shares[chosen, None, None] * part.probs)
            if informed:
                mean = corrected(mean, part.more[:, :-1], part.more[:, -1], params.sharpness)
            probs[part.start : part.stop] = np.where(part.covered[:, None], mean, params.class_balance)
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)


def _without_known_classes(stats: PatternCounts) -> PatternCounts:
    """Return ``stats`` as if no class were known: the votes speak first."""
    if not stats.counts.gold.any():
        return stats
    cells = stats.cells.copy()
    cells[:, 1] = 0
    return replace(stats, cells=cells)


def _moved(
    params: LabelModelParams, found: Without, stats: PatternCounts, bucket: int, given: bool
) -> LabelModelParams:
    """Return ``params`` with what is learned without a sub-sum; what experts count stays.

    Experts other than the first trust a source as much more or less, in log-odds, as its accuracy moves.
    """
    balances, gold = params.balances.copy(), stats.counts.gold
    balances[0] = found.balance
    balance = found.balance
    if gold.any() and not given:
        known = gold.sum(axis=0) - gold[bucket]
        balance = with_known(balance, known.astype(np.float64), WORTH_OF_VOTES)
    features = Features.of(stats.frame)
    ends = (np.clip(one.accuracies, _NEVER, 1 - _NEVER) for one in (found, params))
    after, before = (np.log(accuracies / (1 - accuracies)) for accuracies in ends)
    moved = np.nan_to_num(after - before)[features.source][:, None] * features.meaning
    others = params.scores[1:] + moved * params.mass[:, None]
    scores = np.concatenate([(found.scores * params.discounts[:, None])[None], others])
    return replace(params, scores=scores, balances=balances, class_balance=balance, accuracies=found.accuracies)


def _outcome(stats: PatternCounts, problem: Problem, experts: Experts, dependence: bool) -> Outcome:
    rows = f"{int(stats.counts.covered.sum()):,} examples in {len(problem.weights):,} distinct vote rows"
    if stats.level:
        rows += f" (a sample of one example in {2**stats.level})"
    sentence = f"{experts.ended}; {rows}, class balance {experts.origin}."
    if experts.misfit is not None:
        sentence += f" Misfit: {experts.misfit:.0%}."
    if not dependence:
        sentence += " There are too many (source, vote) pairs to look for correlated sources."
    return Outcome("converged" if experts.misfit is not None else "max_steps", sentence, experts.steps)


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
        np.ones(f),
        np.ones(f),
        np.empty((0, problem.k)),
        np.empty((0, problem.k)),
        np.empty((0, *Slots.of(stats.frame).even.shape)),
        np.zeros((f, problem.k)),
        1.0,
        np.empty((0, 2), dtype=np.int64),
    )
