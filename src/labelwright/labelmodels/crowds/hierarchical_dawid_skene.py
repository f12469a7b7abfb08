"""Dawid-Skene with random effects of sources and of items, all strengths learned from the votes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, SoftLabels, Votes
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats
from labelwright.labelmodels.scoring import score_sums

from .confusion import Ballots, Climb, ConfusionModel, ConfusionParams, check_steps, climb, confusion_params, too_few
from .crowd import CROWD_PATTERNS
from .item_effects import ItemEffects, ItemVotes
from .slots import Slots
from .worker_prior import WorkerPrior

__all__ = ["HierarchicalDawidSkene", "HierarchicalParams"]

# At the start, where nothing is known, priors take more steps of their fixed point than later, after each step of EM.
_FIRST_ROUNDS, _ROUNDS = 20, 3
_ITEM_ROUNDS, _LAST_ROUNDS = 5, 100

_TINY = 1e-10

# From cells of so many votes, three terms of a series do; from a share of less than this, a cell need not be corrected.
_LARGE, _NO_SHARE = 100.0, 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class HierarchicalParams(ConfusionParams):
    """What `HierarchicalDawidSkene` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome, tables
        See `labelwright.labelmodels.crowds.confusion.ConfusionParams`.
    typical : ndarray of float, shape (slots, k)
        P(code | Y) of the whole crowd.
    item_strengths : ndarray of float, shape (k,)
        How alike the items of each class are: so many votes on one item tell as much about the item as about its class.
    """

    typical: Floats
    item_strengths: Floats

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the tables and of the effects of items."""
        f, k = int(self.frame.sizes.sum()), len(self.classes)
        return {"tables": (f, k), "typical": (len(Slots.of(self.frame).careful), k), "item_strengths": (k,)}


class HierarchicalDawidSkene(ConfusionModel[HierarchicalParams]):
    """Dawid-Skene for crowds: sources differ, items differ, and the votes tell how much.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: learned; where most votes are of one-sided sources, which do not identify it,
        that of the known classes in ``y``, or uniform.
    max_steps : int
        Most steps.
    tolerance : float
        The steps end when no probability moves by more.
    max_patterns : int
        Most distinct vote rows kept. Rows of a crowd are nearly all distinct, so this is 2 ** 20; past it, the model is
        learned from a uniform sample of rows.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    Three things make Dawid-Skene fail on crowds, and each has its answer here; nothing is to be chosen.

    1. Few votes for each row of a table. Rows are drawn towards what the source's other rows and the whole crowd do
       (`labelwright.labelmodels.crowds.worker_prior.WorkerPrior`).
    2. A source's vote on an item is part of the evidence for its own table, which then confirms the vote. So each item
       is judged by tables from which its own votes are taken away (collapsed variational Bayes: Teh et al. 2007; in
       the first-order form of Asuncion et al. 2009). Soft labels of `posterior` use the whole tables.
    3. Hard items. Votes on one item share errors beyond the class; independence makes certain what is not, and can turn
       a rare class into the class of the hard items. `labelwright.labelmodels.crowds.item_effects.ItemEffects` expects
       shared errors. Effects of items that are learned together with the tables can take the place of the classes;
       without them a rare class can take the place of the hard items. So both are tried, and the end is kept at which,
       in the worst class, the crowd as a whole says what is right more often than any one wrong code by the wider
       margin. If there is none either way, a class has lost its meaning, and ``outcome_`` says it.

    The start is the vote shares. Where most votes are of one-sided sources, votes do not identify P(Y), nor how items
    differ: P(Y) is kept, and effects of items are left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(3, size=500)
    >>> right = rng.random((500, 5)) < [0.9, 0.8, 0.7, 0.6, 0.5]
    >>> votes = np.where(right, truth[:, None], (truth[:, None] + 1) % 3)
    >>> model = HierarchicalDawidSkene().fit(votes)
    >>> bool(model.score(votes, truth) > 0.95)
    True
    """

    params_type = HierarchicalParams

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

    def solve(self, stats: PatternCounts) -> HierarchicalParams:
        """Return the parameters that ``stats`` give; rows are not needed.

        Raises
        ------
        ModelError
            If no source voted, or an option is out of range.
        """
        check_steps(self.max_steps)
        ballots = self._ballots(stats)
        slots = ballots.slots
        simple = too_few(stats, ballots)
        if simple is not None:
            return _with_items(simple, slots.even, np.zeros(ballots.frame.k))
        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with threadpool_limits(limits=1, user_api="blas"):
            return self._params(stats, ballots, *self._climb(ballots))

    def _params(self, stats: PatternCounts, ballots: Ballots, state: _State, found: Climb) -> HierarchicalParams:
        tables = np.log(state.prior.rows(ballots.counts(found.q)))
        told = "EM over tables and their prior" + (" and the effects of items" if state.joint else "")
        simple = confusion_params(stats, ballots, found, tables, ballots.balance(found.q), told)
        if state.margin(found.q) < 0:
            simple = replace(simple, outcome=_doubted(simple.outcome))
        # No strength means no effects: `posterior` leaves them out.
        strengths = np.zeros(ballots.frame.k) if ballots.one_sided else state.items.strengths
        return _with_items(simple, state.items.typical, strengths)

    def _climb(self, ballots: Ballots) -> tuple[_State, Climb]:
        """Learn without effects of items and with them; return where the classes keep their meaning best."""
        ends = []
        for joint in (False, True):
            state = _State(ballots, joint=joint)
            found = climb(ballots.start(), state.step, steps=self.max_steps, tolerance=self.tolerance)
            ends.append((state, found))
            if ballots.one_sided:
                break
        state, found = max(ends, key=lambda end: end[0].margin(end[1].q))
        if not state.joint:
            state.learn_items(found.q, _LAST_ROUNDS)
        return state, found

    def solve_with_left_out(self, stats: PatternCounts) -> tuple[HierarchicalParams, Floats]:
        """Return what `solve` does, and what it says of examples of known class as if their own class were not known.

        Returns
        -------
        HierarchicalParams
        ndarray of float, shape (known cells, k)
            P(Y | votes) of each cell of ``stats`` with a known class, in their order, by tables from which its own
            votes are taken away; P(Y) where nobody voted.
        """
        ballots = self._ballots(stats)
        with threadpool_limits(limits=1, user_api="blas"):
            state, found = self._climb(ballots)
            params = self._params(stats, ballots, state, found)
            judged = state.left_out(found.q, params.class_balance)
        cells = stats.cells[stats.cells[:, 1] > 0]
        return params, _of_cells(stats, cells, judged, params.class_balance)

    def posterior(self, params: HierarchicalParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example; the class balance where nobody voted."""
        if not params.item_strengths.any():
            return super().posterior(params, votes)
        found = self._votes_like(params, votes)
        features, slots = Features.of(params.frame), Slots.of(params.frame)
        items = ItemEffects(slots, params.typical, params.item_strengths)
        probs = np.empty((found.n, len(params.classes)))
        for start, stop, sums, covered in score_sums(found, params.tables):
            ratios = items.log_ratios(ItemVotes.of(features.matrix(found, start, stop), slots))
            block = softmax_rows(sums + ratios + np.log(params.class_balance))
            probs[start:stop] = np.where(covered[:, None], block, params.class_balance)
        return SoftLabels(probs, found.covered, classes=params.classes, example_ids=found.example_ids)


class _State:
    """The priors as they are learned: each step starts from where the last one left them."""

    def __init__(self, ballots: Ballots, *, joint: bool) -> None:
        self.ballots, self.joint, self.fresh = ballots, joint, True
        self.votes = ItemVotes.of(ballots.x, ballots.slots)
        self.prior = WorkerPrior.of(ballots)
        self.items = ItemEffects.of(ballots.slots)

    def step(self, q: Floats) -> Floats:
        """Return the next posterior of the rows, shape (p, k)."""
        ballots, counts = self.ballots, self.ballots.counts(q)
        self.prior = self.prior.update(counts, _FIRST_ROUNDS if self.fresh else _ROUNDS)
        logits = _without_own(ballots, self.prior.alphas() + counts, q)
        if self.joint:
            self.learn_items(q, _FIRST_ROUNDS if self.fresh else _ITEM_ROUNDS)
            logits += self.items.log_ratios(self.votes)
        self.fresh = False
        return ballots.problem.clamp(softmax_rows(logits + np.log(ballots.balance(q))))

    def learn_items(self, q: Floats, rounds: int) -> None:
        """Take ``rounds`` steps of the effects of items."""
        weighted = self.ballots.problem.weights[:, None] * q
        self.items = self.items.update(self.votes, weighted, self.ballots.counts(q), rounds)

    def left_out(self, q: Floats, balance: Floats) -> Floats:
        """Return P(Y | votes) of each row, shape (p, k), by what was learned without it; no class is set."""
        ballots = self.ballots
        logits = _without_own(ballots, self.prior.alphas() + ballots.counts(q), q) + np.log(balance)
        if not ballots.one_sided:
            logits += self.items.log_ratios(self.votes)
        return softmax_rows(logits)

    def margin(self, q: Floats) -> float:
        """Return by how much, in the worst class, the crowd says what is right more often than any one wrong code.

        Below 0 a class has lost its meaning. Classes of less than one example are left out.
        """
        slots, counts = self.ballots.slots, self.ballots.slots.pooled(self.ballots.counts(q))
        typical, right = slots.normalised(counts + slots.even), slots.careful > 0
        best = [np.maximum.reduceat(np.where(mask, typical, 0), slots.starts) for mask in (right, ~right)]
        votes = np.add.reduceat(counts, slots.starts)
        margins = (votes * (best[0] - best[1])).sum(axis=0) / np.maximum(votes.sum(axis=0), _TINY)
        seen = self.ballots.problem.weights @ q >= 1
        return float(margins[seen].min(initial=1.0))


def _without_own(ballots: Ballots, tables: Floats, q: Floats) -> Floats:
    """Sum log P(vote | Y) over each row's votes, shape (p, k), its own votes taken away from the ``tables`` (f, k).

    Taking q away from a large cell a changes its logarithm by ``-q / a - q ** 2 / 2 / a ** 2``, but for a millionth.
    Small cells are taken vote by vote.
    """
    x, total = ballots.x, ballots.by_source(tables)[ballots.source]
    large = tables.min(axis=1, keepdims=True) >= _LARGE
    first = np.where(large, 1 / tables - 1 / total, 0)
    second = np.where(large, 1 / tables**2 - 1 / total**2, 0)
    logits = x @ np.concatenate([np.log(tables / total), first, second], axis=1)
    k = q.shape[1]
    out = np.asarray(logits[:, :k] - q * (logits[:, k : 2 * k] + q / 2 * logits[:, 2 * k :]))
    # Most cells of a large set are large: only votes for small ones are looked at.
    small = ~large[:, 0][x.indices]
    if not small.any():
        return out
    indices, indptr = x.indices[small], np.concatenate([[0], np.cumsum(small)])[x.indptr]
    row, y = np.nonzero((q > _NO_SHARE) & (np.diff(indptr) > 0)[:, None])
    lengths = np.diff(indptr)[row]
    starts = np.cumsum(lengths) - lengths
    pair = indices[np.arange(lengths.sum()) + np.repeat(indptr[row] - starts, lengths)]
    own = np.repeat(q[row, y], lengths)
    place = pair * k + np.repeat(y, lengths)
    cell, whole = tables.ravel()[place], total.ravel()[place]
    ratio = np.maximum(cell - own, _TINY) / np.maximum(whole - own, _TINY) * (whole / cell)
    change = np.add.reduceat(np.log(ratio), starts) if len(starts) else 0.0
    out[row, y] += change
    return out


def _of_cells(stats: PatternCounts, cells: npt.NDArray[np.int64], rows: Floats, silent: Floats) -> Floats:
    """Return the ``rows`` (p, k) of a problem for ``cells`` of its stats, and ``silent`` (k,) where nobody voted."""
    k = stats.frame.k
    pairs = np.unique(stats.cells[:, 0] * (k + 1) + stats.cells[:, 1])
    voted = np.diff(stats.patterns.indptr)[pairs // (k + 1)] > 0
    every = np.tile(silent, (len(pairs), 1))
    every[voted] = rows
    return np.asarray(every[np.searchsorted(pairs, cells[:, 0] * (k + 1) + cells[:, 1])])


def _doubted(outcome: Outcome) -> Outcome:
    what = " In some class the sources say a wrong code more often than the right one: it may have lost its meaning."
    return replace(outcome, sentence=outcome.sentence + what)


def _with_items(simple: ConfusionParams, typical: Floats, strengths: Floats) -> HierarchicalParams:
    shared = {f.name: getattr(simple, f.name) for f in fields(ConfusionParams)}
    return HierarchicalParams(**shared, typical=typical, item_strengths=strengths)
