"""End models of several tasks: each hangs on its own task's labels alone, and together they keep every relation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labelwright.core import SoftLabels, Task, TaskGraph
from labelwright.core.errors import DataError, ModelError
from labelwright.core.task_labels import TaskLabels
from labelwright.core.tasks import Implies, Refines
from labelwright.endmodels import EndModel, fit_end_model, load, save
from labelwright.endmodels.composing import compose
from labelwright.endmodels.many_tasks import TaskEndModels, can_be_learned, fit_task_end_models

N = 80
GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule"]), Task("urgent", ["no", "yes"])],
    [Refines("kind", "finding", "abnormal"), Implies(("urgent", "yes"), ("finding", "abnormal"))],
)


def drawn(seed: int = 0) -> tuple[dict[str, np.ndarray], TaskLabels]:
    rng = np.random.default_rng(seed)
    numbers = {"x": rng.normal(size=N), "y": rng.normal(size=N)}
    weights = rng.dirichlet(np.ones(GRAPH.count()), size=N)
    weights *= np.exp(np.outer(numbers["x"], rng.normal(size=GRAPH.count())))
    weights /= weights.sum(axis=1, keepdims=True)
    vectors = GRAPH.feasible()
    probs = {
        task: np.stack([weights[:, vectors[:, t] == s].sum(axis=1) for s in range(GRAPH.sizes[t])], axis=1)
        for t, task in enumerate(GRAPH.names)
    }
    return numbers, TaskLabels(GRAPH, probs, rng.random((N, 3)) < 0.9)


def fitted(numbers: dict[str, np.ndarray], labels: TaskLabels) -> dict[str, EndModel]:
    return fit_task_end_models("tabular", ["x", "y"], numbers, labels)


def test_a_task_alone_on_covered_examples_is_the_single_end_model() -> None:
    numbers, labels = drawn()
    graph = TaskGraph([Task("finding", ["normal", "abnormal"])])
    own = labels.probs["finding"]
    alone = fitted(numbers, TaskLabels(graph, {"finding": own}))["finding"]
    single = fit_end_model("tabular", ["x", "y"], numbers, SoftLabels(own, classes=["normal", "abnormal"]))
    assert np.array_equal(alone.predict_proba(numbers), single.predict_proba(numbers))


def test_a_model_hangs_on_the_labels_of_its_own_task_alone(tmp_path: Path) -> None:
    numbers, labels = drawn()
    others = drawn(1)[1]
    mixed = TaskLabels(
        GRAPH,
        {**labels.probs, "urgent": others.probs["urgent"]},
        np.column_stack([labels.covered[:, :2], others.covered[:, 2]]),
    )
    before, after = fitted(numbers, labels), fitted(numbers, mixed)
    for name, models in (("before", before), ("after", after)):
        save(models["kind"], tmp_path / name)
    assert (tmp_path / "before" / "estimator.skops").read_bytes() == (
        tmp_path / "after" / "estimator.skops"
    ).read_bytes()
    assert not np.array_equal(before["urgent"].predict_proba(numbers), after["urgent"].predict_proba(numbers))
    assert np.array_equal(load(tmp_path / "after").predict_proba(numbers), before["kind"].predict_proba(numbers))


def test_examples_count_as_often_as_the_task_applies_to_them() -> None:
    numbers, labels = drawn()
    shares, applies = labels.given_applicable("kind")
    soft = SoftLabels(shares, labels.covered[:, 1], classes=["mass", "nodule"])
    # Features are of all examples; of the numbers here, scaling is what they are.
    scaled = {name: (column - column.mean()) / column.std() for name, column in numbers.items()}
    found = fitted(scaled, labels)["kind"].predict_proba(scaled)
    kept = labels.covered[:, 1]
    weighed = fit_end_model("tabular", ["x", "y"], scaled, soft, sample_weight=applies)
    assert np.abs(found - weighed.predict_proba(scaled)).max() < 0.02
    assert kept.sum() < N


def test_answers_keep_every_relation() -> None:
    numbers, labels = drawn()
    models = TaskEndModels(GRAPH, fitted(numbers, labels))
    soft, vectors = models.answers(numbers, example_ids=np.arange(N) + 5)
    assert GRAPH.is_feasible(vectors).all()
    assert np.array_equal(soft.probs["kind"][:, -1], 1 - soft.probs["finding"][:, 1])
    assert (soft.probs["urgent"][:, 1] <= soft.probs["finding"][:, 1] + 1e-12).all()
    assert soft.example_ids[0] == 5
    assert soft.covered.all()


def test_a_task_that_nothing_is_known_of_has_no_model_and_keeps_the_relations() -> None:
    numbers, labels = drawn()
    covered = labels.covered.copy()
    covered[:, 2] = False
    unknown = TaskLabels(GRAPH, labels.probs, covered)
    assert not can_be_learned(unknown, "urgent")
    models = TaskEndModels(GRAPH, fitted(numbers, unknown))
    assert list(models.models) == ["finding", "kind"]
    soft, vectors = models.answers(numbers)
    assert not soft.covered[:, 2].any()
    assert GRAPH.is_feasible(vectors).all()
    with pytest.raises(ModelError, match="nothing can be learned about task 'urgent'"):
        fit_task_end_models("tabular", ["x", "y"], numbers, unknown, tasks=["urgent"])


def test_fields_are_checked() -> None:
    numbers, labels = drawn()
    with pytest.raises(DataError, match="reads the field 'z'"):
        fit_task_end_models("tabular", ["z"], numbers, labels)


def test_models_answer_together_as_each_does_alone_also_when_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    texts = {"text": [" ".join(rng.choice(["mass", "clear", "ward", "spot"], size=4)) for _ in range(N)]}
    models = fit_task_end_models("text", ["text"], texts, drawn()[1])
    loaded = {}
    for task, model in models.items():
        save(model, tmp_path / task)
        loaded[task] = load(tmp_path / task)
    # One that learned other words is not taken for one of these.
    loaded["urgent"] = fit_task_end_models(
        "text", ["text"], {"text": [f"{one} indeed" for one in texts["text"]]}, drawn()[1]
    )["urgent"]
    expected = compose({task: model.predict_proba(texts) for task, model in loaded.items()}, GRAPH)
    soft, _ = TaskEndModels(GRAPH, loaded).answers(texts)
    assert all(np.array_equal(soft.probs[task], expected[task]) for task in GRAPH.names)
    assert TaskEndModels(GRAPH, models).answers({"text": []})[1].shape == (0, 3)
