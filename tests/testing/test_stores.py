"""The contract of stores: every store of ours keeps it, and a store that breaks a law is told which."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from labelwright.core.errors import DataError
from labelwright.store import ArtifactFolder, ArtifactId, ObjectStore
from labelwright.testing import STORE_LAWS, check_store

_numbers = itertools.count()


@pytest.fixture(params=["folder", "memory", "file"])
def make_store(request, tmp_path):
    if request.param == "folder":
        return lambda: ArtifactFolder(tmp_path)
    name = f"memory://laws-{next(_numbers)}" if request.param == "memory" else f"file://{tmp_path}"
    return lambda: ObjectStore(name)


def test_our_stores_keep_every_law(make_store):
    check_store(make_store)


class KeepsOrderOfKeys(ArtifactFolder):
    def put_json(self, kind, content):
        return self.put_text(kind, str(content))

    def get_json(self, key):
        return eval(self.get_text(key))


class ForgetsTypes(ArtifactFolder):
    def get_arrays(self, key):
        return {name: array.astype("U9") for name, array in super().get_arrays(key).items()}


class AnswersNothing(ArtifactFolder):
    def get_bytes(self, key, suffix):
        try:
            return super().get_bytes(key, suffix)
        except DataError:
            return b"{}"


class ListsNoSizes(ArtifactFolder):
    def entries(self):
        return (entry._replace(size=0) for entry in super().entries())


class DeletesTheYoung(ArtifactFolder):
    def delete(self, key, *, unless_put_since=None):
        return super().delete(key)


class WritesInPlace(ArtifactFolder):
    def put_many(self, kind, contents, suffix):
        keys = []
        for content in contents:
            keys.append(ArtifactId(kind, hashlib.sha256(content).hexdigest()))
            path = self._path(keys[-1], suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        return keys


@pytest.mark.parametrize(
    ("store", "law"),
    [
        (ForgetsTypes, "formats"),
        (KeepsOrderOfKeys, "addresses"),
        (AnswersNothing, "absence"),
        (ListsNoSizes, "listing"),
        (DeletesTheYoung, "deleting"),
    ],
)
def test_a_store_that_breaks_a_law_is_told_which(store, law, tmp_path: Path):
    with pytest.raises(AssertionError, match=f"{store.__name__} breaks the law of {law}"):
        check_store(lambda: store(tmp_path))


def test_a_store_whose_writers_meet_is_found_out(tmp_path):
    with pytest.raises(FileExistsError):
        STORE_LAWS["concurrency"](lambda: WritesInPlace(tmp_path))
