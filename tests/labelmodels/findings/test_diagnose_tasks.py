from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import TaskGraph, Votes
from labelwright.core.errors import ModelError, TaskError
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines, Task
from labelwright.labelmodels import LabelModel, MultiTask
from labelwright.labelmodels.findings.diagnose import diagnose

GRAPH = TaskGraph(
    [Task("finding", ["normal", "abnormal"]), Task("kind", ["mass", "nodule", "fracture"]), Task("dog", ["no", "yes"])],
    [Refines("kind", "finding", "abnormal")],
)


def simulated(n=600, *, kinds=3, elsewhere=0.1):
    """Votes of three sources on each task, right four times of five; ``kinds`` of them on the kind."""
    rng = np.random.default_rng(0)
    finding, dog = rng.integers(2, size=(2, n))
    kind = np.where(finding == 1, rng.integers(3, size=n), -1)

    def votes(task, truth, m=3):
        k = len(GRAPH.tasks[GRAPH.names.index(task)].classes)
        applies = (truth >= 0)[:, None]
        right = (rng.random((n, m)) < 0.8) & applies
        said = np.where(right, truth[:, None], (truth[:, None] + rng.integers(1, k, size=(n, m))) % k)
        said = np.where(rng.random((n, m)) < np.where(applies, 0.6, elsewhere), said, -1)
        classes = GRAPH.tasks[GRAPH.names.index(task)].classes
        return Votes(said, classes=classes, sources=[f"{task} {j}" for j in range(m)])

    drawn = (("finding", finding, 3), ("kind", kind, kinds), ("dog", dog, 3))
    return {task: votes(task, truth, m) for task, truth, m in drawn}


def test_votes_without_fault_have_no_finding_but_contradictions():
    found = diagnose(TaskVotes(GRAPH, simulated()))
    assert found.across.codes == ("LW024",)
    assert "finding and kind" in found.across["LW024"].evidence
    assert [one.codes for one in found.by_task.values()] == [(), (), ()]
    clean = TaskVotes(GRAPH, {t: v for t, v in simulated().items() if t != "kind"})
    assert diagnose(clean).across.codes == ("LW025",)


def test_contradictions_are_counted_as_the_votes_count_them():
    votes = TaskVotes(GRAPH, simulated())
    rows = int(votes.contradictions().sum())
    assert diagnose(votes).across["LW024"].evidence.startswith(f"{rows:,} of 600 examples")


def test_a_task_that_nobody_votes_on_is_told_from_one_of_which_nothing_is_known():
    by_task = simulated()
    note = diagnose(TaskVotes(GRAPH, {t: by_task[t] for t in ("finding", "dog")})).across["LW025"]
    assert (note.severity, note.evidence) == ("note", "task kind")
    error = diagnose(TaskVotes(GRAPH, {t: by_task[t] for t in ("finding", "kind")})).across["LW025"]
    assert (error.severity, error.evidence) == ("error", "task dog")


def test_two_sources_on_a_related_task_are_too_few():
    found = diagnose(TaskVotes(GRAPH, simulated(kinds=2)))
    assert found.across["LW026"].evidence == "task kind (2)"
    assert "LW005" not in found


def test_where_a_task_does_not_apply_is_told_by_other_tasks_or_by_votes_for_it():
    kind = simulated()["kind"]
    alone = diagnose(TaskVotes(GRAPH, {"kind": kind}))
    assert alone.across["LW027"].evidence == "task kind"
    assert "LW027" not in diagnose(TaskVotes(GRAPH, {"kind": kind, "finding": simulated()["finding"]}))
    codes = kind.values.copy()
    codes[:5, 0] = 3
    says_so = Votes(codes, classes=GRAPH.states("kind"), sources=kind.sources)
    assert "LW027" not in diagnose(TaskVotes(GRAPH, {"kind": says_so}))


def test_a_class_that_no_vote_speaks_for_is_named():
    by_task = simulated()
    codes = by_task["kind"].values.copy()
    codes[codes == 2] = -1
    some = Votes(codes, classes=by_task["kind"].classes, sources=by_task["kind"].sources)
    found = diagnose(TaskVotes(GRAPH, {**by_task, "kind": some}))
    assert found.across["LW028"].evidence == "class kind = fracture"
    # Of a finding votes on its kind tell: nobody has to vote for it.
    above = np.where(by_task["finding"].values == 1, -1, by_task["finding"].values)
    one_sided = Votes(above, classes=by_task["finding"].classes, sources=by_task["finding"].sources)
    assert "LW028" not in diagnose(TaskVotes(GRAPH, {**by_task, "finding": one_sided}))


def test_a_task_by_itself_has_the_findings_of_its_label_model():
    by_task = simulated()
    votes = TaskVotes(GRAPH, by_task)
    model = MultiTask().fit(votes)
    found = diagnose(votes, model, resample=False)
    alone = LabelModel().fit(by_task["dog"])
    assert found["dog"].effective_sources == diagnose(by_task["dog"], alone, resample=False).effective_sources
    assert found["dog"].codes == diagnose(by_task["dog"], alone, resample=False).codes
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [one["code"] for one in plain["tasks"]["dog"]["findings"]] == list(found["dog"].codes)
    assert "LW024" in repr(found)
    assert "LW024" in found._repr_html_()
    assert len(found) == len(list(found))


@pytest.mark.slow
def test_accuracies_that_are_not_known_well_are_found():
    votes = TaskVotes(GRAPH, simulated(300))
    found = diagnose(votes, MultiTask().fit(votes))
    assert "LW019" in found["kind"]


def test_known_classes_are_given_by_task():
    by_task = simulated()
    votes = TaskVotes(GRAPH, by_task)
    agreed = by_task["dog"].values
    sure = (agreed == agreed[:, [0]]).all(axis=1) & (agreed[:, 0] >= 0)
    wrong = np.where(sure, 1 - agreed[:, 0], -1)
    assert "LW011" in diagnose(votes, y={"dog": wrong})["dog"]


def test_wrong_input_is_told():
    votes = TaskVotes(GRAPH, simulated())
    with pytest.raises(ModelError, match="MultiTask, got LabelModel"):
        diagnose(votes, LabelModel())
    with pytest.raises(ModelError, match="a task 'cat'"):
        diagnose(votes, y={"cat": np.zeros(600)})
    with pytest.raises(ModelError, match="one task"):
        diagnose(votes, dependencies=[("kind 0", "kind 1")])
    with pytest.raises(ModelError, match="no examples"):
        diagnose(votes.take(np.arange(0)))
    with pytest.raises(TaskError, match="There are: finding, kind, dog"):
        diagnose(votes)["cat"]
