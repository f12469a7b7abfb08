"""What a project can say of its versions: snapshots, the log, differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from labelwright.pipeline.kept.both_labels import labels_of_both
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.settings import read_settings
from labelwright.store import SnapshotRow

from .checkout import Checkout, checkout_run
from .collecting import Collection, collect_now, plan_project_collection
from .comparing import compare_runs, compare_task_runs, write_comparison
from .diff import Diff, diff_runs
from .snapshots import LogEntry, add_snapshot, read_log, remove_snapshot
from .task_diff import TasksDiff, diff_tasks
from .verify import Verification, verify_run

__all__ = ["ProjectVersions"]


class ProjectVersions:
    """The methods of a project that are about its past; `labelwright.pipeline.Project` has them.

    A run is named in any of five ways: by a snapshot, its number, the start of its id, ``latest``, or ``latest~1``.
    """

    folder: Path

    def snapshot(self, name: str, *, run: str = "latest", note: str = "", force: bool = False) -> SnapshotRow:
        """Give a run a name, under which it is kept; see `labelwright.pipeline.versions.snapshots.add_snapshot`."""
        return add_snapshot(self.folder, name, run=run, note=note, force=force)

    def remove_snapshot(self, name: str) -> SnapshotRow:
        """Take a name away; the run stays until `gc` removes what it made.

        Raises
        ------
        ProjectError
            If there is no snapshot of that name.
        """
        return remove_snapshot(self.folder, name)

    def log(self, *, limit: int | None = None) -> list[LogEntry]:
        """Return the runs with their names, newest first.

        Parameters
        ----------
        limit : int, optional
            The most to return.
        """
        return read_log(self.folder, limit=limit)[0]

    def diff(
        self, before: str = "latest~1", after: str = "latest", *, limit: int = 10, intervals: bool = False
    ) -> Diff:
        """Compare two runs.

        Parameters
        ----------
        before, after : str
            Runs, by any of their names.
        limit : int
            The most movers to show with their texts.
        intervals : bool
            Fit the label model of ``before`` again, for the intervals of what it learned.

        Returns
        -------
        Diff
            With its ``comparison``, which a notebook shows.

        Raises
        ------
        ProjectError
            If a run is not there.
        """
        read_settings(self.folder)
        runs = [KeptRun.named(self.folder, name) for name in (before, after)]
        labels = labels_of_both(runs[0], runs[1])
        diff = diff_runs(*runs, labels=labels)
        told = compare_runs(diff, *runs, labels=labels, names=(before, after), limit=limit, intervals=intervals)
        return replace(diff, comparison=told)

    def diff_tasks(
        self, before: str = "latest~1", after: str = "latest", *, limit: int = 10, intervals: bool = False
    ) -> TasksDiff:
        """Compare two runs of a project with several tasks, task by task.

        Parameters
        ----------
        before, after : str
            Runs, by any of their names.
        limit : int
            The most movers to show with their texts, over all tasks.
        intervals : bool
            Work out the intervals of what ``before`` learned, where it was not diagnosed.

        Raises
        ------
        ProjectError
            If a run is not there, or is on one task.
        """
        runs = [KeptRun.named(self.folder, name) for name in (before, after)]
        diff = diff_tasks(*runs)
        told = compare_task_runs(diff, *runs, names=(before, after), limit=limit, intervals=intervals)
        return replace(diff, comparison=told)

    def write_diff(
        self, diff: Diff | TasksDiff, *, markdown: Path | None = None, html: Path | None = None
    ) -> list[Path]:
        """Write a diff of this project as Markdown and as an HTML page, each where a path is given.

        Returns
        -------
        list of Path
            What was written.

        Raises
        ------
        DataError
            If a path is the project's settings, functions, store or data, or the diff has no comparison.
        """
        return write_comparison(self.folder, diff, markdown=markdown, html=html)

    def verify(self, name: str = "latest", *, step: Callable[[str], None] | None = None) -> Verification:
        """Read everything that a run kept, and make it again from what it was made from.

        Parameters
        ----------
        name : str
            The run, by any of its names.
        step : callable of str, optional
            Told what is being done.
        """
        return verify_run(KeptRun.named(self.folder, name), step=step or (lambda _step: None))

    def checkout(self, name: str, *, force: bool = False) -> Checkout:
        """Put the settings and the supervision of a run back, and make it the latest run again.

        Parameters
        ----------
        name : str
            The run, by any of its names.
        force : bool
            Replace files that were edited since the last run too; what is replaced is always saved.

        Raises
        ------
        ProjectError
            If there is no such run, it kept no source, or edits would be lost.
        """
        return checkout_run(self.folder, name, force=force)

    def gc(self, *, dry_run: bool = False, grace: timedelta = timedelta(hours=1)) -> Collection:
        """Remove what neither a snapshot nor the last run needs, and return what that was.

        Parameters
        ----------
        dry_run : bool
            Remove nothing.
        grace : datetime.timedelta
            What is younger stays, whoever needs it.

        Raises
        ------
        DataError
            If work is in progress; nothing is removed then.
        """
        planned = plan_project_collection(self.folder, grace=grace)
        if not dry_run:
            collect_now(self.folder, planned)
        return planned
