"""Learn which sources depend on each other beyond the true class, with a stated rate of false discoveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special
from threadpoolctl import threadpool_limits

from labelwright.core import PatternCounts, Votes, generator, hash_ids
from labelwright.core.errors import ModelError
from labelwright.core.moments import MomentCounts
from labelwright.core.vote_counts import BUCKETS
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.majority_vote import check_some_votes
from labelwright.labelmodels.problem import Floats, Problem

from .cliques import resolve_pairs
from .dependency import Dependencies, Dependency
from .effects import effects_of
from .graphical_lasso import found_by_graphical_lasso
from .pair_sums import PairSums
from .residual_tests import PairTests, copied, hidden_classes, pair_tests
from .screening import screened

__all__ = ["find_dependencies", "learn_dependencies"]

Bools = npt.NDArray[np.bool_]
Method = Literal["graphical_lasso", "pseudolikelihood"]
Select = Callable[[Floats], Bools]

# A pair has to be found in three of four halves of the data (Meinshausen & Buehlmann 2010: anything from .6 to .9).
_STABLE = 0.75

# Complementary pairs of halves. Fewer for the method that solves a problem for each source.
_SPLITS = {"graphical_lasso": 8, "pseudolikelihood": 4}

# Effects, and the method that needs rows, look at a uniform sample of this many.
_ROWS = 16_384

# A hint makes the penalty of a pair half, so that it stays in the race with half the signal.
_EASE = 0.5


def learn_dependencies(
    votes: Votes | PatternCounts | MomentCounts | npt.ArrayLike,
    method: Method = "graphical_lasso",
    *,
    prior: Iterable[Any] | None = None,
    false_discovery_rate: float = 0.1,
    cardinality: int | None = None,
    random_state: int = 0,
) -> Dependencies:
    """Find the pairs of sources that go together beyond what the true class explains; no gold labels are needed.

    Parameters
    ----------
    votes : Votes, array_like of int of shape (n, m), PatternCounts or MomentCounts
        -1 marks an abstain. Stats will do; from `MomentCounts` alone, effects are not worked out, and the
        pseudolikelihood cannot be.
    method : {"graphical_lasso", "pseudolikelihood"}
        What has to find a pair again in halves of the data: the latent-variable graphical lasso (Varma et al., ICML
        2019), which tells direct from indirect dependence, or l1 pseudolikelihood (Bach et al., ICML 2017).
    prior : iterable of (str, str) or (int, int), optional
        Pairs that something else makes likely, as code that they share
        (`labelwright.functions.shared_primitives.shared_primitives`). They pass more easily, all others a little less.
    false_discovery_rate : float
        Share of wrong pairs among those returned that is not exceeded on average, over 0 and below 1.
    cardinality : int, optional
        Number of classes of a plain array. Default: as many as the codes need, at least 2.
    random_state : int
        Draws the halves.

    Returns
    -------
    Dependencies
        The smallest p-value first. Give it to a label model as its dependencies.

    Raises
    ------
    ModelError
        If no source votes, the method or the rate is not one, ``prior`` names no source, or stats do not hold rows
        that the method needs.

    Notes
    -----
    Two hurdles. First, each pair is tested on all data: is the agreement that the hidden class leaves over more than
    chance (`labelwright.labelmodels.dependencies.residual_tests`)? The p-values pass the procedure of Benjamini &
    Hochberg (1995) at ``false_discovery_rate``; where independence fails everywhere, "chance" is the spread of most
    pairs. A prior weighs p-values (Genovese, Roeder & Wasserman 2006): half of the weight is spread over all pairs,
    half over those in ``prior``, so that the rate holds whether the prior is right or wrong.

    Second, the method must find the pair in three of four random halves (complementary pairs of halves of the 32
    sub-sums: Meinshausen & Buehlmann 2010; Shah & Samworth 2013). The penalty is such that q pairs of independent
    sources would be found in a half, ``q^2 = M / 2`` for M pairs, for which their bound is one wrong stable pair. The
    sentence of the outcome states the bound at the q that came about, where that says anything.

    What cannot be told: among fewer than four sources (more for more classes); which of two equally large groups of
    copies is the truth; and of two sources what third causes them to agree, unless that is a source.

    Time: 0.3 s for 12 sources, 3 s for 100, whatever the number of rows. Beyond 150 signals (sources, times classes
    less one), pairs are screened first; see `labelwright.labelmodels.dependencies.screening`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=(3000, 1))
    >>> L = np.where(rng.random((3000, 6)) < 0.75, truth, 1 - truth)
    >>> L[:, 1] = np.where(rng.random(3000) < 0.5, L[:, 0], L[:, 1])
    >>> found = learn_dependencies(L)
    >>> found.pairs
    (('0', '1'),)
    >>> print(found)
    1 of 15 pairs ...
    """
    if method not in _SPLITS:
        raise ModelError(f"method is {method!r}; it may be {' or '.join(map(repr, _SPLITS))}.")
    stats, patterns = _counted(votes, method, cardinality)
    with threadpool_limits(limits=1, user_api="blas"):
        sums, note = screened(stats)
        tests = pair_tests(sums)
        hinted = _hinted(prior, stats.frame.sources, sums.names)
        chosen, alone = _discoveries(tests, hinted, _count(stats), false_discovery_rate)
        stability, mean = np.full(chosen.shape, np.nan), 0.0
        if chosen.any():
            select = _selector(method, sums, patterns, hinted, np.where(chosen, tests.strength, 0))
            stability, mean = _stability(select, sums.m, _SPLITS[method], random_state)
            chosen &= stability >= _STABLE
        pairs = np.argwhere(np.triu(chosen, 1))
        effects = effects_of(patterns, [(sums.names[i], sums.names[j], tests.strength[i, j]) for i, j in pairs])
    found = [
        Dependency(
            sums.names[i],
            sums.names[j],
            float(tests.strength[i, j]),
            float(tests.p_value[i, j]),
            effect,
            float(stability[i, j]),
            "learned" if alone[i, j] else "prior",
        )
        for (i, j), effect in zip(pairs, effects, strict=True)
    ]
    sentence = _sentence(tests, len(found), _count(stats), false_discovery_rate, note)
    bound = mean**2 / ((2 * _STABLE - 1) * max(1, _count(stats)))
    if method == "graphical_lasso" and tests.identified and bound < len(found):
        sentence += f" By stability selection alone, at most {bound:.1f} of the stable pairs would be wrong on average."
    return Dependencies(_ordered(found), method, Outcome("closed_form", sentence), false_discovery_rate)


def find_dependencies(
    stats: PatternCounts | MomentCounts,
    *,
    prior: Iterable[Any] | None = None,
    false_discovery_rate: float = 0.1,
) -> Dependencies:
    """Find dependent pairs by the tests alone: no halves, no effects; a pure function of ``stats``.

    Parameters
    ----------
    stats : PatternCounts or MomentCounts
    prior, false_discovery_rate
        As for `learn_dependencies`.

    Notes
    -----
    0.03 s for 10 sources and 0.5 s for 100. Pairs that only go together through a third source are among the found; in
    disjoint cliques they would be joined in any case.

    Examples
    --------
    >>> L = np.random.default_rng(0).integers(0, 2, (1000, 5))
    >>> [d.pair for d in find_dependencies(PatternCounts.of(Votes(L[:, [0, 1, 2, 3, 4, 4]])))]
    [('4', '5')]
    """
    with threadpool_limits(limits=1, user_api="blas"):
        sums, note = screened(stats)
        tests = pair_tests(sums)
        hinted = _hinted(prior, stats.frame.sources, sums.names)
        chosen, alone = _discoveries(tests, hinted, _count(stats), false_discovery_rate)
    found = [
        Dependency(
            sums.names[i],
            sums.names[j],
            float(tests.strength[i, j]),
            float(tests.p_value[i, j]),
            origin="learned" if alone[i, j] else "prior",
        )
        for i, j in np.argwhere(np.triu(chosen, 1))
    ]
    sentence = _sentence(tests, len(found), _count(stats), false_discovery_rate, note)
    return Dependencies(_ordered(found), "residual_tests", Outcome("closed_form", sentence), false_discovery_rate)


def _counted(
    votes: Votes | PatternCounts | MomentCounts | npt.ArrayLike, method: Method, cardinality: int | None
) -> tuple[PatternCounts | MomentCounts, PatternCounts | None]:
    """Return what to test, and distinct rows (or a sample of them) where there are any."""
    if isinstance(votes, (PatternCounts, MomentCounts)):
        check_some_votes(votes.counts)
        if isinstance(votes, PatternCounts):
            return votes, votes
        if method == "pseudolikelihood":
            raise ModelError("the pseudolikelihood needs rows: give votes or PatternCounts, or take graphical_lasso.")
        return votes, None
    votes = votes if isinstance(votes, Votes) else Votes(votes, classes=cardinality)
    stats = MomentCounts.of(votes)
    check_some_votes(stats.counts)
    if votes.n > _ROWS:
        votes = votes.take(np.sort(np.argsort(hash_ids(votes.example_ids), kind="stable")[:_ROWS]))
    return stats, PatternCounts.of(votes)


def _count(stats: PatternCounts | MomentCounts) -> int:
    """Return the number of pairs of sources that vote, screened out or not."""
    features = np.flatnonzero(stats.counts.votes.any(axis=0))
    m = len(np.unique(np.repeat(np.arange(stats.frame.m), stats.frame.sizes)[features]))
    return m * (m - 1) // 2


def _hinted(prior: Iterable[Any] | None, sources: tuple[str, ...], names: tuple[str, ...]) -> Bools:
    """Return the pairs of ``prior`` among the sources ``names``, shape (m, m)."""
    place = {name: j for j, name in enumerate(names)}
    out = np.zeros((len(names), len(names)), dtype=bool)
    for first, second in resolve_pairs(prior, sources):
        ends = place.get(sources[first]), place.get(sources[second])
        if None not in ends:
            out[ends], out[ends[::-1]] = True, True
    return out


def _discoveries(tests: PairTests, hinted: Bools, count: int, rate: float) -> tuple[Bools, Bools]:
    """Return the pairs with p-values that pass, shape (m, m), with the prior and without it."""
    if not 0 < rate < 1:
        raise ModelError(f"false_discovery_rate is {rate}; it must lie between 0 and 1, as 0.1.")
    p, upper = tests.p_value, np.triu(np.ones(hinted.shape, dtype=bool), 1)
    alone = _benjamini_hochberg(p[upper], count, rate)
    hints, with_prior = int(hinted[upper].sum()), alone
    if hints:
        weight = 0.5 + 0.5 * np.where(hinted[upper], count / hints, 0)
        with_prior = _benjamini_hochberg(p[upper] / weight, count, rate)
    out = np.zeros((2, *hinted.shape), dtype=bool)
    out[0][upper], out[1][upper] = with_prior, alone
    out[0] |= np.triu(tests.copies)
    out[1] |= np.triu(tests.copies)
    return out[0] | out[0].T, out[1] | out[1].T


def _benjamini_hochberg(p: Floats, count: int, rate: float) -> Bools:
    """Return which of ``p`` pass, as the smallest of ``count`` p-values."""
    order = np.argsort(p, kind="stable")
    passing = np.flatnonzero(p[order] <= rate * (np.arange(len(p)) + 1) / max(1, count))
    out = np.zeros(len(p), dtype=bool)
    if len(passing):
        out[order[: passing[-1] + 1]] = True
    return out


def _selector(
    method: Method, sums: PairSums, patterns: PatternCounts | None, hinted: Bools, strength: Floats
) -> Select:
    """Return what finds pairs, shape (m, m), from sub-sums counted so many times each (32,)."""
    pairs = max(1, sums.m * (sums.m - 1) // 2)
    wrong = np.sqrt((2 * _STABLE - 1) * pairs)
    # Penalised as the whole sample would be: in a half, the same deviates are larger by the root of 2.
    level = float(-special.ndtri(min(0.4, wrong / (2 * pairs)))) / np.sqrt(2)
    looser = np.where(hinted, _EASE, 1.0)
    if method == "pseudolikelihood" and patterns is not None:
        return _by_pseudolikelihood(patterns, sums.names, level, looser, strength)
    member = (sums.source[:, None] == np.arange(sums.m)).astype(np.float64)
    same = copied(sums, sums.moments(np.ones(BUCKETS)))
    state: list[Floats | None] = [None]

    def select(half: Floats) -> Bools:
        moments = sums.moments(half)
        fits = hidden_classes(sums, moments, same)
        # The adaptive lasso (Zou 2006): what stands out is penalised less, what does not up to twice as much. So a
        # large clique, which the trace would take for a hidden class, stays a dependency.
        ease = np.ones_like(looser)
        if fits:
            ease = np.clip(level / np.maximum(np.abs(fits[0].standing), 1e-9), 0, 2)
        signals = np.ix_(sums.source, sums.source)
        found, after = found_by_graphical_lasso(
            moments, sums.source, sums.k, level=level, ease=ease[signals], hints=looser[signals], start=state[0]
        )
        state[0] = after if state[0] is None else state[0]
        return np.asarray(member.T @ found @ member > 0) | copied(sums, moments)

    select(np.ones(BUCKETS))
    return select


def _by_pseudolikelihood(
    patterns: PatternCounts, names: tuple[str, ...], level: float, looser: Floats, strength: Floats
) -> Select:
    # The optimiser is a slow import, and the default method needs none.
    from .pseudolikelihood import Pseudolikelihood, row_weights

    problem = Problem.of(patterns)
    place = {name: j for j, name in enumerate(problem.names)}
    at = np.array([place.get(name, -1) for name in names])
    here, there = np.ix_(at >= 0, at >= 0), np.ix_(at[at >= 0], at[at >= 0])
    ease, known = np.ones((problem.m, problem.m)), np.zeros((problem.m, problem.m))
    ease[there], known[there] = looser[here], strength[here]
    model, weights = Pseudolikelihood(problem, known), row_weights(patterns)
    # A pair is sought from its two ends; sources that are in no candidate need not be solved for.
    ends = np.flatnonzero(known.any(axis=1))

    def select(half: Floats) -> Bools:
        found = model.found(half @ weights, level=level, ease=ease, among=ends)
        out = np.zeros((len(names), len(names)), dtype=bool)
        out[here] = found[there]
        return out

    return select


def _stability(select: Select, m: int, splits: int, random_state: int) -> tuple[Floats, float]:
    """Return the share of halves in which each pair is found, shape (m, m), and how many pairs are on average."""
    rng = generator(random_state)
    total = np.zeros((m, m))
    for _ in range(splits):
        half = np.zeros(BUCKETS)
        half[rng.permutation(BUCKETS)[: BUCKETS // 2]] = 1
        total += select(half)
        total += select(1 - half)
    share = total / (2 * splits)
    return share, float(np.triu(share, 1).sum())


def _sentence(tests: PairTests, found: int, count: int, rate: float, note: str) -> str:
    if count == 0:
        return f"There are fewer than two sources, so there is no pair that could depend on each other.{note}"
    if not tests.identified:
        return (
            f"{found} of {count} pairs are one source twice. Whether others depend on each other cannot be told: too "
            f"few distinct sources vote together to know what the class explains.{note}"
        )
    spread = (
        "" if tests.spread == 1 else f", deviates in units of {tests.spread:.1f} as independence fits no pair quite"
    )
    verb = "pairs depends" if found == 1 else "pairs depend"
    return f"{found} of {count} {verb} beyond the class, at a false discovery rate of {rate:.0%}{spread}.{note}"


def _ordered(found: list[Dependency]) -> tuple[Dependency, ...]:
    return tuple(sorted(found, key=lambda d: (d.p_value, -abs(d.strength), d.pair)))
