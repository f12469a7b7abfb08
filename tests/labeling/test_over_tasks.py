"""Functions over tasks: one call for each example, votes on every task it names, whatever the parts and the engine."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import labelwright as lw
from labelwright.core import Task, TaskGraph
from labelwright.core.errors import FunctionError, LabelingError, VoteError
from labelwright.core.tasks import Refines
from labelwright.data import read
from labelwright.engines import LocalEngine
from labelwright.labeling.by_part import apply_tasks_by_part

GRAPH = TaskGraph(
    [
        Task("finding", ["normal", "abnormal"]),
        Task("kind", ["mass", "nodule", "fracture"]),
        Task("urgent", ["no", "yes"]),
    ],
    [Refines("kind", "finding", "abnormal")],
)
TEXTS = [
    "a mass in the left lung",
    "a nodule",
    "no finding",
    "a broken rib, seen today",
    "mass or nodule",
    "nothing",
]


@lw.labeling_function(tasks=["finding", "kind", "urgent"])
def reads_all(x):
    if "mass or nodule" in x.text:
        return {"kind": ["mass", "nodule"]}
    if "mass" in x.text:
        return {"kind": "mass", "urgent": True}
    return {"finding": "normal"} if "no finding" in x.text else None


nodule = lw.keyword_lf("nodule", ["nodule"], label="nodule", field="text", task="kind")
broken = lw.regex_lf("broken", r"brok\w+", label="fracture", field="text", task="kind")


@lw.batch_lf(task="urgent", fields=["text"])
def today(frame):
    return ["yes" if "today" in text else None for text in frame["text"]]


FUNCTIONS = [reads_all, nodule, broken, today]


def codes(votes):
    return {task: {s: v.values[:, j].tolist() for j, s in enumerate(v.sources)} for task, v in votes.by_task.items()}


def test_each_function_has_a_column_for_every_task_it_names():
    votes = lw.apply(FUNCTIONS, pl.DataFrame({"text": TEXTS}), tasks=GRAPH)
    found = codes(votes)
    assert found["finding"] == {"reads_all": [-1, -1, 0, -1, -1, -1]}
    assert found["urgent"] == {"reads_all": [1, -1, -1, -1, -1, -1], "today": [-1, -1, -1, 1, -1, -1]}
    assert found["kind"][nodule.name] == [-1, 1, -1, -1, 1, -1]
    assert found["kind"]["broken"] == [-1, -1, -1, 2, -1, -1]
    own = votes.by_task["kind"].alphabet["reads_all"]
    assert own[found["kind"]["reads_all"][4]] == {0, 1}
    assert votes.tasks_of("reads_all") == ("finding", "kind", "urgent")


def test_a_function_over_tasks_runs_once_for_each_example():
    calls = []

    @lw.labeling_function(tasks=["finding", "urgent"])
    def counted(x):
        calls.append(x.text)
        return {"finding": "normal", "urgent": "no"}

    lw.apply([counted], [{"text": t} for t in TEXTS], tasks=GRAPH)
    assert sorted(calls) == sorted(TEXTS)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_votes_are_the_same_for_every_partition(rows):
    frame = pl.DataFrame({"text": TEXTS * 3})
    whole = lw.apply(FUNCTIONS, frame, tasks=GRAPH)
    parts = [lw.apply(FUNCTIONS, frame[i : i + rows], tasks=GRAPH) for i in range(0, len(frame), rows)]
    for task, votes in whole.by_task.items():
        meanings = [votes.alphabet.get(s) for s in votes.sources]
        said = np.concatenate([p.by_task[task].values for p in parts])
        for j, own in enumerate(meanings):
            if own is None:
                np.testing.assert_array_equal(said[:, j], votes.values[:, j])
    processes = lw.apply(FUNCTIONS, frame, tasks=GRAPH, engine=LocalEngine(workers=2))
    assert codes(processes) == codes(whole)


def test_an_answer_that_contradicts_itself_is_a_failure():
    @lw.labeling_function(tasks=["finding", "kind"])
    def torn(x):
        return {"finding": "normal", "kind": "mass"} if "mass" in x.text else None

    rows = [{"text": t} for t in TEXTS]
    with pytest.raises(LabelingError, match=r"'torn' gave answers that cannot hold together .*on example 0"):
        lw.apply([torn], rows, tasks=GRAPH)
    votes = lw.apply([torn], rows, tasks=GRAPH, on_error="abstain")
    assert codes(votes)["kind"]["torn"] == [-1] * 6
    assert votes.by_task["kind"].failures[0].count == 2


def test_mistakes_are_named():
    rows = [{"text": "mass"}]

    @lw.labeling_function(tasks=["finding", "size"])
    def unknown(x):
        return None

    with pytest.raises(FunctionError, match=r"'unknown'.*'size'.*finding, kind, urgent"):
        lw.apply([unknown], rows, tasks=GRAPH)

    @lw.labeling_function(task="kind")
    def other(x):
        return "cyst"

    with pytest.raises(LabelingError, match=r"'other' voted 'cyst' on example 0.*'kind'; allowed: 'mass'"):
        lw.apply([other], rows, tasks=GRAPH)
    with pytest.raises(FunctionError, match="no task graph"):
        lw.apply([nodule], rows)
    with pytest.raises(FunctionError, match="tasks must be a TaskGraph"):
        lw.apply([nodule], rows, tasks=["kind"])
    with pytest.raises(FunctionError, match="classes and tasks are both given"):
        lw.apply([nodule], rows, tasks=GRAPH, classes=["a", "b"])


def test_numbered_classes_of_a_refined_task_are_refused_before_any_function_runs():
    graph = TaskGraph([Task("any", ["no", "yes"]), Task("grade", 3)], [Refines("grade", "any", "yes")])

    @lw.labeling_function(task="grade")
    def graded(x):
        raise AssertionError

    with pytest.raises(VoteError, match="Give its classes names"):
        lw.apply([graded], [{"text": "mass"}], tasks=graph)


def test_the_only_task_needs_no_name_and_versions_know_tasks():
    plain = lw.keyword_lf("f", ["mass"], label="yes", field="text")
    named = lw.keyword_lf("f", ["mass"], label="yes", field="text", task="mass")
    votes = lw.apply([plain], [{"text": "mass"}], tasks=TaskGraph([Task("mass", ["no", "yes"])]))
    assert codes(votes) == {"mass": {"f": [1]}}
    assert plain.version != named.version


def test_votes_part_by_part_do_not_depend_on_how_parts_are_cut():
    def either(x):
        return {"kind": ["nodule", "fracture"]} if x.n % 3 else {"kind": ["mass", "fracture"], "urgent": x.n % 2 == 0}

    function = lw.labeling_function(tasks=["kind", "urgent"])(either)
    n = 101  # Python functions see pieces of 16 rows first, so a part is put together from several
    frame = pl.DataFrame({"n": range(n)})
    stream = apply_tasks_by_part([function], read(frame).parts(), frame.schema, tasks=GRAPH, rows=n)
    (whole,) = list(stream)
    reverse = read(frame.reverse())
    (other,) = list(apply_tasks_by_part([function], reverse.parts(), frame.schema, tasks=GRAPH, rows=n))
    assert whole.sets == other.sets == ((frozenset({0, 2}), frozenset({1, 2})), ())
    assert np.array_equal(whole.values, other.values[::-1])
    assert whole.values[:4].tolist() == [[4, 1], [5, -1], [5, -1], [4, 0]]
