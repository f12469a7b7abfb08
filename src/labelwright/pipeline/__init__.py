"""The pipeline: joins the rooms into a project that runs, predicts, exports and reports.

Names load on first use (PEP 562), so that who only looks at the log of a project does not wait for label models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelwright.lazy_names import load_on_use

if TYPE_CHECKING:
    from .demo import run_demo, write_demo
    from .doctor import check_installation
    from .export import export_labels, export_model
    from .predict import predict_file, predict_with_model_folder
    from .project import Project
    from .refreshing.finished_run import FinishedRun
    from .refreshing.run import RunResult
    from .refreshing.task_run import TaskRunResult
    from .reporting import report
    from .settings import Settings, read_settings
    from .starting import start_project

__all__ = [
    "FinishedRun",
    "Project",
    "RunResult",
    "Settings",
    "TaskRunResult",
    "check_installation",
    "export_labels",
    "export_model",
    "predict_file",
    "predict_with_model_folder",
    "read_settings",
    "report",
    "run_demo",
    "start_project",
    "write_demo",
]

# Name -> the module it lives in.
_HOMES = {
    "FinishedRun": "refreshing.finished_run",
    "Project": "project",
    "RunResult": "refreshing.run",
    "Settings": "settings",
    "TaskRunResult": "refreshing.task_run",
    "check_installation": "doctor",
    "export_labels": "export",
    "export_model": "export",
    "predict_file": "predict",
    "predict_with_model_folder": "predict",
    "read_settings": "settings",
    "report": "reporting",
    "run_demo": "demo",
    "start_project": "starting",
    "write_demo": "demo",
}

__getattr__ = load_on_use(__name__, _HOMES)
