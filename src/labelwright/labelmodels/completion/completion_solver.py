"""From stats to what `MatrixCompletion` learns: two classes by second moments, more by third."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.dependencies.cliques import CliqueCells
from labelwright.labelmodels.estimates import expected_accuracies
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.features import Features
from labelwright.labelmodels.identifiability import Identifiability, identifiability
from labelwright.labelmodels.majority_vote import gold_balance
from labelwright.labelmodels.problem import Problem
from labelwright.labelmodels.spectral.spectral import Spectral
from labelwright.labelmodels.spectral.tensor import MOST_CLASSES

from .clique_patterns import merge_cliques
from .completion import Completion, class_tables, complete
from .completion_balance import Skewness, balance_from_skewness, combine_with_known, skewness
from .completion_scores import CellMoments, cell_scores, member_prior, vote_scores
from .completion_stats import CompletionStats, RowSums, side_of
from .repeats import repeated_in_moments, third_of_weighted

__all__ = ["Solved", "solve_many_classes", "solve_two_classes"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The known classes overrule "better than random on average" where that is this many standard errors off.
_SURE = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """What was learned; see `labelwright.labelmodels.completion.matrix_completion.MatrixCompletionParams`."""

    balance: Floats
    accuracies: Floats
    outcome: Outcome
    tables: Floats
    scores: Floats
    start: Floats
    cells: Floats
    rank: float = float("nan")
    columns: float = float("nan")
    smallest_singular_value: float = float("nan")


def solve_two_classes(
    stats: CompletionStats, cliques: tuple[CliqueCells, ...], given: Floats | None, *, use_abstains: bool
) -> Solved:
    """Solve for two classes; ``given`` (2,) is P(Y) where it is known."""
    problem = _Moments.of(stats, cliques)
    found = problem.completion
    identified = identifiability(found.ranks)
    if not identified.identified:
        sentence = f"Fell back to majority vote. {identified.sentence}"
        return _majority(stats, cliques, given, sentence, identified)
    balance, origin = problem.balance(given)
    tables = np.zeros((len(problem.features.source), 2))
    tables[problem.used] = class_tables(problem.means, found.loadings, balance, problem.source)
    everywhere = np.zeros(len(tables))
    everywhere[problem.used] = problem.means
    tables, everywhere = tables[problem.spoken_for], everywhere[problem.spoken_for]
    scores, silence = vote_scores(tables, everywhere, problem.features, rows=problem.rows, use_abstains=use_abstains)
    # Sources that repeat each other share what one of them would say.
    scores, silence = scores / problem.times[problem.features.source][:, None], silence / problem.times[:, None]
    cells = problem.cells(scores, silence, balance)
    members = np.zeros(stats.frame.m, dtype=bool)
    members[[j for clique in cliques for j in clique.members]] = True
    return Solved(
        balance,
        _accuracies(tables, problem.features, balance),
        problem.outcome(identified, origin),
        tables,
        np.where(members[problem.features.source][:, None], 0, scores),
        np.log(balance) + silence[~members].sum(axis=0),
        cells,
        identified.rank,
        identified.columns,
        identified.smallest_singular_value,
    )


def solve_many_classes(stats: CompletionStats, cliques: tuple[CliqueCells, ...], given: Floats | None) -> Solved:
    """Solve for more than two classes, by third moments; ``given`` (k,) is P(Y) where it is known."""
    assert stats.patterns is not None
    frame, k = stats.frame, stats.frame.k
    if k > MOST_CLASSES:
        why = f"Fell back to majority vote: third moments of {k} classes are too many to fill; {MOST_CLASSES} are not."
        return _majority(stats, cliques, given, why)
    merged = merge_cliques(stats.patterns, cliques) if cliques else stats.patterns
    fit = Spectral(class_balance=given).solve(merged)
    why = f"Second moments do not identify {k} classes, third moments do."
    if fit.outcome.kind == "fell_back":
        return _majority(stats, cliques, given, f"Second moments do not identify {k} classes. {fit.outcome.sentence}")
    members = np.isin(Features.of(frame).source, [j for clique in cliques for j in clique.members])
    scores = np.zeros((len(members), k))
    alone = int((~members).sum())
    scores[~members] = fit.scores[:alone]
    cells, at = [np.empty((0, k))], alone
    for clique in cliques:
        cells += [np.zeros((1, k)), fit.scores[at : at + clique.count - 1]]
        at += clique.count - 1
    rows = Problem.of(merged)
    q = rows.clamp(softmax_rows(rows.x @ fit.scores[rows.kept] + np.log(fit.class_balance)))
    return Solved(
        fit.class_balance,
        expected_accuracies(Problem.of(stats.patterns), frame, q),
        Outcome(fit.outcome.kind, f"{why} {fit.outcome.sentence}", fit.outcome.steps),
        np.full(scores.shape, np.nan),
        scores,
        np.log(fit.class_balance),
        np.concatenate(cells),
    )


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments of the votes that occur.

    Parameters
    ----------
    features : Features
        All votes that may occur.
    used : ndarray of int64, shape (f,)
        Those that do.
    means, moments : ndarray of float, shapes (f,) and (f, f)
        E[x] and E[x x^T].
    source, group : ndarray of int64, shape (f,)
        Source of each vote; group of sources that is independent of the others given Y.
    side : ndarray of float, shape (f,)
    first : ndarray of int64, shape (m,)
        For each source the one that stands for all that say exactly the same; only their votes are among these.
    rows : float
    sums : RowSums
    stats : CompletionStats
    cliques : tuple of CliqueCells
    """

    features: Features
    used: Integers
    means: Floats
    moments: Floats
    source: Integers
    group: Integers
    side: Floats
    first: Integers
    rows: float
    sums: RowSums
    stats: CompletionStats
    cliques: tuple[CliqueCells, ...]

    @classmethod
    def of(cls, stats: CompletionStats, cliques: tuple[CliqueCells, ...]) -> _Moments:
        assert stats.moments is not None
        features = Features.of(stats.frame)
        counts = stats.counts.votes.sum(axis=0)
        used = np.flatnonzero(counts)
        rows = float(stats.counts.rows.sum())
        place = np.full(len(counts), -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        first, second, together = stats.moments.together()
        moments = np.diag(counts[used] / rows)
        moments[place[first], place[second]] = moments[place[second], place[first]] = together / rows
        members = {j for clique in cliques for j in clique.members}
        every = np.zeros((len(counts), len(counts)))
        every[np.ix_(used, used)] = moments
        first = repeated_in_moments(counts, every, features, [j for j in range(stats.frame.m) if j not in members])
        kept = np.flatnonzero(first[features.source[used]] == features.source[used])
        used, moments = used[kept], moments[np.ix_(kept, kept)]
        leader = np.arange(stats.frame.m)
        for clique in cliques:
            leader[list(clique.members)] = clique.members[0]
        source = features.source[used]
        sums = stats.sums
        if sums is None:
            assert stats.patterns is not None
            sums = RowSums.of_patterns(stats.patterns, cliques)
        side = side_of(features)[used].astype(np.float64)
        group = np.unique(leader[source], return_inverse=True)[1]
        return cls(features, used, counts[used] / rows, moments, source, group, side, first, rows, sums, stats, cliques)

    @property
    def times(self) -> Floats:
        """How many sources say exactly what each source says, itself included, shape (m,)."""
        return np.bincount(self.first, minlength=len(self.first))[self.first].astype(np.float64)

    @property
    def spoken_for(self) -> Integers:
        """For each vote that may occur, that of the source that stands for its own, shape (number of votes,)."""
        features = self.features
        moved = features.offsets[self.first] - features.offsets[:-1]
        return np.asarray(np.arange(len(features.source)) + moved[features.source])

    @property
    def covariance(self) -> Floats:
        """Covariance of the votes, shape (f, f)."""
        return np.asarray(self.moments - np.outer(self.means, self.means))

    @cached_property
    def completion(self) -> Completion:
        """Loadings of the votes, with the sign that known classes give where they are sure of it."""
        found = complete(self.means, self.moments, self.group, self.side, rows=self.rows)
        known = self.sums.known.sum(axis=0)[:, self.used]
        rows = self.stats.counts.gold.sum(axis=0)
        if not rows.all():
            return found
        score = known / rows[:, None] @ found.weights
        error = np.sqrt(found.weights @ self.covariance @ found.weights * (1 / rows).sum())
        if score[1] - score[0] > -_SURE * error:
            return found
        return replace(found, loadings=-found.loadings, weights=-found.weights)

    @cached_property
    def skewness(self) -> Skewness | None:
        """The skewness of Y."""
        found, sampled = self.completion, float(self.sums.rows.sum())
        if not sampled:
            return None
        third = self.sums.third.sum(axis=0)[self.used] / sampled
        times = self.times[self.source]
        third = third_of_weighted(third, self.means, self.moments, self.side, times)
        side = self.side * times
        return skewness(self.means, self.moments, third, found.loadings, found.weights, self.group, side, sampled)

    def balance(self, given: Floats | None) -> tuple[Floats, str]:
        """Return P(Y), shape (2,), and where it comes from."""
        if given is not None:
            return given, "given"
        found, known = self.skewness, self.stats.counts.gold.sum(axis=0)
        balance = np.array([0.5, 0.5]) if found is None else balance_from_skewness(found)
        origin = "uniform" if found is None else "from third cumulants"
        if known.any():
            return combine_with_known(balance, found, known), "from the known classes" + (
                "" if found is None else " and third cumulants"
            )
        return balance, origin

    def cells(self, scores: Floats, silence: Floats, balance: Floats) -> Floats:
        """Return what each cell of each clique adds to the log-odds, shape (cells, 2)."""
        out, sampled = [np.empty((0, 2))], float(self.sums.rows.sum())
        counts = self.sums.cells.sum(axis=0)
        found, at = self.completion, 0
        for clique in self.cliques:
            together = counts[at : at + clique.count][:, [*self.used, -1]] / max(sampled, 1.0)
            at += clique.count
            outside = ~np.isin(self.source, clique.members)
            moments = CellMoments.of(together, self.covariance, found.loadings, found.weights, outside)
            prior = member_prior(clique, self.features, scores, silence, balance)
            out.append(cell_scores(moments, balance, prior, sampled))
        return np.concatenate(out)

    def outcome(self, identified: Identifiability, origin: str) -> Outcome:
        """Return how solving ended."""
        found, cliques = self.completion, len(self.cliques)
        sentence = f"Solved second moments of {int(self.rows):,} examples"
        if not found.converged:
            sentence += f", stopped after {found.steps} Gauss-Newton steps"
        sentence += f"; class balance {origin}."
        if cliques:
            sentence += f" {cliques} clique{'s' if cliques > 1 else ''} of dependent sources."
        repeats = int((self.first != np.arange(len(self.first))).sum())
        if repeats:
            sentence += f" {repeats} source{'s' if repeats > 1 else ''} only repeat others and share their votes."
        if found.ridge:
            sentence += " Some votes nearly repeat others; noise was added to all before inverting their covariance."
        return Outcome(
            "closed_form" if found.converged else "max_steps", f"{sentence} {identified.sentence}", found.steps
        )


def _accuracies(tables: Floats, features: Features, balance: Floats) -> Floats:
    """Return P(vote right | voted) of each source, shape (m,); NaN where it never votes."""
    said = tables * balance
    m = len(features.offsets) - 1
    right = np.bincount(features.source, (said * features.meaning).sum(axis=1), m)
    voted = np.bincount(features.source, said.sum(axis=1), m)
    return np.where(voted > 0, right / np.where(voted > 0, voted, 1), np.nan)


def _majority(
    stats: CompletionStats,
    cliques: tuple[CliqueCells, ...],
    given: Floats | None,
    sentence: str,
    identified: Identifiability | None = None,
) -> Solved:
    frame = stats.frame
    f, k, cells = int(frame.sizes.sum()), frame.k, sum(clique.count for clique in cliques)
    return Solved(
        gold_balance(stats.counts) if given is None else given,
        np.full(frame.m, np.nan),
        Outcome("fell_back", sentence),
        np.full((f, k), np.nan),
        np.zeros((f, k)),
        np.zeros(k),
        np.zeros((cells, k)),
        *(() if identified is None else (identified.rank, identified.columns, identified.smallest_singular_value)),
    )
