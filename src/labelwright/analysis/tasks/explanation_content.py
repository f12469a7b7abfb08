"""What is said of a label on one of several related tasks, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labelwright.analysis.explanation_content import example_in_words
from labelwright.core import Class

__all__ = ["RelatedLabel", "TaskLabelContent", "TaskVote"]


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
class TaskLabelContent:
    """Everything that is said of the label of an example on one of several related tasks.

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
    place : str
        Where it stands in the data, where its id is made from the content; else empty.

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
    place: str = ""

    @property
    def called(self) -> str:
        """The example in the user's words; see `example_in_words`."""
        return example_in_words(self.example_id, self.place)

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
            "place": self.place,
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
