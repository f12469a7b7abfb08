"""A project: a folder with ``labelwright.toml`` and ``supervision.py``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from labelwright.analysis.decided import DecidedLabels
from labelwright.analysis.explanation import LabelExplanation
from labelwright.analysis.tasks.explanation import TaskExplanation
from labelwright.core import atomic_write
from labelwright.core.errors import ProjectError

from .explaining.decided import decided_labels
from .explaining.explain import explain_label, open_run
from .explaining.explain_task import explain_on_task
from .export import export_labels, export_model
from .guarding import refuse_sources
from .judging.project_tests import ProjectTests
from .kept.keep import KeptRun
from .predict import ModelKind, predict_with_end_model, predict_with_label_model
from .project_functions import ProjectFunctions
from .refreshing.augment import AugmentResult
from .refreshing.plan import Plan
from .refreshing.refresh import Scope, augment_project, plan_augmentation, plan_refresh, refresh_project
from .refreshing.run import RunResult
from .refreshing.showing import log_html
from .refreshing.task_run import TaskRunResult
from .settings import FILE_NAME, Settings, read_settings
from .tasks.exporting import export_task_model, export_tasks
from .versions.versions import ProjectVersions
from .writing import ExportFormat

__all__ = ["Project"]


class Project(ProjectFunctions, ProjectVersions, ProjectTests):
    """A folder that says what the data is, how it is labelled and what is trained on the labels.

    Parameters
    ----------
    folder : path-like
        The folder with ``labelwright.toml``. Files are read again by each method, so edits count at once.

    Raises
    ------
    ProjectError
        If there is no ``labelwright.toml``, or it says something that is not allowed.

    Examples
    --------
    >>> import tempfile
    >>> from labelwright.pipeline.demo import write_demo
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     project = Project(write_demo(Path(folder) / "biopsies").folder)
    ...     result = project.run()
    ...     found = project.predict(project.folder / "biopsies.csv")
    >>> result.splits["train"] + result.splits["test"], found.columns
    (569, ['biopsy', 'label', 'prob_benign', 'prob_malignant', 'covered', 'model'])
    """

    def __init__(self, folder: str | os.PathLike[str] = ".") -> None:
        self.folder = Path(folder)
        self._explained: KeptRun | None = None
        read_settings(self.folder, several_tasks=None)

    @property
    def settings(self) -> Settings:
        """What ``labelwright.toml`` says."""
        return read_settings(self.folder, several_tasks=None)

    def _one_task(self, asked: str = "this verb") -> Settings:
        """Return the settings, for what works on one task alone; a project with several is refused in a sentence."""
        return read_settings(self.folder, asked=asked)

    def _check_task(self, task: str) -> None:
        """Refuse a task that the settings do not have."""
        settings = self.settings
        if not settings.has_tasks:
            raise ProjectError(f"{self.folder / FILE_NAME} has one [task], which has no name; name none.")
        names = settings.graph.names
        if task not in names:
            close = difflib.get_close_matches(task, names, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ProjectError(
                f"{self.folder / FILE_NAME} has no task {task!r}.{hint} The tasks are: {', '.join(names)}."
            )

    def refresh(
        self,
        *,
        since: str | int | None = None,
        only: Sequence[str] = (),
        full: bool = False,
        diagnose: bool = False,
        step: Callable[[str], None] | None = None,
    ) -> RunResult | TaskRunResult:
        """Make what is stale and nothing else: votes, label model, labels, end model, scores and report.

        The outcome is that of a run from scratch, bit for bit; ``result.steps`` says what was made again, and why.

        Parameters
        ----------
        since : str or int, optional
            The run or snapshot to compare with: a name, a number, the start of a run id, ``latest~1``. Default: the
            last run.
        only : sequence of str, optional
            Functions whose votes are refreshed; data and all other functions stay as the run compared with had them.
        full : bool
            Make everything again, as if nothing had been kept.
        diagnose : bool
            Of several tasks: also work out how far chance may have moved what the label models learned, for this report
            and those of later runs that learn the same. It takes many times as long as learning.
        step : callable of str, optional
            Told what is being done, for a progress line.

        Raises
        ------
        LabelwrightError
            If anything is wrong with settings, functions or data; then the last run stays what it was. Votes of the
            parts that were done are kept, and the next run goes on from there.

        Returns
        -------
        RunResult or TaskRunResult
            The latter of a project with several tasks, ``[tasks.NAME]``. What takes any run is typed by what both are:
            `labelwright.pipeline.FinishedRun`; ``isinstance(result, TaskRunResult)`` tells which it is.
        """
        if diagnose and not self.settings.has_tasks:
            raise ProjectError(
                "a run on one task is not diagnosed; diagnose its votes in Python: votes = project.apply(), then "
                "lw.diagnose(votes, lw.LabelModel().fit(votes))."
            )
        scope = Scope(None if since is None else str(since), tuple(only), full, diagnose=diagnose)
        return refresh_project(self.folder, self.settings, step=step or _silent, scope=scope)

    run = refresh

    def plan(self, *, since: str | int | None = None, only: Sequence[str] = (), full: bool = False) -> Plan:
        """Return what `refresh` would do, with reasons and costs; nothing is computed or written.

        Parameters
        ----------
        since, only, full
            As for `refresh`.
        """
        scope = Scope(None if since is None else str(since), tuple(only), full)
        return plan_refresh(self.folder, self.settings, step=_silent, scope=scope)

    def augment(self, *, full: bool = False, step: Callable[[str], None] | None = None) -> AugmentResult:
        """Settle the policy of augmentation: learn it where it has to be, and judge what is safe where that is asked.

        The next run uses it; a run that finds none settles it itself. Stopped, learning goes on from where it was.

        Parameters
        ----------
        full : bool
            Make it again, as if nothing had been kept.
        step : callable of str, optional
            Told what is being done.

        Raises
        ------
        LabelwrightError
            If there is no ``[augmentation]`` in the settings, or anything is wrong with settings, functions or data.
        """
        return augment_project(self.folder, self.settings, step=step or _silent, full=full)

    def plan_augmentation(self, *, full: bool = False) -> Plan:
        """Return what `augment` would do, with reasons; nothing is computed or written."""
        return plan_augmentation(self.folder, self.settings, step=_silent, full=full)

    def explain(
        self,
        example_id: str | int,
        *,
        snapshot: str | int = "latest",
        refit: bool = False,
        interval: bool = False,
        check: bool = False,
        step: Callable[[str], None] | None = None,
    ) -> LabelExplanation:
        """Explain the label of one example; see `labelwright.pipeline.explaining.explain.explain_label`.

        Parameters
        ----------
        example_id : str or int
        snapshot : str or int
            A snapshot, a number of a run, the start of its id, ``latest`` or ``latest~1``.
        refit : bool
            Also fit the label model again without each function that voted.
        interval : bool
            Also say how far the label could be off by chance; 32 fits, once for each run.
        check : bool
            Also work the label out again from the example, and compare.
        step : callable of str, optional
            Told what is being done.

        Raises
        ------
        ProjectError
            If there is no such run or example.
        """
        self._one_task()
        kept = open_run(self.folder, snapshot)
        # A run never changes, so what was read of it for one example serves the next.
        if self._explained is None or self._explained.row != kept.row:
            self._explained = kept
        return explain_label(
            self.folder, example_id, run=self._explained, refit=refit, interval=interval, check=check, step=step
        )

    def explain_on_task(self, example_id: str | int, task: str, *, snapshot: str | int = "latest") -> TaskExplanation:
        """Explain the label of one example on one of several tasks: the votes, on it and related ones, that moved it.

        Parameters
        ----------
        example_id : str or int
        task : str
        snapshot : str or int
            As for `explain`.

        Raises
        ------
        ProjectError
            If there is no such run, task or example.
        """
        try:
            run = open_run(self.folder, snapshot)
        except ProjectError:
            # The task is the first thing to put right: what to run is known only then.
            self._check_task(task)
            raise
        return explain_on_task(self.folder, example_id, run=run, task=task)

    def contributed(self, function: str, *, snapshot: str | int = "latest", limit: int = 10) -> DecidedLabels:
        """Return which labels a function decides: what changes without it.

        Parameters
        ----------
        function : str
        snapshot : str or int
            As for `explain`.
        limit : int
            How many of the examples to name on which it does most.

        Raises
        ------
        ProjectError
            If there is no such run or function.
        """
        self._one_task("`explain --function`")
        return decided_labels(self.folder, function, run=snapshot, limit=limit)

    def predict(self, data: Any, model: ModelKind = "end") -> pl.DataFrame:
        """Predict new examples with the last run; nothing is fitted.

        Parameters
        ----------
        data : object
            Anything that `labelwright.data.read` takes. The end model needs its own fields only.
        model : {"end", "label"}
            The end model, or the labeling functions and the label model.

        Returns
        -------
        polars.DataFrame
            The id (or ``row``), ``label``, one ``prob_<class>`` for each class, ``covered`` (whether a function voted;
            for the end model, whether any of its fields has a value) and ``model``, the id of the model. Of a project
            with several tasks, ``TASK`` and its ``prob_TASK_STATE`` for each.

        Raises
        ------
        ProjectError
            If the project has not been run, made no end model, or its functions changed since.
        """
        return pl.concat(list(self.predict_parts(data, model)))

    def predict_parts(self, data: Any, model: ModelKind = "end") -> Iterator[pl.DataFrame]:
        """Yield what `predict` returns part by part, for data larger than memory."""
        run = KeptRun.latest(self.folder)
        return predict_with_end_model(run, data) if model == "end" else predict_with_label_model(run, data)

    def export(
        self,
        path: str | os.PathLike[str],
        to: ExportFormat = "parquet",
        *,
        split: str = "train",
        snapshot: str | int = "latest",
        task: str | None = None,
    ) -> int:
        """Write the labelled examples of a run as it read them; see `labelwright.pipeline.export.export_labels`.

        A run on several tasks gives a folder with a file for each, or the file of one; see
        `labelwright.pipeline.tasks.exporting.export_tasks`.

        Parameters
        ----------
        path : path-like
        to : {"parquet", "jsonl", "csv", "hf"}
        split : {"train", "valid", "test", "all"}
        snapshot : str or int
            A snapshot, a number of a run, the start of its id, ``latest`` or ``latest~1``.
        task : str, optional
            Of a run on several tasks; default: all.

        Returns
        -------
        int
            Number of examples written.
        """
        run = _of_tasks(KeptRun.named(self.folder, snapshot), task)
        if run.tasks:
            return export_tasks(run, self.settings, Path(path), to, split=split, task=task)
        return export_labels(run, self.settings, Path(path), to, split=split)

    def export_model(
        self, folder: str | os.PathLike[str], *, snapshot: str | int = "latest", task: str | None = None
    ) -> None:
        """Write the end model of a run (on several tasks: of one of them) to a folder that works without the project.

        That of a task which refines another answers as if the task applied. One network for all tasks is written whole.
        """
        run = _of_tasks(KeptRun.named(self.folder, snapshot), task)
        if run.tasks:
            export_task_model(run, self.settings, Path(folder), task=task)
        else:
            export_model(run, Path(folder))

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the report of the last run again and return its path (default ``report.html`` in the project).

        Raises
        ------
        ProjectError
            If the project has not been run, or there is no write access to the folder.
        DataError
            If ``path`` is the project's settings, functions, store or data.
        """
        run = KeptRun.latest(self.folder)
        target = self.folder / "report.html" if path is None else Path(path)
        if path is not None:
            refuse_sources(target, folder=self.folder, settings=self.settings)
        page = run.store.get_text(run.artifact("report"))
        try:
            atomic_write(target, page)
        except PermissionError as error:
            raise ProjectError(f"no write access to {target.parent}; name another place with --output.") from error
        return target

    def __repr__(self) -> str:
        return f"Project({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        return log_html(self.settings.project.name or self.folder.resolve().name, self.log(limit=5))


def _of_tasks(run: KeptRun, task: str | None) -> KeptRun:
    """Return the run, if it has the task that is named."""
    if task is not None:
        run.of_task(task)
    return run


def _silent(step: str) -> None:
    del step
