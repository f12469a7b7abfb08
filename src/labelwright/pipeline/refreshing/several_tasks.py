"""A refresh of a project with several tasks: each component of the task graph is summed, solved and labelled alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import msgspec

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.core.errors import ModelError
from labelwright.labeling import LabelingFunction
from labelwright.pipeline.augmenting.showing import LabelsShown
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_tasks import KeptTaskLabels, KeptTaskVotes, put_by_name
from labelwright.store import ArtifactId

from .ballots import SeveralTasks
from .base_refresh import Reading
from .component import Component
from .labelled_project import LabelledProject
from .noticing import (
    FailedFunction,
    RunWarning,
    failed_slices,
    failed_transformations,
    idle_functions,
    unvoted_tasks,
)
from .plan import Plan
from .shared_end_model import check_end_model, end_model_stage, readable
from .task_run import TaskRunResult, finish_task_run

__all__ = ["SeveralTasksRefresh"]


class SeveralTasksRefresh(Reading):
    """One refresh of a project with several tasks, stage by stage; see `Reading`."""

    # Those that the run applies: all, or with --only some.
    functions: Sequence[LabelingFunction] = ()

    def plan(self) -> Plan:
        """Return the steps of a dry refresh."""
        check_end_model(self.settings.end_model)
        functions, data = self._read()
        votes = self._vote(functions, data)
        self._sliced(data)
        steps = self._learn(votes)
        labels = {task: key for step in steps for task, key in step.labels.items()}
        known, made = self.augmentation.plan(data), self.made.artifacts
        made_with = (self.folder, self.settings, self.database, data, self.notes, self.tell)
        stage = end_model_stage(*made_with, augmentation=made.get("augmentation"))
        stage.plan({task: labels.get(task) for task in self.settings.graph.names}, known=known)
        return self.notes.plan

    def label(self, *, sliced: bool = False) -> LabelledProject:
        """Do what is needed for labels, and for slices where these are asked for, and no more."""
        self.functions, data = self._read()
        votes = self._vote(self.functions, data)
        slices = self._sliced(data) if sliced else None
        steps = self._learn(votes)
        keys = {task: key for step in steps for task, key in step.labels.items()}
        store, graph = self.database.store, votes.graph
        labels = KeptTaskLabels(store, {task: keys[task] for task in graph.names}, data, graph)
        failed = [FailedFunction(f.source, f.count, votes.asked(f.source), f.first[0][1]) for f in votes.failures()]
        return LabelledProject(
            folder=self.folder,
            settings=self.settings,
            database=self.database,
            notes=self.notes,
            made=self.made,
            votes=votes,
            labels=labels,
            models={step.name: step.model for step in steps if step.model is not None},
            warnings=(
                *map(str, failed),
                *unvoted_tasks(votes.graph.names, votes.by_task),
                *idle_functions(self.idle),
                *([] if slices is None else failed_slices(slices.failures(), data.n)),
            ),
            slices=slices,
        )

    def run(self, started: float) -> TaskRunResult:
        """Do all of it."""
        check_end_model(self.settings.end_model)
        labelled = self.label(sliced=True)
        # At once, and not with the result: what follows may fail because of just this.
        for text in labelled.warnings:
            warnings.warn(text, RunWarning, stacklevel=4)
        view = self._augmented(labelled) if self.augmentation.wanted else None
        return finish_task_run(labelled, started, self.tell, augmentation=view, diagnose=self.scope.diagnose)

    def _augmented(self, labelled: LabelledProject) -> AugmentationView:
        """Make the augmented copies that are missing, and return what the report shows of them."""
        with self._stage("augmentation", "augmenting"):
            copies = self.augmentation.run_on_tasks(self.functions, labelled.votes)
            assert copies is not None
        for text in failed_transformations(copies.failures()):
            warnings.warn(text, RunWarning, stacklevel=5)
        _, train = readable(self.settings.end_model, labelled.data, labelled.labels_by_split["train"])
        return self.augmentation.view(copies, labelled.data, LabelsShown.of_tasks(train))

    def _vote(self, functions: Sequence[LabelingFunction], data: KeptData) -> KeptTaskVotes:
        """Make the votes that are missing; each function runs once for each row, for all of its tasks."""
        with self._stage("votes", "looking for votes"):
            graph, store = self.settings.graph, self.database.store
            found = self._voted(SeveralTasks(functions, self.settings, graph), data)
            keys = {task: store.put_json("votes", msgspec.to_builtins(record)) for task, record in found.items()}
            self.made.artifacts["task_votes"] = put_by_name(store, "task_votes", keys)
        return KeptTaskVotes(store, keys, data, graph)

    def _learn(self, votes: KeptTaskVotes) -> list[Component]:
        """Summarise, solve and label what is missing of each component; a dry run notes it."""
        where = (self.database, self.notes)
        workers = self.settings.apply.workers
        steps = [Component(*where, one, workers=workers, dry=self.dry) for one in votes.components.values()]
        made = self.made.artifacts
        with self._stage("stats", "summarising votes"):
            for step in steps:
                step.summarise()
        if not self.dry and all(step.silent for step in steps):
            raise ModelError("all sources abstain on all examples of every task, so there is nothing to learn.")
        with self._stage("label_model", "fitting the label model"):
            for step in steps:
                step.solve(made["task_votes"], made["data"])
        with self._stage("soft_labels", "labelling"):
            for step in steps:
                step.label()
        if not self.dry:
            self._keep(steps, votes.graph.names)
        for what in steps[0].operations:
            self.made.operations[what] = sum(step.operations[what] for step in steps)
        # An example is labelled once, however many components label it.
        labelled = {part for step in steps for part in step.labelled}
        self.made.operations["rows_labelled"] = sum(votes.data.parts[part].rows for part in labelled)
        return steps

    def _keep(self, steps: Sequence[Component], tasks: Sequence[str]) -> None:
        """Keep which artifacts hold stats and models by component, and labels by task."""
        labels = {task: key for step in steps for task, key in step.labels.items()}
        found: dict[str, dict[str, ArtifactId]] = {
            "task_stats": {step.name: step.stats for step in steps if step.stats is not None},
            "task_models": {step.name: step.model_key for step in steps if step.model_key is not None},
            "task_labels": {task: labels[task] for task in tasks},
        }
        store = self.database.store
        self.made.artifacts |= {role: put_by_name(store, role, keys) for role, keys in found.items()}
