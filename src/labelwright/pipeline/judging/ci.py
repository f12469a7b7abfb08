"""Continuous integration: a workflow that tests supervision and posts what a change does to the labels."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import labelwright
from labelwright.core import atomic_write
from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import FILE_NAME

__all__ = ["CI_KINDS", "write_ci"]

# Kind -> where its file goes, from the root of the repository.
CI_KINDS = {"github": Path(".github") / "workflows" / "labelwright.yml"}


def write_ci(folder: Path, kind: str = "github", *, force: bool = False) -> Path:
    """Write the workflow for a project and return its path.

    It runs the base branch, tests functions, contracts and gates against it, runs the project, and posts the comparison
    on the pull request.

    Parameters
    ----------
    folder : Path
        The project. The file goes to the root of the repository that it is in, or to the project where there is none.
    kind : {"github"}
    force : bool, default False
        Replace the file if it is there already.

    Raises
    ------
    ProjectError
        If there is no project, the kind is not known, or the file is there already.
    """
    if kind not in CI_KINDS:
        raise ProjectError(f"there is no workflow for {kind!r}; allowed: {', '.join(CI_KINDS)}.")
    project = folder.resolve()
    if not (project / FILE_NAME).is_file():
        raise ProjectError(
            f"{folder} has no {FILE_NAME}; start the project first: labelwright init --data FILE --labels A,B."
        )
    root = next((place for place in (project, *project.parents) if (place / ".git").exists()), project)
    target = root / CI_KINDS[kind]
    if target.exists() and not force:
        raise ProjectError(f"{target} is there already and is left alone; --force replaces it.")
    template = (
        resources.files("labelwright.pipeline").joinpath("ci_templates", f"{kind}.yml").read_text(encoding="utf-8")
    )
    place = project.relative_to(root).as_posix()
    # YAML reads a quoted text as JSON does.
    text = template.replace('"@PROJECT@"', json.dumps(place, ensure_ascii=False))
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(target, text.replace("@VERSION@", labelwright.__version__))
    return target
