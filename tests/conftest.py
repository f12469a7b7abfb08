"""What every test shares: the real data, and warnings that a library, not this project, is known to raise."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before any file of it is collected for its doctests: a file that is collected first would be imported a second time,
# and its classes would not be those that tests know.
import labelwright.labelmodels  # noqa: F401

# Machines are shared: how long one example takes says nothing about the code.
hypothesis.settings.register_profile("labelwright", deadline=None)
hypothesis.settings.load_profile("labelwright")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets with gold; tests that need it skip where it is absent."""
    root = Path(os.environ.get("LABELWRIGHT_DATA", ROOT.parent / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"real data not found at {root}; set LABELWRIGHT_DATA to its folder")
    return root
