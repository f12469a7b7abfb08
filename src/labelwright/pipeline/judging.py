"""Testing supervision: the examples of the functions, the project's tests, its contracts and its gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from .checks import ExampleCheck, PytestCheck, check_examples, run_pytest
from .examples import open_sources
from .settings import Settings
from .supervision import load_functions

__all__ = ["SupervisionReport", "check_supervision"]


@dataclass(frozen=True, slots=True)
class SupervisionReport:
    """What ``labelwright test`` found.

    Parameters
    ----------
    functions : int
        Labeling functions of the project.
    examples : tuple of ExampleCheck
    tests : PytestCheck
    """

    functions: int
    examples: tuple[ExampleCheck, ...]
    tests: PytestCheck

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(e.passed for e in self.examples) and self.tests.passed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "passed": self.passed,
            "functions": self.functions,
            "examples": [e.to_dict() for e in self.examples],
            "tests": self.tests.to_dict(),
        }


def check_supervision(folder: Path, settings: Settings) -> SupervisionReport:
    """Check the functions of a project; see `labelwright.pipeline.Project.test`."""
    functions = load_functions(folder)
    examples = check_examples(functions, settings.task.classes, lambda: _text_columns(settings, folder))
    return SupervisionReport(len(functions), tuple(examples), run_pytest(folder))


def _text_columns(settings: Settings, folder: Path) -> Sequence[str]:
    data = settings.data
    hidden = {data.id, data.group, settings.task.gold, data.splits.column}
    schema = open_sources(settings, folder)[0].dataset.schema
    return [name for name, kind in schema.items() if kind == pl.String and name not in hidden]
