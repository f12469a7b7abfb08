"""The experts of the default model, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, SparseRows, VoteFrame

from .dawid_skene import DawidSkene
from .dependence import Dependence
from .expectation import Fit, run, vote_scores
from .features import Features
from .free_fit import free_fit
from .hierarchical_dawid_skene import HierarchicalDawidSkene
from .problem import Floats, Problem
from .slots import Slots

__all__ = ["Experts", "one_sided", "several_sided"]

# How much the prior counts beside the data. The data cannot tell (see docs/explanation/label-model.md), so the answer
# averages over half-decades from a tenth to equal parts, and the limit in which only the prior is left (vote shares).
_PRIOR_WEIGHTS = (0.1, 0.3, 1.0)

# The likelihood of one-sided sources is highest in one class, so that more steps of EM only go the wrong way. One step
# learns how sources relate to the vote shares, a second corrects it.
_STEPS = 2
_TOLERANCE = 1e-4

# A share estimated from fewer random labels than this may be off by more than ten points; votes say more.
_WORTH_OF_VOTES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Experts:
    """What each expert adds to the log-odds, and how much it counts; over all (source, code) pairs of the frame.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, f, k)
        What each vote says for each class.
    shares : ndarray of float, shape (experts + 1,)
        What each expert, and at last the vote shares, count in the answer; they sum to 1.
    item_strengths : ndarray of float, shape (experts, k)
        How alike the votes on one item are (`labelwright.labelmodels.item_effects.ItemEffects`); 0 for experts that
        take them for independent.
    typical : ndarray of float, shape (slots, k)
        P(code | Y) of the whole crowd; only effects of items ask for it.
    mass : ndarray of float, shape (f,)
        What a vote counts in the vote shares.
    voices : ndarray of float, shape (f,)
        1 for one of the sources that are surely one, 0 for the others, where votes on one item are counted.
    discounts : ndarray of float, shape (f,)
        What a vote counts in the first expert, 1 where the source repeats no other.
    balance : ndarray of float, shape (k,)
    origin : str
        Where P(Y) comes from.
    accuracies : ndarray of float, shape (m,)
        Expected share of each source's votes that are right, by the first expert; NaN where it is silent.
    steps : int
        Of the first expert.
    free : bool
        Whether the first expert is EM without a prior.
    """

    scores: Floats
    shares: Floats
    item_strengths: Floats
    typical: Floats
    mass: Floats
    voices: Floats
    discounts: Floats
    balance: Floats
    origin: str
    accuracies: Floats
    steps: int
    free: bool


def one_sided(stats: PatternCounts, problem: Problem, dependence: Dependence, given: Floats | None) -> Experts:
    """Average over the weights of the prior, with votes discounted by how they correlate beyond the vote shares."""
    frame, known = stats.frame, _known(stats)
    balance, origin = np.full(problem.k, 1 / problem.k), "uniform"
    if given is not None:
        balance, origin = given, "given"
    elif known.any():
        balance, origin = _with_known(balance, known, problem.k), "from the known classes"
    discounts = dependence.discounts(problem.vote_shares(np.ones(len(problem.source))))
    start = problem.vote_shares(discounts)
    fits = [
        run(problem, start, balance, discounts, prior_weight=w, steps=_STEPS, tolerance=_TOLERANCE)
        for w in _PRIOR_WEIGHTS
    ]
    scores = [_everywhere(problem, frame, fit.scores * discounts[:, None], 0.0) for fit in fits]
    mass = _everywhere(problem, frame, discounts, 1.0)
    return Experts(
        scores=np.stack(scores),
        shares=np.full(len(fits) + 1, 1 / (len(fits) + 1)),
        item_strengths=np.zeros((len(fits), problem.k)),
        typical=Slots.of(frame).even,
        mass=mass,
        voices=np.ones(len(mass)),
        discounts=mass,
        balance=balance,
        origin=origin,
        accuracies=_accuracies(problem, frame, fits[0].q),
        steps=fits[0].steps,
        free=False,
    )


def several_sided(stats: PatternCounts, problem: Problem, dependence: Dependence, given: Floats | None) -> Experts:
    """Use EM without a prior as far as it fits; for the rest, average over how much structure sources have.

    The rungs are none (vote shares), one accuracy for each source, and a table for each source that the crowd's draws
    to it, hard items expected. Which of them the data support they do not tell without gold.
    """
    free, balance, origin = _free(stats, problem, dependence, given)
    misfit = 1.0 if free is None else dependence.misfit(free.q)
    frame = stats.frame
    f, k = int(frame.sizes.sum()), frame.k
    mass = _everywhere(problem, frame, dependence.copies, 1.0)
    scores, strengths, typical = np.zeros((0, f, k)), np.zeros((0, k)), Slots.of(frame).even
    shares, accuracies, steps = np.ones(1), np.full(frame.m, np.nan), 0
    if misfit > 0:
        distinct = _distinct(stats, problem, dependence)
        tables = HierarchicalDawidSkene(class_balance=balance).solve(distinct)
        coins = DawidSkene(class_balance=balance, one_coin=True).solve(distinct)
        like = _representatives(problem, dependence, frame)
        scores = np.stack([tables.tables[like], coins.tables[like]]) * mass[:, None]
        strengths, typical = np.stack([tables.item_strengths, np.zeros(k)]), tables.typical
        shares, steps = np.full(3, 1 / 3), tables.outcome.steps
        accuracies = tables.accuracies[Features.of(frame).source[like][np.cumsum(frame.sizes) - frame.sizes]]
    discounts = mass
    if free is not None:
        repeats = dependence.discounts(free.q)
        own = _everywhere(problem, frame, vote_scores(problem, free.q, balance, 0.0) * repeats[:, None], 0.0)
        scores = np.concatenate([own[None], scores])
        strengths = np.concatenate([np.zeros((1, k)), strengths])
        shares = np.append(1 - misfit, misfit * shares)
        discounts = _everywhere(problem, frame, repeats, 1.0)
        accuracies, steps = _accuracies(problem, frame, free.q), free.steps
    voices = _everywhere(problem, frame, dependence.distinct[problem.source].astype(np.float64), 1.0)
    return Experts(
        scores=scores,
        shares=shares,
        item_strengths=strengths,
        typical=typical,
        mass=mass,
        voices=voices,
        discounts=discounts,
        balance=balance,
        origin=origin,
        accuracies=accuracies,
        steps=steps,
        free=free is not None,
    )


def _free(
    stats: PatternCounts, problem: Problem, dependence: Dependence, given: Floats | None
) -> tuple[Fit | None, Floats, str]:
    """Return EM without a prior, if it is to be trusted, P(Y), and where that comes from.

    P(Y) is one of the parameters that EM finds. Where the model surely does not fit, it counts as far as it fits, and
    for the rest how often each class has most of an example's votes. Known classes are added to what the votes say.
    """
    if given is not None:
        return free_fit(problem, dependence, given, learn_balance=False), given, "given"
    known = _known(stats)
    plural = _with_known(_plurality(problem, dependence.copies), known, _WORTH_OF_VOTES)
    origin = "from the known classes" if known.any() else "from the most frequent votes"
    learned = free_fit(problem, dependence, plural, learn_balance=True)
    if learned is None:
        return None, plural, origin
    misfit = dependence.misfit(learned.q, surely=True)
    balance = _with_known((1 - misfit) * learned.balance + misfit * plural, known, _WORTH_OF_VOTES)
    free = free_fit(problem, dependence, balance, learn_balance=False)
    if free is None:
        return None, plural, origin
    return free, balance, origin if known.any() else "from the votes"


def _known(stats: PatternCounts) -> Floats:
    return np.asarray(stats.counts.gold.sum(axis=0), dtype=np.float64)


def _with_known(balance: Floats, known: Floats, worth: float) -> Floats:
    """Return P(Y) where ``known`` (k,) examples of known class are added to an estimate that is worth ``worth``."""
    return np.asarray((known + worth * balance) / (known.sum() + worth))


def _plurality(problem: Problem, mass: Floats) -> Floats:
    """Return how often each class has most of an example's votes, shape (k,); ties are shared.

    Shares of all votes would be drawn to uniform by the wrong ones. One pseudo-row for each class keeps logarithms
    finite.
    """
    votes = problem.vote_shares(mass)
    most = votes >= votes.max(axis=1, keepdims=True) - 1e-9
    won = problem.weights @ (most / most.sum(axis=1, keepdims=True))
    return np.asarray((won + 1) / (problem.rows + problem.k))


def _distinct(stats: PatternCounts, problem: Problem, dependence: Dependence) -> PatternCounts:
    """Return the stats in which all but one of the sources that are surely one keep silent."""
    if dependence.distinct.all():
        return stats
    frame, rows = stats.frame, stats.patterns
    repeats = {problem.names[j] for j in np.flatnonzero(~dependence.distinct)}
    kept = np.array([name not in repeats for name in frame.sources])
    stay = kept[rows.columns]
    indptr = np.concatenate([[0], np.cumsum(stay)])[rows.indptr]
    patterns = SparseRows(indptr, rows.columns[stay], rows.codes[stay], rows.shape)
    votes = np.where(np.repeat(kept, frame.sizes), stats.counts.votes, 0)
    return replace(stats, patterns=patterns, counts=replace(stats.counts, votes=votes))


def _representatives(problem: Problem, dependence: Dependence, frame: VoteFrame) -> npt.NDArray[np.int64]:
    """Return for each (source, code) pair that of the source which speaks for its copies, shape (f,)."""
    place = {name: j for j, name in enumerate(frame.sources)}
    speaker = np.arange(frame.m)
    chosen = {int(dependence.group[j]): problem.names[j] for j in np.flatnonzero(dependence.distinct)}
    for j in np.flatnonzero(~dependence.distinct):
        speaker[place[problem.names[j]]] = place[chosen[int(dependence.group[j])]]
    offsets = np.cumsum(frame.sizes) - frame.sizes
    source = np.repeat(np.arange(frame.m), frame.sizes)
    return np.asarray(offsets[speaker][source] + np.arange(len(source)) - offsets[source])


def _accuracies(problem: Problem, frame: VoteFrame, q: Floats) -> Floats:
    """Return the expected share of each source's votes that hold the true class, shape (m,)."""
    seen = problem.xt @ (problem.weights[:, None] * q)
    right = problem.member @ (seen * problem.meaning).sum(axis=1)
    place = {name: j for j, name in enumerate(frame.sources)}
    votes = problem.member @ seen.sum(axis=1)
    out = np.full(frame.m, np.nan)
    # A rare source may have no vote in a sample of the rows.
    out[[place[name] for name in problem.names]] = np.where(votes > 0, right / np.maximum(votes, 1e-9), np.nan)
    return out


def _everywhere(problem: Problem, frame: VoteFrame, values: Floats, silent: float) -> Floats:
    """Put ``values`` of the kept features in their places among all features, shape (f, ...)."""
    out = np.full((int(frame.sizes.sum()), *values.shape[1:]), silent)
    out[problem.kept] = values
    return out
