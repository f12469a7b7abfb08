"""Standard errors and intervals of accuracies and class balance: a jackknife over the 32 sub-sums of the stats."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from labelwright.core import Class
from labelwright.core.errors import ModelError
from labelwright.core.vote_counts import BUCKETS

from .ranges import Range, without_interval

__all__ = [
    "GIVEN",
    "STILL",
    "UNKNOWN",
    "UNVARYING",
    "Intervals",
    "Learned",
    "Range",
    "Resampled",
    "can_leave_out",
    "check_level",
    "fitted_stats",
    "intervals",
    "jackknife",
    "quantile",
    "replicates",
    "too_few",
    "without_interval",
]

Floats = npt.NDArray[np.float64]

# A variance from fewer sub-sums than this says so little that the t quantile passes 2.6 standard errors.
_FEWEST_BUCKETS = 6

UNKNOWN = "it is unknown"
GIVEN = "given or assumed, not learned"
STILL = "it does not vary between sub-samples"
_BOUND = "it is nearer to 0 or 1 than so few examples can tell"

UNVARYING = (STILL, _BOUND)
"""Why an accuracy that is known has no interval although its source votes in several sub-sums."""

# Who waits longer than so many seconds is told how far it is.
_PATIENCE = 2.0

# Solving again leaves rounding errors of this size where nothing moved.
_ROUNDING = 1e-12


class Learned(Protocol):
    """What intervals are of: the parameters of any label model.

    The seam offers intervals (`BaseLabelModel.intervals`), so that this module must not need the seam.
    """

    @property
    def classes(self) -> tuple[Class, ...]:
        """The classes."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources."""

    @property
    def class_balance(self) -> Floats:
        """P(Y), shape (k,)."""

    @property
    def accuracies(self) -> Floats:
        """Shares of right votes, shape (m,); NaN where unknown."""


@runtime_checkable
class Resampled(Protocol):
    """Stats that can do without one of their 32 sub-sums."""

    def without(self, bucket: int) -> Any:
        """Return the stats of the other rows."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Intervals:
    """How sure a fitted label model can be of what it learned.

    Parameters
    ----------
    level : float
        How often an interval holds the true value, between 0 and 1.
    sources : tuple of str
    classes : tuple of (str or int)
    accuracies : Range, shape (m,)
        Of each source's share of right votes.
    class_balance : Range, shape (k,)
        Of P(Y). Where it was given or assumed, the votes say nothing about its error: NaN, with that reason.
    method : str
        How they were worked out.
    buckets : int
        Sub-sums with rows.
    """

    level: float
    sources: tuple[str, ...]
    classes: tuple[Class, ...]
    accuracies: Range
    class_balance: Range
    method: str
    buckets: int

    def at(self, level: float) -> Intervals:
        """Return the intervals of another level, from the same standard errors."""
        check_level(level)
        reach = quantile(level, self.buckets)
        accuracies, balance = self.accuracies.reaching(reach), self.class_balance.reaching(reach)
        return replace(self, level=level, accuracies=accuracies, class_balance=balance)

    def __repr__(self) -> str:
        names = [str(n) for n in (*self.sources, *(f"P(Y={c})" for c in self.classes))]
        lines = self.accuracies.lines() + self.class_balance.lines()
        width = max(len(n) for n in names)
        body = [f"{n:{width}}  {line}" for n, line in zip(names, lines, strict=True)]
        return "\n".join([f"{self.level:.0%} intervals; {self.method}", *body])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; None where nothing is known."""
        out: dict[str, Any] = {"level": self.level, "method": self.method, "buckets": self.buckets}
        named: dict[str, tuple[tuple[Class, ...], Range]] = {
            "accuracies": (self.sources, self.accuracies),
            "class_balance": (self.classes, self.class_balance),
        }
        for what, (names, found) in named.items():
            out[what] = found.named(names)
        return out


def intervals(model: Any, level: float = 0.95, *, left_out: Sequence[Learned] | None = None) -> Intervals:
    """Return standard errors and intervals of what a fitted label model learned.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted, with its stats.
    level : float
        How often an interval should hold the true value, between 0 and 1.
    left_out : sequence of Params, optional
        What `replicates` gave for the sub-sums that have rows, where it is at hand.

    Returns
    -------
    Intervals

    Raises
    ------
    ModelError
        If the level is not between 0 and 1, or the model was loaded without its stats, or its stats cannot do without a
        sub-sum.

    Notes
    -----
    Each of the 32 sub-sums is left out in turn and the model solved again (the delete-a-group jackknife; for groups of
    unequal size in the form of Busing, Meijer & van der Leeden 1999). It knows what solving does: P(Y), rounds of EM,
    and, where a method solves anew (`BaseLabelModel.solve_without`), the choice of dependencies. `LabelModel` starts
    from the whole, and keeps the structure that it chose there. Examples of one group share a sub-sum, so that they are
    left out together. It works on the log-odds, where estimates are nearer normal, takes the t quantile with one degree
    of freedom less than there are sub-sums, and maps back, which keeps the ends between 0 and 1.

    An interval is about chance, not about a wrong model: where sources depend on each other and the model does not
    know, it holds what the model would learn from endless votes. What is the same whatever is left out was not learned
    from the votes, and what lies nearer to 0 or 1 than half an example has log-odds that the votes do not tell; such
    entries have no interval but a reason.

    Examples
    --------
    >>> from labelwright.labelmodels import LabelModel
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=4000)
    >>> right = rng.random((4000, 4)) < [0.9, 0.8, 0.7, 0.6]
    >>> model = LabelModel(class_balance=[0.5, 0.5]).fit(np.where(right, truth[:, None], 1 - truth[:, None]))
    >>> found = intervals(model).accuracies
    >>> bool(((found.low < [0.9, 0.8, 0.7, 0.6]) & (found.high > [0.9, 0.8, 0.7, 0.6])).all())
    True
    """
    check_level(level)
    stats = fitted_stats(model)
    params: Learned = model._fitted()
    rows = bucket_rows(stats)
    full = np.flatnonzero(rows)
    if not can_leave_out(stats):
        few = too_few(stats)
        accuracies, balance = without_interval(params.accuracies, few), without_interval(params.class_balance, few)
        return Intervals(level, params.sources, params.classes, accuracies, balance, few, len(full))
    left_out = replicates(model) if left_out is None else left_out
    counts: Any = getattr(stats, "counts", stats)
    why = [UNKNOWN if counts.by_source(source).any() else "it never votes" for source in params.sources]
    some, shares = (np.stack([getattr(p, name) for p in left_out]) for name in ("accuracies", "class_balance"))
    accuracies = jackknife(params.accuracies, some, rows[full], level, why, STILL)
    balance = jackknife(params.class_balance, shares, rows[full], level, [UNKNOWN] * params.class_balance.size, GIVEN)
    method = f"block jackknife over {len(full)} sub-sums of the votes, on the log-odds"
    return Intervals(level, params.sources, params.classes, accuracies, balance, method, len(full))


def fitted_stats(model: Any) -> Resampled:
    """Return the stats of a fitted model, which must be able to do without a sub-sum.

    Raises
    ------
    ModelError
        If the model was loaded without them, or they have no ``without``.
    """
    model._fitted()
    stats = getattr(model, "stats_", None)
    if stats is None:
        raise ModelError("this model was loaded without its stats, from which errors are worked out; fit it again.")
    if not isinstance(stats, Resampled):
        raise ModelError(f"{type(stats).__name__} has no without(bucket), so that its sub-sums cannot be left out.")
    return stats


def bucket_rows(stats: Any) -> npt.NDArray[np.int64]:
    """Return how many rows each sub-sum of ``stats`` is of, shape (32,)."""
    counts = getattr(stats, "counts", stats)
    return np.asarray(counts.rows, dtype=np.int64)


def can_leave_out(stats: Any) -> bool:
    """Whether enough sub-sums of ``stats`` hold rows with votes for one of them to be left out."""
    return _voiced_buckets(stats) >= _FEWEST_BUCKETS


def too_few(stats: Any) -> str:
    """Return why there are no intervals where `can_leave_out` says no."""
    return f"the rows with votes fill {_voiced_buckets(stats)} of {BUCKETS} sub-sums, and {_FEWEST_BUCKETS} are needed"


def _voiced_buckets(stats: Any) -> int:
    """Return how many sub-sums of ``stats`` hold a row with a vote."""
    return int(np.count_nonzero(getattr(stats, "counts", stats).covered))


def replicates(model: Any, *, progress: Callable[[int, int], None] | None = None) -> list[Any]:
    """Return what a fitted model learns without each of the sub-sums that have rows.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted, with its stats.
    progress : callable, optional
        Told how many are done, of how many. Default: after two seconds, a line on a terminal.

    Returns
    -------
    list of Params
        One for each sub-sum with rows, in order.
    """
    stats = fitted_stats(model)
    buckets = [int(b) for b in np.flatnonzero(bucket_rows(stats))]
    out = []
    with contextlib.nullcontext(progress) if progress is not None else progress_line() as report:
        report(0, len(buckets))
        for params in model.solve_without(stats, model._fitted(), buckets):
            out.append(params)
            report(len(out), len(buckets))
    return out


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[int, int], None]]:
    """Yield what keeps a line on stderr: on a terminal, once it takes longer than two seconds; nothing elsewhere."""
    started, shown, screen = time.monotonic(), False, sys.stderr
    # Who takes over stderr shows progress of their own, which a second line would tear.
    own = screen is sys.__stderr__ and screen is not None and screen.isatty()

    def report(done: int, total: int) -> None:
        nonlocal shown
        if own and time.monotonic() - started > _PATIENCE:
            shown = True
            screen.write(f"\r\x1b[Kleaving out sub-sums: {done} of {total} (Ctrl-C stops; nothing is lost)")
            screen.flush()

    try:
        yield report
    finally:
        if shown:
            screen.write("\r\x1b[K")
            screen.flush()


def check_level(level: float) -> None:
    """Check how often an interval should hold the true value.

    Raises
    ------
    ModelError
        If it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ModelError(f"level is {level}; it must be between 0 and 1, as 0.95.")


def quantile(level: float, buckets: int) -> float:
    """Return how many standard errors an interval reaches; of a variance from one sub-sum nothing is known."""
    return float(stdtrit(buckets - 1, 0.5 + level / 2)) if buckets > 1 else np.nan


def jackknife(
    estimate: Floats, left_out: Floats, rows: npt.NDArray[np.int64], level: float, unknown: Sequence[str], still: str
) -> Range:
    """Return estimates with their ranges, given what they are without each sub-sum; see the notes of `intervals`.

    Parameters
    ----------
    estimate : ndarray of float, shape (d,)
        Between 0 and 1; NaN where unknown.
    left_out : ndarray of float, shape (b, d)
    rows : ndarray of int, shape (b,)
        How many rows each sub-sum is of.
    level : float
    unknown : sequence of str
        For each entry why it would be NaN.
    still : str
        Why an entry would not vary.
    """
    known = np.isfinite(estimate)
    steady = known & np.isfinite(left_out).all(axis=0)
    # Half a row away from 0 and 1, so that log-odds stay finite.
    least = 0.5 / (rows.sum() + 1)
    centre = logit(np.clip(estimate, least, 1 - least))
    moved = logit(np.clip(left_out, least, 1 - least))
    ratio = (rows.sum() / rows)[:, None]
    pseudo = ratio * centre - (ratio - 1) * moved
    error = np.sqrt((((pseudo - pseudo.mean(axis=0)) ** 2) / (ratio - 1)).mean(axis=0))
    half = quantile(level, len(rows)) * error
    low, high = (expit(centre + sign * half) for sign in (-1, 1))
    spread = error * expit(centre) * expit(-centre)
    tests = (
        (~known, unknown),
        (~steady, "its votes lie in one sub-sum"),
        ((np.abs(left_out - estimate) <= _ROUNDING).all(axis=0), still),
        ((estimate < least) | (estimate > 1 - least), _BOUND),
        (~((low < estimate) & (estimate < high)), still),
    )
    reasons = np.select([test for test, _ in tests], [np.broadcast_to(why, known.shape) for _, why in tests], "")
    low, high, spread = (np.where(reasons == "", values, np.nan) for values in (low, high, spread))
    return Range(estimate, spread, low, high, tuple(reasons.tolist()))
