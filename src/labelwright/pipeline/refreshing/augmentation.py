"""The stage of a refresh that augments: its functions, the policy, the copies, votes on them, and what is shown."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.augmentation import TransformationFunction
from labelwright.core import Votes
from labelwright.core.errors import ProjectError
from labelwright.labeling import LabelingFunction
from labelwright.pipeline.augmenting.consistency import check_consistency
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.augmenting.showing import LabelsShown, augmentation_view
from labelwright.pipeline.augmenting.stage import Augmenting, checked_transformations
from labelwright.pipeline.augmenting.task_consistency import check_task_consistency
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_data import KeptData
from labelwright.pipeline.kept.kept_tasks import KeptTaskVotes
from labelwright.pipeline.settings import FILE_NAME, Settings
from labelwright.pipeline.supervision import record

from .noticing import RunWarning, unused_transformations
from .stage import Stage

__all__ = ["AugmentationStage", "require_augmentation"]


def require_augmentation(settings: Settings) -> None:
    """Check that the settings ask for augmentation.

    Raises
    ------
    ProjectError
        If they do not.
    """
    if not _wanted(settings):
        raise ProjectError(
            f"{FILE_NAME} has no [augmentation]; add the table, such as\n\n    [augmentation]\n    policy = "
            '"random"\n\nand transformation functions to supervision.py.'
        )


def _wanted(settings: Settings) -> bool:
    return not isinstance(settings.augmentation, msgspec.UnsetType)


@dataclass
class AugmentationStage(Stage):
    """What `labelwright.pipeline.augmenting` does in a refresh.

    Parameters
    ----------
    folder, settings, database, notes, tell, artifacts, operations, dry
        As for `Stage`.
    base : KeptRun or None
    """

    base: KeptRun | None = None
    transformations: list[TransformationFunction] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether the settings ask for augmentation."""
        return _wanted(self.settings)

    def read(self, found: list[TransformationFunction], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Take the transformation functions of the project, and return what is kept of them; none where none is used.

        Raises
        ------
        ProjectError, MissingExtraError
            If they do not fit settings and data.
        """
        if checked_transformations(self.settings, found, columns) is None:
            if found and not self.dry:
                warnings.warn(unused_transformations([f.name for f in found]), RunWarning, stacklevel=7)
            return []
        self.transformations = found
        # Now, while the files hold what was imported.
        records = [record(f, self.folder) for f in found]
        self.artifacts["transformations"] = self.database.store.put_json("transformations", records)
        self.notes.transformations(records)
        return records

    def steps(self, data: KeptData) -> Augmenting:
        """Return the steps of augmentation, which the settings ask for."""
        where = (self.folder, self.settings, self.database, data, self.transformations, self.notes, self.tell)
        return Augmenting(*where, self.artifacts, self.operations, base=self.base, dry=self.dry)

    def plan(self, data: KeptData) -> bool:
        """Note what a dry run would do; return whether it knows which copies there are (or that there are none)."""
        return not self.wanted or self.steps(data).run() is not None

    def run(self, data: KeptData, functions: Sequence[LabelingFunction], train: Votes) -> KeptCopies | None:
        """Learn the policy and make the copies that are missing; vote on some of them again.

        Parameters
        ----------
        data : KeptData
        functions : sequence of LabelingFunction
        train : Votes
            Of the functions on train.
        """
        copies = self.copies(data)
        # With --only some functions are as an earlier run had them, and not to be asked.
        if copies is not None and {f.name for f in functions} >= set(train.sources):
            self.tell("voting on augmented examples")
            found = check_consistency(self.database, self.settings, data, functions, self.used(copies), train)
            self.artifacts["consistency"] = found
        return copies

    def run_on_tasks(self, functions: Sequence[LabelingFunction], votes: KeptTaskVotes) -> KeptCopies | None:
        """Do what `run` does, on several tasks.

        Parameters
        ----------
        functions : sequence of LabelingFunction
        votes : KeptTaskVotes
            Of the functions.
        """
        copies = self.copies(votes.data)
        sources = {name for one in votes.by_task.values() for name in one.record.sources}
        if copies is not None and {f.name for f in functions} >= sources:
            self.tell("voting on augmented examples")
            checked = (self.database, self.settings, functions, self.used(copies), votes)
            self.artifacts["consistency"] = check_task_consistency(*checked)
        return copies

    def copies(self, data: KeptData) -> KeptCopies | None:
        """Learn the policy and make the copies that are missing; ``None`` where nothing is augmented."""
        if not self.wanted:
            return None
        copies = self.steps(data).run()
        assert copies is not None
        return copies

    def used(self, copies: KeptCopies) -> list[TransformationFunction]:
        """Return the functions of the policy."""
        return [f for f in self.transformations if f.name in copies.record.functions]

    def view(self, copies: KeptCopies, data: KeptData, labels: LabelsShown) -> AugmentationView:
        """Return what the report shows."""
        end_model = self.settings.end_model
        made = (self.database.store, self.artifacts, self.transformations)
        frame = data.having(end_model.fields).frame("train", end_model.fields)
        return augmentation_view(*made, copies, end_model, frame, labels)
