"""The experts of the default model, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, VoteFrame, Votes
from labelwright.labelmodels.crowds.dawid_skene import DawidSkene
from labelwright.labelmodels.crowds.hierarchical_dawid_skene import HierarchicalDawidSkene
from labelwright.labelmodels.crowds.slots import Slots
from labelwright.labelmodels.estimates import among_all_features, expected_accuracies
from labelwright.labelmodels.expectation import run, vote_scores
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.problem import Floats, Problem

from .copies import places_in_frame, speakers, without_copies
from .dependence import Dependence
from .evidence import Evidence
from .free_fit import WORTH_OF_VOTES, Free, free, identified, plurality, with_known
from .known_classes import correction, frequencies, stacked
from .many_classes import MOST_CELLS, OneAccuracy
from .panel import Panel
from .silence import Silence

__all__ = ["Experts", "one_sided", "several_sided", "told"]

# How much the prior counts beside the data. The data cannot tell (see docs/explanation/label-model.md), so the answer
# averages over decades to either side of equal parts, and the limit in which only the prior is left (vote shares).
_PRIOR_WEIGHTS = (0.1, 1.0, 10.0)

# The likelihood of one-sided sources is highest in one class, so that more steps of EM only go the wrong way. One step
# learns how sources relate to the vote shares, a second corrects it.
_STEPS = 2
_TOLERANCE = 1e-4

# Rungs that count no more than this are not worth climbing.
_NEXT_TO_NOTHING = 0.01

# Who votes may tell of the class in a way that no test here knows to be another. So it counts as much as that it tells
# nothing.
_HEARD = 0.5

# Rungs need not converge to the last digit, as they are averaged with others.
_RUNG_STEPS = 100

# A rung that counts little may learn from fewer distinct rows, but from as many as tell tables of usual crowds.
_ENOUGH_ROWS = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class Experts:
    """A panel of experts and how much each counts.

    Parameters
    ----------
    panel : Panel
    shares : ndarray of float, shape (experts + 1,)
        What each expert, and at last the vote shares, count in the answer; they sum to 1.
    discounts : ndarray of float, shape (f,)
        What a vote counts in the first expert, 1 where the source repeats no other.
    balance : ndarray of float, shape (k,)
    origin : str
        Where P(Y) comes from.
    accuracies : ndarray of float, shape (m,)
        Expected share of each source's votes that are right, by the first expert; NaN where it is silent.
    steps : int
        Of the first expert.
    ended : str
        How its EM ended, for people.
    misfit : float or None
        What the rungs count beside EM without a prior, which then is the first expert; None where it is not used.
    dependent : ndarray of int64, shape (pairs, 2)
        Positions of the sources that the first expert takes for dependent beyond Y.
    left_out : ndarray of float, shape (known cells, k), or None
        Where the last expert learned from known classes too: what it says of each of them without it.
    """

    panel: Panel
    shares: Floats
    discounts: Floats
    balance: Floats
    origin: str
    accuracies: Floats
    steps: int
    ended: str
    misfit: float | None
    dependent: npt.NDArray[np.int64]
    left_out: Floats | None = None


def one_sided(stats: PatternCounts, problem: Problem, dependence: Dependence, given: Floats | None) -> Experts:
    """Average over the weights of the prior, with votes discounted by how they correlate beyond the vote shares."""
    frame = stats.frame
    balance = np.full(problem.k, 1 / problem.k) if given is None else given
    origin = "uniform" if given is None else "given"
    if int(frame.sizes.sum()) * problem.k > MOST_CELLS:
        return _one_accuracy(problem, frame, balance, origin)
    # EM starts from plain shares. That sources of one class go wrong together is a guess where they outvote another:
    # a start that takes it for granted makes it true.
    start = problem.vote_shares(np.ones(len(problem.source)))
    discounts = dependence.discounts(start)
    prior = None if given is None else problem.prior_under(given)
    fits = [
        run(problem, start, balance, discounts, prior_weight=w, steps=_STEPS, tolerance=_TOLERANCE, prior=prior)
        for w in _PRIOR_WEIGHTS
    ]
    scores = [among_all_features(problem, frame, fit.scores * discounts[:, None], 0.0) for fit in fits]
    mass = among_all_features(problem, frame, discounts, 1.0)
    panel = Panel(
        scores=np.stack(scores),
        balances=np.tile(balance, (len(fits), 1)),
        item_strengths=np.zeros((len(fits), problem.k)),
        typical=np.tile(Slots.of(frame).even, (len(fits), 1, 1)),
        mass=mass,
        voices=np.ones(len(mass)),
    )
    return Experts(
        panel=panel,
        shares=np.full(len(fits) + 1, 1 / (len(fits) + 1)),
        discounts=mass,
        balance=balance,
        origin=origin,
        accuracies=expected_accuracies(problem, frame, fits[0].q),
        steps=fits[0].steps,
        ended=f"Stopped after {fits[0].steps} steps of EM, as planned",
        misfit=None,
        dependent=np.empty((0, 2), dtype=np.int64),
    )


def _one_accuracy(problem: Problem, frame: VoteFrame, balance: Floats, origin: str) -> Experts:
    """Return vote shares weighted by one accuracy for each source: the only expert where tables would not fit."""
    found, k = OneAccuracy.of(problem, frame, balance, steps=_STEPS), problem.k
    f, none = len(found.mass), np.empty((0, k))
    typical = np.empty((0, *Slots.of(frame).even.shape))
    panel = Panel(np.empty((0, f, k)), none, none, typical, found.mass, np.ones(f))
    return Experts(
        panel=panel,
        shares=np.ones(1),
        discounts=np.ones(f),
        balance=balance,
        origin=origin,
        accuracies=found.accuracy,
        steps=_STEPS,
        ended=f"Stopped after {_STEPS} steps of EM, as planned, with one accuracy for each source, as tables of {k:,} "
        "classes would not fit",
        misfit=None,
        dependent=np.empty((0, 2), dtype=np.int64),
    )


def several_sided(
    stats: PatternCounts,
    problem: Problem,
    dependence: Dependence,
    given: Floats | None,
    *,
    informed: PatternCounts | None,
) -> Experts:
    """Use EM without a prior as far as it fits; for the rest, average over how much structure sources have.

    The rungs are none (vote shares), one accuracy for each source, and a table for each source that the crowd's draws
    to it, hard items expected. Which of them the data support they do not tell without known classes. Where sources
    hardly meet, votes identify no tables: EM with a prior, as for one-sided sources, takes their place. Where classes
    are known, ``informed`` are the stats with them: then every rung is climbed, and with a share of 0 there is one more
    expert, tables that learned from the known classes too.
    """
    if int(stats.frame.sizes.sum()) * problem.k > MOST_CELLS:
        plural = plurality(problem, dependence.copies)
        known = (plural, "from the most frequent votes") if given is None else (given, "given")
        return _one_accuracy(problem, stats.frame, *known)
    unbound = free(problem, dependence, given)
    fit, balance, origin = unbound.fit, unbound.balance, unbound.origin
    misfit = 1.0 if fit is None else max(dependence.misfit(fit.q), _doubt(problem))
    misfit = misfit if misfit > _NEXT_TO_NOTHING else 0.0
    frame = stats.frame
    mass = among_all_features(problem, frame, dependence.copies, 1.0)
    experts: list[_Expert] = []
    accuracies, steps = np.full(frame.m, np.nan), 0
    discounts, dependent, heard = mass, np.empty((0, 2), dtype=np.int64), False
    left_out, share = None, misfit / 3
    if misfit > 0 or informed is not None:
        distinct = without_copies(stats, problem, dependence)
        distinct = distinct if informed is not None else _as_needed(distinct, misfit)
        like = speakers(problem, dependence, frame)
        if identified(problem, dependence):
            experts, accuracies, steps = _tables(distinct, like, mass, balance, share)
        else:
            experts, accuracies, steps = _with_prior(one_sided(stats, problem, dependence, given), share)
        experts.append(_coins(distinct, like, mass, balance, share))
        if informed is not None:
            taught, left_out = _taught(without_copies(informed, problem, dependence), like, mass, balance, given)
            experts.append(taught)
    if fit is not None:
        repeats = dependence.discounts(fit.q)
        trusted, heard = _trusted(problem, dependence, frame, unbound, given, 1 - misfit)
        experts = trusted + experts
        discounts = among_all_features(problem, frame, repeats, 1.0)
        accuracies, steps = expected_accuracies(problem, frame, fit.q), fit.steps
        dependent = places_in_frame(problem, frame)[np.array(dependence.pairs(fit.q), dtype=np.int64).reshape(-1, 2)]
    voices = among_all_features(problem, frame, dependence.distinct[problem.source].astype(np.float64), 1.0)
    ended = f"Converged after {steps} steps of EM" + (", and who votes tells of the class" if heard else "")
    return Experts(
        panel=_panel(experts, mass, voices),
        shares=np.array([*(e.share for e in experts), share]),
        discounts=discounts,
        balance=balance,
        origin=origin,
        accuracies=accuracies,
        steps=steps,
        ended=f"EM without a prior is not to be trusted here; {steps} steps of EM with one" if fit is None else ended,
        misfit=None if fit is None else misfit,
        dependent=dependent,
        left_out=left_out,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Expert:
    """One expert of a panel (`labelwright.labelmodels.default.panel.Panel`), and what it counts."""

    scores: Floats
    balance: Floats
    item_strengths: Floats
    typical: Floats
    share: float


def _panel(experts: list[_Expert], mass: Floats, voices: Floats) -> Panel:
    return Panel(
        scores=np.stack([e.scores for e in experts]),
        balances=np.stack([e.balance for e in experts]),
        item_strengths=np.stack([e.item_strengths for e in experts]),
        typical=np.stack([e.typical for e in experts]),
        mass=mass,
        voices=voices,
    )


def _with_prior(found: Experts, share: float) -> tuple[list[_Expert], Floats, int]:
    """Return the experts of ``found`` but for its vote shares, which count ``share`` together, accuracies and steps."""
    panel, each = found.panel, share / len(found.panel.scores)
    parts = zip(panel.scores, panel.balances, panel.item_strengths, panel.typical, strict=True)
    return [_Expert(*part, each) for part in parts], found.accuracies, found.steps


def _tables(
    stats: PatternCounts, like: npt.NDArray[np.int64], mass: Floats, balance: Floats, share: float
) -> tuple[list[_Expert], Floats, int]:
    """Return the rung of tables, the accuracies (m,) and the steps of EM.

    ``stats`` are of sources none of which is surely another; ``like`` (f,) and ``mass`` (f,) give the others a voice.
    """
    frame = stats.frame
    found = HierarchicalDawidSkene(class_balance=balance, max_steps=_RUNG_STEPS).solve(stats)
    rung = _Expert(found.tables[like] * mass[:, None], balance, found.item_strengths, found.typical, share)
    speaker = Features.of(frame).source[like][np.cumsum(frame.sizes) - frame.sizes]
    return [rung], found.accuracies[speaker], found.outcome.steps


def _coins(stats: PatternCounts, like: npt.NDArray[np.int64], mass: Floats, balance: Floats, share: float) -> _Expert:
    """Return the rung of one accuracy for each source; see `_tables`."""
    frame = stats.frame
    found = DawidSkene(class_balance=balance, one_coin=True, max_steps=_RUNG_STEPS).solve(stats)
    return _Expert(found.tables[like] * mass[:, None], balance, np.zeros(frame.k), Slots.of(frame).even, share)


def _taught(
    stats: PatternCounts, like: npt.NDArray[np.int64], mass: Floats, balance: Floats, given: Floats | None
) -> tuple[_Expert, Floats]:
    """Return tables that learned from known classes too, and what they say of each of these without it.

    What such tables say of examples that taught them would tell nothing of how good they are.
    """
    if given is None:
        balance = frequencies(stats.counts.gold.sum(axis=0).astype(np.float64), balance)
    model = HierarchicalDawidSkene(class_balance=balance, max_steps=_RUNG_STEPS)
    tables, left_out = model.solve_with_left_out(stats)
    scores = tables.tables[like] * mass[:, None]
    return _Expert(scores, balance, tables.item_strengths, tables.typical, 0.0), left_out


def _trusted(
    problem: Problem, dependence: Dependence, frame: VoteFrame, unbound: Free, given: Floats | None, share: float
) -> tuple[list[_Expert], bool]:
    """Return the tables of EM without a prior, and whether they are joined by what who votes tells of the class.

    Where examples are few, coins are next to them as far as the evidence is theirs.
    """
    fit, independent = unbound.fit, (np.zeros(frame.k), Slots.of(frame).even)
    assert fit is not None
    own = vote_scores(problem, fit.q, unbound.balance, 0.0) * dependence.discounts(fit.q)[:, None]
    tables = 1.0
    coins: list[_Expert] = []
    if _doubt(problem) > _NEXT_TO_NOTHING:
        found = Evidence.of(problem, fit, plurality(problem, dependence.copies), given)
        tables = found.tables
        coins = [
            _Expert(among_all_features(problem, frame, coin.tables, 0.0), coin.balance, *independent, share * part)
            for coin, part in found.coins
        ]
    trusted = [_Expert(among_all_features(problem, frame, own, 0.0), unbound.balance, *independent, share * tables)]
    # A P(Y) that is given leaves nothing for it to say on the whole.
    silence = Silence.of(problem, own, unbound.balance, dependence.by_kind) if given is None else None
    if silence is not None:
        scores = among_all_features(problem, frame, own + silence.votes, 0.0)
        trusted = [
            replace(trusted[0], share=share * tables * (1 - _HEARD)),
            _Expert(scores, silence.none, *independent, share * tables * _HEARD),
        ]
    return trusted + coins, silence is not None


def told(stats: PatternCounts, experts: Experts) -> tuple[Experts, Floats, float]:
    """Return the experts with shares and P(Y) that known classes correct; and a correction of their answer.

    Experts have learned without the known classes, or without the one that is asked for, so that these tell how good
    they are.

    Returns
    -------
    Experts
    ndarray of float, shape (f, k)
        What to add to the log-odds for each vote; see `labelwright.labelmodels.default.known_classes.correction`.
    float
        What to multiply the log-odds with.
    """
    frame = stats.frame
    if experts.origin != "given":
        worth = frame.k if experts.origin == "uniform" else WORTH_OF_VOTES
        balance = with_known(experts.balance, np.asarray(stats.counts.gold.sum(axis=0), dtype=np.float64), worth)
        experts = replace(experts, balance=balance, origin="from the known classes")
    if not len(experts.panel.scores):
        return experts, np.zeros((int(frame.sizes.sum()), frame.k)), 1.0
    known = np.flatnonzero(stats.cells[:, 1] > 0)
    many = stats.cell_counts[known]
    rows = stats.patterns.take(np.repeat(stats.cells[known, 0], many))
    votes = Votes(rows, classes=frame.classes, sources=frame.sources, alphabet=dict(frame.alphabet))
    covered = np.flatnonzero(votes.covered)
    labels = np.repeat(stats.cells[known, 1] - 1, many)[covered]
    votes = votes.take(covered)
    if not votes.n:
        return experts, np.zeros((int(frame.sizes.sum()), frame.k)), 1.0
    probs = np.concatenate([a.probs for a in experts.panel.answers(votes, range(len(experts.panel)))], axis=1)
    if experts.left_out is not None:
        probs[len(experts.panel.scores) - 1] = np.repeat(experts.left_out, many, axis=0)[covered]
    experts = replace(experts, shares=_stacked(experts.shares, probs[:, np.arange(votes.n), labels]))
    table, sharpness = correction(Features.of(frame).matrix(votes), np.tensordot(experts.shares, probs, axes=1), labels)
    return experts, table, sharpness


def _stacked(shares: Floats, likelihoods: Floats) -> Floats:
    """Return the shares of the experts, given the probabilities (experts + 1, g) that they gave to known classes.

    The mixture that was chosen without known classes counts half before they are heard, all experts alike the rest.
    """
    mixed = np.concatenate([shares[None] @ likelihoods, likelihoods])
    found = stacked(mixed, np.concatenate([[0.5], np.full(len(shares), 0.5 / len(shares))]))
    return np.asarray(found[0] * shares + found[1:])


def _doubt(problem: Problem) -> float:
    """Return how much EM without a prior is to be doubted for want of examples, 0 to 1.

    That a model fits says nothing where its tables have as many free numbers as there are examples.
    """
    return min(1.0, problem.k * (problem.k - 1) * problem.m / problem.rows)


def _as_needed(stats: PatternCounts, misfit: float) -> PatternCounts:
    """Return a sample of the rows in which the rungs err as little, for what they count, as EM does on all rows.

    An error falls with the root of the rows, and counts with the rung: a rung that counts a tenth needs a hundredth.
    """
    worth = misfit / 3 / max(1 - misfit, 1e-9)
    needed = max(_ENOUGH_ROWS, int(np.ceil(min(1.0, worth**2) * len(stats.keys))))
    if needed >= len(stats.keys):
        return stats
    sample = stats.within(needed)
    # Ids that repeat fall on one side together, and may leave nothing.
    return sample if len(sample.keys) >= _ENOUGH_ROWS / 4 else stats
