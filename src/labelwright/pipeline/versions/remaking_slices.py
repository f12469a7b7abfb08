"""Finding the slices of a run once more, and comparing who belongs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelwright.core.errors import LabelwrightError
from labelwright.data import read
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.source_files import read_source, write_source
from labelwright.pipeline.supervision import load_supervision
from labelwright.slicing import SlicingFunction, apply
from labelwright.slicing.task import OnError

from .remaking import Remade

__all__ = ["remake_slices"]


def remake_slices(run: KeptRun) -> Remade:
    """Apply the slicing functions to the kept examples again; those whose version is not the run's cannot be."""
    versions = {one["name"]: one["version"] for one in run.slicing_records()}
    made, faults = _compared(run, _matching(run.folder, versions))
    rest = {name: version for name, version in versions.items() if name not in made}
    if rest:
        with tempfile.TemporaryDirectory() as temporary:
            write_source(read_source(run.store, run.artifact("source")), Path(temporary))
            found, more = _compared(run, _matching(Path(temporary), rest))
        made, faults = made | found, faults + more
    if faults:
        return Remade("differs", "; ".join(faults[:5]))
    left = sorted(set(versions) - made)
    if not made:
        return Remade("not checked", "no slicing function of the run's version is there, today's or in its source")
    missing = f"; not {', '.join(left[:5])}, whose version is another today" if left else ""
    return Remade("equal", f"{len(made)} of {len(versions)} slices of {run.kept_data.n:,} examples{missing}")


def _matching(folder: Path, versions: dict[str, str]) -> list[SlicingFunction]:
    try:
        return [f for f in load_supervision(folder).slices if versions.get(f.name) == f.version]
    except LabelwrightError:
        return []


def _compared(run: KeptRun, functions: Sequence[SlicingFunction]) -> tuple[set[str], list[str]]:
    """Return which slices were found again, and what is wrong with them."""
    kept, data, faults = run.kept_slices, run.kept_data, []
    if not functions or kept is None:
        return set(), []
    policy: OnError = "raise" if run.settings().apply.on_error == "raise" else "outside"
    for part in range(len(data.parts)):
        asked = [f for f in functions if f.name in kept.asked(part)]
        if not asked:
            continue
        again = apply(asked, read(data.part_frame(part), id=data.id_of(part)), on_error=policy)
        was = kept.members(part)
        for function in asked:
            wrong = np.flatnonzero(was[:, kept.names.index(function.name)] != again[function.name])
            if len(wrong):
                faults.append(
                    f"{function.name} is another on {len(wrong):,} examples of part {data.parts[part].digest[:12]}, "
                    f"such as {data.id_at(part, int(wrong[0]))}"
                )
    return {f.name for f in functions}, faults
