"""A network for many tasks: one trunk that all share, and a head for each, along the hierarchy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from labelwright.core.classes import Class
from labelwright.core.errors import ModelError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.tasks import Refines, Task
from labelwright.endmodels.composing import parents_in

from .layout import lay_out
from .loss import segmented_softmax
from .pooling import Pooling, pooled, width_of

__all__ = ["Heads", "MultiTaskNetwork", "Reads"]

Heads: TypeAlias = TaskGraph | Mapping[str, int | Sequence[Class]]
Reads: TypeAlias = Literal["nothing", "predicted", "hidden"]


class MultiTaskNetwork(nn.Module):
    """A shared trunk and one head per task; the heads of all tasks are one matrix product.

    Parameters
    ----------
    trunk : torch.nn.Module
        Turns a batch of inputs into features of shape (b, width). Or a Hugging Face encoder: called with a mapping of
        tensors as keywords, it gives ``last_hidden_state`` (b, tokens, width), and these are pooled.
    heads : TaskGraph, or mapping of str to (int or sequence of classes)
        The tasks; a mapping names their classes or how many there are.
    hierarchy : sequence of Refines, optional
        Which task refines which, where ``heads`` is a mapping; a graph brings its own.
    width : int, optional
        Features that the trunk gives. Default: what an encoder's ``config`` or the trunk's last linear layer says.
    head_width : int, optional
        Units of a hidden layer in each head. Default: heads are linear.
    reads : {"nothing", "predicted", "hidden"}, default "nothing"
        What the head of a refined task sees of its parent, beside the features: the probabilities that the parent's
        head gives (without a gradient into it: its answer stays an answer to its own question), or the parent's hidden
        layer (needs ``head_width``).
    pooling : {"mean", "first", "pooler"}, default "mean"
        How token features become one vector: mean over the tokens of the ``attention_mask``, the first token, or the
        encoder's own ``pooler_output``.

    Attributes
    ----------
    graph : TaskGraph
    layout : Layout
        In which order the scores of the tasks lie.
    parents : dict of str to Parent

    Raises
    ------
    ModelError
        If the width cannot be told, or a setting is not allowed.

    Notes
    -----
    ``forward`` gives one row of scores (b, columns), all tasks side by side; `split` separates them. A head for a
    refined task answers *given that it applies*: N/A is not among its classes, and `predict_task_probs` composes it.

    Examples
    --------
    >>> network = MultiTaskNetwork(nn.Linear(4, 8), {"shape": 3, "colour": ["red", "blue"]})
    >>> {task: tuple(scores.shape) for task, scores in network.split(network(torch.zeros(5, 4))).items()}
    {'shape': (5, 3), 'colour': (5, 2)}
    """

    parent_slots: torch.Tensor
    passed_at: torch.Tensor

    def __init__(
        self,
        trunk: nn.Module,
        heads: Heads,
        hierarchy: Iterable[Refines] = (),
        *,
        width: int | None = None,
        head_width: int | None = None,
        reads: Reads = "nothing",
        pooling: Pooling = "mean",
    ) -> None:
        super().__init__()
        self.graph = _graph(heads, tuple(hierarchy))
        self.parents = parents_in(self.graph)
        _check(reads, head_width)
        self.reads, self.pooling = reads, pooling
        self.width = width_of(trunk) if width is None else width
        widths = {task.name: len(task.classes) for task in self.graph.tasks}
        self.layout = lay_out(widths, self.parents, chained=reads != "nothing")
        self.trunk = trunk
        self.head_width = head_width
        if head_width is None:
            self.heads: nn.Linear = nn.Linear(self.width, self.layout.columns)
        else:
            self.hidden = nn.Linear(self.width, head_width * len(self.layout.names))
            self.heads_out = nn.ParameterList(
                _uniform(group.tasks, head_width, group.width, fan_in=head_width) for group in self.layout.groups
            )
            self.heads_bias = _uniform(self.layout.columns, fan_in=head_width)
        self._link()

    def forward(self, inputs: Any) -> torch.Tensor:
        """Return the scores of all tasks, shape (b, columns), in the order of ``layout``."""
        return self.scores(self.features(inputs))

    def features(self, inputs: Any) -> torch.Tensor:
        """Return what the trunk makes of a batch, shape (b, width)."""
        mapped = isinstance(inputs, Mapping)
        found = self.trunk(**inputs) if mapped else self.trunk(inputs)
        features = pooled(found, inputs.get("attention_mask") if mapped else None, self.pooling)
        if features.ndim != 2 or features.shape[1] != self.width:
            raise ModelError(
                f"the trunk gave features of shape {tuple(features.shape)}; the heads need (batch, {self.width}). Pass "
                "width=, or end the trunk with a layer that flattens or pools."
            )
        return features

    def scores(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scores of all tasks from the features, (b, width) -> (b, columns)."""
        scores = self.heads(features) if self.head_width is None else self._from_hidden(features, self.head_width)
        return self._with_parents(scores) if self.reads == "predicted" else scores

    def split(self, scores: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the scores of each task, (b, classes), in the order of the graph."""
        found = self.layout.split(scores)
        return {name: found[name] for name in self.graph.names}

    def _link(self) -> None:
        """Make the weights by which heads read their parents, and the places where they belong."""
        slots = {name: slot for slot, name in enumerate(self.layout.names)}
        children = [name for name in self.layout.names if name in self.parents] if self.reads != "nothing" else []
        of = torch.tensor([slots[self.parents[name].task] for name in children], dtype=torch.int64)
        self.register_buffer("parent_slots", of, persistent=False)
        if self.reads == "hidden" and children:
            assert self.head_width is not None
            fan_in = self.width + self.head_width
            self.from_parents = _uniform(len(children), self.head_width, self.head_width, fan_in=fan_in)
        if self.reads == "predicted" and children:
            starts, widths = self.layout.starts, self.layout.widths
            pairs = [
                (starts[slots[self.parents[name].task]] + above, starts[slots[name]] + own)
                for name in children
                for above in range(widths[slots[self.parents[name].task]])
                for own in range(widths[slots[name]])
            ]
            self.register_buffer("passed_at", torch.tensor(pairs, dtype=torch.int64).T, persistent=False)
            self.from_parents = _uniform(len(pairs), fan_in=self.head_width or self.width)

    def _from_hidden(self, features: torch.Tensor, head_width: int) -> torch.Tensor:
        before = self.hidden(features).view(len(features), len(self.layout.names), head_width)
        hidden = torch.relu(before) if self.reads != "hidden" else self._chained(before)
        parts = [
            torch.einsum("bth,thk->btk", hidden[:, group.slots], weight).flatten(1)
            for group, weight in zip(self.layout.groups, self.heads_out, strict=True)
        ]
        return torch.cat(parts, dim=1) + self.heads_bias

    def _chained(self, before: torch.Tensor) -> torch.Tensor:
        """Compute the hidden layers level by level, each with its parent's beside the features."""
        done: list[torch.Tensor] = []
        read = 0
        for slots in self._levels():
            here = before[:, slots]
            if done:
                count = slots.stop - slots.start
                above = torch.cat(done, dim=1)[:, self.parent_slots[read : read + count]]
                here = here + torch.einsum("bth,thg->btg", above, self.from_parents[read : read + count])
                read += count
            done.append(torch.relu(here))
        return torch.cat(done, dim=1)

    def _with_parents(self, scores: torch.Tensor) -> torch.Tensor:
        """Add to each refined task's scores what it reads from its parent's probabilities, level by level."""
        levels = list(self._levels())
        if len(levels) == 1:
            return scores
        rows, columns = self.passed_at
        total = self.layout.columns
        weights = scores.new_zeros(total, total).index_put((rows, columns), self.from_parents)
        ends = [*self.layout.starts, total]
        for slots in levels[1:]:
            first, last = ends[slots.start], ends[slots.stop]
            probs = segmented_softmax(scores, self.layout).detach()[:, :first]
            more = probs @ weights[:first, first:last]
            scores = torch.cat([scores[:, :first], scores[:, first:last] + more, scores[:, last:]], dim=1)
        return scores

    def _levels(self) -> Iterable[slice]:
        groups = self.layout.groups
        for level in range(groups[-1].level + 1):
            own = [group for group in groups if group.level == level]
            yield slice(own[0].slots.start, own[-1].slots.stop)


def _graph(heads: Heads, hierarchy: tuple[Refines, ...]) -> TaskGraph:
    if isinstance(heads, TaskGraph):
        if hierarchy:
            raise ModelError("heads is a TaskGraph, which holds its relations; leave hierarchy out.")
        return heads
    return TaskGraph([Task(name, classes) for name, classes in heads.items()], hierarchy)


def _check(reads: str, head_width: int | None) -> None:
    if reads not in ("nothing", "predicted", "hidden"):
        raise ModelError(f"reads is {reads!r}; allowed: 'nothing', 'predicted', 'hidden'.")
    if head_width is not None and head_width < 1:
        raise ModelError(f"head_width is {head_width}; it must be at least 1.")
    if reads == "hidden" and head_width is None:
        raise ModelError("reads='hidden' needs head_width=, as linear heads have no hidden layer to read.")


def _uniform(*shape: int, fan_in: int) -> nn.Parameter:
    # As torch.nn.Linear begins.
    bound = 1 / math.sqrt(fan_in)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
