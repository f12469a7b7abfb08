"""Why an example has its label on one of several related tasks, as plain values and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelwright.analysis.explanation_text import flat
from labelwright.core import Class

from .explanation_page import task_explanation_html, task_explanation_page

__all__ = ["RelatedLabel", "TaskExplanation", "TaskVote"]

_MOST_FIELDS = 12
_NAME = 28


@dataclass(frozen=True, slots=True)
class TaskVote:
    """What one function said of an example, and what the label on a task would be without it.

    Parameters
    ----------
    source : str
    said : mapping of str to str
        What it voted, by task: on the task that is explained, or on related ones.
    without : tuple of float, shape (states,)
        Probability of each state of the task that is explained, had the function abstained on all its tasks.
    """

    source: str
    said: Mapping[str, str]
    without: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RelatedLabel:
    """The label of the example on a related task: its state in the label vector, and how probable that is alone."""

    task: str
    state: Class
    prob: float


@dataclass(frozen=True, slots=True)
class TaskExplanation:
    """Why an example has its label on one of several related tasks.

    Parameters
    ----------
    project : str
    run : int
    run_id : str
    example_id : str or int
    split, task : str
    fields : mapping of str to object
        The example.
    states : tuple of (str or int)
    probs : tuple of float, shape (states,)
    label : str, int or None
        The state in the most probable label vector that keeps every relation; ``None`` where nothing is known.
    votes : tuple of TaskVote
        Of all functions that voted on this task or on related ones, those that move the label most first.
    related : tuple of RelatedLabel
    gold : str, int or None
    slices : tuple of str
        The slices that the example belongs to.

    Notes
    -----
    ``without`` is exact: the label model as it was learned, asked again without the function's votes.
    """

    project: str
    run: int
    run_id: str
    example_id: str | int
    split: str
    task: str
    fields: Mapping[str, Any]
    states: tuple[Class, ...]
    probs: tuple[float, ...]
    label: Class | None
    votes: tuple[TaskVote, ...]
    related: tuple[RelatedLabel, ...]
    gold: Class | None = None
    slices: tuple[str, ...] = ()

    @property
    def top(self) -> int:
        """Position of the most probable state."""
        return max(range(len(self.states)), key=lambda s: self.probs[s])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "project": self.project,
            "run": self.run,
            "run_id": self.run_id,
            "example_id": self.example_id,
            "split": self.split,
            "task": self.task,
            "probs": dict(zip(map(str, self.states), self.probs, strict=True)),
            "label": self.label,
            "gold": self.gold,
            "votes": [
                {
                    "source": vote.source,
                    "said": dict(vote.said),
                    "without": dict(zip(map(str, self.states), vote.without, strict=True)),
                }
                for vote in self.votes
            ],
            "related": [{"task": one.task, "label": one.state, "prob": one.prob} for one in self.related],
            "slices": list(self.slices),
        }

    def to_text(self, *, width: int = 100, plain: bool = False) -> str:
        """Return lines for a terminal.

        Examples
        --------
        >>> vote = TaskVote("reader", {"kind": "mass"}, (0.5, 0.2, 0.3))
        >>> print(TaskExplanation("p", 1, "c0", "r7", "train", "kind", {"text": "a mass"}, ("mass", "cyst", "N/A"),
        ...     (0.9, 0.05, 0.05), "mass", (vote,), (RelatedLabel("finding", "abnormal", 0.95),)).to_text())
        Example r7, train, run 1 of p: kind
          text  a mass
        <BLANKLINE>
        mass 90.0%, cyst 5.0%, N/A 5.0%
        <BLANKLINE>
                says         mass without it
        reader  kind = mass  50.0% (-40.0)
        <BLANKLINE>
        Related: finding = abnormal (95.0%)
        """
        del plain
        lines = [f"Example {flat(self.example_id)}, {self.split}, run {self.run} of {flat(self.project)}: {self.task}"]
        shown = list(self.fields.items())[:_MOST_FIELDS]
        room = max((len(flat(name)) for name, _ in shown), default=0)
        lines += [f"  {flat(name):<{room}}  {flat(value, max(20, width - room - 4))}" for name, value in shown]
        lines += [f"  in slices: {', '.join(map(flat, self.slices))}"] if self.slices else []
        order = sorted(range(len(self.states)), key=lambda s: -self.probs[s])
        answer = ", ".join(f"{self.states[s]} {self.probs[s]:.1%}" for s in order)
        lines += ["", f"{answer}{'' if self.gold is None else f'; gold: {self.gold}'}", ""]
        if self.label is not None and self.label != self.states[self.top]:
            lines[-1:] = [f"Label: {self.label}, so that the labels of all tasks keep every relation.", ""]
        lines += self._table() if self.votes else ["No function voted on this task or a related one."]
        if self.related:
            said = ", ".join(f"{one.task} = {one.state} ({one.prob:.1%})" for one in self.related)
            lines += ["", f"Related: {said}"]
        return "\n".join(line.rstrip() for line in lines)

    def to_page(self) -> str:
        """Return a whole HTML document."""
        return task_explanation_page(self)

    def _repr_html_(self) -> str:
        return task_explanation_html(self)

    def _table(self) -> list[str]:
        top = self.top
        rows = [["", "says", f"{self.states[top]} without it"]]
        for vote in self.votes:
            said = ", ".join(f"{task} = {value}" for task, value in vote.said.items())
            change = 100 * (vote.without[top] - self.probs[top])
            best = max(range(len(self.states)), key=lambda s: vote.without[s])
            flips = "" if best == top else f"  {self.states[best]} {vote.without[best]:.1%} !"
            rows.append(
                [flat(vote.source, _NAME), flat(said, 2 * _NAME), f"{vote.without[top]:.1%} ({change:+.1f}){flips}"]
            )
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]
        if any(row[2].endswith("!") for row in rows):
            lines += ["", "! the label would be another without this function"]
        return lines
