"""A tree of tasks about what people wear."""

from __future__ import annotations

from labelwright.core import Task, TaskGraph
from labelwright.core.tasks import Refines

# "wear" is refined twice, and one of these once more; in the order of `TaskGraph.parts`.
TREE = TaskGraph(
    [
        Task("wear", ["shoes", "bags", "none"]),
        Task("bag", ["hand", "back"]),
        Task("shoe", ["flat", "heel"]),
        Task("heel", ["low", "high"]),
    ],
    [Refines("shoe", "wear", "shoes"), Refines("bag", "wear", "bags"), Refines("heel", "shoe", "heel")],
)
