"""Votes and soft labels show their first rows in a notebook."""

from __future__ import annotations

import re

import numpy as np

from labelwright.core import SoftLabels, Votes


def cells(page):
    return [re.findall(r"<t[dh][^>]*>([^<]*)", row) for row in re.findall(r"<tr>.*?</tr>", page)]


def test_votes_are_said_in_words():
    votes = Votes(
        [[1, -1], [0, 0]], classes=["ham", "<b>"], sources=["a", "z"], alphabet={"z": [{0, 1}]}, example_ids=["x", "y"]
    )
    assert cells(votes._repr_html_()) == [
        ["example", "a", "z"],
        ["x", "&lt;b&gt;", ""],
        ["y", "ham", "ham or &lt;b&gt;"],
    ]


def test_only_the_first_of_many_are_shown():
    dense = np.zeros((1000, 40), dtype=int)
    for votes in (Votes(dense), Votes.from_entries([0, 999], [0, 39], [1, 0], shape=(1000, 40))):
        shown = cells(votes._repr_html_())
        assert len(shown) == 7
        assert all(len(row) == 12 for row in shown)
        assert set(shown[-1]) == {"…"}
    soft = SoftLabels(np.full((1000, 40), 1 / 40))
    shown = cells(soft._repr_html_())
    assert len(shown) == 7
    assert all(len(row) == 13 for row in shown)


def test_soft_labels_say_who_has_no_vote():
    soft = SoftLabels([[0.9, 0.1], [0.5, 0.5]], [True, False], classes=["ham", "spam"], example_ids=["x", "y"])
    assert cells(soft._repr_html_()) == [
        ["example", "ham", "spam", ""],
        ["x", "0.900", "0.100", ""],
        ["y", "0.500", "0.500", "no vote"],
    ]


def test_nothing_is_shown_as_nothing():
    assert len(cells(Votes(np.empty((0, 2), dtype=int))._repr_html_())) == 1
    assert len(cells(SoftLabels(np.empty((0, 2)))._repr_html_())) == 1
