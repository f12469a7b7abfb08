"""Goodness of fit: whether sources go together otherwise than the fitted model's true classes explain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, Votes, generator
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Params
from labelwright.labelmodels.dependencies.cliques import disjoint_cliques, resolve_pairs
from labelwright.labelmodels.intervals import bucket_rows, fitted_stats, replicates
from labelwright.labelmodels.problem import Problem

__all__ = ["FitTest", "PairMisfit", "PairTable", "fit_test", "known_cliques", "unmixed"]

Floats = npt.NDArray[np.float64]

_FLIPS = 1_999
_LEVEL = 0.05

# Two sources that voted together on fewer examples tell nothing about each other, and normal theory nothing about them.
_FEWEST_SHARED = 40
_FEWEST_BUCKETS = 12

# Above these the tables of pairs would not fit in memory, or take minutes.
_MOST_SOURCES = 256
_MOST_CLASSES = 64


@dataclass(frozen=True, slots=True)
class PairMisfit:
    """Two sources whose votes the model does not explain.

    Parameters
    ----------
    first, second : str
        Names of the sources.
    residual : float
        Correlation beyond the class, -1 to 1: positive where they agree (or fire together) too often.
    z : float
        The residual in standard errors, which know that the parameters were estimated.
    p_value : float
        Probability of any pair standing out so far if the model were right: corrected for the number of pairs.
    """

    first: str
    second: str
    residual: float
    z: float
    p_value: float

    def __str__(self) -> str:
        return f"{self.first} ~ {self.second}: residual correlation {self.residual:+.2f}, p {self.p_value:.2g}"


@dataclass(frozen=True, slots=True)
class FitTest:
    """Whether the votes look as the fitted model says they should.

    Parameters
    ----------
    statistic : float
        The largest residual of any pair, in standard errors; NaN where nothing could be tested.
    p_value : float
        Probability of so large a one if the model were right.
    pairs : tuple of PairMisfit
        The pairs that stand out at 5 %, worst first.
    tested : int
        Number of pairs compared.
    sentence : str
        The answer, for people.
    """

    statistic: float
    p_value: float
    pairs: tuple[PairMisfit, ...]
    tested: int
    sentence: str

    def __str__(self) -> str:
        return "\n".join([self.sentence, *(f"  {pair}" for pair in self.pairs)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None where nothing was tested."""
        known = self.tested > 0
        return {
            "statistic": self.statistic if known else None,
            "p_value": self.p_value if known else None,
            "tested": self.tested,
            "sentence": self.sentence,
            "pairs": [
                {"first": p.first, "second": p.second, "residual": p.residual, "z": p.z, "p_value": p.p_value}
                for p in self.pairs
            ],
        }


def fit_test(
    model: BaseLabelModel[Any, Any],
    votes: Votes | npt.ArrayLike | PatternCounts,
    *,
    dependencies: Iterable[Any] | None = None,
    random_state: int = 0,
    left_out: list[Params] | None = None,
) -> FitTest:
    """Test that sources are independent given the true class, as the fitted model has it.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted, with its stats.
    votes : Votes, array_like of int, shape (n, m), or PatternCounts
        What the model was fitted to.
    dependencies : iterable of pairs of sources, optional
        Pairs that the model knows to depend on each other; they, and all pairs of one clique, are not tested.
    random_state : int
        For the signs that are drawn.
    left_out : list of Params, optional
        What `labelwright.labelmodels.intervals.replicates` gave, where it is at hand.

    Returns
    -------
    FitTest

    Raises
    ------
    ModelError
        If the model has no stats, or was fitted to other votes.

    Notes
    -----
    For each pair: how often both agree (where both take several sides) or fire together (elsewhere), less what their
    rates given Y and the model's posterior make of it. Each of the 32 sub-sums is left out in turn, and the model
    solved again, which gives 32 pseudo-values of every residual that know of the estimated parameters. If the model is
    right, they scatter around 0, and changing their signs changes nothing: the largest of all pairs' residuals is
    compared with the largest after random changes of sign (a randomisation test, as the max-T procedure of Westfall &
    Young 1993), so that pairs may be related, and looking at many costs nothing but power. A model is taken without
    what chance may have made it take for dependence (`BaseLabelModel.for_fit_test`).

    Votes that the model shrinks on purpose (a prior that counts) leave residuals too. Three sources always fit.

    Examples
    --------
    >>> from labelwright.labelmodels import LabelModel
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=3000)
    >>> right = rng.random((3000, 6)) < [0.85, 0.8, 0.75, 0.7, 0.7, 0.65]
    >>> votes = np.where(right, truth[:, None], 1 - truth[:, None])
    >>> fit_test(LabelModel().fit(votes), votes).p_value > 0.05
    True
    """
    params, stats = model._fitted(), fitted_stats(model)
    patterns = votes if isinstance(votes, PatternCounts) else PatternCounts.of(model._votes_like(params, votes))
    rows = bucket_rows(stats)
    if not np.array_equal(rows, bucket_rows(patterns)):
        raise ModelError("the model was fitted to other votes; hand in those that it was fitted to.")
    full = np.flatnonzero(rows)
    why = _untestable(params, len(full))
    if why:
        return FitTest(np.nan, np.nan, (), 0, why)
    tested = model.for_fit_test()
    if tested is not model:
        model, params, left_out = tested, tested._fitted(), None
    table = PairTable(patterns, known_cliques(params, dependencies))
    if not table.pairs.shape[1]:
        return FitTest(np.nan, np.nan, (), 0, "No two sources voted together often enough to be compared.")
    whole = table.residuals(model, params, None)
    left_out = replicates(model) if left_out is None else left_out
    left = np.stack([table.residuals(model, p, int(b)) for b, p in zip(full, left_out, strict=True)])
    # Residuals are in examples, so that this is what each sub-sum adds: the pseudo-values of a jackknife of their mean.
    return _judge(table, table.correlations(model, params), whole - left, random_state)


def _untestable(params: Params, buckets: int) -> str:
    """Return why the model cannot be tested, or ""."""
    if params.outcome.kind == "fell_back":
        return "A model that fell back to majority vote claims nothing that could be tested."
    if int(np.isfinite(params.accuracies).sum()) < 4:
        return "Three sources always fit: with fewer than four nothing can be tested."
    if buckets < _FEWEST_BUCKETS:
        return f"The rows fill {buckets} of 32 sub-sums; a test needs {_FEWEST_BUCKETS}."
    if len(params.classes) > _MOST_CLASSES:
        return f"With more than {_MOST_CLASSES} classes pairs are not compared."
    return ""


def known_cliques(params: Params, dependencies: Iterable[Any] | None) -> npt.NDArray[np.int64]:
    """Number the sources by the clique of dependent sources that they are in, given or known to the model, (m,)."""
    m, pairs = len(params.sources), resolve_pairs(dependencies, params.sources)
    model = np.asarray(getattr(params, "clique", np.full(m, -1)))
    linked = [(int(np.flatnonzero(model == model[j])[0]), j) for j in range(m) if model[j] >= 0]
    out = np.arange(m)
    for members in disjoint_cliques(m, [*pairs, *linked]):
        out[list(members)] = members[0]
    return out


def unmixed(params: Params) -> Params:
    """Return the parameters of what the votes alone say, where an answer averages over weights of a prior."""
    shares = getattr(params, "shares", None)
    if shares is None or params.outcome.kind != "converged":
        return params
    return replace(params, shares=np.eye(len(shares))[0])  # type: ignore[call-arg]  # these params have shares


def _judge(table: PairTable, correlations: Floats, added: Floats, random_state: int) -> FitTest:
    """Compare the largest residual with the largest after random changes of sign."""
    scale = np.sqrt((added**2).sum(axis=0))
    # A residual that is 0 whatever is left out is an equation that was solved, not a finding.
    moves = scale > 1e-7 * np.sqrt(table.shared)
    if not moves.any():
        return FitTest(np.nan, np.nan, (), 0, "The model fits every pair exactly, whatever the votes.")
    unit = added[:, moves] / scale[moves]
    seen = np.abs(unit.sum(axis=0))
    signs = generator(random_state).choice([-1.0, 1.0], size=(_FLIPS, len(unit)))
    largest = np.abs(signs @ unit).max(axis=1)
    p_values = (1 + (largest >= seen[:, None] - 1e-12).sum(axis=1)) / (1 + _FLIPS)
    b = len(unit)
    z = unit.sum(axis=0) / np.sqrt(np.maximum((b - seen**2) / (b - 1), 1e-12))
    at = np.flatnonzero(moves)
    bad = [
        PairMisfit(*table.name(at[i]), float(correlations[at[i]]), float(z[i]), float(p_values[i]))
        for i in np.argsort(-seen, kind="stable")
        if p_values[i] <= _LEVEL
    ]
    p = float(p_values.min())
    fits = f"{len(bad)} of {len(at)} pairs" if bad else f"None of {len(at)} pairs"
    sentence = f"{fits} of sources go together otherwise than the model says (p {p:.2g})."
    return FitTest(float(np.abs(z).max()), p, tuple(bad), len(at), sentence)


class PairTable:
    """Observed less expected going-together of pairs of sources, for any posterior and any sub-sum left out.

    Parameters
    ----------
    patterns : PatternCounts
    clique : ndarray of int64, shape (m,)
        Sources of equal number are not compared.

    Attributes
    ----------
    pairs : ndarray of int64, shape (2, pairs)
        Places of the sources compared, among ``names``.
    names : list of str
    shared : ndarray of float, shape (pairs,)
        Examples that both voted on.
    """

    def __init__(self, patterns: PatternCounts, clique: npt.NDArray[np.int64]) -> None:
        # Known classes are not evidence here: rows that differ in them alone are one row.
        bare = replace(patterns, cells=patterns.cells * np.array([1, 0, 1, 1]))
        frame = patterns.frame
        self.problem = problem = Problem.of(bare)
        size = len(patterns.keys)
        cell = patterns.cells[:, 0] * 32 + patterns.cells[:, 2]
        weights = np.bincount(cell, weights=patterns.cell_counts, minlength=size * 32).reshape(size, 32)
        voted = np.diff(patterns.patterns.indptr) > 0
        self.weights, self.silent = weights[voted], weights[~voted].sum(axis=0)
        rows = patterns.patterns.take(np.flatnonzero(voted))
        self.rows = Votes(rows, classes=frame.classes, sources=frame.sources, alphabet=dict(frame.alphabet))
        votes = problem.member @ problem.totals
        chosen = np.sort(np.argsort(-votes, kind="stable")[:_MOST_SOURCES])
        fired = (problem.x @ problem.member.T).tocsc()[:, chosen]
        self.fired = fired.toarray()
        self.kinds = self._kinds(chosen)
        both = self.fired.T @ (self.fired * problem.weights[:, None])
        place = [frame.sources.index(problem.names[j]) for j in chosen]
        apart = clique[place][:, None] != clique[place][None, :]
        self.sides = problem.multipolar[chosen]
        open_pairs = np.triu(apart, 1) & self._rich(both)
        self.pairs = np.stack(np.nonzero(open_pairs))
        self.agreeing = self.sides[self.pairs].all(axis=0)
        self.shared = both[tuple(self.pairs)]
        self.names = [problem.names[j] for j in chosen]

    def name(self, at: int) -> tuple[str, str]:
        """Return the names of pair ``at``."""
        first, second = self.pairs[:, at]
        return self.names[first], self.names[second]

    def residuals(self, model: BaseLabelModel[Any, Any], params: Params, left_out: int | None) -> Floats:
        """Return what the model does not explain, in examples, shape (pairs,)."""
        kept = np.ones(32) if left_out is None else (np.arange(32) != left_out).astype(np.float64)
        weights, silent = self.weights @ kept, float(self.silent @ kept)
        return self._compare(model, params, weights, silent)[0]

    def correlations(self, model: BaseLabelModel[Any, Any], params: Params) -> Floats:
        """Return the residuals as correlations beyond the true class, -1 to 1, shape (pairs,)."""
        residual, spread = self._compare(model, params, self.weights.sum(axis=1), float(self.silent.sum()))
        return np.asarray(np.clip(residual / np.maximum(spread, 1.0), -1, 1))

    def _compare(
        self, model: BaseLabelModel[Any, Any], params: Params, weights: Floats, silent: float
    ) -> tuple[Floats, Floats]:
        """Return residuals, and what they would be if the class left a correlation of 1, shape (pairs,) each."""
        q = model.posterior(unmixed(params), self.rows).probs
        i, j = self.pairs
        agree = np.sum([kind.T @ (kind * weights[:, None]) for kind in self.kinds], axis=0)[i, j]
        firing = (self.fired.T @ (self.fired * weights[:, None]))[i, j]
        out = np.where(self.agreeing, agree, firing)
        varied = np.zeros((2, len(out)))
        for y in range(q.shape[1]):
            mass = weights * q[:, y]
            together = (self.fired.T @ (self.fired * mass[:, None]))[i, j]
            alone = np.maximum(mass @ self.fired, 1e-12)
            said = np.stack([mass @ kind for kind in self.kinds], axis=1) / alone[:, None]
            total = max(mass.sum() + silent * params.class_balance[y], 1e-12)
            rate = alone / total
            out -= np.where(self.agreeing, together * (said[i] * said[j]).sum(axis=1), total * rate[i] * rate[j])
            certain = 1 - (said**2).sum(axis=1)
            for side, at in enumerate((i, j)):
                varied[side] += np.where(self.agreeing, together * certain[at], total * rate[at] * (1 - rate[at]))
        return out, np.sqrt(np.maximum(varied[0] * varied[1], 0))

    def _kinds(self, chosen: npt.NDArray[np.int64]) -> list[Floats]:
        """Return for each meaning of votes which source gave it on which row, shape (p, chosen) each."""
        problem = self.problem
        kind = np.unique(problem.meaning, axis=0, return_inverse=True)[1].ravel()
        out = []
        for one in range(int(kind.max()) + 1):
            of_kind = np.flatnonzero(kind == one)
            out.append((problem.x[:, of_kind] @ problem.member[:, of_kind].T).tocsc()[:, chosen].toarray())
        return out

    def _rich(self, both: Floats) -> npt.NDArray[np.bool_]:
        """Return which pairs have examples enough: shared ones, or, for one-sided sources, as many by chance."""
        votes = np.diag(both)
        chance = np.outer(votes, votes) / max(self.problem.rows, 1)
        sides = self.sides[:, None] & self.sides[None, :]
        return np.asarray(np.where(sides, both, chance) >= _FEWEST_SHARED)
