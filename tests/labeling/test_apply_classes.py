"""Apply: what functions may vote for, and how classes get their codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from labelwright import apply, expression_lf, labeling_function
from labelwright.core.errors import FunctionError, LabelingError
from labelwright.data import read

FRAME = pl.DataFrame({"text": ["check out", "nice", None, "check", "song"], "n": [1, 2, 3, 4, 5]})

few = expression_lf("few", "n < 3", 0)


@pytest.mark.parametrize("k", [2, None])
def test_a_vote_outside_the_classes_is_an_error(k: int | None) -> None:
    f = labeling_function(name="f", labels=None if k else [0, 1])(lambda x: 7 if x.n == 4 else 1)
    with pytest.raises(LabelingError, match=r"'f' voted 7 on example 3: allowed: 0, 1, or None or -1") as caught:
        apply([f], FRAME, classes=k, on_error="abstain")
    assert (caught.value.source, caught.value.example_id) == ("f", 3)


@pytest.mark.parametrize(("vote", "message"), [(True, "truth value"), (1.5, "float"), (-2, "allowed"), ([1], "list")])
def test_what_is_no_vote(vote: Any, message: str) -> None:
    f = labeling_function(name="f")(lambda x: vote if x.n == 2 else None)
    with pytest.raises(LabelingError, match=rf"'f' voted .* on example 1: .*{message}"):
        apply([f], FRAME)


def test_classes_by_name() -> None:
    spam = labeling_function(name="spam", labels=["spam"])(lambda x: "spam" if x.n == 1 else None)
    ham = labeling_function(name="ham", labels=["ham"])(lambda x: "ham" if x.n == 2 else None)
    free = labeling_function(name="free")(lambda x: {3: "zebra", 4: "ant", 5: np.str_("spam")}.get(x.n))
    assert apply([spam, ham], FRAME).classes == ("spam", "ham")
    votes = apply([spam, ham, free], read(FRAME, part_rows=1))
    assert votes.classes == ("spam", "ham", "ant", "zebra")
    assert votes.values[:, 2].tolist() == [-1, -1, 3, 2, 0]
    codes = labeling_function(name="codes")(lambda x: x.n % 2)
    votes = apply([spam, codes], FRAME, classes=["ham", "spam"])
    assert votes.values.T.tolist() == [[1, -1, -1, -1, -1], [1, 0, 1, 0, 1]]


def test_classes_by_number() -> None:
    f = labeling_function(name="f")(lambda x: np.int64(x.n) if x.n > 3 else None)
    votes = apply([f], read(FRAME, part_rows=2))
    assert votes.k == 6
    assert votes.values[:, 0].tolist() == [-1, -1, -1, 4, 5]
    assert apply([labeling_function(lambda x: None)], FRAME).k == 2


def test_more_classes_than_a_byte_holds() -> None:
    f = labeling_function(name="f")(lambda x: x.n * 100)
    assert apply([f, few], FRAME).values.T.tolist() == [[100, 200, 300, 400, 500], [0, 0, -1, -1, -1]]


def test_classes_that_do_not_fit() -> None:
    name = labeling_function(name="a", labels=["spam"])(lambda x: "spam")
    number = labeling_function(name="b", labels=[1])(lambda x: 1)
    mixed = labeling_function(name="c")(lambda x: "spam" if x.n == 1 else 1)
    with pytest.raises(FunctionError, match="'b' votes for class 1 and 'a' for 'spam'"):
        apply([name, number], FRAME)
    with pytest.raises(FunctionError, match="names and numbers"):
        apply([mixed], FRAME)
    with pytest.raises(FunctionError, match="only class that the functions name is 'spam'"):
        apply([name], FRAME)
    with pytest.raises(FunctionError, match="'a' declares class 'spam', which is not among the classes"):
        apply([name], FRAME, classes=["ham", "eggs"])
