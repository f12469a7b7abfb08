"""A small project of text, made afresh for each test."""

from __future__ import annotations

import csv
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import labelwright as lw

SETTINGS = """
[data]
path = "comments.csv"
id = "key"

[data.splits]
column = "split"
train = "train"
test = "test"

[task]
classes = ["ham", "spam"]
gold = "gold"

[end_model]
kind = "text"
fields = ["text"]
"""

FUNCTIONS = """
import labelwright as lw

@lw.labeling_function(labels=["spam"])
def has_link(x):
    return "spam" if "http" in x.text else None

@lw.labeling_function(labels=["spam"])
def subscribe(x):
    return "spam" if "subscribe" in x.text else None

@lw.labeling_function(labels=["ham"])
def song(x):
    return "ham" if "song" in x.text else None

@lw.labeling_function(labels=["ham"])
def love(x):
    return "ham" if "love" in x.text else None
"""

_SPAM = ["see http://a.b now", "subscribe to me http://x.y", "please subscribe friends", "http://z.q free love"]
_HAM = ["what a song", "love this song", "i love her", "best song ever, love"]


def rows(n: int = 80) -> list[dict[str, str]]:
    """Rows of a data file: text, gold, split and a key."""
    out = []
    for i in range(n):
        spam = i % 3 == 0
        text = (_SPAM if spam else _HAM)[i % 4] + f" {i}"
        if i % 10 == 9:
            text = f"nothing to see {i}"
        split = "test" if i % 4 == 3 else "train"
        out.append({"key": f"k{i:03d}", "text": text, "gold": "spam" if spam else "ham", "split": split})
    return out


def write_csv(path: Path, table: list[dict[str, str]]) -> None:
    """Write rows as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


MakeProject = Callable[..., Path]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Return a function that writes a project and returns its folder."""

    def make(
        name: str = "project", *, settings: str = SETTINGS, functions: str = FUNCTIONS, table: list | None = None
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "labelwright.toml").write_text(settings, encoding="utf-8")
        (folder / "supervision.py").write_text(textwrap.dedent(functions), encoding="utf-8")
        write_csv(folder / "comments.csv", rows() if table is None else table)
        return folder

    return make


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has been run once; tests get copies, because a run takes longer than most of them."""
    folder = tmp_path_factory.mktemp("finished") / "project"
    folder.mkdir()
    (folder / "labelwright.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS, encoding="utf-8")
    table = rows()
    table[0]["text"] = '=HYPERLINK("http://evil.example","x") subscribe'
    write_csv(folder / "comments.csv", table)
    lw.Project(folder).run()
    return folder


@pytest.fixture
def project(_finished: Path, tmp_path: Path) -> lw.Project:
    """A copy of a project that has been run once."""
    return lw.Project(shutil.copytree(_finished, tmp_path / "finished"))


@pytest.fixture(scope="session")
def _edited(_finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished project, named v1, edited (two functions and some rows) and run again."""
    folder = shutil.copytree(_finished, tmp_path_factory.mktemp("edited") / "project")
    project = lw.Project(folder)
    project.snapshot("v1", note="the first")
    source = (folder / "supervision.py").read_text(encoding="utf-8")
    source = source.replace('"subscribe" in x.text', '"subscribe" in x.text or "friends" in x.text')
    source = source.replace("def love(x):\n    return", "def love(x):\n    # a word for warmth\n    return")
    source += '\n@lw.labeling_function(labels=["ham"])\ndef best(x):\n    return "ham" if "best" in x.text else None\n'
    (folder / "supervision.py").write_text(source, encoding="utf-8")
    table = [*rows()[2:], {"key": "new", "text": "a new song", "gold": "ham", "split": "train"}]
    table[9]["text"] = "please subscribe friends, now"
    write_csv(folder / "comments.csv", table)
    project.run()
    return folder


@pytest.fixture
def edited(_edited: Path, tmp_path: Path) -> lw.Project:
    """A copy of a project with two runs: ``v1``, and one after edits."""
    return lw.Project(shutil.copytree(_edited, tmp_path / "edited"))
