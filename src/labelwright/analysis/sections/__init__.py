"""Sections of the report, one file each: from `ReportContent` to markup, or to nothing where content lacks."""

from .answer import answer
from .augmentation import augmentation
from .data import data
from .examples import examples
from .lineage import lineage
from .models import models
from .slices import slices
from .sources import sources

__all__ = ["answer", "augmentation", "data", "examples", "lineage", "models", "slices", "sources"]
