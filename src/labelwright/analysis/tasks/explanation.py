"""Why an example has its label on one of several related tasks, as plain values, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass

from labelwright.analysis.explanation_text import flat

from .explanation_content import RelatedLabel, TaskLabelContent, TaskVote
from .explanation_page import task_explanation_html, task_explanation_page

__all__ = ["RelatedLabel", "TaskExplanation", "TaskVote"]

_MOST_FIELDS = 12
_NAME = 28


@dataclass(frozen=True, slots=True)
class TaskExplanation(TaskLabelContent):
    """Why an example has its label on one of several related tasks; shows as a table in a notebook.

    Parameters are those of `labelwright.analysis.tasks.explanation_content.TaskLabelContent`.
    """

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
        lines = [f"Example {flat(self.called)}, {self.split}, run {self.run} of {flat(self.project)}: {self.task}"]
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
