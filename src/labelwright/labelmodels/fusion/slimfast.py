"""SLiMFast: fusion of sources with features (Rekatsinas et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from labelwright.core import Seed
from labelwright.core.errors import ModelError, NotFittedError
from labelwright.labelmodels.problem import Floats

from .copying import Meetings, discounts
from .fusion_base import BaseFusion, FusionParams, Solved, solve_with_copying
from .source_features import Described, SourceFeatures
from .source_regression import Regression, SourceRegression
from .truth import Evidence, Truth

__all__ = ["SLiMFast", "SLiMFastParams"]

# The regression on known answers alone: Newton's method and the spread of sources settle in a few dozen rounds.
_ERM_STEPS = 200
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class SLiMFastParams(FusionParams):
    """What SLiMFast learns from votes.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome, believed, copying
        See `labelwright.labelmodels.fusion.fusion_base.FusionParams`.
    coefficients : ndarray of float, shape (columns + 1,)
        What each column of features adds to the log-odds of being right; the first is that of all sources.
    spread : float
        Variance of the log-odds among sources of the same features.
    encoding : str
        The columns of features, as JSON.
    """

    coefficients: Floats
    spread: float
    encoding: str


class SLiMFast(BaseFusion[SLiMFastParams]):
    """Fusion that explains accuracies by what is known of the sources.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y) of votes, where it is known. Default: the shares in ``y`` where it is given, otherwise uniform.
    features : mapping of str to mapping, optional
        For each source what is known of it: ``{"by_regex": {"kind": "regex", "author": "ann", "age": 3}}``. Text and
        truth values are categories, numbers are numbers; what is missing is unknown. Sources that are described but
        have not spoken may stand here too.
    learning : {"auto", "erm", "em"}
        From the known answers alone ("erm"), from all claims ("em"), or from what holds more information ("auto").
    false_values : int, optional
        N, how many wrong values an item of a claims table may have. Default: as many as are claimed of it.
    copying : bool, default True
        Look for sources that copy, and let their claims count as little more than one.
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    ``A_s = sigmoid(w + sum_k w_k f_sk + w_s)``, and ``P(value)`` is proportional to the exponential of the sum of the
    log-odds of the sources that claim it (Rekatsinas, Joglekar, Garcia-Molina, Parameswaran & Re, "SLiMFast: guaranteed
    results for data fusion and source reliability", SIGMOD 2017). ``w_s`` is drawn to 0 as far as the sources allow, so
    that a source with few claims, or none, is believed to be as its features say (`expected_accuracies`).

    With known answers, the optimizer of section 4.3 compares units of information: a claim about an item whose answer
    is known is one unit; the claims about an item are ``m (1 - H(p))`` units for EM, where p is the probability that
    the majority of m claims is right at the mean accuracy, which agreement tells.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=500)
    >>> right = rng.random((500, 8)) < [0.9, 0.9, 0.9, 0.9, 0.6, 0.6, 0.6, 0.6]
    >>> about = {str(j): {"kind": "model" if j < 4 else "regex"} for j in range(10)}
    >>> model = SLiMFast(features=about).fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> model.expected_accuracies({"new": {"kind": "model"}, "other": {"kind": "regex"}}).round(1).tolist()
    [0.9, 0.6]
    """

    params_type = SLiMFastParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        *,
        features: Described | None = None,
        learning: Literal["auto", "erm", "em"] = "auto",
        false_values: int | None = None,
        copying: bool = True,
        random_state: Seed = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.features = features
        self.learning = learning
        self.false_values = false_values
        self.copying = copying
        self.random_state = random_state

    def expected_accuracies(self, features: Described) -> Floats:
        """Return the accuracies that sources of these features are expected to have, in their order.

        What was learned from claims answers where the model has seen both claims and votes.

        Raises
        ------
        NotFittedError
            If the model has learned neither from votes nor from claims.
        """
        if hasattr(self, "claim_params_"):
            learned: SourceRegression = self.claim_params_.extra["regression"]
        elif hasattr(self, "params_"):
            params = self.params_
            columns = SourceFeatures.from_json(params.encoding)
            learned = SourceRegression(columns, params.coefficients, float(params.spread))
        else:
            raise NotFittedError("this SLiMFast has not been fitted; call fit(votes) or fit_claims(claims) first.")
        return learned.expected(features, tuple(features))

    def _solved(self, said: Evidence, names: tuple[str, ...]) -> Solved:
        if self.learning not in ("auto", "erm", "em"):
            raise ModelError(f"learning is {self.learning!r}; allowed: 'auto', 'erm', 'em'.")
        columns = SourceFeatures.of(self.features, names)
        table = columns.table(self.features, names)
        known, unknown = _units(said)
        if self.learning == "erm" and not known:
            raise ModelError("learning='erm' needs known answers of items that somebody speaks on; none is known.")
        last = Regression(table)
        if self.learning == "erm" or (self.learning == "auto" and known > unknown):
            told = _known_claims(said)
            truth, pairs = _from_known(said, last, told, copying=self.copying)
            note = f" Learned from the known answers alone ({known:,.0f} units of information, {unknown:,.0f} for EM)."
        else:

            def anew() -> Regression:
                nonlocal last
                last = Regression(table)
                return last

            truth, pairs = solve_with_copying(said, anew, copying=self.copying)
            told = said.right(truth.q), said.totals
            note = f" Learned from all claims ({unknown:,.0f} units of information, {known:,.0f} in known answers)."
        return Solved(truth, pairs, note if known else "", {"regression": last.learned(columns, *told)})

    def _unseen(self, accuracies: Floats, extra: Mapping[str, Any], names: tuple[str, ...]) -> Floats:
        del accuracies
        learned: SourceRegression = extra["regression"]
        return learned.expected(self.features, names)

    def _params(self, params: FusionParams, extra: Mapping[str, Any]) -> SLiMFastParams:
        learned: SourceRegression = extra["regression"]
        return SLiMFastParams(
            params.classes,
            params.sources,
            params.alphabet,
            params.class_balance,
            params.accuracies,
            params.outcome,
            params.believed,
            params.copying,
            learned.coefficients,
            learned.spread,
            learned.features.to_json(),
        )


def _known_claims(said: Evidence) -> tuple[Floats, Floats]:
    """Return each source's right claims about items whose answer is known, and all its claims about them, (m,) each."""
    found = said.found
    told = found.weights * found.gold
    known = found.posterior(np.zeros(len(found.item)))[0] * told[found.item]
    return np.asarray(said.by_source.T @ known), np.asarray(said.heard.T @ told)


def _from_known(
    said: Evidence, estimate: Regression, told: tuple[Floats, Floats], *, copying: bool
) -> tuple[Truth, Floats]:
    """Learn accuracies where the answer is known; then find copies, and what is true elsewhere."""
    accuracies, step, moved = estimate(*told), 0, np.inf
    while step < _ERM_STEPS and moved >= _TOLERANCE:
        new = estimate(*told)
        moved = float(np.abs(new - accuracies).max(initial=0.0))
        accuracies, step = new, step + 1
    q = said.found.posterior(said.logits(accuracies))[0]
    pairs = Meetings.of(said).suspects(q, accuracies) if copying else np.empty((0, 3))
    said = said.discounted(discounts(said, pairs))
    return Truth(accuracies, said.found.posterior(said.logits(accuracies))[0], step, moved < _TOLERANCE), pairs


def _units(said: Evidence) -> tuple[float, float]:
    """Return the units of information in known answers, and in the agreement of sources (SLiMFast, algorithm 1)."""
    found = said.found
    claims = np.asarray(said.heard.sum(axis=1))
    known = float((found.weights * found.gold) @ claims)
    count = np.asarray(said.by_source.sum(axis=1))
    values = np.bincount(found.item, weights=count > 0, minlength=len(claims))
    pairs = float(found.weights @ (claims * (claims - 1)))
    if not pairs:
        return known, 0.0
    agreed = float(found.weights[found.item] @ (count * (count - 1))) / pairs
    wrong = said.false_values
    # Two sources of accuracy A agree with probability A^2 + (1 - A)^2 / N.
    root = max(0.0, 1 / wrong**2 - (1 + 1 / wrong) * (1 / wrong - agreed))
    accuracy = min(1.0, (1 / wrong + np.sqrt(root)) / (1 + 1 / wrong))
    # A binomial tail: more claims are right than each value would have by even shares.
    fair = np.floor(claims / np.maximum(values, 1))
    p = np.where(claims > fair, betainc(fair + 1, np.maximum(claims - fair, 1), accuracy), 0.0)
    p = np.clip(p, 0.5, 1 - 1e-12)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return known, float(found.weights @ (claims * (1 - entropy)))
