"""What a report on several tasks says, as plain results: the pipeline gathers these, `render_tasks` lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.base import Estimate
from labelwright.analysis.content import Artifact, Note, Role, Split
from labelwright.analysis.slices import SplitSlices
from labelwright.analysis.summary import Summary
from labelwright.core import Class, TaskGraph

from .contradictions import Contradictions

__all__ = ["LearnedShare", "TaskFinding", "TaskModel", "TaskResult", "TaskScore", "TasksContent"]


@dataclass(frozen=True, slots=True)
class TaskScore:
    """How well the labels of one task match gold on one split.

    Parameters
    ----------
    n : int
        Examples with gold.
    accuracy, macro_f1 : Estimate
        Of the labels, with 95% intervals; "N/A" counts as a class where gold says it.
    """

    n: int
    accuracy: Estimate
    macro_f1: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"n": self.n, "accuracy": self.accuracy.to_dict(), "macro_f1": self.macro_f1.to_dict()}


@dataclass(frozen=True, slots=True)
class TaskModel:
    """How well one model answers one task, on one split.

    Parameters
    ----------
    name : str
        As shown: "Joint labels", "End model", "Plain end model" (without augmented copies).
    role : {"label model", "end model", "plain end model"}
    score : TaskScore
    """

    name: str
    role: Role
    score: TaskScore


@dataclass(frozen=True, slots=True)
class LearnedShare:
    """What the label model learned of a function or a state of a task: a share, and how far chance may have moved it.

    Parameters
    ----------
    name : str
    share : float
        NaN where it is unknown.
    low, high : float
        The ends of a 95% interval; NaN where ``reason`` says why there is none.
    reason : str
    """

    name: str
    share: float
    low: float
    high: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TaskFinding:
    """Something that makes labels worse than they look, or is good to know.

    Parameters
    ----------
    task : str
        Whose votes it is about; "" where only the tasks together show it.
    code : str
        Stable, such as "LW024".
    severity : {"error", "warning", "note"}
    what, evidence, what_to_do : str
    sources : tuple of str
        The functions that it is about; () for the whole.
    """

    task: str
    code: str
    severity: Literal["error", "warning", "note"]
    what: str
    evidence: str
    what_to_do: str
    sources: tuple[str, ...] = ()

    @classmethod
    def of(cls, task: str, plain: Mapping[str, Any]) -> TaskFinding:
        """Return a finding that a diagnosis gave as plain values."""
        told = {name: plain[name] for name in ("code", "severity", "what", "evidence", "what_to_do")}
        return cls(task, **told, sources=tuple(plain["sources"]))


@dataclass(frozen=True, slots=True, eq=False)
class TaskResult:
    """One task in a report.

    Parameters
    ----------
    name : str
    states : tuple of (str or int)
        Its classes, then "N/A" where it may not apply.
    covered : float
        Share of train on which some vote, on this task or a related one, says something about its classes.
    summary : Summary, optional
        Of the votes on it on train; ``None`` where no source votes on it.
    not_applicable : float, optional
        Mean probability on train that it does not apply; ``None`` where it always does.
    scores : mapping of str to sequence of TaskModel
        By split, where there is gold: the joint labels first, then the end model.
    slices : sequence of SplitSlices
        How models do on slices, split by split; those with gold are drawn and scored.
    accuracies, shares : sequence of LearnedShare
        Of each function's votes on it, how many are right where it applies; and of each of its states, before any vote.
        Empty where intervals were not worked out.
    """

    name: str
    states: tuple[Class, ...]
    covered: float
    summary: Summary | None = None
    not_applicable: float | None = None
    scores: Mapping[str, Sequence[TaskModel]] = field(default_factory=dict)
    slices: Sequence[SplitSlices] = ()
    accuracies: Sequence[LearnedShare] = ()
    shares: Sequence[LearnedShare] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TasksContent:
    """Everything that a report on several tasks shows.

    Parameters
    ----------
    project : str
    graph : TaskGraph
    tasks : sequence of TaskResult
        In the order of the graph.
    splits : sequence of Split
        Train first.
    contradictions : Contradictions, optional
        Of the votes on train.
    feasible : tuple of (int, int), optional
        How many label vectors, of how many that were checked, keep every relation.
    findings : sequence of TaskFinding, optional
        Worst first; ``None`` where nobody looked for any.
    augmentation : AugmentationView, optional
    when, run_id, description : str
    notes : sequence of Note
    lineage : sequence of Artifact
    next_steps : sequence of (command, what it does)
    """

    project: str
    graph: TaskGraph
    tasks: Sequence[TaskResult]
    splits: Sequence[Split] = ()
    contradictions: Contradictions | None = None
    feasible: tuple[int, int] | None = None
    findings: Sequence[TaskFinding] | None = None
    augmentation: AugmentationView | None = None
    when: str = ""
    run_id: str = ""
    description: str = ""
    notes: Sequence[Note] = ()
    lineage: Sequence[Artifact] = ()
    next_steps: Sequence[tuple[str, str]] = ()
