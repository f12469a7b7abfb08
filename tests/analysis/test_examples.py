"""Which examples are picked, and what is said of them."""

from __future__ import annotations

import numpy as np

from labelwright.analysis import pick_examples
from labelwright.core import SoftLabels, Votes

VOTES = Votes(
    [[1, 0], [1, 1], [-1, -1], [0, -1], [1, -1]], classes=["ham", "spam"], sources=["a", "b"], example_ids=list("vwxyz")
)
SOFT = SoftLabels(
    [[0.5, 0.5], [0.1, 0.9], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]],
    VOTES.covered,
    classes=VOTES.classes,
    example_ids=VOTES.example_ids,
)
GOLD = ["ham", "ham", "spam", "ham", "ham"]


def test_buckets_and_their_order() -> None:
    found = {b.title: b for b in pick_examples(VOTES, SOFT, list("ABCDE"), GOLD)}
    assert list(found) == [
        "Sure and wrong",
        "Sources in conflict",
        "Undecided",
        "No vote at all",
        "Surest: ham",
        "Surest: spam",
    ]
    assert [e.example_id for e in found["Sure and wrong"].examples] == ["w", "z"]
    assert [e.example_id for e in found["No vote at all"].examples] == ["x"]
    first = found["Sure and wrong"].examples[0]
    assert (first.text, first.votes, first.gold) == ("B", [("a", "spam"), ("b", "spam")], "ham")


def test_only_what_is_shown_is_read() -> None:
    read: list[int] = []

    def text(i: int) -> str:
        read.append(i)
        return str(i)

    n = 500
    votes = Votes(np.ones((n, 1), dtype=int))
    found = pick_examples(votes, SoftLabels([[0.1, 0.9]] * n), text, per_bucket=3)
    assert len(read) == sum(len(b.examples) for b in found) == 3
    assert found[0].n == n


def test_without_gold_nothing_is_called_wrong() -> None:
    assert "Sure and wrong" not in {b.title for b in pick_examples(VOTES, SOFT, list("ABCDE"))}


def test_a_partial_vote_names_all_it_allows() -> None:
    votes = Votes([[0]], classes=["a", "b", "c"], sources=["s"], alphabet={"s": [[1, 2]]})
    (bucket, *_) = pick_examples(votes, SoftLabels([[0.0, 0.5, 0.5]], classes=votes.classes), ["x"])
    assert bucket.examples[0].votes == [("s", "b or c")]


def test_undecided_means_that_two_classes_are_close_however_many_there_are() -> None:
    soft = SoftLabels([[0.4, 0.1, 0.1, 0.1, 0.1, 0.2], [0.35, 0.32, 0.33, 0.0, 0.0, 0.0]])
    found = {b.title: b for b in pick_examples(Votes([[0], [1]], classes=6), soft, ["a", "b"])}
    assert [e.text for e in found["Undecided"].examples] == ["b"]
    assert [e.text for e in found["Surest: 0"].examples] == ["a"]
