from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core import VoteFrame
from labelwright.core.errors import ModelError
from labelwright.labelmodels.dependencies.cliques import CliqueCells, disjoint_cliques, resolve_pairs


@dataclass(frozen=True)
class Edge:
    first: str
    second: str


def test_names_positions_and_dependencies_are_the_same_pairs():
    names = ["a", "b", "c"]
    assert resolve_pairs(None, names) == []
    assert (
        resolve_pairs([("c", "a")], names) == resolve_pairs([(2, 0)], names) == resolve_pairs([Edge("a", "c")], names)
    )
    assert resolve_pairs(np.array([[1, 0]]), names) == [(0, 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        "learnt",
        5,
        iter([(0, 1)]),
        ["ab"],
        [("a", "z")],
        [("a", "a")],
        [(0, 3)],
        [(0, -1)],
        [(0, 1, 2)],
        [5],
        [(0.5, 1)],
        [(True, 0)],
    ],
)
def test_what_is_not_a_pair_is_refused(wrong):
    with pytest.raises(ModelError):
        resolve_pairs(wrong, ["a", "b", "c"])


@given(st.integers(1, 12), st.data())
def test_cliques_are_the_connected_components(m, data):
    pairs = data.draw(st.lists(st.tuples(st.integers(0, m - 1), st.integers(0, m - 1)).filter(lambda p: p[0] != p[1])))
    cliques = disjoint_cliques(m, pairs)
    members = [j for clique in cliques for j in clique]
    assert len(members) == len(set(members))
    assert all(len(c) > 1 and list(c) == sorted(c) for c in cliques)
    home = {j: c for c in cliques for j in c}
    assert all(home[a] is home[b] for a, b in pairs)
    reach = np.eye(m, dtype=int)
    for a, b in pairs:
        reach[a, b] = reach[b, a] = 1
    reach = np.linalg.matrix_power(reach, m) > 0
    assert all(reach[c[0], j] for c in cliques for j in c)


@given(st.integers(2, 4), st.integers(0, 100))
def test_each_way_to_vote_is_one_cell(size, seed):
    frame = VoteFrame((0, 1), tuple("abcdef"))
    rng = np.random.default_rng(seed)
    cells = CliqueCells.of(frame, rng.permutation(6)[:size])
    L = rng.integers(-1, 2, size=(50, 6))
    code = cells.code(L)
    assert not cells.by_tally
    assert cells.count == 3**size
    assert (cells.letters[code] == L[:, cells.members]).all()
    assert ((code == 0) == (L[:, cells.members] == -1).all(axis=1)).all()


def test_many_ways_become_tallies():
    cells = CliqueCells.of(VoteFrame((0, 1), tuple("abcdefgh")), range(8))
    assert cells.by_tally
    assert cells.count == 18
    L = np.array([[-1] * 8, [0] * 8, [1] * 8, [0, 1] + [-1] * 6, [1, 1, 0] + [-1] * 5])
    assert cells.code(L).tolist() == [0, 1, 17, 9, 10]


def test_tallies_of_many_classes_are_the_class_with_most_votes():
    cells = CliqueCells.of(VoteFrame((0, 1, 2), tuple("abcdef")), range(5))
    assert cells.by_tally
    assert cells.count == 5
    L = np.array([[-1] * 5 + [0], [2] * 6, [0, 0, 1, 2, -1, 1], [0, 1, -1, -1, -1, 1]])
    assert cells.code(L).tolist() == [0, 3, 1, 4]
