"""One label model for many related tasks."""

from .balances import vote_balances
from .model import MultiTask
from .params import MultiTaskParams
from .stats import MultiTaskStats

__all__ = ["MultiTask", "MultiTaskParams", "MultiTaskStats", "vote_balances"]
