"""Soft labels of several tasks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from labelwright.core.errors import TaskError, VoteError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Refines, Task

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"])],
    [Refines("kind", "finding", "abnormal")],
)
FINDING = [[0.2, 0.8], [1.0, 0.0], [0.5, 0.5]]
KIND = [[0.6, 0.2, 0.2], [0.0, 0.0, 1.0], [0.1, 0.4, 0.5]]


def labels(**changes: object) -> TaskLabels:
    return TaskLabels(GRAPH, {"finding": FINDING, "kind": KIND}, **changes)  # type: ignore[arg-type]


def test_where_a_task_surely_does_not_apply_classes_are_as_common_as_elsewhere() -> None:
    classes, weights = labels().given_applicable("kind")
    np.testing.assert_allclose(classes, [[0.75, 0.25], [0.7 / 1.3, 0.6 / 1.3], [0.2, 0.8]])
    np.testing.assert_allclose(weights, [0.8, 0, 0.5])
    whole, sure = labels().given_applicable("finding")
    assert whole.tolist() == FINDING
    assert sure.tolist() == [1, 1, 1]


def test_a_task_that_never_applies_has_uniform_classes() -> None:
    never = TaskLabels(GRAPH, {"finding": [[1.0, 0.0]], "kind": [[0.0, 0.0, 1.0]]})
    assert never.given_applicable("kind")[0].tolist() == [[0.5, 0.5]]


def test_rows_ids_and_cover_go_together() -> None:
    covered = np.array([[True, False], [True, True], [False, False]])
    kept = labels(covered=covered, example_ids=["a", "b", "c"]).take([2, 0])
    assert kept.example_ids.tolist() == ["c", "a"]
    assert kept.covered.tolist() == [[False, False], [True, False]]
    assert kept.probs["kind"].tolist() == [KIND[2], KIND[0]]
    assert kept.soft_labels("kind").covered.tolist() == [False, False]
    assert kept.soft_labels("kind").classes == ("mass", "nodule", "N/A")
    assert len(kept) == kept.n == 2


def test_it_crosses_process_borders_and_stays_read_only() -> None:
    again = pickle.loads(pickle.dumps(labels()))
    assert again.probs["kind"].tolist() == KIND
    with pytest.raises(ValueError, match="read-only"):
        again.probs["kind"][0] = 0
    with pytest.raises(TypeError):
        again.probs["kind"] = 0


@pytest.mark.parametrize(
    ("probs", "said"),
    [
        ({"finding": FINDING}, "graph has"),
        ({"finding": FINDING, "kind": FINDING}, "task 'kind'"),
        ({"finding": FINDING, "kind": [[0.5, 0.1, 0.1]] * 3}, "task 'kind': row 0"),
        ({"finding": FINDING, "kind": [[np.nan] * 3] * 3}, "task 'kind': row 0"),
        ({"finding": FINDING[:2], "kind": KIND}, "rows"),
    ],
)
def test_what_is_no_set_of_distributions_is_refused(probs: dict[str, object], said: str) -> None:
    with pytest.raises(VoteError, match=said):
        TaskLabels(GRAPH, probs)  # type: ignore[arg-type]


def test_cover_and_unknown_tasks_are_checked() -> None:
    with pytest.raises(VoteError, match="covered"):
        labels(covered=[True, True, True])
    with pytest.raises(TaskError, match="no task 'size'"):
        labels().given_applicable("size")
    with pytest.raises(TaskError, match="no task 'size'"):
        labels().soft_labels("size")
