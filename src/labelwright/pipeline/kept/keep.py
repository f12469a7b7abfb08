"""Votes and soft labels as arrays that the store can keep, and back; what a finished run left, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from labelwright import endmodels
from labelwright.core import Failure, SoftLabels, SparseRows, Votes
from labelwright.core.errors import ProjectError
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_labels import TaskLabels
from labelwright.core.task_votes import TaskVotes
from labelwright.labelmodels import BaseLabelModel, MultiTask, from_dict
from labelwright.pipeline.settings import Settings
from labelwright.store import ArtifactId, RunRow, Store

from .data_record import DataRecord
from .finding import find_place
from .kept_data import KeptData
from .kept_slices import KeptSlices, SlicesRecord
from .kept_task import KeptTask, joint_model
from .kept_tasks import KeptTaskLabels, KeptTaskVotes, read_by_name
from .kept_votes import KeptVotes, VotesRecord
from .learning import KeptLabels, LabelsRecord, merged_stats
from .naming import find_row
from .placing import STORE_FOLDER, open_store

__all__ = [
    "STORE_FOLDER",
    "ExampleRow",
    "KeptRun",
    "arrays_of_soft_labels",
    "arrays_of_votes",
    "open_store",
    "soft_labels_of_arrays",
    "votes_of_arrays",
]

Arrays = dict[str, npt.NDArray[Any]]


def arrays_of_votes(votes: Votes) -> Arrays:
    """Return votes as arrays of numbers and text.

    Examples
    --------
    >>> votes = Votes([[0, -1], [1, 1]], classes=["ham", "spam"], sources=["a", "b"])
    >>> votes_of_arrays(arrays_of_votes(votes))
    Votes(n=2, m=2, classes=('ham', 'spam'), coverage=100.0%)
    """
    header = {
        "classes": votes.classes,
        "sources": votes.sources,
        "alphabet": {source: [sorted(one) for one in sets] for source, sets in votes.alphabet.items()},
        "failures": [(f.source, f.count, [(str(i), text) for i, text in f.first]) for f in votes.failures],
    }
    out: Arrays = {"header": np.array(json.dumps(header)), "example_ids": votes.example_ids}
    if votes.groups is not None:
        out["groups"] = votes.groups
    rows = votes.rows
    if isinstance(rows, SparseRows):
        shape = np.array(rows.shape)
        return out | {"indptr": rows.indptr, "columns": rows.columns, "codes": rows.codes, "shape": shape}
    return out | {"rows": rows}


def votes_of_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Votes:
    """Return the votes that `arrays_of_votes` took apart."""
    header = json.loads(str(arrays["header"]))
    if "rows" in arrays:
        values: Any = arrays["rows"]
    else:
        n, m = arrays["shape"].tolist()
        values = SparseRows(arrays["indptr"], arrays["columns"], arrays["codes"], (n, m))
    return Votes(
        values,
        classes=header["classes"],
        sources=header["sources"],
        example_ids=arrays["example_ids"],
        groups=arrays.get("groups"),
        alphabet=header["alphabet"],
        failures=[Failure(s, count, tuple((i, text) for i, text in first)) for s, count, first in header["failures"]],
    )


def arrays_of_soft_labels(soft: SoftLabels) -> Arrays:
    """Return soft labels as arrays of numbers and text.

    Examples
    --------
    >>> soft = SoftLabels([[0.9, 0.1]], [True], classes=["ham", "spam"])
    >>> soft_labels_of_arrays(arrays_of_soft_labels(soft))
    SoftLabels(n=1, classes=('ham', 'spam'), covered=100.0%)
    """
    header = np.array(json.dumps({"classes": soft.classes}))
    return {"header": header, "probs": soft.probs, "covered": soft.covered, "example_ids": soft.example_ids}


def soft_labels_of_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> SoftLabels:
    """Return the soft labels that `arrays_of_soft_labels` took apart."""
    classes = json.loads(str(arrays["header"]))["classes"]
    return SoftLabels(arrays["probs"], arrays["covered"], classes=classes, example_ids=arrays["example_ids"])


class _FunctionVersion(msgspec.Struct, frozen=True):
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """One example as a run saw it.

    Parameters
    ----------
    id : str or int
    split : str
    part : str
        Digest of the data part that it is in.
    row : int
        Its position in that part.
    values : mapping of str to object
        Its fields.
    """

    id: str | int
    split: str
    part: str
    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class KeptRun:
    """A finished run of a project, read from its store.

    Parameters
    ----------
    folder : Path
        The project's folder.
    store : Store
    row : RunRow

    Notes
    -----
    Runs of the first versions kept votes and soft labels whole, by split, and no data; these can still be read.
    """

    folder: Path
    store: Store
    row: RunRow

    @classmethod
    def latest(cls, folder: Path) -> KeptRun:
        """Open the last run of the project in ``folder``.

        Raises
        ------
        ProjectError
            If the project has not been run.
        """
        store, catalog = open_store(folder)
        row = catalog.latest()
        if row is None:
            raise ProjectError(f"the project in {folder} has no finished run; run it first: labelwright run.")
        return cls(folder, store, row)

    @classmethod
    def named(cls, folder: Path, name: str | int) -> KeptRun:
        """Open a run by the name of a snapshot, its number, the start of its id, ``latest`` or ``latest~1``.

        Raises
        ------
        ProjectError
            If there is no such run, or several ids start so.
        """
        store, catalog = open_store(folder)
        return cls(folder, store, find_row(catalog, folder, str(name)))

    def artifact(self, role: str) -> ArtifactId:
        """Return the id of what the run made for ``role``.

        Raises
        ------
        ProjectError
            If the run made no such thing.
        """
        if role not in self.row.artifacts:
            what = role.replace("_", " ").replace(".", " of ")
            made = f"run {self.row.run_id} made no {what}; it made {', '.join(sorted(self.row.artifacts))}."
            raise ProjectError(
                f'{made} Set end_model.kind in labelwright.toml and run again, or ask the label model: model = "label" '
                "(--model label)."
                if role == "end_model"
                else f"{made} Change labelwright.toml and run again."
            )
        return self.row.artifacts[role]

    @property
    def splits(self) -> list[str]:
        """Names of the splits that were labelled, train first."""
        if "data" in self.row.artifacts:
            return self.kept_data.splits
        return [name for name in ("train", "valid", "test") if f"soft_labels.{name}" in self.row.artifacts]

    def votes(self, split: str) -> Votes:
        """Return the votes on a split."""
        if "votes" in self.row.artifacts:
            return self.kept_votes.of(split)
        return votes_of_arrays(self.store.get_arrays(self.artifact(f"votes.{split}")))

    def soft_labels(self, split: str) -> SoftLabels:
        """Return the soft labels of a split."""
        if "soft_labels" in self.row.artifacts:
            return self.kept_labels.of(split)
        return soft_labels_of_arrays(self.store.get_arrays(self.artifact(f"soft_labels.{split}")))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of a run on several, in the order of the graph; empty for a run on one task."""
        return self.graph.names if "task_votes" in self.row.artifacts else ()

    @cached_property
    def graph(self) -> TaskGraph:
        """The task graph of a run on several tasks."""
        return self.settings().graph

    @cached_property
    def kept_task_votes(self) -> KeptTaskVotes:
        """The votes of a run on several tasks, part by part."""
        keys = read_by_name(self.store, self.artifact("task_votes"))
        return KeptTaskVotes(self.store, keys, self.kept_data, self.graph)

    @cached_property
    def kept_task_labels(self) -> KeptTaskLabels:
        """The soft labels of a run on several tasks, part by part."""
        keys = read_by_name(self.store, self.artifact("task_labels"))
        return KeptTaskLabels(self.store, keys, self.kept_data, self.graph)

    def task_votes(self, split: str) -> TaskVotes:
        """Return the votes of a run on several tasks, on a split."""
        return self.kept_task_votes.of(split)

    def task_labels(self, split: str) -> TaskLabels:
        """Return the soft labels of a run on several tasks, of a split."""
        return self.kept_task_labels.of(split)

    def task_model(self) -> MultiTask:
        """Return the fitted joint label model of a run on several tasks: those of all components, joined."""
        return joint_model(self.store, self.artifact("task_models"), self.graph)

    def of_task(self, name: str) -> KeptTask:
        """Return what a run on several tasks kept of one of them.

        Raises
        ------
        ProjectError
            If the run has no such task.
        """
        if name not in self.tasks:
            there = f"it has {', '.join(self.tasks)}." if self.tasks else "it has one task, without a name."
            raise ProjectError(f"run {self.row.run_id} has no task {name!r}; {there}")
        models = read_by_name(self.store, self.artifact("task_models"))
        return KeptTask(name, self.store, self.kept_task_votes, self.kept_task_labels, models)

    def functions(self) -> dict[str, str]:
        """Return the version of each function, by name."""
        # Records hold sources and explanations too; these are passed over, not read.
        content = self.store.get_bytes(self.artifact("functions"), ".json")
        return {f.name: f.version for f in msgspec.json.decode(content, type=list[_FunctionVersion])}

    def function_records(self) -> list[dict[str, Any]]:
        """Return what was kept of each function: see `labelwright.pipeline.supervision.record`."""
        records: list[dict[str, Any]] = self.store.get_json(self.artifact("functions"))
        return records

    def transformation_records(self) -> list[dict[str, Any]]:
        """Return what was kept of each transformation function; none where the run augmented nothing."""
        key = self.row.artifacts.get("transformations")
        return [] if key is None else list(self.store.get_json(key))

    def slicing_records(self) -> list[dict[str, Any]]:
        """Return what was kept of each slicing function; none where the run had no slices."""
        key = self.row.artifacts.get("slicing_functions")
        return [] if key is None else list(self.store.get_json(key))

    @cached_property
    def kept_slices(self) -> KeptSlices | None:
        """Who belongs to which slice, part by part; ``None`` where the run had no slices."""
        key = self.row.artifacts.get("slices")
        if key is None:
            return None
        return KeptSlices(self.store, msgspec.convert(self.store.get_json(key), SlicesRecord), self.kept_data)

    def settings(self) -> Settings:
        """Return the settings of the run."""
        return msgspec.convert(self.store.get_json(self.artifact("settings")), Settings)

    def metrics(self) -> dict[str, Any]:
        """Return the scores by split, as `labelwright.pipeline.refreshing.scoring.Scoreboard.to_dict` gives them."""
        found: dict[str, Any] = self.store.get_json(self.artifact("metrics"))
        return found

    @cached_property
    def kept_data(self) -> KeptData:
        """The parts of the data, and what lies in them."""
        return KeptData(self.store, DataRecord.read(self.store, self.artifact("data")))

    @cached_property
    def kept_votes(self) -> KeptVotes:
        """The votes, part by part."""
        record = msgspec.convert(self.store.get_json(self.artifact("votes")), VotesRecord)
        return KeptVotes(self.store, record, self.kept_data)

    @cached_property
    def kept_labels(self) -> KeptLabels:
        """The soft labels, part by part."""
        record = msgspec.convert(self.store.get_json(self.artifact("soft_labels")), LabelsRecord)
        return KeptLabels(self.store, record, self.kept_data)

    def frame(self, split: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the examples of a split in the order of `votes`, with the given columns (default: all)."""
        return self.kept_data.frame(split, columns)

    def groups(self, split: str) -> npt.NDArray[Any] | None:
        """Return the group of each example of a split, shape (n,), or ``None`` where there are none."""
        return self.kept_data.groups(split)

    def gold(self, split: str) -> npt.NDArray[np.int64] | None:
        """Return the gold class code of each example, shape (n,), -1 where unknown; ``None`` without a gold column."""
        return self.kept_data.gold(split)

    def stats(self) -> Any:
        """Return the stats that the label model was solved from: those of the training votes of all parts."""
        return merged_stats(self.store, self.artifact("stats"))

    def example(self, example_id: str | int) -> ExampleRow:
        """Return one example; a file that holds it is not read whole.

        Raises
        ------
        ProjectError
            If the run has no example of that id.
        """
        data = self.kept_data
        part, row = find_place(data, example_id)
        values = data.row(part, row)
        return ExampleRow(data.id_at(part, row), data.split_of(part, row), data.parts[part].digest, row, values)

    def votes_of(self, example_id: str | int) -> Votes:
        """Return the votes on one example, n = 1."""
        return self.kept_votes.of_row(*find_place(self.kept_data, example_id))

    def soft_labels_of(self, example_id: str | int) -> SoftLabels:
        """Return the soft labels of one example, n = 1."""
        part, row = find_place(self.kept_data, example_id)
        kept = self.kept_labels.part(part)
        return SoftLabels(
            kept["probs"][[row]],
            kept["covered"][[row]],
            classes=self.kept_labels.record.classes,
            example_ids=[self.kept_data.id_at(part, row)],
        )

    def text_columns(self) -> list[str]:
        """Return the columns of the data that were text; none where the run is older than this was kept."""
        if "schema" not in self.row.artifacts:
            return []
        schema = self.store.get_json(self.artifact("schema"))
        return [name for name, kind in schema.items() if kind == "String"]

    def label_model(self) -> BaseLabelModel[Any, Any]:
        """Return the fitted label model."""
        model: BaseLabelModel[Any, Any] = from_dict(self.store.get_json(self.artifact("label_model")))
        return model

    def end_model_folder(self) -> Path:
        """Return the folder with the fitted end model."""
        return self.store.get_folder(self.artifact("end_model"))

    def end_model(self) -> endmodels.EndModel:
        """Return the fitted end model."""
        return endmodels.load(self.end_model_folder())
