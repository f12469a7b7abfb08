"""Copies block by block: what an edit makes again, and what chance hangs on."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest

from labelwright.augmentation import Random, transformation_function
from labelwright.augmentation.tables import jitter
from labelwright.core.errors import ProjectError, TransformationError
from labelwright.pipeline.augmenting import copies
from labelwright.pipeline.augmenting.copies import Copying, KeptCopies, weights_of
from labelwright.pipeline.augmenting.fields import as_examples, as_frame, as_read, check_fields
from labelwright.pipeline.kept.database import Database
from labelwright.pipeline.settings import AugmentationSettings, EndModelSettings
from labelwright.store import ArtifactFolder, Catalog

SETTINGS = AugmentationSettings(policy="random", copies=2)


@transformation_function(field="text", magnitude=(0.0, 1.0))
def stammer(text, magnitude, rng):
    return " ".join(f"{word} {word}" if rng.random() < magnitude else word for word in text.split())


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "MEAN_ROWS", 16)
    return Database(ArtifactFolder(tmp_path / "store"), Catalog(tmp_path / "catalog.sqlite"))


def texts(n=200):
    return pl.DataFrame({"text": [f"comment number {i} of many" for i in range(n)]})


def made(database, frame, settings=SETTINGS):
    policy = database.store.put_json("policy", [stammer.version])
    copying = Copying(database, settings, "text", policy, frame)
    for _ in copying.run(Random([stammer], copies=settings.copies)):
        pass
    return copying, KeptCopies(database.store, copying.record(["stammer"], ["text"])).all()


def test_an_edit_makes_the_copies_of_its_block_again_and_no_others(database):
    frame = texts()
    first, before = made(database, frame)
    assert first.made == 200
    assert len(first.blocks) > 4
    edited = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 100).then(pl.lit("another one")).otherwise("text").alias("text")
    )
    second, after = made(database, edited)
    assert 0 < second.made < 100
    again, _ = made(database, edited)
    assert again.made == 0
    far = before.origins < 20
    assert before.frame["text"].to_list()[: far.sum()] == after.frame["text"].to_list()[: far.sum()]


def test_what_stands_before_a_block_does_not_move_its_copies(database):
    _, before = made(database, texts())
    shifted = pl.concat([pl.DataFrame({"text": ["one more at the top"]}), texts()])
    _, after = made(database, shifted)
    last = [text for text, origin in zip(before.frame["text"], before.origins, strict=True) if origin > 150]
    same = [text for text, origin in zip(after.frame["text"], after.origins, strict=True) if origin > 151]
    assert last == same


def test_another_random_state_gives_other_copies(database):
    _, one = made(database, texts())
    _, other = made(database, texts(), AugmentationSettings(policy="random", copies=2, random_state=1))
    assert one.frame["text"].to_list() != other.frame["text"].to_list()


def test_an_example_counts_as_one_with_its_copies():
    origins = np.array([0, 0, 2])
    originals, each = weights_of(origins, 4)
    assert (originals + np.bincount(origins, weights=each, minlength=4)).tolist() == [1, 1, 1, 1]


def test_nothing_to_copy_is_no_error(database):
    _, found = made(database, pl.DataFrame({"text": ["", ""]}))
    assert len(found) == 0
    assert found.functions.shape == (0, 2)


def test_functions_on_whole_tables_get_numbers_in_the_order_of_the_fields():
    frame = pl.DataFrame({"size": [1, None, 3], "links": [0.5, 1.5, None]})
    whole = jitter(scales=[1.0, 1.0])
    batch = as_examples(frame, "tabular", [whole])
    assert batch.shape == (3, 2)
    assert as_frame(batch, frame, "tabular").equals(as_read(frame, "tabular"), null_equal=True)
    with pytest.raises(ProjectError, match="works on whole tables"):
        check_fields([whole, stammer], EndModelSettings(kind="tabular", fields=["text", "size"]), ["text", "size"])


def test_a_value_of_another_type_is_refused():
    with pytest.raises(ProjectError, match="'text' that is not of the column's type"):
        as_frame([{"text": 3}], texts(1), "text")


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_functions_with_chance_of_their_own_are_refused_before_anything_is_made(database, on_error):
    @transformation_function(field="text")
    def cheer(text):
        return text + "!" * random.randrange(1, 1000)

    settings = AugmentationSettings(policy="random", on_error=on_error)
    policy = database.store.put_json("policy", [cheer.version])
    copying = Copying(database, settings, "text", policy, texts(20))
    with pytest.raises(TransformationError, match="'cheer' draws from the shared generator of random"):
        next(copying.run(Random([cheer])))
    assert copying.made == 0


def test_functions_that_fail_are_refused_or_counted(database):
    @transformation_function(field="text")
    def fails(text):
        return 1 / 0

    policy = database.store.put_json("policy", [fails.version])
    with pytest.raises(TransformationError, match="'fails' raised ZeroDivisionError"):
        next(Copying(database, AugmentationSettings(policy="random"), "text", policy, texts(20)).run(Random([fails])))
    skipping = AugmentationSettings(policy="random", on_error="skip")
    assert next(Copying(database, skipping, "text", policy, texts(20)).run(Random([fails]))) > 0
