"""What a project can say of its functions while they are being written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from labelwright.core import Votes
from labelwright.labeling import LabelingFunction

from .augmenting.fields import check_fields
from .augmenting.previewing import TriedTransformation, try_transformations
from .refreshing.run import apply_functions
from .settings import read_settings
from .supervision import describe, load_functions, load_supervision, pick_functions
from .trying import TriedFunction, find_split, try_functions

__all__ = ["ProjectFunctions"]


class ProjectFunctions:
    """The methods of a project that are about its functions; `labelwright.pipeline.Project` has them.

    They read ``supervision.py`` and the data as they are now, and keep nothing.
    """

    folder: Path

    @property
    def functions(self) -> list[LabelingFunction]:
        """The labeling functions of ``supervision.py``."""
        return load_functions(self.folder)

    def try_transformations(
        self, names: Sequence[str] | None = None, *, split: str = "train", limit: int = 3
    ) -> list[TriedTransformation]:
        """Apply some transformation functions (default: all) to examples, each alone; nothing is kept.

        Parameters
        ----------
        names : sequence of str, optional
        split : {"train", "valid", "test"}
        limit : int
            Examples to show of each function.

        Raises
        ------
        ProjectError
            If there is no function or split of that name, no end model, or a function transforms what it does not read.
        """
        settings = read_settings(self.folder, several_tasks=None)
        found = pick_functions(load_supervision(self.folder).transformations, names, what="transformation function")
        instead = "the report of a run shows augmented copies beside their originals"
        source, part = find_split(self.folder, settings, split, instead=instead)
        check_fields(found, settings.end_model, list(source.schema))
        return try_transformations(found, source, part, settings.end_model, limit=limit)

    def apply(self, *, split: str = "train", on_error: Literal["raise", "abstain"] | None = None) -> Votes:
        """Return the votes of the functions on a split; nothing is kept.

        Parameters
        ----------
        split : {"train", "valid", "test"}
        on_error : {"raise", "abstain"}, optional
            Default: as the settings say.
        """
        settings = read_settings(self.folder)
        source, found = find_split(self.folder, settings, split)
        return apply_functions(self.functions, source.dataset, settings, on_error=on_error).take(found.rows)

    def describe_functions(self) -> list[dict[str, Any]]:
        """Return name, kind, labels, fields and version of each function, as plain values."""
        return [describe(f) for f in self.functions]

    def try_functions(
        self, names: Sequence[str] | None = None, *, split: str = "train", limit: int = 3
    ) -> list[TriedFunction]:
        """Apply some functions (default: all) and return what they did; failures are counted, nothing is kept.

        Parameters
        ----------
        names : sequence of str, optional
        split : {"train", "valid", "test"}
        limit : int
            Examples to show of each function.

        Raises
        ------
        ProjectError
            If there is no function or split of that name.
        """
        settings = read_settings(self.folder, several_tasks=None)
        every = self.functions
        picked, known = pick_functions(every, names), [f.name for f in every]
        return try_functions(picked, self.folder, settings, split=split, limit=limit, known=known)
