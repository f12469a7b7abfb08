"""A checkout puts back what a run was made of, and loses nothing."""

from __future__ import annotations

import pytest

import labelwright as lw
from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.source_files import read_source

from ..conftest import FUNCTIONS, SETTINGS


def files(project: lw.Project) -> dict[str, bytes]:
    """The project's own files."""
    return {p.name: p.read_bytes() for p in project.folder.iterdir() if p.suffix in (".toml", ".py", ".csv")}


def test_a_run_becomes_the_current_one_and_nothing_is_lost(edited):
    before = files(edited)
    first = KeptRun.named(edited.folder, "v1").row
    done = edited.checkout("v1")
    assert (done.of, done.number, done.written, done.removed) == (1, 3, ("supervision.py",), ())
    assert done.different == ()
    assert (edited.folder / "supervision.py").read_text() == FUNCTIONS
    assert (done.replaced / "supervision.py").read_bytes() == before["supervision.py"]
    assert files(edited)["comments.csv"] == before["comments.csv"]
    latest = KeptRun.latest(edited.folder).row
    assert (latest.run_id, latest.artifacts) == (first.run_id, first.artifacts)
    assert edited.log()[0].changed == "checkout of run 1"
    back = edited.checkout("latest~1")
    assert back.number == 4
    assert files(edited) == before


def test_the_next_run_goes_on_from_the_checkout(edited):
    edited.checkout("v1")
    result = edited.run()
    # Only the function that came back has rows that it never saw: the two that were added and edited meanwhile.
    assert result.operations["function_applications"] == 2
    assert edited.diff("latest~1", "latest").functions.items == {}


def test_edits_are_not_overwritten_unless_told_to(edited):
    source = edited.folder / "supervision.py"
    source.write_text(source.read_text() + "# mine\n")
    mine = source.read_bytes()
    with pytest.raises(ProjectError, match=r"supervision.py was edited since the last run \(number 2\).*--force"):
        edited.checkout("v1")
    assert source.read_bytes() == mine
    assert len(edited.log()) == 2
    done = edited.checkout("v1", force=True)
    assert (done.replaced / "supervision.py").read_bytes() == mine


def test_an_edit_that_the_run_does_not_touch_is_left_alone(edited):
    notes = edited.folder / "notes.py"
    notes.write_text("x = 1\n")
    edited.checkout("v1")
    assert notes.read_text() == "x = 1\n"


def test_a_checkout_that_was_stopped_half_way_can_be_ended(edited, monkeypatch):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("labelwright.store.Catalog.add_run", stop)
        with pytest.raises(KeyboardInterrupt):
            edited.checkout("v1")
    assert (edited.folder / "supervision.py").read_text() == FUNCTIONS
    assert edited.checkout("v1").number == 3


def test_a_package_and_the_modules_that_it_imports_come_and_go(make_project):
    folder = make_project(functions=FUNCTIONS)
    project = lw.Project(folder)
    project.run()
    (folder / "supervision.py").unlink()
    (folder / "supervision").mkdir()
    (folder / "supervision" / "__init__.py").write_text("from words import LINKS\nfrom .main import *\n")
    (folder / "supervision" / "main.py").write_text(FUNCTIONS.replace('"http" in x.text', "LINKS in x.text"))
    (folder / "supervision" / "main.py").write_text(
        "from words import LINKS\n" + (folder / "supervision/main.py").read_text()
    )
    (folder / "words.py").write_text("LINKS = 'http:'\n")
    (folder / "labelwright.toml").write_text(SETTINGS + '\n[project]\nname = "other"\n')
    project.run()
    kept = KeptRun.latest(folder)
    assert set(read_source(kept.store, kept.artifact("source"))) == {
        "labelwright.toml",
        "supervision/__init__.py",
        "supervision/main.py",
        "words.py",
    }
    there = project.checkout("1")
    assert there.written == ("labelwright.toml", "supervision.py")
    assert there.removed == ("supervision/__init__.py", "supervision/main.py", "words.py")
    assert [f.name for f in project.functions] == ["has_link", "subscribe", "song", "love"]
    back = project.checkout("2")
    assert (folder / "words.py").read_text() == "LINKS = 'http:'\n"
    assert back.removed == ("supervision.py",)
    assert project.settings.project.name == "other"


def test_what_a_function_reads_beside_its_source_is_told(make_project):
    words = (
        "import labelwright as lw\nfrom pathlib import Path\n"
        + FUNCTIONS
        + (
            "WORDS = Path(__file__).with_name('words.txt').read_text().split()\n"
            "@lw.labeling_function(labels=['ham'])\ndef listed(x):\n"
            "    return 'ham' if any(w in x.text for w in WORDS) else None\n"
        )
    )
    folder = make_project(functions="pass")
    (folder / "words.txt").write_text("song")
    (folder / "supervision.py").write_text(words)
    project = lw.Project(folder)
    project.run()
    (folder / "words.txt").write_text("song love")
    project.run()
    done = project.checkout("1")
    assert done.written == ()
    assert len(done.different) == 1
    assert done.different[0].startswith("listed: ")


def test_a_run_that_kept_no_source_says_so(edited):
    _, catalog = open_store(edited.folder)
    catalog.add_run("0" * 16, seconds=1.0, artifacts={})
    with pytest.raises(ProjectError, match="kept no source"):
        edited.checkout("latest")


@pytest.mark.parametrize("path", ["../outside.py", "/tmp/outside.py", "a/../../b.py", "C:\\x.py"])
def test_a_store_cannot_write_outside_of_the_project(edited, path):
    store, catalog = open_store(edited.folder)
    row = catalog.latest()
    source = store.put_json("source", {path: {"text": "x"}})
    catalog.add_run("0" * 16, seconds=1.0, artifacts={**row.artifacts, "source": source})
    with pytest.raises(DataError, match="outside of a project"):
        edited.checkout("latest")


def test_any_run_is_exported_as_it_read_the_data(edited, tmp_path):
    import polars as pl

    (edited.folder / "comments.csv").unlink()
    assert edited.export(tmp_path / "old.parquet", snapshot="v1", split="all") == 80
    old = pl.read_parquet(tmp_path / "old.parquet")
    run = KeptRun.named(edited.folder, "v1")
    assert old["run_id"].unique().to_list() == [run.row.run_id]
    assert old.filter(pl.col("key") == "k001")["text"].to_list() == ["love this song 1"]
    assert edited.export(tmp_path / "new.parquet", split="all") == 79


def test_a_supervision_that_no_run_knew_gives_way_when_told_to(make_project):
    folder = make_project(functions="")
    (folder / "supervision.py").unlink()
    (folder / "supervision").mkdir()
    (folder / "supervision" / "__init__.py").write_text(FUNCTIONS)
    project = lw.Project(folder)
    project.run()
    (folder / "supervision.py").write_text("import labelwright as lw\n")  # Python would find it first
    with pytest.raises(ProjectError, match=r"supervision\.py was edited"):
        project.checkout("1")
    done = project.checkout("1", force=True)
    assert done.removed == ("supervision.py",)
    assert (done.replaced / "supervision.py").read_text() == "import labelwright as lw\n"
    assert len(project.functions) == 4
