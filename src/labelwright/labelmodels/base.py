"""The seam: a label model is three pure functions and an estimator around them."""

from __future__ import annotations

import abc
import inspect
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt

from labelwright.core import Class, SoftLabels, Stats, Ties, VoteCounts, VoteFrame, Votes, check_classes
from labelwright.core.errors import FallbackWarning, ModelError, NotFittedError, VoteError
from labelwright.core.given_votes import column_names
from labelwright.core.vote_counts import check_gold

if TYPE_CHECKING:
    from .contributions import Contributions
    from .intervals import Intervals

__all__ = ["BaseLabelModel", "Outcome", "Params"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How solving ended. Not converging is an answer, not an accident.

    Parameters
    ----------
    kind : {"converged", "max_steps", "fell_back", "closed_form"}
    sentence : str
        What happened and why, for people.
    steps : int
        Rounds of iteration; 0 where there are none.

    Examples
    --------
    >>> str(Outcome("converged", "Converged after 7 steps.", 7))
    'Converged after 7 steps.'
    """

    kind: Literal["converged", "max_steps", "fell_back", "closed_form"]
    sentence: str
    steps: int = 0

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True, eq=False)
class Params:
    """What every label model learns.

    Parameters
    ----------
    classes : tuple of (str or int)
        The classes in the order of their codes.
    sources : tuple of str
        The sources in the order of their columns.
    alphabet : tuple of (str, tuple of frozenset of int)
        Sources whose codes mean sets of classes.
    class_balance : ndarray of float, shape (k,)
        P(Y); the answer for examples without votes.
    accuracies : ndarray of float, shape (m,)
        Estimated share of each source's votes that hold the true class; NaN where unknown.
    outcome : Outcome
        How solving ended.
    """

    classes: tuple[Class, ...]
    sources: tuple[str, ...]
    alphabet: tuple[tuple[str, tuple[frozenset[int], ...]], ...]
    class_balance: npt.NDArray[np.float64]
    accuracies: npt.NDArray[np.float64]
    outcome: Outcome

    @property
    def frame(self) -> VoteFrame:
        """Classes, sources and alphabet together."""
        return VoteFrame(self.classes, self.sources, self.alphabet)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape that each array must have; a method adds its own in ``own_shapes``."""
        return {"class_balance": (len(self.classes),), "accuracies": (len(self.sources),)} | self.own_shapes()

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays that a method learns beside these; saved models are checked against them."""
        return {}


S = TypeVar("S", bound=Stats)
P = TypeVar("P", bound=Params)


class BaseLabelModel(abc.ABC, Generic[S, P]):
    """A label model turns a sum of votes into parameters.

    A method defines ``summarize``, ``solve`` and ``posterior``, which are pure, and names the ``params_type`` that
    saving needs; everything else follows. The rules are scikit-learn's: the constructor only stores, ``fit`` returns
    self, what is learned ends in ``_``, and ``sklearn.base.clone`` works. (Inheriting from scikit-learn would make the
    first use of a label model wait more than a second for an import of which nothing else is needed.)

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.

    Attributes
    ----------
    params_ : Params
        Everything learned.
    stats_ : Stats
        The sum that it was learned from; `partial_fit` adds to it.
    classes_ : tuple of (str or int)
    accuracies_ : ndarray of float, shape (m,)
        Estimated share of each source's votes that are right; NaN where unknown.
    class_balance_ : ndarray of float, shape (k,)
    outcome_ : Outcome
        How solving ended, with a sentence.
    """

    params_type: ClassVar[type[Params]] = Params
    cardinality: int | None
    params_: P
    stats_: S

    @abc.abstractmethod
    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> S:
        """Return the exact, mergeable stats of ``votes``; ``gold`` (n,) holds known classes, -1 elsewhere."""

    @abc.abstractmethod
    def solve(self, stats: S) -> P:
        """Return the parameters that ``stats`` give; deterministic."""

    @abc.abstractmethod
    def posterior(self, params: P, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example; the class balance where nobody voted."""

    def fit(self, votes: Votes | npt.ArrayLike, y: npt.ArrayLike | None = None) -> Self:
        """Learn from votes.

        Parameters
        ----------
        votes : Votes, or array_like of int, shape (n, m)
            -1 marks an abstain.
        y : array_like of (int or str), shape (n,), optional
            Known classes of some examples; -1 (or None) where unknown. For P(Y) they should be a random sample.

        Returns
        -------
        self

        Raises
        ------
        VoteError
            If the votes or ``y`` break their rules.
        ModelError
            If no source voted at all, or the votes do not fit the options.
        """
        return self.fit_stats(self.summarize(votes, gold=y))

    def fit_stats(self, stats: S) -> Self:
        """Learn from stats that were summarised, and perhaps merged, before."""
        params = self.solve(stats)
        if params.outcome.kind == "fell_back":
            warnings.warn(FallbackWarning(params.outcome.sentence), stacklevel=_stack_level())
        self._plant(params)
        self.stats_ = stats
        return self

    def partial_fit(self, votes: Votes | npt.ArrayLike, y: npt.ArrayLike | None = None) -> Self:
        """Add votes to what was seen, and learn again; equal to one fit on all of them.

        A plain array goes on where the last one stopped: its ids are the positions after the rows already seen. `Votes`
        bring their ids, which must differ between batches.
        """
        if hasattr(self, "params_") and not hasattr(self, "stats_"):
            raise ModelError("this model was loaded without its stats, so nothing can be added to it; fit it again.")
        if not hasattr(self, "stats_"):
            return self.fit_stats(self.summarize(votes, gold=y))
        if not isinstance(votes, Votes):
            more, seen = self._votes(votes), _rows_seen(self.stats_)
            ids = np.arange(seen, seen + more.n)
            votes = Votes(more.rows, classes=more.classes, sources=more.sources, example_ids=ids)
        return self.fit_stats(self.stats_ + self.summarize(votes, gold=y))

    def solve_without(self, stats: S, params: P, buckets: Sequence[int]) -> Iterator[P]:
        """Yield what the model learns without each of ``buckets``, given the ``params`` that it learned from all.

        Solves anew; a method that can start from ``params`` does. See `labelwright.labelmodels.intervals.replicates`.
        """
        del params
        for bucket in buckets:
            yield self.solve(stats.without(bucket))  # type: ignore[attr-defined]  # `replicates` has checked it

    def for_fit_test(self) -> Self:
        """Return the fitted model as a test of its fit takes it: without what chance made it take for dependence."""
        self._fitted()
        return self

    def soft_labels(self, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) with the covered flag and the example ids."""
        return self.posterior(self._fitted(), votes)

    def predict_proba(self, votes: Votes | npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return P(Y | votes), shape (n, k)."""
        return self.soft_labels(votes).probs

    def predict(self, votes: Votes | npt.ArrayLike, ties: Ties = "abstain") -> npt.NDArray[np.int64]:
        """Return the most probable class code of each example, shape (n,).

        Parameters
        ----------
        votes : Votes, or array_like of int, shape (n, m)
        ties : {"abstain", "random", "prior"}
            See `labelwright.core.break_ties`. Examples without votes are ties of the class balance.
        """
        return self.soft_labels(votes).predict(ties=ties, class_balance=self.class_balance_)

    def score(self, votes: Votes | npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the accuracy on the examples whose class is known and that have a vote; a tie counts as wrong."""
        soft = self.soft_labels(votes)
        gold = check_gold(y, self._votes(votes, classes=soft.classes))
        scored = soft.covered & (gold >= 0)
        if not scored.any():
            raise ModelError("no example has both a vote and a known class, so there is nothing to score.")
        return float((soft.predict()[scored] == gold[scored]).mean())

    def intervals(self, level: float = 0.95) -> Intervals:
        """Return standard errors and intervals of the accuracies and the class balance.

        Parameters
        ----------
        level : float
            How often an interval should hold the true value, between 0 and 1.

        Returns
        -------
        Intervals
            See `labelwright.labelmodels.intervals`.

        Raises
        ------
        ModelError
            If the model was loaded without its stats, or the level is not between 0 and 1.
        """
        # Imported here, as most uses of a label model ask for none.
        from .intervals import intervals

        return intervals(self, level)

    def contributions(self, votes: Votes | npt.ArrayLike, *, random_state: int = 0) -> tuple[Contributions, ...]:
        """Return what each vote adds to the log-odds of its example; see `labelwright.labelmodels.contributions`."""
        from .contributions import contributions

        return contributions(self, votes, random_state=random_state)

    @property
    def classes_(self) -> tuple[Class, ...]:
        """The classes in the order of the columns of ``predict_proba``."""
        return self._fitted().classes

    @property
    def accuracies_(self) -> npt.NDArray[np.float64]:
        """Estimated share of each source's votes that are right, shape (m,); NaN where unknown."""
        return self._fitted().accuracies

    @property
    def class_balance_(self) -> npt.NDArray[np.float64]:
        """P(Y), shape (k,)."""
        return self._fitted().class_balance

    @property
    def outcome_(self) -> Outcome:
        """How solving ended."""
        return self._fitted().outcome

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options, as scikit-learn asks for them; ``deep`` changes nothing here."""
        del deep
        names = [n for n in inspect.signature(type(self).__init__).parameters if n != "self"]
        return {name: getattr(self, name) for name in names}

    def set_params(self, **options: Any) -> Self:
        """Change options; return self."""
        allowed = self.get_params()
        for name, value in options.items():
            if name not in allowed:
                raise ModelError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(allowed)}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        given = inspect.signature(type(self).__init__).parameters
        shown = [f"{k}={v!r}" for k, v in self.get_params().items() if not _same(v, given[k].default)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _plant(self, params: P) -> None:
        self.params_ = params
        if hasattr(self, "stats_"):
            del self.stats_

    def _fitted(self) -> P:
        if not hasattr(self, "params_"):
            raise NotFittedError(f"this {type(self).__name__} has not been fitted; call fit(votes) first.")
        return self.params_

    def _votes(self, votes: Votes | npt.ArrayLike, *, classes: tuple[Class, ...] | None = None) -> Votes:
        """Return ``votes`` as Votes, whose cardinality agrees with the option."""
        if not isinstance(votes, Votes):
            return Votes(votes, classes=self.cardinality if classes is None else classes)
        if self.cardinality is not None and self.cardinality != votes.k:
            raise ModelError(
                f"cardinality is {self.cardinality}, but the votes have {votes.k} classes: {votes.classes}."
            )
        return votes

    def _votes_like(self, params: P, votes: Votes | npt.ArrayLike) -> Votes:
        """Return ``votes`` with the sources of ``params``, in their order; without names, columns count by position."""
        if not isinstance(votes, Votes):
            names, known = column_names(votes), params.sources
            if names is None or known == tuple(map(str, range(len(known)))):
                return Votes(votes, classes=params.classes, sources=known, alphabet=dict(params.alphabet))
            own = {name: sets for name, sets in params.alphabet if name in names}
            votes = Votes(votes, classes=params.classes, sources=names, alphabet=own)
        if votes.classes != params.classes:
            raise ModelError(f"the model knows the classes {params.classes}, but the votes have {votes.classes}.")
        if set(votes.sources) != set(params.sources):
            raise ModelError(_other_sources(votes.sources, params.sources))
        found = votes if votes.sources == params.sources else votes.select(params.sources)
        try:
            return found.in_alphabet(dict(params.alphabet))
        except VoteError as error:
            raise ModelError(
                f"the votes and the model differ in their alphabet: {error} Fit the model again."
            ) from None


def check_class_balance(balance: npt.ArrayLike | None, k: int) -> npt.NDArray[np.float64] | None:
    """Return a given class balance as a checked array (k,), or None where none is given.

    Raises
    ------
    ModelError
        If it is not k positive numbers that sum to 1.

    Examples
    --------
    >>> check_class_balance([0.2, 0.8], 2).tolist()
    [0.2, 0.8]
    """
    if balance is None:
        return None
    try:
        p = np.asarray(balance, dtype=np.float64)
    except (TypeError, ValueError):
        p = np.empty(0)
    if p.shape != (k,) or not np.isfinite(p).all() or (p <= 0).any() or abs(p.sum() - 1) > 1e-6:
        raise ModelError(
            f"class_balance is {balance}; it must be {k} positive numbers, one for each class, that sum to 1."
        )
    return np.asarray(p / p.sum())


def check_cardinality(k: int | None) -> int | None:
    """Return the option ``cardinality`` if it is one: None, or an integer of at least 2."""
    if k is not None:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise ModelError(f"cardinality is {k!r}; it is the number of classes, an integer of at least 2, or None.")
        check_classes(int(k))
    return k


def _other_sources(given: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return what to say, and to do, where votes are of ``given`` sources and the model knows the ``known`` ones."""
    missing, new = ([s for s in one if s not in set(other)] for one, other in ((known, given), (given, known)))
    said = ["the votes and the model differ in their sources."]
    for names, what, todo in (
        (missing, "Missing from the votes", "Apply all functions that the model was fitted with"),
        (new, "New to the model", "Leave them out (votes.select)"),
    ):
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            said.append(f"{what}: {shown}. {todo}, or fit the model again.")
    return " ".join(said)


def _rows_seen(stats: Stats) -> int:
    """Return how many rows ``stats`` are of; 0 where a method's own kind of stats does not say."""
    counts = getattr(stats, "counts", stats)
    return int(counts.rows.sum()) if isinstance(counts, VoteCounts) else 0


def _same(left: object, right: object) -> bool:
    return left is right or (isinstance(left, (int, float, str)) and left == right)


def _stack_level() -> int:
    """Return how far up the stack the caller outside this package is, so that a warning points there."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").startswith(__package__ or "labelwright"):
        frame, level = frame.f_back, level + 1
    return level
