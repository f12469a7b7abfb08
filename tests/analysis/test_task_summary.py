"""Summaries over tasks: each task's table is that of its votes alone, and contradictions are counted."""

from __future__ import annotations

import json

import pytest

import labelwright as lw
from labelwright.analysis.task_summary import lf_summary_by_task
from labelwright.core import Task, TaskGraph
from labelwright.core.errors import VoteError
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])],
    [Refines("kind", "finding", "abnormal")],
)
VOTES = TaskVotes(GRAPH, {"finding": [[0], [1], [-1]], "kind": [[0, -1], [1, 0], [2, 2]]})


def test_each_task_is_summarised_as_alone():
    gold = {"kind": ["N/A", "nodule", None]}
    found = lf_summary_by_task(VOTES, gold)
    assert str(found["kind"]) == str(lw.lf_summary(VOTES.by_task["kind"], gold["kind"]))
    assert not found["finding"].has_gold
    assert (found["kind"]["kind.0"].correct, found["kind"]["kind.0"].incorrect) == (1, 1)


def test_contradictions_between_tasks_are_told():
    found = lf_summary_by_task(VOTES)
    assert dict(found.contradicting) == {("finding", "kind"): 1}
    assert "finding and kind: votes rule each other out on 1 examples" in str(found)
    assert json.loads(json.dumps(found.to_dict()))["contradicting"] == [{"tasks": ["finding", "kind"], "examples": 1}]


def test_gold_of_a_task_without_votes_is_refused():
    with pytest.raises(VoteError, match="'side', which has no votes"):
        lf_summary_by_task(VOTES, {"side": ["left"]})
