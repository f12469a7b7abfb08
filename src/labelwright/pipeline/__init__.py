"""The pipeline: joins the rooms into a project that runs, predicts, exports and reports."""

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
