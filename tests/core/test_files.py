from __future__ import annotations

import pytest

from labelwright.core import atomic_folder, atomic_path, atomic_write
from labelwright.core.errors import DataError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    atomic_write(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


def test_a_written_file_follows_the_umask(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("x")
    atomic_write(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode


def test_a_folder_is_replaced_whole_or_stays(tmp_path):
    target = tmp_path / "deep" / "model"
    for content in ("one", "two"):
        with atomic_folder(target, marker="m") as temporary:
            (temporary / "m").write_text(content)
    with pytest.raises(RuntimeError), atomic_folder(target, marker="m") as temporary:
        (temporary / "m").write_text("half")
        raise RuntimeError
    assert (target / "m").read_text() == "two"
    assert [p.name for p in target.parent.iterdir()] == ["model"]


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "precious").touch()
    for target in (tmp_path, tmp_path / "precious"):
        with pytest.raises(DataError, match="left alone"), atomic_folder(target, marker="m"):
            pass
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]
