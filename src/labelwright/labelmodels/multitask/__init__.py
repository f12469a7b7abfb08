"""One label model for many related tasks."""

from .balances import vote_balances
from .model import MultiTask
from .params import MultiTaskParams
from .stats import MultiTaskStats
from .task_intervals import TaskIntervals

__all__ = ["MultiTask", "MultiTaskParams", "MultiTaskStats", "TaskIntervals", "vote_balances"]
