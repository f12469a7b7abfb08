"""Fingerprints: the content decides; times, sizes and inodes only spare reading, and only where they can be trusted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from labelwright.core.errors import DataError
from labelwright.data import FileFingerprint, appended_to, fingerprint
from labelwright.data import fingerprints as module
from labelwright.data.fingerprints import check_unchanged, file_changes

TEXT = b"text\nhello\n"


def write(path: Path, content: bytes = TEXT, *, age: int = 0) -> Path:
    path.write_bytes(content)
    if age:
        os.utime(path, ns=(1, 1))
    return path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for old enough to be trusted."""
    monkeypatch.setattr(module, "_SETTLED_NANOSECONDS", -(10**18))


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is hashed."""
    sizes: list[int] = []
    digest = module._digest

    def counted(file: BinaryIO, size: int) -> str:
        sizes.append(size)
        return digest(file, size)

    monkeypatch.setattr(module, "_digest", counted)
    return sizes


def test_it_is_the_hash_of_the_content(tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 7)
    (found,) = fingerprint(write(tmp_path / "a.csv", content))
    assert found.digest == hashlib.sha256(content).hexdigest()
    assert found.size == len(content)
    assert found.path == str(tmp_path / "a.csv")


def test_folders_globs_and_lists_name_their_files(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path / f"{name}.csv", name.encode())
    write(tmp_path / "notes.txt")
    for paths in (tmp_path, str(tmp_path / "*.csv"), [tmp_path]):
        assert [Path(f.path).stem for f in fingerprint(paths)] == ["a", "b", "c"]
    assert [Path(f.path).stem for f in fingerprint([tmp_path / "c.csv", tmp_path / "a.csv"])] == ["c", "a"]


def test_it_travels_as_json(tmp_path: Path) -> None:
    (found,) = fingerprint(write(tmp_path / "a.csv"))
    back = FileFingerprint.from_dict(json.loads(json.dumps(found.to_dict())))
    assert back == found
    assert back.settled == found.settled


@pytest.mark.usefixtures("settled")
def test_a_file_that_nobody_touched_is_not_read_again(tmp_path: Path, read_files: list[int]) -> None:
    write(tmp_path / "a.csv")
    known = fingerprint(tmp_path)
    write(tmp_path / "b.csv", b"text\n")
    assert fingerprint(tmp_path, known=known)[0] is known[0]
    assert read_files == [len(TEXT), 5]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("stamp", ["size", "modified", "changed", "inode", "device"])
def test_one_stamp_that_differs_makes_it_read_again(tmp_path: Path, stamp: str, read_files: list[int]) -> None:
    (known,) = fingerprint(write(tmp_path / "a.csv"))
    other = replace(known, digest="0" * 64, **{stamp: getattr(known, stamp) + 1})
    assert fingerprint(tmp_path, known=[other])[0].digest == known.digest
    assert fingerprint(tmp_path, known=[replace(known, digest="0" * 64)])[0].digest == "0" * 64


def test_a_young_file_is_read_again_since_clocks_are_coarse(tmp_path: Path, read_files: list[int]) -> None:
    """Written twice within a tick of the clock, a file of the same size shows the same times."""
    known = fingerprint(write(tmp_path / "a.csv"))
    assert not known[0].settled
    fingerprint(tmp_path, known=known)
    assert len(read_files) == 2


@pytest.mark.usefixtures("settled")
def test_a_modification_time_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    os.utime(path, ns=(5, 5))
    known = fingerprint(path)
    path.write_bytes(TEXT[::-1])
    os.utime(path, ns=(5, 5))
    (found,) = fingerprint(path, known=known)
    assert found.modified == known[0].modified
    assert found.digest != known[0].digest


@pytest.mark.usefixtures("settled")
def test_touching_or_copying_a_file_does_not_change_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    known = fingerprint(path)
    os.utime(path)
    assert fingerprint(path, known=known)[0].content == known[0].content
    copy = write(tmp_path / "copy", TEXT)
    copy.replace(path)
    assert fingerprint(path, known=known)[0].content == known[0].content
    assert file_changes(known, fingerprint(path)) == []


@pytest.mark.parametrize(
    ("content", "grown"),
    [(TEXT + b"more\n", True), (TEXT, False), (TEXT[:-1], False), (b"other" + TEXT, False), (b"", False)],
)
def test_a_log_that_grew_is_told_from_one_that_was_rewritten(tmp_path: Path, content: bytes, grown: bool) -> None:
    path = write(tmp_path / "a.csv")
    (known,) = fingerprint(path)
    assert appended_to(known, write(path, content)) is grown


def test_what_became_of_files_is_told(tmp_path: Path) -> None:
    for name in ("grown", "edited", "gone", "old", "same"):
        write(tmp_path / f"{name}.csv", f"text\n{name}\n".encode())
    before = fingerprint(tmp_path)
    (tmp_path / "gone.csv").unlink()
    (tmp_path / "old.csv").rename(tmp_path / "new.csv")
    with (tmp_path / "grown.csv").open("ab") as file:
        file.write(b"12\n")
    write(tmp_path / "edited.csv", b"text\nEDITED\n")
    write(tmp_path / "brand.csv", b"text\n")
    changes = file_changes(before, fingerprint(tmp_path, known=before))
    assert [str(change) for change in changes] == [
        "brand.csv: added",
        "edited.csv: edited",
        "grown.csv: appended (+3 bytes)",
        "new.csv: renamed from old.csv",
        "gone.csv: removed",
    ]


@pytest.mark.parametrize("do", [lambda p: p.write_bytes(TEXT + b"x"), lambda p: os.utime(p, ns=(1, 1))])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: Callable[[Path], Any]
) -> None:
    path = write(tmp_path / "a.csv")
    digest = module._digest

    def meddled(file: BinaryIO, size: int) -> str:
        found = digest(file, size)
        do(path)
        return found

    monkeypatch.setattr(module, "_digest", meddled)
    with pytest.raises(DataError, match=r"a\.csv changed while it was read"):
        fingerprint(path)


def test_a_file_that_changes_after_its_fingerprint_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv")
    found = fingerprint(path)
    check_unchanged(found)
    write(path, TEXT + b"more\n")
    with pytest.raises(DataError, match=r"a\.csv changed while it was read"):
        check_unchanged(found)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.csv cannot be read: No such file"):
        check_unchanged(found)
    with pytest.raises(DataError, match=r"a\.csv cannot be read: No such file"):
        appended_to(found[0], path)


def test_a_file_that_vanishes_before_it_is_opened_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.csv")
    monkeypatch.setattr(module, "find_files", lambda _: ([path], path.unlink()))
    with pytest.raises(DataError, match=r"a\.csv cannot be read: No such file"):
        fingerprint(path)


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        fingerprint(tmp_path / "absent.csv")
