"""The default label model: EM over distinct vote rows, votes of correlated sources discounted, priors averaged over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes
from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params, check_cardinality, check_class_balance
from .dependence import Dependence
from .expectation import softmax_rows
from .experts import Experts, one_sided, several_sided
from .features import Features
from .free_fit import identified
from .item_effects import ItemEffects, ItemVotes
from .majority_vote import check_some_votes, gold_balance
from .problem import Floats, Problem
from .scoring import score_sums
from .slots import Slots

__all__ = ["LabelModel", "LabelModelParams"]


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
    voices : ndarray of float, shape (f,)
        1 for one of the sources that are surely one, 0 for the others, where votes on one item are counted.
    item_strengths : ndarray of float, shape (experts, k)
        How alike the votes on one item are (`labelwright.labelmodels.item_effects.ItemEffects`); 0 for experts that
        take them for independent.
    typical : ndarray of float, shape (slots, k)
        P(code | Y) of the whole crowd; only effects of items ask for it.
    """

    scores: Floats
    shares: Floats
    discounts: Floats
    mass: Floats
    voices: Floats
    item_strengths: Floats
    typical: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what the experts are."""
        f, k, experts = int(self.frame.sizes.sum()), len(self.classes), len(self.scores)
        return {
            "scores": (experts, f, k),
            "shares": (experts + 1,),
            "discounts": (f,),
            "mass": (f,),
            "voices": (f,),
            "item_strengths": (experts, k),
            "typical": (len(Slots.of(self.frame).careful), k),
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
            solve = several_sided if identified(problem, dependence) else one_sided
            experts = solve(stats, problem, dependence, given)
        return LabelModelParams(
            stats.frame.classes,
            stats.frame.sources,
            stats.frame.alphabet,
            experts.balance,
            experts.accuracies,
            _outcome(stats, problem, experts, dependence.known),
            experts.scores,
            experts.shares,
            experts.discounts,
            experts.mass,
            experts.voices,
            experts.item_strengths,
            experts.typical,
        )

    def posterior(self, params: LabelModelParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example: the mean over the experts."""
        found = self._votes_like(params, votes)
        k, share = len(params.classes), Features.of(params.frame).share
        counts = np.flatnonzero(params.shares[:-1])
        table = np.concatenate([*params.scores[counts], share * params.mass[:, None]], axis=1)
        probs = np.empty((found.n, k))
        for start, stop, sums, covered in score_sums(found, table):
            mean = np.zeros((stop - start, k))
            if params.shares[-1]:
                mass = sums[:, -k:].sum(axis=1, keepdims=True)
                mean += params.shares[-1] * sums[:, -k:] / np.where(mass > 0, mass, 1)
            for at, e in enumerate(counts):
                logits = sums[:, at * k : (at + 1) * k] + np.log(params.class_balance)
                logits += _effects_of_items(params, int(e), found, start, stop)
                mean += params.shares[e] * softmax_rows(logits)
            probs[start:stop] = np.where(covered[:, None], mean, params.class_balance)
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)


def _effects_of_items(params: LabelModelParams, expert: int, votes: Votes, start: int, stop: int) -> Floats | float:
    """Return what an expert that expects hard items adds to the log-odds of rows, shape (rows, k)."""
    strengths = params.item_strengths[expert]
    if not strengths.any():
        return 0.0
    slots = Slots.of(params.frame)
    x = Features.of(params.frame).matrix(votes, start, stop)
    if not params.voices.all():
        x = sparse.csr_array(x @ sparse.diags_array(params.voices))
        x.eliminate_zeros()
    return ItemEffects(slots, params.typical, strengths).log_ratios(ItemVotes.of(x, slots))


def _outcome(stats: PatternCounts, problem: Problem, experts: Experts, dependence: bool) -> Outcome:
    rows = f"{int(stats.counts.covered.sum()):,} examples in {len(problem.weights):,} distinct vote rows"
    if stats.level:
        rows += f" (a sample of one example in {2**stats.level})"
    sentence = f"{'Converged' if experts.free else 'Stopped'} after {experts.steps} steps of EM"
    sentence += f"{'' if experts.free else ', as planned'}; {rows}, class balance {experts.origin}."
    if experts.free:
        sentence += f" Weight of the prior for misfit: {1 - experts.shares[0]:.0%}."
    if not dependence:
        sentence += " There are too many (source, vote) pairs to look for correlated sources."
    return Outcome("converged" if experts.free else "max_steps", sentence, experts.steps)


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
        Slots.of(stats.frame).even,
    )
