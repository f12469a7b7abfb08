from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.core import generator, hash_ids

ids = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1),
    # A trailing NUL cannot be told from padding in a numpy string array, and no reader yields one.
    st.lists(st.text(max_size=8).filter(lambda s: not s.endswith("\0")), min_size=1),
)


@given(ids, st.data())
def test_an_id_hashes_alike_alone_and_in_any_company(values, data):
    array = np.array(values)
    place = data.draw(st.integers(0, len(values) - 1))
    assert hash_ids(array)[place] == hash_ids(array[place : place + 1])[0]
    assert hash_ids(np.array([values[place]]))[0] == hash_ids(array)[place]


@pytest.mark.parametrize("values", [np.arange(64_000), np.array([f"row-{i}" for i in range(64_000)])])
def test_hashes_spread_evenly_and_do_not_meet(values):
    hashes = hash_ids(values)
    assert len(np.unique(hashes)) == len(values)
    counts = np.bincount(hashes & np.uint64(31), minlength=32)
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_square < 31 + 5 * np.sqrt(62)


def test_a_salt_gives_another_hash():
    assert (hash_ids(np.arange(100)) != hash_ids(np.arange(100), salt=1)).all()


def test_the_hash_is_fixed_for_ever():
    # Sub-sums are stored by this hash: another value here is another format on disk.
    assert hash_ids(np.array([0, 1], dtype=np.int8)).tolist() == [0x46B73E79F0C37C00, 0x5D60B960E0946BA0]
    assert hash_ids(np.array(["a", "bc"], dtype="U9")).tolist() == [0x7171FD973FBAE05C, 0xD8E1D09EE53C6D5F]


def test_generators_read_and_seed_nothing_global():
    np.random.seed(7)  # noqa: NPY002 - the global state is the very thing under test
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert generator(3).random() == generator(3).random()
    given_generator = np.random.default_rng(1)
    assert generator(given_generator) is given_generator
    old = generator(np.random.RandomState(0)).random()
    assert old == generator(np.random.RandomState(0)).random()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("n", [0, 1, 8_192, 20_001])
def test_integers_are_hashed_one_by_one_whatever_the_blocks(n):
    ids = np.arange(n) * 7 - 5
    whole = hash_ids(ids, salt=3)
    assert whole.shape == (n,)
    for at in (0, n // 2, n - 1) if n else ():
        assert whole[at] == hash_ids(ids[at : at + 1], salt=3)[0]
