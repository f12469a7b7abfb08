"""Votes of different alphabets meet by what they mean: joined, summed, and read in other codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import PatternCounts, VoteCounts, Votes
from labelwright.core.alphabets import united
from labelwright.core.errors import VoteError

LETTERS = [frozenset(one) for one in ([0], [1], [2], [0, 1], [1, 2], [0, 2])]


def sparse(votes):
    row, column = np.nonzero(votes.values >= 0)
    entries = (row, column, votes.values[row, column])
    return Votes.from_entries(
        *entries,
        shape=votes.shape,
        classes=votes.classes,
        sources=votes.sources,
        alphabet=votes.alphabet,
        example_ids=votes.example_ids,
    )


@st.composite
def meanings(draw):
    """What two sources mean on some rows, None for an abstain, and an alphabet with room for it."""
    n = draw(st.integers(1, 6))
    said = [[draw(st.sampled_from([None, *LETTERS])) for _ in range(2)] for _ in range(n)]
    letters = []
    for column in range(2):
        used = {row[column] for row in said} - {None}
        more = draw(st.sets(st.sampled_from(LETTERS)))
        letters.append(tuple(draw(st.permutations(sorted(used | more, key=sorted)))) or (LETTERS[0],))
    return said, letters


def votes_of(meaning, first=0):
    said, letters = meaning
    codes = [[-1 if one is None else letters[j].index(one) for j, one in enumerate(row)] for row in said]
    ids = np.arange(first, first + len(said))
    return Votes(codes, classes=3, sources=["a", "b"], alphabet=dict(zip("ab", letters, strict=True)), example_ids=ids)


def read(votes):
    plain = tuple(frozenset([c]) for c in range(votes.k))
    sets = [votes.alphabet.get(s, plain) for s in votes.sources]
    return [[None if c < 0 else sets[j][c] for j, c in enumerate(row)] for row in votes.values.tolist()]


@settings(max_examples=50)
@given(meanings(), meanings())
def test_joined_votes_mean_what_the_parts_mean_and_sums_are_sums_of_the_whole(first, second):
    parts = [votes_of(first), votes_of(second, first=10)]
    whole = Votes.concat(parts)
    assert read(whole) == first[0] + second[0]
    for kind in (VoteCounts, PatternCounts):
        total = kind.of(parts[0]) + kind.of(parts[1])
        assert total == kind.of(whole)
        assert total == kind.of(parts[1]) + kind.of(parts[0])
        assert total == kind.of(sparse(parts[0])) + kind.of(sparse(parts[1]))


@settings(max_examples=40)
@given(meanings(), meanings(), meanings())
def test_the_order_of_merging_does_not_matter(first, second, third):
    a, b, c = (PatternCounts.of(votes_of(one, first=10 * i)) for i, one in enumerate((first, second, third)))
    assert (a + b) + c == a + (c + b)


@given(meanings(), st.permutations(LETTERS))
def test_other_codes_mean_the_same(meaning, letters):
    votes = votes_of(meaning)
    for one in (votes, sparse(votes)):
        other = one.in_alphabet({"a": tuple(letters), "b": tuple(letters)})
        assert read(other) == meaning[0]
        assert read(other.in_alphabet(votes.alphabet)) == meaning[0]


def test_what_another_alphabet_cannot_say_is_refused_or_left_out():
    votes = Votes([[0, 3], [1, -1]], classes=["x", "y", "z"], sources=["a", "b"], alphabet={"b": LETTERS[:4]})
    with pytest.raises(VoteError, match="example 0, source 'b' voted x or y, for which the alphabet has no code"):
        votes.in_alphabet({})
    assert votes.in_alphabet({}, strict=False).values.tolist() == [[0, -1], [1, -1]]
    assert sparse(votes).in_alphabet({}, strict=False).values.tolist() == [[0, -1], [1, -1]]


def test_an_alphabet_of_single_classes_is_none():
    plain = {"a": tuple(LETTERS[:3])}
    assert united([plain, {}], 3) == {}
    assert united([plain, plain], 3) == plain
    assert united([{"a": tuple(LETTERS[2::-1])}, {}], 3) == {}
