"""Engines: where the work is done. One seam, ``Engine.map``."""

from .base import Engine, Outcome, Task
from .local import LocalEngine

__all__ = ["Engine", "LocalEngine", "Outcome", "Task"]
