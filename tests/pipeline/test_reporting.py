"""``lw.report``: a page for people with votes and no project."""

from __future__ import annotations

import re

import numpy as np
import pytest

import labelwright as lw
from labelwright.core.errors import DataError, VoteError

VOTES = lw.Votes(
    [[0, 0, -1], [1, 1, 1], [-1, 1, 0], [-1, -1, -1]] * 10, classes=["ham", "spam"], sources=["alpha", "beta", "gamma"]
)
GOLD = ["ham", "spam", "spam", None] * 10


def test_everything_that_is_handed_in_is_shown(tmp_path):
    model = lw.LabelModel().fit(VOTES)
    page = lw.report(
        VOTES,
        model.soft_labels(VOTES),
        GOLD,
        path=tmp_path / "deep" / "r.html",
        title="Some <b>labels</b>",
        texts=[f"text {i}" for i in range(40)],
        accuracies=model.accuracies_,
    )
    text = page.read_text(encoding="utf-8")
    assert all(name in text for name in VOTES.sources)
    assert "text 1" in text
    assert "<b>labels</b>" not in text
    assert not re.search(r"(?:src|href)=[\"']https?:", text)


def test_a_plain_matrix_is_enough(tmp_path):
    page = lw.report(np.array([[0, 1], [1, -1]]), path=tmp_path / "r.html")
    assert page.stat().st_size > 1000


def test_arguments_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="texts has 1 rows, but there are 40 examples"):
        lw.report(VOTES, texts=["one"], path=tmp_path / "r.html")
    with pytest.raises(VoteError):
        lw.report(VOTES, gold=["ham"], path=tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()
    with pytest.raises(DataError, match=r"is a folder; name a file to write the report to, such as .*report.html"):
        lw.report(VOTES, path=tmp_path)
