"""Pictures as tensors, and back."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.augmentation import images
from labelwright.core.errors import DataError, MissingExtraError

SHAPES = st.one_of(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3)),
)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_bytes_come_back_as_they_were(pictures: np.ndarray) -> None:
    tensor = images.as_images(pictures)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (len(pictures), 3 if pictures.ndim == 4 else 1, *pictures.shape[1:3])
    assert np.array_equal(images.to_arrays(tensor), pictures)


def test_floats_tensors_and_lists_mean_the_same() -> None:
    pictures = np.random.default_rng(0).random((2, 4, 5, 3)).astype(np.float32)
    first = images.as_images(pictures)
    assert np.array_equal(first.numpy(), np.moveaxis(pictures, -1, 1))
    for other in (list(pictures), pictures.astype(np.float64), first, first.double()):
        assert torch.equal(images.as_images(other), first)
    assert np.array_equal(images.to_arrays(first, dtype=np.float32), pictures)
    grey = images.as_images(pictures[..., :1])
    assert torch.equal(grey, images.as_images(pictures[..., 0]))
    assert images.to_arrays(grey).shape == (2, 4, 5)


def test_what_came_in_is_not_shared() -> None:
    for pictures in (np.full((1, 2, 2), 0.5, dtype=np.float32), torch.full((1, 1, 2, 2), 0.5)):
        images.as_images(pictures).fill_(0)
        assert pictures[0].max() == 0.5


def test_pillow_images_and_files_are_read(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    levels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    picture = pillow.fromarray(levels)
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    picture.save(tmp_path / "picture.png")
    path = tmp_path / "picture.png"
    found = images.as_images([picture, packed.getvalue(), path, str(path), levels])
    assert np.array_equal(images.to_arrays(found), np.stack([levels] * 5))
    assert images.as_images([picture.convert("L")]).shape == (1, 1, 4, 5)
    assert images.as_images([picture.convert("P"), picture.convert("RGBA")]).shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.full((1, 2, 2), 200.0), "divide by 255"),
        (np.full((1, 2, 2), np.nan), "got nan to nan"),
        (np.full((1, 2, 2), -1), r"lie in \[0, 255\]"),
        (np.zeros((2, 2)), r"got \(2, 2\)"),
        (np.zeros((2, 3, 4, 4)), "channels-first pictures are passed as a torch tensor"),
        (np.zeros((0, 4, 4)), "no pixels"),
        (np.array([[["a"]]]), "pictures hold numbers"),
        (torch.zeros(2, 2), r"\(n, channels, h, w\), got \(2, 2\)"),
        ([np.zeros((2, 2)), np.zeros((3, 2))], "one size"),
        ([], "got none"),
        ("picture.png", "a list of pictures, got str"),
        (7, "got int"),
    ],
)
def test_what_is_no_picture_is_refused(pictures: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        images.as_images(pictures)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    for broken in (b"no picture", tmp_path / "absent.png"):
        with pytest.raises(DataError, match="picture 1 cannot be read as an image"):
            images.as_images([np.zeros((2, 2)), broken])
    with pytest.raises(DataError, match="picture 0 is a float; allowed"):
        images.as_images([0.5])


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "PIL":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"labelwright\[images\]"):
        images.as_images([b"bytes"])


def test_arrays_are_bytes_or_floats() -> None:
    tensor = torch.tensor([[[[0.0, 0.501, 1.2]]]])
    assert images.to_arrays(tensor).tolist() == [[[0, 128, 255]]]
    for wrong, dtype in ((tensor[0], np.uint8), (tensor, np.int32)):
        with pytest.raises(DataError, match="dtype uint8 or a float type"):
            images.to_arrays(wrong, dtype=dtype)
