"""The house itself: what importing costs, what the top names are, how large rooms and files may grow."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import labelwright as lw

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "labelwright"
ROOMS = sorted(p.parent.name for p in SOURCE.glob("*/__init__.py"))
FILES = sorted(SOURCE.rglob("*.py"))

HEAVY = {
    "torch",
    "spacy",
    "pandas",
    "sklearn",
    "scipy",
    "polars",
    "pyarrow",
    "sqlalchemy",
    "rich",
    "vl_convert",
    "numpy",
}


def modules_after(code: str) -> set[str]:
    """Top-level modules loaded in a fresh process that ran ``code``."""
    program = f"{code}\nimport json, sys\nprint(json.dumps(sorted(m for m in sys.modules if '.' not in m)))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.splitlines()[-1]))


def test_importing_the_package_loads_no_guest():
    assert not modules_after("import labelwright") & HEAVY


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import labelwright as lw; lw.LabelModel", {"torch", "pandas", "polars", "pyarrow", "spacy"}),
        ("import labelwright as lw; lw.apply", {"torch", "pandas", "spacy"}),
        # Most verbs only look at what was kept; training alone needs scikit-learn, which imports pandas where it is.
        ("import labelwright as lw; lw.Project", {"torch", "spacy", "sklearn", "pandas"}),
        ("import labelwright.cli", HEAVY),
    ],
)
def test_guests_stay_in_their_rooms(code, absent):
    assert not modules_after(code) & absent


def test_lazy_names_exist_and_the_stub_names_the_same():
    for name in lw.__all__:
        assert getattr(lw, name) is not None
    stub = ast.parse((SOURCE / "__init__.pyi").read_text())
    named = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named | {"__version__"} == set(lw.__all__)
    assert set(lw.__all__) <= set(dir(lw))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lw.nonsense  # noqa: B018


def test_the_top_stays_small():
    functions_and_types = [name for name in lw.__all__ if name not in ROOMS and not name.startswith("_")]
    assert len(functions_and_types) <= 30


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_at_most_25_things_and_explains_itself(room):
    names = importlib.import_module(f"labelwright.{room}").__all__
    assert len(names) <= 25
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name.islower(), name))
    readme = SOURCE / room / "README.md"
    assert readme.is_file()
    assert len(readme.read_text().splitlines()) <= 80


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(SOURCE)) for p in FILES])
def test_a_file_keeps_to_one_purpose(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 450
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.body[0].lineno + 1
            if ast.get_docstring(node):
                lines = node.end_lineno - node.body[0].end_lineno
            assert lines <= 60, f"{node.name} has a body of {lines} lines"


def test_no_drawers():
    assert not [p for p in FILES if p.stem in {"utils", "util", "helpers", "misc", "common"}]


def test_every_page_of_documentation_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text()
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    missing = {page for page in pages if f" {page}" not in menu}
    assert not missing


def test_the_benchmark_of_quality_names_label_models_that_are_there(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    quality = importlib.import_module("benchmarks.quality")
    assert [type(quality.model(name, 2)).__name__ for name in quality.OURS] == list(quality.OURS)
