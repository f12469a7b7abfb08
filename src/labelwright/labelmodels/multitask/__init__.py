"""One label model for many related tasks."""

from .model import MultiTask, MultiTaskParams
from .stats import MultiTaskStats

__all__ = ["MultiTask", "MultiTaskParams", "MultiTaskStats"]
