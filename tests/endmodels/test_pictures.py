"""Pictures of a column come as arrays of one size, and what is none is named."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from labelwright.core.errors import DataError, MissingExtraError
from labelwright.endmodels.pictures import read_pictures


def file(levels: np.ndarray, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(levels).save(out, form)
    return out.getvalue()


def test_pictures_come_as_they_are_and_missing_ones_are_black() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype(np.uint8)
    found, there = read_pictures("photo", [file(levels[0]), None, file(levels[1])])
    assert there.tolist() == [True, False, True]
    np.testing.assert_array_equal(found[[0, 2]], levels)
    assert not found[1].any()


def test_a_new_pixel_is_the_mean_of_those_it_covers() -> None:
    levels = np.zeros((4, 6), dtype=np.uint8)
    levels[:2, :2] = 200
    levels[0, 2:4] = 100
    found, _ = read_pictures("photo", [file(levels)], size=(3, 2))
    assert found.shape == (1, 2, 3, 3)
    np.testing.assert_array_equal(found[0, :, :, 0], [[200, 50, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("values", "size", "said"),
    [
        ([None, None], None, "holds no picture: all 2"),
        ([b"no picture"], None, "field 'photo', row 0 cannot be read as a picture"),
        ([None, "a.jpg"], (2, 2), "row 1 holds 'a.jpg' .str., but this end model reads pictures"),
        ([file(np.zeros((2, 3), np.uint8)), file(np.zeros((3, 3), np.uint8))], None, "row 1 is a picture of 3 x 3"),
        ([file(np.zeros((9, 9), np.uint8))[:40]], None, "cannot be read"),
    ],
)
def test_what_is_no_picture_is_named(values: list[object], size: tuple[int, int] | None, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_pictures("photo", values, size=size)


def test_without_pillow_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labelwright\[images\]'"):
        read_pictures("photo", [b""])
