"""Accuracies explained by what is known of sources, and by the sources themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from labelwright.labelmodels.problem import Floats

from .source_features import Described, SourceFeatures

__all__ = ["Regression", "SourceRegression"]

# A standard deviation of a number, or a value of a text, moves the log-odds of being right by about 1; the log-odds of
# all are anywhere within 10.
_PRIOR_PRECISION = 1.0
_INTERCEPT_PRECISION = 0.01

_LEAST_SPREAD, _MOST_SPREAD = 1e-4, 9.0
_NEWTON = 3
_STEPS = 500
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class SourceRegression:
    """What accuracy a source is expected to have before it says anything.

    Parameters
    ----------
    features : SourceFeatures
    coefficients : ndarray of float, shape (columns + 1,)
        What each column adds to the log-odds of being right; the first is that of all sources.
    spread : float
        Variance of the log-odds among sources of the same features.
    """

    features: SourceFeatures
    coefficients: Floats
    spread: float

    def expected(self, about: Described | None, names: tuple[str, ...]) -> Floats:
        """Return the accuracies expected of the sources ``names``, shape (number of names,).

        The mean of a sigmoid over a normal distribution, by MacKay's approximation (1992).
        """
        logits = _design(self.features.table(about, names)) @ self.coefficients
        return np.asarray(1 / (1 + np.exp(-logits / np.sqrt(1 + np.pi * self.spread / 8))))


@dataclass(slots=True, eq=False)
class Regression:
    """An M-step that remembers where it stopped: logistic regression on features, with an intercept for each source.

    Parameters
    ----------
    table : ndarray of float, shape (m, columns)

    Notes
    -----
    ``A_s = sigmoid(w + sum_k w_k f_sk + w_s)`` (Rekatsinas et al., SIGMOD 2017, eq. 1), where ``w_s`` is normal with
    mean 0 and the variance that the sources themselves show (Laplace's method), so that a source with few claims is
    believed to be as its features say. Newton's method, the intercepts of sources eliminated: their block is diagonal.
    """

    table: Floats
    coefficients: Floats = field(init=False)
    own: Floats = field(init=False)
    spread: float = 1.0

    def __post_init__(self) -> None:
        self.coefficients = np.zeros(self.table.shape[1] + 1)
        self.own = np.zeros(len(self.table))

    def __call__(self, right: Floats, totals: Floats) -> Floats:
        """Return accuracies, shape (m,), from expected right claims and all claims of each source."""
        design = _design(self.table)
        precision = np.full(design.shape[1], _PRIOR_PRECISION)
        precision[0] = _INTERCEPT_PRECISION
        for _ in range(_NEWTON):
            chance = _sigmoid(design @ self.coefficients + self.own)
            weight = totals * chance * (1 - chance)
            own = weight + 1 / self.spread
            rest = right - totals * chance
            slope = design.T @ rest - precision * self.coefficients
            inner = rest - self.own / self.spread
            matrix = design.T @ ((weight - weight**2 / own)[:, None] * design) + np.diag(precision)
            step = np.linalg.solve(matrix, slope - design.T @ (weight * inner / own))
            each = (inner - weight * (design @ step)) / own
            # Far from the optimum the sigmoid is flat and Newton's step too long.
            shorter = min(1.0, 2.0 / max(1e-12, float(np.abs(design @ step + each).max())))
            self.coefficients = self.coefficients + shorter * step
            self.own = self.own + shorter * each
        chance = _sigmoid(design @ self.coefficients + self.own)
        # MacKay 1992: the variance is that of as many intercepts as the data determine.
        weight = totals * chance * (1 - chance)
        determined = float((weight / (weight + 1 / self.spread)).sum())
        spread = float((self.own**2).sum()) / max(determined, 1e-9)
        self.spread = float(np.clip(spread, _LEAST_SPREAD, _MOST_SPREAD))
        return _sigmoid(design @ self.coefficients + self.own)

    def learned(self, features: SourceFeatures, right: Floats, totals: Floats) -> SourceRegression:
        """Return what was learned, for sources not seen: the spread settles after the accuracies do."""
        before, step = np.inf, 0
        while abs(self.spread - before) > _TOLERANCE * self.spread and step < _STEPS:
            before, step = self.spread, step + 1
            self(right, totals)
        return SourceRegression(features, self.coefficients, self.spread)


def _design(table: Floats) -> Floats:
    return np.concatenate([np.ones((len(table), 1)), table], axis=1)


def _sigmoid(logits: Floats) -> Floats:
    # Beyond these, an accuracy is 0 or 1 to a float, and its logarithm is not finite.
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))
