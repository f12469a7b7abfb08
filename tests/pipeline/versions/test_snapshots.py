"""Names of runs, and the log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from labelwright.core.errors import DataError, ProjectError
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.pipeline.kept.naming import check_snapshot_name, find_row
from labelwright.pipeline.versions.snapshots import read_log
from labelwright.store import ArtifactFolder


def test_a_run_has_five_kinds_of_names(edited):
    last = KeptRun.latest(edited.folder).row
    for name in ("latest", "2", last.run_id, last.run_id[:6]):
        assert KeptRun.named(edited.folder, name).row == last
    for name in ("v1", "1", "latest~1"):
        assert KeptRun.named(edited.folder, name).row.number == 1


@pytest.mark.parametrize("name", ["", "a b", "-x", "12", "latest", "latest~3", "a/b", "x" * 65, "naïve", "a\nb"])
def test_names_that_would_be_taken_for_something_else(name):
    with pytest.raises(ProjectError, match="cannot name a snapshot"):
        check_snapshot_name(name)


def test_a_name_is_moved_only_when_told_to(edited):
    with pytest.raises(ProjectError, match=r"'v1' is of run 1 since .* --force"):
        edited.snapshot("v1")
    assert edited.snapshot("v1", run="1").number == 1  # it says so already
    assert edited.snapshot("v1", force=True).number == 2
    assert KeptRun.named(edited.folder, "v1").row.number == 2


def test_a_name_that_cannot_be_moved_stays(edited):
    with pytest.raises(ProjectError, match="no snapshot or run"):
        edited.snapshot("v1", run="9", force=True)
    assert [s.name for entry in edited.log() for s in entry.snapshots] == ["v1"]


def test_a_name_is_taken_away(edited):
    with pytest.raises(ProjectError, match="Did you mean 'v1'"):
        edited.remove_snapshot("v11")
    assert edited.remove_snapshot("v1").number == 1
    with pytest.raises(ProjectError, match="There are none"):
        edited.remove_snapshot("v1")
    assert KeptRun.named(edited.folder, 1).row.number == 1


def test_several_ids_that_start_alike_are_told_apart(edited):
    _, catalog = open_store(edited.folder)
    for last in "12":
        catalog.add_run(f"abcdef012345678{last}", seconds=1.0, artifacts={})
    with pytest.raises(ProjectError, match="several run ids start with abcdef"):
        find_row(catalog, edited.folder, "abcdef")
    assert find_row(catalog, edited.folder, "abcdef0123456782").number == 4


def test_a_project_without_a_run_says_so(make_project):
    with pytest.raises(ProjectError, match="no finished run; run it first"):
        KeptRun.named(make_project(), "latest")
    assert read_log(make_project("other")) == ([], 0)


def test_the_log_says_what_changed(edited):
    latest, first = edited.log()
    assert (first.number, first.changed, [s.name for s in first.snapshots]) == (1, "first run", ["v1"])
    assert latest.changed == "+best ~subscribe, data"
    assert latest.headline.endswith("% end model on test")
    edited.run()
    assert edited.log(limit=1)[0].changed == "nothing"


def test_a_setting_that_an_older_version_did_not_know_is_no_change(edited):
    store, catalog = open_store(edited.folder)
    row = catalog.latest()
    old = store.get_json(row.artifacts["settings"])
    del old["refresh"]
    catalog.add_run(row.run_id, seconds=1.0, artifacts={**row.artifacts, "settings": store.put_json("settings", old)})
    assert edited.log(limit=1)[0].changed == "nothing"
    old["task"]["classes"].append("eggs")
    catalog.add_run(row.run_id, seconds=1.0, artifacts={**row.artifacts, "settings": store.put_json("settings", old)})
    assert edited.log(limit=1)[0].changed == "settings"


def test_the_log_goes_on_where_artifacts_are_gone(edited):
    _, catalog = open_store(edited.folder)
    catalog.add_run("0" * 16, seconds=1.0, artifacts={})
    assert edited.log()[0].headline == ""


def test_only_what_is_listed_is_read(edited, monkeypatch):
    _, catalog = open_store(edited.folder)
    row = catalog.latest()
    for i in range(60):
        catalog.add_run(f"{i:016x}", seconds=1.0, artifacts=row.artifacts)
        catalog.add_snapshot(f"s{i}", i + 3)
    read = []
    get = ArtifactFolder.get_json
    monkeypatch.setattr(ArtifactFolder, "get_json", lambda self, key: (read.append(key), get(self, key))[1])
    entries, total = read_log(edited.folder, limit=20)
    assert len(read) <= 20 + 2  # scores of each, and what the last one was made of
    assert (len(entries), total) == (20, 62)
    assert [e.number for e in entries] == list(range(62, 42, -1))


def test_a_collected_run_cannot_be_named(edited):
    edited.remove_snapshot("v1")
    assert [row.number for row in edited.gc(grace=timedelta(0)).unreadable] == [1]
    with pytest.raises(ProjectError, match="run 1 has been collected"):
        edited.diff()
    with pytest.raises((ProjectError, DataError), match="collected"):
        edited.snapshot("old", run="1")
    assert edited.log()[1].flags == ("collected",)
