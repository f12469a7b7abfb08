"""Shares of examples that come in groups: how many independent facts they are worth, bounds and two-sample tests.

Sentences of one document, or frames of one video, vote alike; counted as if they were independent, chance would look
like news. A share is therefore kept with its counts by group, and judged with as many facts as those are worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, ndtri, stdtr, stdtrit

__all__ = ["Tally", "exact_bounds", "holm", "intraclass", "sign_flip_p_value", "two_sample_p_value"]

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

_FLIPS = 20_000
# So many units have few enough patterns of signs to go through them all.
_ENUMERATED = 14


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How often something was the case, among how many examples, by group.

    Parameters
    ----------
    hits, trials : ndarray of int, shape (groups,)
        Counts of each group with at least one trial. Without groups, of one entry that stands for all examples.
    grouped : bool
        Whether the entries are groups.

    Examples
    --------
    >>> Tally.of([True, False, True], groups=["a", "a", "b"])
    2 of 3 in 2 groups
    """

    hits: Ints
    trials: Ints
    grouped: bool

    @classmethod
    def of(
        cls,
        hit: npt.ArrayLike,
        judged: npt.ArrayLike | None = None,
        groups: npt.NDArray[Any] | Sequence[Any] | None = None,
    ) -> Tally:
        """Count.

        Parameters
        ----------
        hit : array_like of bool, shape (n,)
        judged : array_like of bool, shape (n,), optional
            Examples that count as trials. Default: all.
        groups : array_like of int or str, shape (n,), optional
        """
        hits = np.asarray(hit, dtype=bool)
        trials = np.ones(len(hits), dtype=bool) if judged is None else np.asarray(judged, dtype=bool)
        hits = hits & trials
        if groups is None:
            return cls(np.array([hits.sum()]), np.array([trials.sum()]), grouped=False)
        unit = _codes(np.asarray(groups))
        counts = np.bincount(unit[trials], minlength=1)
        some = counts > 0
        return cls(np.bincount(unit[hits], minlength=len(counts))[some], counts[some], grouped=True)

    @property
    def n(self) -> int:
        """Number of trials."""
        return int(self.trials.sum())

    @property
    def count(self) -> int:
        """Number of hits."""
        return int(self.hits.sum())

    @property
    def share(self) -> float:
        """Hits among trials; NaN without trials."""
        return self.count / self.n if self.n else float("nan")

    @property
    def groups(self) -> int | None:
        """Number of groups with a trial; ``None`` without groups."""
        return len(self.trials) if self.grouped else None

    def worth(self, correlation: float) -> float:
        """Return how many independent examples the trials are worth, at most ``n``.

        Parameters
        ----------
        correlation : float
            Of two examples of one group, between 0 and 1.
        """
        if not self.grouped or not self.n:
            return float(self.n)
        return self.n / (1 + correlation * (float((self.trials**2).sum()) / self.n - 1))

    def __repr__(self) -> str:
        return f"{self.count:,} of {self.n:,}" + (f" in {self.groups:,} groups" if self.grouped else "")


def _codes(groups: npt.NDArray[Any]) -> Ints:
    if groups.dtype.kind == "i" and len(groups) and groups.min() >= 0 and groups.max() <= 2 * len(groups):
        return np.asarray(groups, dtype=np.int64)
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)


def intraclass(tallies: Iterable[Tally]) -> float:
    """Return the correlation of two examples of one group, between 0 and 1, by moments over several samples.

    Parameters
    ----------
    tallies : iterable of Tally
        Samples that share the correlation, each with a share of its own.

    Notes
    -----
    With hits x_g among n_g in group g and correlation r, the variance of x_g is p(1-p)(n_g + r n_g(n_g - 1)); the
    squares of x_g - p n_g are summed and solved for r.

    Examples
    --------
    >>> intraclass([Tally.of([True] * 4 + [False] * 4, groups=[0] * 4 + [1] * 4)])
    1.0
    """
    excess = weight = 0.0
    for tally in tallies:
        count = len(tally.trials)
        if not tally.grouped or count < 2:
            continue
        spread = tally.share * (1 - tally.share)
        squares = float(((tally.hits - tally.share * tally.trials) ** 2).sum()) * count / (count - 1)
        excess += squares - spread * tally.n
        weight += spread * float((tally.trials * (tally.trials - 1)).sum())
    return float(np.clip(excess / weight, 0.0, 1.0)) if weight > 0 else 0.0


def exact_bounds(tally: Tally, *, chance: float) -> tuple[float, float]:
    """Return bounds on the true share: each is on the wrong side of it with at most probability ``chance``.

    Parameters
    ----------
    tally : Tally
    chance : float
        Between 0 and 1; 0.01 makes a two-sided interval of 98%.

    Returns
    -------
    tuple of float
        ``(0.0, 1.0)`` without trials, or with a single group.

    References
    ----------
    Clopper & Pearson 1934; for groups as in Korn & Graubard 1998, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data": with the number of independent examples that the
    groups are worth, lowered for what is not known of their correlation.

    Examples
    --------
    >>> low, high = exact_bounds(Tally.of([True] * 9 + [False]), chance=0.01)
    >>> round(low, 3), round(high, 3)
    (0.496, 0.999)
    """
    if not tally.n or (tally.grouped and len(tally.trials) < 2):
        return 0.0, 1.0
    n = tally.worth(intraclass([tally]))
    if tally.grouped:
        n *= float((ndtri(chance) / stdtrit(len(tally.trials) - 1, chance)) ** 2)
    x = tally.share * n
    low = float(betaincinv(x, n - x + 1, chance)) if x > 0 else 0.0
    high = float(betaincinv(x + 1, n - x, 1 - chance)) if x < n else 1.0
    return low, high


def two_sample_p_value(before: Tally, after: Tally) -> float | None:
    """Return how likely two samples of one share are to differ as much as these; ``None`` where that cannot be told.

    Parameters
    ----------
    before, after : Tally
        Of different examples.

    Returns
    -------
    float or None
        ``None`` where a sample is empty or has fewer than two groups.

    Notes
    -----
    Fisher's exact test, both tails by doubling, so that a p-value below a is at most as likely as a, for any counts.
    For groups it is made on the counts that they are worth (Rao & Scott 1992, "A simple method for the analysis of
    clustered binary data"), with one correlation for both samples, and the larger of its p-value and that of Student's
    t with as many degrees of freedom as there are groups less two: few groups do not tell their correlation well.

    Examples
    --------
    >>> half, most = Tally.of([True, False] * 50), Tally.of([True] * 80 + [False] * 20)
    >>> two_sample_p_value(half, half), two_sample_p_value(half, most) < 1e-4
    (1.0, True)
    """
    if not before.n or not after.n:
        return None
    if not before.grouped:
        return _fisher(before.count, before.n, after.count, after.n)
    if min(len(before.trials), len(after.trials)) < 2:
        return None
    correlation = intraclass([before, after])
    n, m = before.worth(correlation), after.worth(correlation)
    p = (before.share * n + after.share * m) / (n + m)
    exact = _fisher(round(before.share * n), round(n), round(after.share * m), round(m))
    error = np.sqrt(p * (1 - p) * (1 / n + 1 / m))
    if error == 0:
        return exact
    degrees = len(before.trials) + len(after.trials) - 2
    return max(exact, float(2 * stdtr(degrees, -abs(after.share - before.share) / error)))


def _fisher(x: int, n: int, y: int, m: int) -> float:
    from scipy.stats import hypergeom  # not at the top: it takes most of a second, and few who import this test shares

    tails = hypergeom.cdf(x, n + m, x + y, n), hypergeom.sf(x - 1, n + m, x + y, n)
    return min(1.0, 2 * float(min(tails)))


def sign_flip_p_value(sums: npt.ArrayLike) -> float:
    """Return how likely a sum at least as negative is where each unit's sum is as likely positive as negative.

    Parameters
    ----------
    sums : array_like of float, shape (units,)
        What each example, or each group, gained (positive) or lost. Units that did neither tell nothing.

    Notes
    -----
    Without groups (sums of one) it is McNemar's exact test. Otherwise all patterns of signs are gone through, or a
    fixed sample of 20,000 where there are many; a sampled p-value counts the pattern that was seen, so it is valid.

    Examples
    --------
    >>> sign_flip_p_value([-1, -1, -1, 0, 0]), sign_flip_p_value([1, 1])
    (0.125, 1.0)
    """
    values = np.asarray(sums, dtype=np.float64)
    values = values[values != 0]
    total, units = float(values.sum()), len(values)
    size = np.abs(values)
    if total >= 0:
        return 1.0
    if (size == size[0]).all():
        losses = int((values < 0).sum())
        # The tail of Binomial(units, 1/2) from the number of losses on, by its relation with the beta distribution.
        return float(betainc(losses, units - losses + 1, 0.5))
    if units <= _ENUMERATED:
        signs = 1 - 2 * ((np.arange(2**units)[:, None] >> np.arange(units)) & 1)
        return float((signs @ size <= total + 1e-9).mean())
    rng = np.random.default_rng(0)
    below = 0
    for _ in range(0, _FLIPS, 500):
        flips = 1 - 2 * rng.integers(2, size=(500, units))
        below += int((flips @ size <= total + 1e-9).sum())
    return (below + 1) / (_FLIPS + 1)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for how many there are: rejecting those below a errs at all with at most probability a.

    Parameters
    ----------
    p_values : sequence of (float or None)
        ``None`` is no test and stays ``None``.

    References
    ----------
    Holm 1979, "A simple sequentially rejective multiple test procedure". It needs no independence.

    Examples
    --------
    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    out: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        out[place] = highest
    return out
