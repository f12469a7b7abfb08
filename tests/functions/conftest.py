"""Projects of a few files, imported afresh; the corpus is read by other interpreters, and is no test itself."""

from __future__ import annotations

import importlib
import itertools
import sys

import pytest

collect_ignore = ["corpus"]

COUNTER = itertools.count()


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import a project of one or more files afresh, each time from a folder of its own."""
    names: set[str] = set()

    def loader(supervision: str, **helpers: str):
        folder = tmp_path / f"project{next(COUNTER)}"
        folder.mkdir()
        files = {"supervision": supervision, **helpers}
        for name, text in files.items():
            path = folder / f"{name}.py"
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        names.update(name.partition("/")[0] for name in files)
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            del sys.modules[name]
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        return importlib.import_module("supervision")

    yield loader
    for name in names:
        sys.modules.pop(name, None)
