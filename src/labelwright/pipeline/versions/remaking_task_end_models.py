"""Training the end models of a run on several tasks once more, and comparing what they say."""

from __future__ import annotations

from labelwright import endmodels
from labelwright.core.task_labels import TaskLabels
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_tasks import read_by_name
from labelwright.pipeline.refreshing.shared_end_model import train_shared_end_model
from labelwright.pipeline.refreshing.task_end_model import ROLE, fit_by_data_set, read_end_models, score_end_models

from .remaking import Remade, differences_of, far_rows, judge_differences

__all__ = ["remake_task_end_models"]


def remake_task_end_models(run: KeptRun) -> Remade:
    """Train the end models on the kept soft labels again, compare what they say of every split, and score the kept."""
    if run.row.operations.get("end_models_stale"):
        return Remade("not checked", "some are of an earlier run: end_model.refresh is keep")
    chosen = run.settings().end_model
    kept = read_end_models(run.store, run.graph, read_by_name(run.store, run.artifact(ROLE)))
    train, key = run.task_labels("train"), run.row.artifacts.get("augmentation")
    copies = None if key is None else KeptCopies.read(run.store, key).all()
    if chosen.shared is None:
        fitted = fit_by_data_set(chosen, run.kept_data, train, kept.tasks, copies=copies)
        again: endmodels.TaskAnswers = endmodels.TaskEndModels(run.graph, fitted)
    else:
        again = train_shared_end_model(chosen, run.kept_data, train, copies)
    far: dict[str, float] = {}
    n = 0
    for split in run.splits:
        first, second = (_said(run, models, split) for models in (kept, again))
        n += first.n
        for task in kept.tasks:
            far |= far_rows(f"{split}, {task}", first.soft_labels(task), second.soft_labels(task))
    scores = {
        task: {split: one.to_dict() for split, one in own.items()}
        for task, own in score_end_models(kept, run.kept_data, chosen).items()
    }
    far |= dict(differences_of(run.store.get_json(run.artifact("end_model_metrics")), scores))
    how_many = len(again.tasks) if chosen.shared is None else "one for all tasks"
    return judge_differences(far, f"{how_many} trained again; their predictions of {n:,} examples, and their scores")


def _said(run: KeptRun, models: endmodels.TaskAnswers, split: str) -> TaskLabels:
    fields = run.settings().end_model.fields
    columns = field_values(run.frame(split, fields), fields)
    return models.answers(columns, example_ids=run.kept_data.ids(split))[0]
