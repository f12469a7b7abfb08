"""Every edit of a project that may change a vote makes just the functions stale that it touches; no other edit does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labelwright.pipeline.supervision import load_functions

from ..edited_project import COSMETIC, FILES, SEMANTIC, Edit, as_package, write_project

Versions = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edited")


@pytest.fixture(scope="module")
def versions(folder: Path) -> Versions:
    """Return a function that writes files over the project, loads it as a run does, and gives the versions."""

    def load(files: dict[str, str]) -> dict[str, str]:
        write_project(folder, files)
        return {function.name: function.version for function in load_functions(folder)}

    return load


@pytest.fixture(scope="module")
def before(versions: Versions) -> dict[str, str]:
    return versions(FILES)


def stale(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def test_there_are_enough_edits_of_enough_kinds():
    assert len(SEMANTIC) >= 40
    assert len(COSMETIC) >= 20
    names = [edit.name for edit in (*SEMANTIC, *COSMETIC)]
    assert len(set(names)) == len(names)
    touched = {name for edit in SEMANTIC for name in edit.stale.split()}
    assert {edit.file for edit in SEMANTIC} == set(FILES) - {"helpers/__init__.py"}
    assert len(touched) == 23


@pytest.mark.parametrize("edit", SEMANTIC, ids=lambda edit: edit.name)
def test_an_edit_that_matters_makes_just_its_functions_stale(edit: Edit, versions: Versions, before: dict[str, str]):
    assert stale(before, versions(edit.apply(FILES))) == set(edit.stale.split())


@pytest.mark.parametrize("edit", COSMETIC, ids=lambda edit: edit.name)
def test_an_edit_of_looks_makes_nothing_stale(edit: Edit, versions: Versions, before: dict[str, str]):
    assert stale(before, versions(edit.apply(FILES))) == set()


def test_every_function_has_a_version_of_its_own(before: dict[str, str]):
    assert len(set(before.values())) == len(before) == 23


def test_a_project_that_moved_is_the_same(folder: Path, versions: Versions, before: dict[str, str], tmp_path: Path):
    versions(FILES)
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert {function.name: function.version for function in load_functions(moved)} == before


def test_all_edits_of_looks_together_make_nothing_stale(versions: Versions, before: dict[str, str]):
    files = FILES
    for edit in COSMETIC:
        if edit.old in files[edit.file]:
            files = edit.apply(files)
    assert stale(before, versions(files)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("edit", [*SEMANTIC[::3], *COSMETIC[::3]], ids=lambda edit: edit.name)
def test_a_package_is_followed_as_its_neighbours_are(edit: Edit, before: dict[str, str], tmp_path: Path):
    write_project(tmp_path, as_package(FILES))
    as_it_was = {function.name: function.version for function in load_functions(tmp_path)}
    write_project(tmp_path, as_package(edit.apply(FILES)))
    after = {function.name: function.version for function in load_functions(tmp_path)}
    assert stale(as_it_was, after) == set(edit.stale.split())
