"""The examples' own modules, under names that cannot clash, and a copy of each project to run."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from labelwright.pipeline import Project

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def module(example: str, name: str) -> ModuleType:
    """Import ``examples/<example>/<name>.py``."""
    spec = importlib.util.spec_from_file_location(f"{example}_{name}", EXAMPLES / example / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def load_module() -> Callable[[str, str], ModuleType]:
    return module


@pytest.fixture
def project(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load_module: Callable[[str, str], ModuleType]
) -> Callable[[str], Project]:
    """Copy an example, write its data as a user does (load.py), and return it as a project."""
    monkeypatch.setenv("LABELWRIGHT_DATA", str(data_root))

    def make(example: str) -> Project:
        folder = tmp_path / example
        shutil.copytree(
            EXAMPLES / example, folder, ignore=shutil.ignore_patterns("data", ".labelwright", "__pycache__")
        )
        assert load_module(example, "load").main(["--out", str(folder / "data")]) == 0
        return Project(folder)

    return make
