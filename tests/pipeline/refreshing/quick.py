"""Projects with several tasks that run quickly: small parts, rough models, each solved once, and no report."""

from __future__ import annotations

import copy
import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import labelwright as lw
from labelwright.core.stats_arrays import arrays_of_stats
from labelwright.labelmodels.multitask.components import solve_component
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing import reading

_solved: dict[tuple[object, ...], object] = {}


def _once(graph: Any, stats: Any, given: Any) -> object:
    """Solve what has not been solved before: from equal stats the same comes, which others test."""
    arrays = sorted(arrays_of_stats(stats).items())
    key = (graph.names, *((name, array.dtype.str, array.tobytes()) for name, array in arrays))
    if key not in _solved:
        _solved[key] = solve_component(graph, stats, given)
    return _solved[key]


@contextmanager
def quickly(part_rows: int) -> Iterator[None]:
    """Let what is not tested here cost little: the report, how well models are learned, and what they warn of."""
    with (
        warnings.catch_warnings(),
        mock.patch("labelwright.labelmodels.multitask.model.solve_component", _once),
        mock.patch("labelwright.labelmodels.multitask.components._ROUNDS", 0),
        mock.patch("labelwright.labelmodels.multitask.expectation._STEPS", 5),
        mock.patch.object(reading, "MEAN_ROWS", part_rows),
        mock.patch("labelwright.pipeline.refreshing.task_views.render_tasks", lambda content: content.run_id),
    ):
        warnings.simplefilter("ignore")
        yield


class QuickProject(ABC):
    """A project in a folder, in parts of a few rows; `write` brings its attributes there, and `run` does so first."""

    part_rows: int

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def write(self) -> None:
        """Write data, settings and functions."""

    def run(self, **options: Any) -> Any:
        self.write()
        with quickly(self.part_rows):
            return lw.Project(self.folder).run(**options)

    def rebuilt(self) -> Any:
        """Run the project as it is now in a new folder."""
        other = copy.copy(self)
        other.folder = self.folder.with_name("rebuilt")
        try:
            return other.run()
        finally:
            shutil.rmtree(other.folder)

    def kept(self, role: str) -> dict[str, str]:
        """Return what the last run kept under a role, by name."""
        run = KeptRun.latest(self.folder)
        return run.store.get_json(run.artifact(role))
