"""The demonstration: biopsy triage on real data that scikit-learn ships, as a project like any other."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from labelwright.core import atomic_path, atomic_write

from .project import Project
from .refreshing.run import RunResult
from .settings import read_settings

__all__ = ["DemoFiles", "run_demo", "write_demo"]

_DATA = "biopsies.csv"
_TEMPLATES = ("labelwright.toml", "supervision.py")


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """What `write_demo` did: the folder, and the files that it found there and left as they were."""

    folder: Path
    kept: tuple[str, ...]


def run_demo(
    folder: str | os.PathLike[str] = "labelwright-demo",
    *,
    force: bool = False,
    step: Callable[[str], None] | None = None,
) -> tuple[DemoFiles, RunResult]:
    """Write the demonstration's project to ``folder`` and run it.

    Parameters
    ----------
    folder : path-like
    force : bool, default False
        Also replace files that are there already (your edits to them are lost).
    step : callable of str, optional
        Told what is being done.
    """
    files = write_demo(folder, force=force)
    read_settings(files.folder)  # settings that were left as they were may have become those of several tasks
    result = Project(files.folder).run(step=step)
    assert isinstance(result, RunResult)
    return files, result


def write_demo(folder: str | os.PathLike[str], *, force: bool = False) -> DemoFiles:
    """Write the demonstration's project: 569 biopsies, eleven labeling functions, and the settings.

    Parameters
    ----------
    folder : path-like
        Made if absent. Files that are there already stay as they are, unless ``force``.
    force : bool, default False
    """
    target = Path(folder)
    kept = [] if force else [name for name in (*_TEMPLATES, _DATA) if (target / name).exists()]
    for name in _TEMPLATES:
        if name not in kept:
            template = resources.files(__package__).joinpath("demo_project", name)
            atomic_write(target / name, template.read_bytes())
    if _DATA not in kept:
        _write_data(target / _DATA)
    return DemoFiles(target, tuple(kept))


def _write_data(path: Path) -> None:
    """Write the Wisconsin diagnostic breast-cancer data as a table: an id, the diagnosis, and two views of each slide.

    W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear feature extraction for breast tumor diagnosis, 1993.
    """
    import polars as pl
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in bunch.feature_names]
    views = [i for i, name in enumerate(names) if name.startswith(("mean_", "worst_"))]
    frame = pl.DataFrame(
        {
            "biopsy": [f"b{i:03d}" for i in range(1, len(bunch.data) + 1)],
            "diagnosis": [str(bunch.target_names[code]) for code in bunch.target],
            **{names[i]: bunch.data[:, i] for i in views},
        }
    )
    with atomic_path(path) as temporary:
        frame.write_csv(temporary)
