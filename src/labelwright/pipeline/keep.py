"""Votes and soft labels as arrays that the store can keep, and back; what a finished run left, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Failure, SoftLabels, SparseRows, Votes
from labelwright.core.errors import ProjectError
from labelwright.endmodels import EndModel, load
from labelwright.labelmodels import BaseLabelModel, from_dict
from labelwright.store import ArtifactFolder, ArtifactId, Catalog, RunRow, Store

__all__ = [
    "STORE_FOLDER",
    "KeptRun",
    "arrays_of_soft_labels",
    "arrays_of_votes",
    "open_store",
    "soft_labels_of_arrays",
    "votes_of_arrays",
]

STORE_FOLDER = ".labelwright"

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


def open_store(folder: Path) -> tuple[Store, Catalog]:
    """Return the artifacts and the catalog of the project in ``folder``."""
    root = folder / STORE_FOLDER
    return ArtifactFolder(root / "artifacts"), Catalog(root / "catalog.sqlite")


@dataclass(frozen=True, slots=True)
class KeptRun:
    """The last finished run of a project, read from its store."""

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

    def artifact(self, role: str) -> ArtifactId:
        """Return the id of what the run made for ``role``.

        Raises
        ------
        ProjectError
            If the run made no such thing.
        """
        if role not in self.row.artifacts:
            what = role.replace("_", " ").replace(".", " of ")
            raise ProjectError(
                f"run {self.row.run_id} made no {what}; it made {', '.join(sorted(self.row.artifacts))}. "
                "Change labelwright.toml and run again."
            )
        return self.row.artifacts[role]

    @property
    def splits(self) -> list[str]:
        """Names of the splits that were labelled, train first."""
        return [name for name in ("train", "valid", "test") if f"soft_labels.{name}" in self.row.artifacts]

    def votes(self, split: str) -> Votes:
        """Return the votes on a split."""
        return votes_of_arrays(self.store.get_arrays(self.artifact(f"votes.{split}")))

    def soft_labels(self, split: str) -> SoftLabels:
        """Return the soft labels of a split."""
        return soft_labels_of_arrays(self.store.get_arrays(self.artifact(f"soft_labels.{split}")))

    def functions(self) -> dict[str, str]:
        """Return the version of each function, by name."""
        return {f["name"]: f["version"] for f in self.store.get_json(self.artifact("functions"))}

    def text_columns(self) -> list[str]:
        """Return the columns of the data that were text; none where the run is older than this was kept."""
        if "schema" not in self.row.artifacts:
            return []
        schema = self.store.get_json(self.artifact("schema"))
        return [name for name, kind in schema.items() if kind == "String"]

    def label_model(self) -> BaseLabelModel[Any, Any]:
        """Return the fitted label model."""
        return from_dict(self.store.get_json(self.artifact("label_model")))

    def end_model_folder(self) -> Path:
        """Return the folder with the fitted end model."""
        return self.store.get_folder(self.artifact("end_model"))

    def end_model(self) -> EndModel:
        """Return the fitted end model."""
        return load(self.end_model_folder())
