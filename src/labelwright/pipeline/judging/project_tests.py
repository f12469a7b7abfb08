"""What a project can say of its supervision as code: tests, contracts, gates, drift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labelwright.pipeline.settings import read_settings

from .drift import DriftReport
from .judging import Judgement, SupervisionReport, check_drift, check_supervision, judge_run

__all__ = ["ProjectTests"]


class ProjectTests:
    """The methods of a project that judge its functions; `labelwright.pipeline.Project` has them."""

    folder: Path

    def test(
        self, *, against: str | None = None, data: bool = True, step: Callable[[str], None] | None = None
    ) -> SupervisionReport:
        """Test the functions: their examples, the folder ``tests``, contracts and gates of the settings.

        Parameters
        ----------
        against : str, optional
            The snapshot or run that gates compare with. Default: ``gates.against``, else the newest snapshot, else the
            last run.
        data : bool, default True
            Whether to judge contracts and gates, which need the data.
        step : callable of str, optional
            Told what is being done.

        Raises
        ------
        ProjectError
            If settings or functions cannot be read, or there is no run of that name. What fails is in the answer.
        """
        settings = read_settings(self.folder, several_tasks=None)
        return check_supervision(self.folder, settings, against=against, data=data, step=step or _silent)

    def judge(self) -> Judgement:
        """Judge contracts and gates of the settings on the last run, against the newest snapshot or the run before.

        Raises
        ------
        ProjectError
            If the project has not been run, or ``gates.against`` names no run.
        """
        return judge_run(self.folder, read_settings(self.folder, several_tasks=None))

    def drift(self, *, against: str | None = None, step: Callable[[str], None] | None = None) -> DriftReport:
        """Test whether functions vote on new examples as on those that a snapshot or run had.

        Parameters
        ----------
        against, step
            As for `test`.

        Raises
        ------
        ProjectError
            If there is nothing to compare with.
        """
        return check_drift(
            self.folder, read_settings(self.folder, several_tasks=None), against=against, step=step or _silent
        )


def _silent(step: str) -> None:
    del step
