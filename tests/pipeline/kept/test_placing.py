"""Where the training database is: the project's folder, or where its settings say; never a password in them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import labelwright as lw
from labelwright.core.errors import ProjectError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.placing import open_store
from labelwright.store import ObjectStore

_numbers = itertools.count()

SUPERVISION = """
import labelwright as lw
free = lw.keyword_lf("free", ["free"], "spam")
hello = lw.keyword_lf("hello", ["hello"], "ham")
"""


def write_project(folder: Path, store: str = "") -> Path:
    folder.mkdir()
    rows = "".join(f"{i},{'free' if i % 3 else 'hello'} {i}\n" for i in range(30))
    (folder / "data.csv").write_text(f"id,text\n{rows}")
    (folder / "supervision.py").write_text(SUPERVISION)
    (folder / "labelwright.toml").write_text(
        f'[data]\npath = "data.csv"\nid = "id"\n[task]\nclasses = ["ham", "spam"]\n[label_model]\nmethod = "majority_vote"\n{store}'
    )
    return folder


@pytest.mark.slow
def test_a_team_keeps_runs_on_a_server_and_artifacts_behind_an_address(tmp_path, postgres_place):
    shared = f'[store]\ncatalog = "{postgres_place}"\nartifacts = "memory://team-{next(_numbers)}"\n'
    one, two = (write_project(tmp_path / name, shared) for name in ("one", "two"))
    first = lw.Project(one).run()
    assert isinstance(open_store(one)[0], ObjectStore)
    kept = KeptRun.latest(two)
    assert kept.row.run_id == first.run_id
    assert kept.soft_labels("train").n == 30
    again = lw.Project(two).run()
    assert (again.number, again.run_id) == (2, first.run_id)
    assert not list((one / ".labelwright").glob("catalog*"))


def test_only_the_part_about_the_store_is_read(tmp_path):
    folder = write_project(tmp_path / "one", '[store]\ncatalog = "kept/c.sqlite"\n[nonsense]\na = 1\n')
    assert open_store(folder)[1].path == folder / "kept" / "c.sqlite"
    assert open_store(tmp_path / "nowhere")[1].path.name == "catalog.sqlite"


@pytest.mark.parametrize("store", ["[store]\ncatalog = 1\n", "[store]\nplace = 'x'\n", "[store\n"])
def test_a_mistake_in_it_is_told(tmp_path, store):
    folder = write_project(tmp_path / "one", store)
    with pytest.raises(ProjectError, match=r"labelwright\.toml does not say where the store is"):
        open_store(folder)


def test_settings_hold_no_password(tmp_path):
    folder = write_project(tmp_path / "one", '[store]\ncatalog = "postgresql://me:secret@host/project"\n')
    with pytest.raises(ProjectError, match=r"store\.catalog holds a password") as caught:
        lw.Project(folder).run()
    assert "secret" not in str(caught.value)
