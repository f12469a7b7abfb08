"""What is wrong, or weak, in votes and in the model fitted to them: findings with stable codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

import numpy.typing as npt

from labelwright.core import PatternCounts, Votes
from labelwright.core.errors import ModelError
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels.base import BaseLabelModel

from .diagnose_model import model_findings
from .diagnose_votes import VoteFacts, vote_findings
from .findings import Findings

if TYPE_CHECKING:
    from labelwright.labelmodels.multitask.model import MultiTask

    from .diagnose_tasks import TaskFindings

__all__ = ["diagnose"]


@overload
def diagnose(
    votes: TaskVotes,
    model: MultiTask | None = None,
    *,
    y: Mapping[str, npt.ArrayLike] | None = None,
    dependencies: None = None,
    resample: bool = True,
) -> TaskFindings: ...


@overload
def diagnose(
    votes: Votes | npt.ArrayLike,
    model: BaseLabelModel[Any, Any] | None = None,
    *,
    y: npt.ArrayLike | None = None,
    dependencies: Iterable[Any] | None = None,
    resample: bool = True,
) -> Findings: ...


def diagnose(
    votes: Any,
    model: Any = None,
    *,
    y: Any = None,
    dependencies: Iterable[Any] | None = None,
    resample: bool = True,
) -> Findings | TaskFindings:
    """Look for what makes labels worse than they need to be, and say what to do about it.

    Parameters
    ----------
    votes : Votes, or array_like of int, shape (n, m), or TaskVotes
    model : BaseLabelModel or MultiTask, optional
        Fitted to these votes. Without one, only the votes are looked at.
    y : array_like of (int or str), shape (n,), or mapping of str to such, optional
        Known classes of some examples (of several tasks: by task); -1 (or None) where unknown.
    dependencies : iterable of pairs of sources, optional
        Pairs that the model knows to depend on each other; they are no finding. Not for several tasks.
    resample : bool
        Whether to solve the model 32 times more, for intervals, the fit test and stability (LW013, LW015, LW019).

    Returns
    -------
    Findings, or TaskFindings of votes on several tasks
        Worst first; empty where all is well.

    Raises
    ------
    VoteError
        If the votes or ``y`` break their rules.
    ModelError
        If the model is no label model or not fitted, or was fitted to other votes.

    Notes
    -----
    A finding is printed with its evidence and what to do; its ``code`` is stable, for programs. The page "How sure" in
    the documentation explains each code.

    Examples
    --------
    >>> votes = Votes([[1, 1, -1], [-1, 1, -1]] * 50, sources=["a", "b", "c"], classes=["ham", "spam"])
    >>> for finding in diagnose(votes):
    ...     print(finding.code, finding.severity, finding.what)
    LW005 error 2 sources vote; accuracies can be learned from three or more.
    LW006 error No two sources ever disagree.
    LW001 warning Source never votes.
    LW002 warning Source says the same on every example.
    LW007 warning Sources take one side each, and nothing tells the class balance.
    LW010 warning No source votes for a class that was declared.
    """
    if isinstance(votes, TaskVotes):
        from .diagnose_tasks import diagnose_tasks

        if dependencies is not None:
            raise ModelError("dependencies are for votes on one task; MultiTask learns them task by task.")
        return diagnose_tasks(votes, model, y=y, resample=resample)
    if model is not None and not isinstance(model, BaseLabelModel):
        raise ModelError(
            f"model is {model!r}; it must be a fitted label model, or be left out. Known classes go to y=."
        )
    found = model._votes_like(model._fitted(), votes) if model is not None else _as_votes(votes)
    if not found.n:
        raise ModelError("there are no examples, so there is nothing to diagnose.")
    facts = VoteFacts(found, PatternCounts.of(found, gold=y), y is not None)
    findings = vote_findings(facts, model)
    checked = f"votes of {found.m} sources on {found.n:,} examples"
    if model is None:
        return Findings.of(findings, checked)
    more, effective = model_findings(facts, model, dependencies, resample)
    return Findings.of(findings + more, f"{checked}, and {type(model).__name__}", effective)


def _as_votes(votes: Votes | npt.ArrayLike) -> Votes:
    return votes if isinstance(votes, Votes) else Votes(votes)
