"""How far a soft label could be off, given how well the label model knows its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from labelwright.core import Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel
from labelwright.labelmodels.intervals import bucket_rows, can_leave_out, fitted_stats, replicates
from labelwright.labelmodels.saving import from_dict, to_dict

__all__ = ["LeaveOneOut"]

Floats = npt.NDArray[np.float64]

# Log-odds past those of 1e-12 are not told apart.
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class LeaveOneOut:
    """What a label model learns without each sub-sum of its stats: made once, asked about any example.

    Parameters
    ----------
    models : tuple of BaseLabelModel
        Fitted without one sub-sum each; none where the votes fill too few of them.
    rows : ndarray of int64, shape (number of models,)
        How many examples each of them did without.

    Examples
    --------
    >>> from labelwright.labelmodels import DawidSkene
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=2000)
    >>> right = rng.random((2000, 3)) < [0.9, 0.8, 0.7]
    >>> model = DawidSkene().fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> low, high = LeaveOneOut.of(model).intervals(model, [[1, 1, 0]])
    >>> probs = model.predict_proba([[1, 1, 0]])
    >>> bool((low < probs).all() and (probs < high).all())
    True
    """

    models: tuple[BaseLabelModel[Any, Any], ...]
    rows: npt.NDArray[np.int64]

    @classmethod
    def of(cls, model: BaseLabelModel[Any, Any], *, progress: Callable[[int, int], None] | None = None) -> Self:
        """Fit ``model`` without each of the 32 sub-sums of its stats.

        Raises
        ------
        NotFittedError, ModelError
            If the model has not been fitted, or was loaded without its stats.
        """
        stats = fitted_stats(model)
        if not can_leave_out(stats):
            return cls((), np.empty(0, dtype=np.int64))
        rows = bucket_rows(stats)
        learned = replicates(model, progress=progress)
        return cls(tuple(_planted(model, params) for params in learned), rows[rows > 0])

    def intervals(
        self, model: BaseLabelModel[Any, Any], votes: Votes | npt.ArrayLike, level: float = 0.95
    ) -> tuple[Floats, Floats]:
        """Return the lower and the upper end of the interval of each probability, both of shape (n, k).

        Parameters
        ----------
        model : BaseLabelModel
            The one that was fitted on everything.
        votes : Votes, or array_like of int, shape (n, m)
        level : float
            Between 0 and 1.

        Returns
        -------
        low, high : ndarray of float, shape (n, k)
            Equal where the answer does not hang on what was learned; NaN where there were too few examples to tell.

        Notes
        -----
        The jackknife of `labelwright.labelmodels.intervals`, on the log-odds of each class against the others. It is
        about chance alone: of how the votes fell. That a model is wrong does not show.
        """
        if not 0 < level < 1:
            raise ModelError(f"level is {level}; it must be between 0 and 1, as 0.95.")
        probs = np.clip(model.soft_labels(votes).probs, _LEAST, 1 - _LEAST)
        if not self.models:
            return np.full(probs.shape, np.nan), np.full(probs.shape, np.nan)
        centre = logit(probs)
        moved = logit(np.clip([one.soft_labels(votes).probs for one in self.models], _LEAST, 1 - _LEAST))
        ratio = (self.rows.sum() / self.rows)[:, None, None]
        pseudo = ratio * centre - (ratio - 1) * moved
        error = np.sqrt((((pseudo - pseudo.mean(axis=0)) ** 2) / (ratio - 1)).mean(axis=0))
        half = float(stdtrit(len(self.rows) - 1, 0.5 + level / 2)) * error
        return np.asarray(expit(centre - half)), np.asarray(expit(centre + half))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"rows": self.rows.tolist(), "models": [to_dict(one) for one in self.models]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        return cls(tuple(from_dict(one) for one in values["models"]), np.array(values["rows"], dtype=np.int64))


def _planted(model: BaseLabelModel[Any, Any], params: Any) -> BaseLabelModel[Any, Any]:
    other = type(model)(**model.get_params())
    other._plant(params)
    return other
