"""Matrix completion: accuracies of two-class sources in closed form, from how often votes go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from labelwright.core import SoftLabels, SparseRows, VoteFrame, Votes
from labelwright.core.errors import ModelError
from labelwright.labelmodels.base import BaseLabelModel, Params, check_cardinality, check_class_balance
from labelwright.labelmodels.dependencies.cliques import CliqueCells, disjoint_cliques, resolve_pairs
from labelwright.labelmodels.expectation import softmax_rows
from labelwright.labelmodels.majority_vote import MajorityVote, check_some_votes
from labelwright.labelmodels.problem import Problem
from labelwright.labelmodels.scoring import score_sums

from .completion_solver import Solved, solve_many_classes, solve_two_classes
from .completion_stats import CompletionStats
from .repeats import repeated_in_rows

__all__ = ["MatrixCompletion", "MatrixCompletionParams"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MatrixCompletionParams(Params):
    """What `MatrixCompletion` learns.

    Parameters
    ----------
    classes, sources, alphabet, class_balance, accuracies, outcome
        See `labelwright.labelmodels.base.Params`.
    tables : ndarray of float, shape (f, k)
        P(vote | Y) of each code of each source, in the order of sources; a source abstains otherwise. NaN for more than
        two classes, and after falling back.
    scores : ndarray of float, shape (f, k)
        What each vote adds to the log-odds of the classes, beside abstaining; 0 for members of cliques.
    start : ndarray of float, shape (k,)
        The log-odds of an example on which only members of cliques vote.
    clique : ndarray of int64, shape (m,)
        Which clique of dependent sources each source belongs to; -1 for none.
    cells : ndarray of float, shape (cells, k)
        What each cell of each clique (`labelwright.labelmodels.dependencies.cliques.CliqueCells`) adds to the log-odds.
    rank, columns, smallest_singular_value : float
        Of the linear system of matrix completion; see `labelwright.labelmodels.identifiability`. NaN for more than two
        classes.
    """

    tables: Floats
    scores: Floats
    start: Floats
    clique: Integers
    cells: Floats
    rank: float
    columns: float
    smallest_singular_value: float

    def own_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes that the arrays must have."""
        f, k = int(self.frame.sizes.sum()), len(self.classes)
        cells = sum(one.count for one in self.cliques)
        return {
            "tables": (f, k),
            "scores": (f, k),
            "start": (k,),
            "clique": (len(self.sources),),
            "cells": (cells, k),
        }

    @property
    def cliques(self) -> tuple[CliqueCells, ...]:
        """The cliques in the order of their numbers."""
        count = int(self.clique.max(initial=-1)) + 1
        return tuple(CliqueCells.of(self.frame, np.flatnonzero(self.clique == c).tolist()) for c in range(count))


class MatrixCompletion(BaseLabelModel[CompletionStats, MatrixCompletionParams]):
    """Accuracies, firing rates and labels from second moments; no iteration over examples.

    Parameters
    ----------
    cardinality : int, optional
        Number of classes k of votes that come as plain arrays. Default: as many as the codes need, at least 2.
    class_balance : array_like of float, shape (k,), optional
        P(Y), where it is known. Default: from third cumulants of the votes, known classes in ``y`` added (they should
        be a random sample); uniform where neither is to be had. ``outcome_`` says which.
    dependencies : iterable of pairs, Dependencies, or "learn", optional
        Sources that depend on each other beyond Y, by name or position. They are closed to disjoint cliques, and each
        clique counts as one source with a joint table. ``"learn"`` finds them first (`learn_dependencies`). Default:
        sources are independent given Y.
    use_abstains : bool
        Whether an abstain is evidence, as it is in this model, where abstaining is one more thing that a source can
        say: the labels are then Bayes' rule. False where examples were assigned to sources (as in crowds), so that who
        abstains tells nothing. An example without any vote gets the class balance either way.
    random_state : int
        For ``dependencies="learn"``, which looks at random halves of the data; nothing else is drawn.

    Notes
    -----
    Ratner, Hancock, Dunnmon, Sala, Pandey & Re, *Training complex models with multi-task weak supervision* (AAAI
    2019). For two classes see `labelwright.labelmodels.completion.completion.complete`; the time to solve does not
    depend on the number of examples. For more classes second moments do not identify the model (an orthogonal
    transformation of the classes leaves them as they are), so that third moments are decomposed as in `Spectral`;
    ``outcome_`` says so.

    Sources that say exactly the same on every example count as one, without being declared.

    With fewer than three groups of sources that vary, the model falls back to majority vote.

    The model takes all that sources do together, beyond declared dependencies, for agreement about Y: also that workers
    are handed the same batches of examples. For crowds prefer `DawidSkene` or `Spectral`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.choice(2, 20_000, p=[0.8, 0.2])
    >>> right = rng.random((20_000, 5)) < [0.9, 0.8, 0.8, 0.7, 0.6]
    >>> votes = np.where(right, truth[:, None], 1 - truth[:, None])
    >>> model = MatrixCompletion().fit(votes)
    >>> model.accuracies_.round(1).tolist(), model.class_balance_.round(1).tolist()
    ([0.9, 0.8, 0.8, 0.7, 0.6], [0.8, 0.2])
    >>> print(model.outcome_)
    Solved second moments of 20,000 examples; class balance from third cumulants. Identifiable: 5 independent groups...
    """

    params_type = MatrixCompletionParams

    def __init__(
        self,
        cardinality: int | None = None,
        class_balance: npt.ArrayLike | None = None,
        dependencies: Iterable[Any] | Literal["learn"] | None = None,
        *,
        use_abstains: bool = True,
        random_state: int = 0,
    ) -> None:
        self.cardinality = cardinality
        self.class_balance = class_balance
        self.dependencies = dependencies
        self.use_abstains = use_abstains
        self.random_state = random_state

    def summarize(self, votes: Votes | npt.ArrayLike, *, gold: npt.ArrayLike | None = None) -> CompletionStats:
        """Return moments of the votes; see `labelwright.labelmodels.completion.completion_stats.CompletionStats`."""
        check_cardinality(self.cardinality)
        found = self._votes(votes)
        cliques = _cliques(VoteFrame.of(found), None if self._learns() else self.dependencies)
        return CompletionStats.of(found, gold=gold, cliques=cliques, patterns=self._learns())

    def solve(self, stats: CompletionStats) -> MatrixCompletionParams:
        """Return the parameters that ``stats`` give; rows are not needed.

        Raises
        ------
        ModelError
            If no source voted, or an option is not what it may be.
        """
        check_some_votes(stats.counts)
        frame = stats.frame
        given = check_class_balance(self.class_balance, frame.k)
        # One thread: sums of floats then add up in one order, and small products do not wait for idle threads.
        with _threads().limit(limits=1, user_api="blas"):
            dependencies = self._learned(stats) if self._learns() else self.dependencies
            if frame.k == 2:
                cliques = _cliques(frame, dependencies)
                found = solve_two_classes(stats, cliques, given, use_abstains=self.use_abstains)
            else:
                assert stats.patterns is not None
                cliques = _cliques(frame, dependencies, repeated_in_rows(Problem.of(stats.patterns)))
                found = solve_many_classes(stats, cliques, given)
        return _params(frame, cliques, found)

    def posterior(self, params: MatrixCompletionParams, votes: Votes | npt.ArrayLike) -> SoftLabels:
        """Return P(Y | votes) of each example."""
        found = self._votes_like(params, votes)
        if params.outcome.kind == "fell_back":
            return MajorityVote(class_balance=params.class_balance).posterior(params, found)
        cliques = params.cliques
        cells = np.split(params.cells, np.cumsum([one.count for one in cliques]))
        probs = np.empty((found.n, found.k))
        covered = np.empty(found.n, dtype=bool)
        for start, stop, sums, voted in score_sums(found, params.scores):
            sums += params.start
            if cliques:
                rows = found.rows
                block = rows.dense(start, stop) if isinstance(rows, SparseRows) else rows[start:stop]
                for clique, table in zip(cliques, cells, strict=False):
                    sums += table[clique.code(block)]
            probs[start:stop] = np.where(voted[:, None], softmax_rows(sums), params.class_balance)
            covered[start:stop] = voted
        return SoftLabels(probs, covered, classes=params.classes, example_ids=found.example_ids)

    def _learns(self) -> bool:
        if isinstance(self.dependencies, str):
            if self.dependencies != "learn":
                raise ModelError(
                    f'dependencies is {self.dependencies!r}; give pairs of sources, "learn", or None for none.'
                )
            return True
        return False

    def _learned(self, stats: CompletionStats) -> Any:
        """Return the dependencies that the votes show."""
        from labelwright.labelmodels.dependencies.learn_dependencies import learn_dependencies

        found = stats.patterns if stats.moments is None else stats.moments
        assert found is not None
        return learn_dependencies(found, random_state=self.random_state)


@cache
def _threads() -> ThreadpoolController:
    """Return what limits threads; made once, as looking for the libraries takes longer than solving."""
    return ThreadpoolController()


def _cliques(frame: VoteFrame, dependencies: Any, more: Iterable[Any] = ()) -> tuple[CliqueCells, ...]:
    pairs = resolve_pairs(dependencies, frame.sources) + resolve_pairs(more, frame.sources)
    return tuple(CliqueCells.of(frame, members) for members in disjoint_cliques(frame.m, pairs))


def _params(frame: VoteFrame, cliques: tuple[CliqueCells, ...], found: Solved) -> MatrixCompletionParams:
    clique = np.full(frame.m, -1, dtype=np.int64)
    for number, one in enumerate(cliques):
        clique[list(one.members)] = number
    return MatrixCompletionParams(
        frame.classes,
        frame.sources,
        frame.alphabet,
        found.balance,
        found.accuracies,
        found.outcome,
        found.tables,
        found.scores,
        found.start,
        clique,
        found.cells,
        float(found.rank),
        float(found.columns),
        found.smallest_singular_value,
    )
