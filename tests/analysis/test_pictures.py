"""Pictures are what the numbers say, and say what changed."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelwright.analysis.markup import render
from labelwright.analysis.pictures import changed_words, inline_image, line_picture, pixels, png, same

Image = pytest.importorskip("PIL.Image")


@given(
    st.sampled_from([(), (3,)]).flatmap(
        lambda more: st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
            lambda size: arrays(np.uint8, (*size, *more))
        )
    )
)
def test_a_png_read_again_is_the_image(values: npt.NDArray[np.uint8]) -> None:
    with Image.open(io.BytesIO(png(values))) as found:
        assert found.mode == ("RGB" if values.ndim == 3 else "L")
        assert (np.asarray(found) == values).all()


@pytest.mark.parametrize("shape", [(5, 7), (1, 5, 7), (5, 7, 1), (3, 5, 7), (5, 7, 3)])
def test_images_of_every_layout_are_read(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape)
    found = pixels(image)
    assert found.shape[:2] == (5, 7)
    assert found.dtype == np.uint8
    channels_last = np.moveaxis(image, 0, 2) if shape[0] in (1, 3) else image
    assert np.allclose(found.reshape(5, 7, -1), channels_last.reshape(5, 7, -1) * 255, atol=0.51)


def test_large_images_are_thinned_and_odd_values_cut_off() -> None:
    assert pixels(np.zeros((1000, 500), dtype=np.uint8)).shape == (143, 72)
    assert pixels([[np.nan, np.inf, -3.0]]).tolist() == [[0, 255, 0]]
    for wrong in (np.zeros(3), np.zeros((2, 2, 4)), np.zeros((0, 3))):
        with pytest.raises(ValueError, match="an image has shape"):
            pixels(wrong)


def test_an_inline_image_is_data_and_its_text_is_escaped() -> None:
    found = inline_image(np.eye(3), alt='"><script>')
    assert "<script" not in found
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', found)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert np.asarray(image).tolist() == (np.eye(3) * 255).tolist()


words = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=8).map(" ".join)


@given(words, words)
def test_marked_text_holds_both_texts(before: str, after: str) -> None:
    found = render(changed_words(before, after))
    without_old = " ".join(re.sub(r"</?ins>", "", re.sub(r"<del>.*?</del>", "", found)).split())
    without_new = " ".join(re.sub(r"</?del>", "", re.sub(r"<ins>.*?</ins>", "", found)).split())
    assert (without_old, without_new) == (after, before)


def test_words_are_escaped() -> None:
    assert "<b>" not in render(changed_words("a <b>x</b>", "a <i>x</i>"))


def test_lines_are_drawn_on_one_scale() -> None:
    found = line_picture([0.0, 1.0, np.nan, 2.0], name="one", title="<a>", beside=[[4.0, 4.0], [0.0, 0.0]])
    lines = [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'points="([^"]*)"', found)
    ]
    assert [len(line) for line in lines] == [2, 2, 3]
    top, bottom = lines[0][0][1], lines[1][0][1]
    heights = [y for _, y in lines[2]]
    assert top < heights[2] < heights[1] < heights[0] == bottom
    assert abs(heights[2] - (top + bottom) / 2) < 0.1
    assert "&lt;a&gt;" in found
    assert "polyline" in line_picture([np.nan, 1.0], name="two", title="flat")


@pytest.mark.parametrize(
    ("first", "second", "alike"), [(1, 1.0, True), (float("nan"), float("nan"), True), ("a", "b", False)]
)
def test_nan_is_nan(first: Any, second: Any, alike: bool) -> None:
    assert same(first, second) is alike
