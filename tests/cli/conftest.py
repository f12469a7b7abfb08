"""A project that has been run, and a way to call the command in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import labelwright as lw
from labelwright.cli import cli
from labelwright.pipeline import start_project

TEXTS = {
    "spam": ["please subscribe to my channel", "check my channel", "subscribe now", "my channel has a prize"],
    "ham": ["what a song", "love this song", "this song again", "love the video"],
}


@dataclass(frozen=True)
class Call:
    """What a call of the command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON: all of it."""
        return json.loads(self.out)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Call]:
    """Return a function that calls the command inside an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Call:
        result = CliRunner().invoke(cli, [str(a) for a in arguments])
        return Call(result.exit_code, result.stdout, result.stderr)

    return run


def write_comments(path: Path) -> Path:
    """Write a small data file of comments."""
    lines = ["key,body,class"]
    for i in range(64):
        kind = "spam" if i % 2 else "ham"
        lines.append(f"c{i:02d},{TEXTS[kind][i // 2 % 4]} {i},{kind}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started") / "spam"
    folder.mkdir()
    data = write_comments(folder / "comments.csv")
    start_project(folder, data, classes=["ham", "spam"], text="body", id="key", gold="class")
    lw.Project(folder).run()
    return folder


@pytest.fixture
def spam(_started: Path, tmp_path: Path) -> Path:
    """A copy of a project that was started with ``init`` and run once."""
    return shutil.copytree(_started, tmp_path / "spam")
