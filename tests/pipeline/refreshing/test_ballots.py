"""What decides votes: for one task just what always did; for several the tasks named, and what ties them."""

from __future__ import annotations

import msgspec
import numpy as np

from labelwright.pipeline.kept.kept_votes import PartVotesRecord, VotesRecord
from labelwright.pipeline.refreshing.ballots import task_vote_parameters, vote_parameters
from labelwright.pipeline.refreshing.voting import _joined
from labelwright.pipeline.settings import parse_settings

ONE = '[data]\npath = "d.csv"\n[task]\nclasses = ["ham", "spam"]\n'
SEVERAL = """
[data]
path = "d.csv"
[tasks.finding]
classes = ["normal", "abnormal"]
[tasks.kind]
classes = ["mass", "nodule"]
refines = { task = "finding", classes = ["abnormal"] }
[tasks.urgent]
classes = ["no", "yes"]
"""


def test_what_a_run_on_one_task_keeps_is_what_it_always_kept():
    assert vote_parameters("v1", parse_settings(ONE)) == {"function": "v1", "classes": ["ham", "spam"]}
    assert msgspec.to_builtins(VotesRecord(["ham", "spam"], ["a"], ["part"])) == {
        "classes": ["ham", "spam"],
        "sources": ["a"],
        "parts": ["part"],
    }
    assert msgspec.to_builtins(PartVotesRecord([("a", "votes")], {})) == {"votes": [("a", "votes")], "failures": {}}


def test_votes_hang_on_the_tasks_that_are_named_and_on_what_ties_these():
    def decided(text, *tasks):
        settings = parse_settings(text)
        return task_vote_parameters("v1", tasks, settings.graph, settings)

    tied = SEVERAL + '[[relations]]\nimplies = { when = { urgent = "yes" }, then = { finding = "abnormal" } }\n'
    gold = SEVERAL.replace('classes = ["no", "yes"]', 'classes = ["no", "yes"]\ngold = "urgent"')
    more = SEVERAL + '[tasks.size]\nclasses = ["small", "large"]\n'
    other = SEVERAL.replace('["mass", "nodule"]', '["mass", "nodule", "cyst"]')
    assert decided(SEVERAL, "kind") == {"function": "v1", "tasks": {"kind": ["mass", "nodule", "N/A"]}}
    assert decided(SEVERAL, "kind") == decided(tied, "kind") == decided(gold, "kind") == decided(more, "kind")
    assert decided(SEVERAL, "kind") != decided(other, "kind")
    assert decided(SEVERAL, "finding") == decided(other, "finding")
    # An answer on two tasks that contradicts itself abstains, so there the relations decide too.
    assert decided(SEVERAL, "finding", "kind") == decided(more, "finding", "kind")
    assert decided(SEVERAL, "finding", "kind") != decided(tied, "finding", "kind")


def test_sets_of_states_are_those_that_occur_whoever_said_them_first():
    ab, bc = frozenset({0, 1}), frozenset({1, 2})
    before = np.array([3, -1, 4, -1], dtype=np.int16), (bc, ab)
    made = np.array([0, 3], dtype=np.int16), (bc,)
    codes, sets = _joined(before, made, np.array([1, 3]), 3)
    assert sets == (ab, bc)
    assert codes.tolist() == [4, 0, 3, 4]
    codes, sets = _joined((np.array([-1, 2], dtype=np.int16), (ab,)), (np.array([1]), ()), np.array([0]), 3)
    assert (codes.tolist(), sets) == ([1, 2], ())
