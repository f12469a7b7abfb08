"""ACCU and ACCUCOPY: fusion by accuracy, copies discounted (Dong et al. 2009)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Seed
from labelwright.labelmodels.problem import Floats

from .fusion_base import BaseFusion, FusionParams, Solved, solve_with_copying
from .truth import Evidence

__all__ = ["Fusion"]

# As many as the uniform prior of an accuracy is worth, but at the mean of all sources.
_PSEUDO_CLAIMS = 2.0


class Fusion(BaseFusion[FusionParams]):
    """Alternates what is true and who is accurate.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y) of votes, where it is known. Default: the shares in ``y`` where it is given, otherwise uniform.
    false_values : int, optional
        N, how many wrong values an item of a claims table may have. Default: as many as are claimed of it, so that the
        truth may be one of those or one more. Votes have k - 1.
    copying : bool, default True
        Look for sources that copy, and let their claims count as little more than one (ACCUCOPY; otherwise ACCU).
    random_state : int
        Kept for the seam: nothing is drawn.

    Notes
    -----
    A claim of a source of accuracy A counts ``ln(N A / (1 - A))`` for its value; A is the mean probability of what the
    source claims (Dong, Berti-Equille & Srivastava, "Integrating conflicting data: the role of source dependence",
    VLDB 2009, eqs. 11 to 17). Two pseudo-claims at the mean accuracy of all claims keep a source with one claim from
    being certain. Copying is looked for among the 2,000 sources with the most claims.

    Truth and accuracy need distinct patterns of agreement: of votes a million rows, beyond that those of a uniform
    sample; of claims every pattern.

    Examples
    --------
    >>> from labelwright.core.claims import Claims
    >>> rows = [("a", 1, "x"), ("b", 1, "x"), ("c", 1, "y"), ("a", 2, "p"), ("b", 2, "p"), ("c", 2, "q"), ("c", 3, "z"),
    ...         ("a", 3, "w")]
    >>> claims = Claims(*zip(*rows))
    >>> Fusion(copying=False).fit_claims(claims).predict_claims(claims).values.tolist()
    ['x', 'p', 'w']

    On votes it is a label model as any other:

    >>> Fusion().fit([[0, 0, 1], [1, 1, 1], [0, 0, 1]]).predict([[0, 0, 1]]).tolist()
    [0]
    """

    params_type = FusionParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        *,
        false_values: int | None = None,
        copying: bool = True,
        random_state: Seed = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.false_values = false_values
        self.copying = copying
        self.random_state = random_state

    def _solved(self, said: Evidence, names: tuple[str, ...]) -> Solved:
        del names
        truth, pairs = solve_with_copying(said, lambda: _mean_probability, copying=self.copying)
        total = said.totals.sum()
        return Solved(truth, pairs, extra={"typical": float(said.totals @ truth.accuracies / total) if total else 0.5})

    def _unseen(self, accuracies: Floats, extra: Mapping[str, Any], names: tuple[str, ...]) -> Floats:
        del accuracies
        return np.full(len(names), extra["typical"])


def _mean_probability(right: Floats, totals: Floats) -> Floats:
    """M-step: the mean probability of a source's claims, two pseudo-claims at the mean of all."""
    mean = (right.sum() + 1) / (totals.sum() + 2)
    return np.asarray((right + _PSEUDO_CLAIMS * mean) / (totals + _PSEUDO_CLAIMS))
