"""What the stages of a refresh share: where they work, and what they add to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId

from .noting import Notes

__all__ = ["Stage"]


@dataclass
class Stage:
    """A stage of a refresh that makes artifacts of its own.

    Parameters
    ----------
    folder : Path
    settings : Settings
    database : Database
    notes : Notes
    tell : callable of str
    artifacts : dict of str to ArtifactId
        What the run made so far, by role; what is made here is added.
    operations : dict of str to int
        Likewise.
    dry : bool
    """

    folder: Path
    settings: Settings
    database: Database
    notes: Notes
    tell: Callable[[str], None]
    artifacts: dict[str, ArtifactId]
    operations: dict[str, int]
    dry: bool
