"""One component of the task graph in a refresh: summed, solved and labelled alone."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from labelwright.labelmodels import MultiTask
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.kept.kept_tasks import ComponentVotes
from labelwright.pipeline.kept.task_learning import ComponentLabelling, ComponentLearning
from labelwright.store import ArtifactId

from .noting import Notes

__all__ = ["Component"]


class Component:
    """What a refresh does for tasks that relations tie together; in a dry run, what it would do.

    Parameters
    ----------
    database : Database
    notes : Notes
    votes : ComponentVotes
    workers : int, optional
    dry : bool

    Attributes
    ----------
    stats, model_key : ArtifactId or None
        Where the stats and the fitted model are kept, once they are.
    labels : dict of str to ArtifactId
        Where the records of the soft labels of each task are kept, once they are.
    labelled : list of int
        The parts of the data that were labelled now.
    """

    def __init__(
        self, database: Database, notes: Notes, votes: ComponentVotes, *, workers: int | None, dry: bool
    ) -> None:
        self.database = database
        self.notes = notes
        self.votes = votes
        self.workers = workers
        self.dry = dry
        self.operations = {"rows_summarised": 0, "models_solved": 0}
        self.stats: ArtifactId | None = None
        self.model: MultiTask | None = None
        self.model_key: ArtifactId | None = None
        self.labels: dict[str, ArtifactId] = {}
        self.labelled: list[int] = []
        self.known = True
        self._learning = ComponentLearning(database, votes, MultiTask(), workers=workers)

    @property
    def name(self) -> str:
        """What it is called: by its first task."""
        return self.votes.graph.names[0]

    @cached_property
    def silent(self) -> bool:
        """Whether no function voted on any of its tasks in train."""
        return bool(self._learning.merged().silent)

    def summarise(self) -> None:
        """Sum the votes of the parts where that is missing."""
        if self._learning.missing:
            self.notes.component_stats(self.votes, self._learning.missing_rows)
        if self.dry and self._learning.missing:
            self._note_rest()
            return
        self.stats = self._learning.summarise()
        self.operations["rows_summarised"] = self._learning.summarised

    def solve(self, votes: ArtifactId, data: ArtifactId) -> None:
        """Solve the model, unless these stats gave it before; ``votes`` and ``data`` are those of the whole run."""
        if not self.known:
            return
        if self.dry and self._learning.solved(self.stats, votes, data) is None:
            self._note_rest()
            return
        self.model, self.model_key, solved = self._learning.fit(self.stats, votes, data)
        if solved:
            self.notes.component_model(self.votes)
        self.operations["models_solved"] = int(solved)

    def label(self) -> None:
        """Label the parts where that is missing."""
        if self.model is None or self.model_key is None:
            return
        labelling = ComponentLabelling(self.database, self.votes, self.model_key, workers=self.workers)
        missing = labelling.missing
        rows = sum(self.votes.data.parts[part].rows for part in missing)
        self.notes.component_labels(self.votes, rows)
        if self.dry and rows:
            self.known = False
            return
        records = labelling.run(self.model)
        store = self.database.store
        self.labels = {task: store.put_json("soft_labels", _plain(record)) for task, record in records.items()}
        self.labelled = missing

    def _note_rest(self) -> None:
        """Note what hangs on what a dry run does not make."""
        self.known = False
        self.notes.component_model(self.votes)
        self.notes.component_labels(self.votes, self.votes.data.n)


def _plain(record: Any) -> Any:
    return msgspec.to_builtins(record)
