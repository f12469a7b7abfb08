"""A project that augments, run once; tests get copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import labelwright as lw

from ..conftest import FUNCTIONS, SETTINGS, rows, write_csv

TRANSFORMATIONS = '''
WORDS = {"song": "tune", "love": "adore", "friends": "people"}


@lw.transformation_function(field="text", magnitude=(0.0, 1.0))
def swap(text, magnitude, rng):
    """Write other words."""
    return " ".join(WORDS.get(word, word) if rng.random() < magnitude else word for word in text.split())


@lw.transformation_function(field="text")
def shout(text):
    return text.upper()
'''

AUGMENTATION = """
[augmentation]
policy = "random"
copies = 2
"""


def write_augmented(folder: Path, *, augmentation: str = AUGMENTATION, transformations: str = TRANSFORMATIONS) -> Path:
    """Write a project of 120 comments that augments."""
    folder.mkdir(exist_ok=True)
    (folder / "labelwright.toml").write_text(SETTINGS + augmentation, encoding="utf-8")
    (folder / "supervision.py").write_text(FUNCTIONS + transformations, encoding="utf-8")
    write_csv(folder / "comments.csv", rows(120))
    return folder


def edit(folder: Path, before: str, after: str, *, file: str = "supervision.py") -> None:
    """Replace a text in a file of a project."""
    text = (folder / file).read_text(encoding="utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="session")
def _augmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_augmented(tmp_path_factory.mktemp("augmented") / "project")
    lw.Project(folder).run()
    return folder


@pytest.fixture
def augmented(_augmented: Path, tmp_path: Path) -> lw.Project:
    """A copy of a project that augments and has been run once."""
    return lw.Project(shutil.copytree(_augmented, tmp_path / "augmented"))
