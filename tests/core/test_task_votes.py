"""Votes on several tasks: what they imply, and where they contradict each other, against listing every vector."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import Votes
from labelwright.core.errors import VoteError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Equal, Excludes, Implies, Refines, Task

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"]), Task("side", ["left", "right"])],
    [Refines("kind", "finding", "abnormal"), Refines("side", "kind", ["mass", "nodule"])],
)
LABELS = TaskGraph.multi_label(
    ["dog", "pet", "cat", "free"], [Implies(("dog", "yes"), ("pet", "yes")), Excludes(("dog", "yes"), ("cat", "yes"))]
)
TWINS = TaskGraph([Task("a", 2), Task("b", 2)], [Equal("a", "b")])


def one_source(graph: TaskGraph, codes: dict[str, list[int]], *, sparse: bool = False, **fields: Any) -> TaskVotes:
    made = {}
    for task, column in codes.items():
        more: dict[str, Any] = {"classes": graph.states(task), "sources": ["s"], **fields}
        if sparse:
            at = np.flatnonzero(np.array(column) >= 0)
            said = np.array(column)[at]
            made[task] = Votes.from_entries(at, np.zeros(len(at), int), said, shape=(len(column), 1), **more)
        else:
            made[task] = Votes([[c] for c in column], **more)
    return TaskVotes(graph, made)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_answer_on_a_child_speaks_for_its_ancestors(sparse: bool) -> None:
    codes = {"finding": [1, 1, 0, -1, 0, -1], "kind": [0, -1, -1, 1, 2, 2], "side": [1, -1, -1, -1, 2, -1]}
    votes = one_source(GRAPH, codes, sparse=sparse)
    kept = {task: v.values[:, 0].tolist() for task, v in votes.counted.items()}
    # Rows 0 and 3: who names a kind says "abnormal". Row 4: "normal" says that nothing else applies. Row 5: N/A of the
    # kind says "normal".
    assert kept == {"finding": [1, 1, 0, 1, 0, 0], "kind": [0, -1, -1, 1, -1, -1], "side": [1, -1, -1, -1, -1, -1]}
    assert votes.by_task["finding"].values[:, 0].tolist() == codes["finding"]


def test_of_two_votes_that_say_the_same_the_later_stays() -> None:
    votes = one_source(TWINS, {"a": [0, 1, -1], "b": [0, -1, 1]})
    assert votes.counted["a"].values[:, 0].tolist() == [-1, 1, -1]
    assert votes.counted["b"].values[:, 0].tolist() == [0, -1, 1]


def test_what_other_sources_say_takes_nothing_away() -> None:
    finding = Votes([[1]], classes=GRAPH.states("finding"), sources=["a"])
    kind = Votes([[0]], classes=GRAPH.states("kind"), sources=["b"])
    votes = TaskVotes(GRAPH, {"finding": finding, "kind": kind})
    assert votes.counted["finding"].values.tolist() == [[1]]
    assert votes.counted["finding"] is finding


def test_a_source_that_contradicts_itself_is_named_with_its_example() -> None:
    with pytest.raises(VoteError, match=r"example x, source 's' voted finding = normal, kind = mass") as said:
        one_source(GRAPH, {"finding": [1, 0, 0], "kind": [0, 0, 1]}, example_ids=["w", "x", "y"])
    assert "(2 such examples" in str(said.value)
    with pytest.raises(VoteError, match="a = 0, b = 1"):
        one_source(TWINS, {"a": [0], "b": [1]})


def test_numbered_classes_of_a_refined_task_are_to_be_named() -> None:
    graph = TaskGraph([Task("any", ["no", "yes"]), Task("grade", 4)], [Refines("grade", "any", "yes")])
    assert graph.states("grade")[-1] == "N/A"  # graphs hold them
    with pytest.raises(VoteError, match=r"'grade' has numbers.*names: Task\('grade', \['0', '1', '2', ...\]\)"):
        TaskVotes(graph, {"grade": [[0], [1]]})
    assert TaskVotes(graph, {"any": [[0], [1]]}).n == 2


def test_sources_may_contradict_each_other() -> None:
    votes = TaskVotes(LABELS, {"dog": [[1, 1], [0, 1], [1, -1]], "pet": [[1], [1], [0]], "cat": [[-1], [1], [1]]})
    # Row 0: nothing; row 1: dog.0 and dog.1 conflict, which is not meant, but dog.1 and cat exclude each other.
    assert votes.contradictions().tolist() == [False, True, True]
    assert votes.contradicting() == {("dog", "pet"): 1, ("dog", "cat"): 2}


def test_partial_votes_are_sets_of_states() -> None:
    kind = Votes(
        [[0], [1]], classes=GRAPH.states("kind"), sources=["s"], alphabet={"s": [{0, 1}, {0, 2}]}
    )  # "mass or nodule", "mass or N/A"
    finding = Votes([[1], [1]], classes=GRAPH.states("finding"), sources=["s"])
    votes = TaskVotes(GRAPH, {"finding": finding, "kind": kind})
    # "Mass or nodule" is "abnormal" by another name. "Mass or N/A" adds to it.
    assert votes.counted["finding"].values.tolist() == [[1], [1]]
    assert votes.counted["kind"].values.tolist() == [[0], [1]]
    assert votes.covered.tolist() == [[True, True, False], [True, True, False]]


def test_a_task_is_covered_by_what_rules_out_a_class_of_it() -> None:
    votes = one_source(GRAPH, {"finding": [0, 1, -1, -1], "kind": [-1, -1, 0, -1]})
    # "Normal" rules out all below; "abnormal" nothing but N/A; "mass" settles the finding, and the side stays open.
    assert votes.covered.tolist() == [[True] * 3, [True, False, False], [True, True, False], [False] * 3]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[TaskGraph, dict[str, np.ndarray]]:
    graph = draw(st.sampled_from([GRAPH, LABELS, TWINS]))
    n = draw(st.integers(1, 6))
    codes = {}
    for task, size in zip(graph.names, graph.sizes, strict=True):
        values = draw(st.lists(st.integers(-1, size - 1), min_size=2 * n, max_size=2 * n))
        codes[task] = np.array(values).reshape(n, 2)
    return graph, codes


def consistent(graph: TaskGraph, row: list[int]) -> np.ndarray:
    """The feasible vectors that agree with one answer (or -1) for each task."""
    vectors = graph.feasible()
    return vectors[[all(a in (-1, v) for a, v in zip(row, vector, strict=True)) for vector in vectors]]


@given(crowds())
@settings(max_examples=60, deadline=None)
def test_what_is_dropped_follows_from_what_is_kept(crowd: tuple[TaskGraph, dict[str, np.ndarray]]) -> None:
    graph, codes = crowd
    said = np.column_stack([codes[task][:, 0] for task in graph.names])
    rows = [row for row in said.tolist() if len(consistent(graph, row))]
    if not rows:
        return
    votes = one_source(graph, {task: [row[t] for row in rows] for t, task in enumerate(graph.names)})
    left = np.column_stack([votes.counted[task].values[:, 0] for task in graph.names])
    above = {graph.names.index(parent) for parent, _ in graph.above.values()}
    for row, kept in zip(rows, left.tolist(), strict=True):
        assert all(b in (-1, a) or (a < 0 and t in above) for t, (a, b) in enumerate(zip(row, kept, strict=True)))
        whole = consistent(graph, row)
        assert np.array_equal(consistent(graph, kept), whole)
        for t in set(np.flatnonzero(np.array(kept) >= 0).tolist()) - above:
            fewer = [-1 if i == t else c for i, c in enumerate(kept)]
            assert len(consistent(graph, fewer)) > len(whole), "every vote that stays adds something, or is handed up"


@given(crowds())
@settings(max_examples=60, deadline=None)
def test_contradictions_are_pairs_that_no_vector_satisfies(crowd: tuple[TaskGraph, dict[str, np.ndarray]]) -> None:
    graph, codes = crowd
    votes = TaskVotes(graph, codes)
    pairs: dict[tuple[str, str], set[int]] = {}
    for i in range(votes.n):
        for a, first in enumerate(graph.names):
            for b in range(a + 1, len(graph.names)):
                for x in codes[first][i]:
                    for y in codes[graph.names[b]][i]:
                        row = [-1] * len(graph.names)
                        row[a], row[b] = x, y
                        if x >= 0 and y >= 0 and not len(consistent(graph, row)):
                            pairs.setdefault((first, graph.names[b]), set()).add(i)
    assert votes.contradicting() == {pair: len(rows) for pair, rows in pairs.items()}
    assert np.flatnonzero(votes.contradictions()).tolist() == sorted(set().union(*pairs.values()))


def test_rows_and_sources_are_taken_together() -> None:
    votes = TaskVotes(GRAPH, {"finding": [[0, 1], [1, -1], [1, 1]], "kind": [[2], [1], [-1]]})
    assert votes.sources == ("finding.0", "finding.1", "kind.0")
    assert votes.tasks_of("kind.0") == ("kind",)
    part = votes.take([2, 0])
    assert part.example_ids.tolist() == [2, 0]
    assert part.by_task["kind"].values.tolist() == [[-1], [2]]
    assert TaskVotes.concat([votes.take([0]), votes.take([1, 2])]).by_task["finding"].values.tolist() == [
        [0, 1],
        [1, -1],
        [1, 1],
    ]
    assert list(votes.select(["finding.1"]).by_task) == ["finding"]
    assert votes.bucket.tolist() == votes.by_task["kind"].bucket.tolist()
    again = pickle.loads(pickle.dumps(votes))
    assert again.by_task["kind"].values.tolist() == [[2], [1], [-1]]
    assert again.covered.tolist() == votes.covered.tolist()


def test_classes_alone_are_taken_for_states() -> None:
    votes = TaskVotes(GRAPH, {"kind": Votes([[1]], classes=["mass", "nodule"])})
    assert votes.by_task["kind"].classes == ("mass", "nodule", "N/A")


@pytest.mark.parametrize(
    ("by_task", "said"),
    [
        ({}, "no task at all"),
        ({"size": [[0]]}, "task 'size'"),
        ({"finding": [[2]]}, "task 'finding': example 0"),
        ({"finding": [["a"]]}, "task 'finding'"),
        ({"finding": [[0]], "kind": [[0], [1]]}, "1 rows of votes on task 'finding', but 2"),
        ({"finding": Votes([[0]], classes=["abnormal", "normal"])}, "classes are"),
        ({"finding": [[0]], "kind": Votes([[0]], classes=["mass", "nodule"], example_ids=[7])}, "example ids"),
        ({"finding": [[0]], "kind": Votes([[0]], classes=["mass", "nodule"], groups=[7])}, "groups"),
    ],
)
def test_what_does_not_fit_is_refused(by_task: dict[str, object], said: str) -> None:
    with pytest.raises(VoteError, match=said):
        TaskVotes(GRAPH, by_task)  # type: ignore[arg-type]


def test_unknown_sources_are_refused() -> None:
    votes = TaskVotes(GRAPH, {"finding": [[0]]})
    for call in (lambda: votes.tasks_of("x"), lambda: votes.select(["x"]), lambda: votes.select([])):
        with pytest.raises(VoteError, match=r"no source"):
            call()
