"""Vectorised hashing: it is the plain algorithm, every bit of input reaches every bit of output, nothing collides."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.data import mixing
from labelwright.data.mixing import hash_bytes, hash_lists, hash_words, key_of, settle

MASK = (1 << 64) - 1
KEY = key_of("text", "text")


def mixed(state: int, lane: int) -> int:
    add, shift_1, multiply_1, shift_2, multiply_2, shift_3 = (int(x) for x in mixing._ROUNDS[lane])
    state = (state + add) & MASK
    state = (state ^ (state >> shift_1)) * multiply_1 & MASK
    state = (state ^ (state >> shift_2)) * multiply_2 & MASK
    return state ^ (state >> shift_3)


def plain(text: bytes) -> list[int]:
    """The definition, one text at a time."""
    lanes = [int(k) for k in KEY]
    if len(text) > 256:
        long = hashlib.sha256(text).digest()
        lanes = [state ^ int.from_bytes(long[8 * i : 8 * i + 8], "little") for i, state in enumerate(lanes)]
    else:
        for start in range(0, len(text), 8):
            word = int.from_bytes(text[start : start + 8], "little")
            lanes = [mixed(state ^ word, lane) for lane, state in enumerate(lanes)]
    return [mixed(state ^ len(text), lane) for lane, state in enumerate(lanes)]


def vectorised(texts: list[bytes]) -> np.ndarray:
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    return hash_bytes(data, np.cumsum([0, *map(len, texts)]), KEY)


@given(st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=250, max_size=300)), max_size=30))
def test_texts_are_hashed_as_one_by_one(texts: list[bytes]) -> None:
    assert vectorised(texts).T.tolist() == [plain(text) for text in texts]


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b"x" * (i % 37) + str(i).encode() for i in range(500)]
    whole = vectorised(texts)
    monkeypatch.setattr(mixing, "_BLOCK", 7)
    assert (vectorised(texts) == whole).all()
    words = np.arange(500, dtype=np.uint64)
    monkeypatch.setattr(mixing, "_BLOCK", 16)
    cut = hash_words(words, KEY)
    monkeypatch.setattr(mixing, "_BLOCK", 1000)
    assert (hash_words(words, KEY) == cut).all()


@given(st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=20), st.integers(0, 5))
def test_a_list_is_hashed_by_itself(lists: list[list[int]], skipped: int) -> None:
    """What stands before and after it in the column makes no difference, and equal hashes mean equal lists."""
    items = hash_words(np.array([7] * skipped + [x for one in lists for x in one], dtype=np.uint64), KEY)
    found = hash_lists(items, np.cumsum([skipped, *map(len, lists)]), KEY).T.tolist()
    alone = [
        hash_lists(hash_words(np.array(one, dtype=np.uint64), KEY), np.array([0, len(one)]), KEY).T[0].tolist()
        for one in lists
    ]
    assert found == alone
    assert len({tuple(h) for h in found}) == len({tuple(one) for one in lists})


@pytest.mark.parametrize("width", [4, 8, 9, 16, 40])
def test_every_bit_of_a_text_flips_half_the_bits_of_its_hash(width: int) -> None:
    rng = np.random.default_rng(0)
    texts = [rng.integers(97, 123, width, dtype=np.uint8).tobytes() for _ in range(400)]
    before = settle(vectorised(texts))
    for bit in {0, 7, 8 * width // 2, 8 * width - 1}:
        flipped = [(int.from_bytes(t, "little") ^ (1 << bit)).to_bytes(width, "little") for t in texts]
        differing = (before ^ settle(vectorised(flipped))).T.copy()
        share = np.unpackbits(differing.view(np.uint8), axis=1).mean(axis=0)
        # 400 fair coins for each of 128 bits: six standard errors.
        assert abs(share - 0.5).max() < 6 * 0.5 / 400**0.5


@pytest.mark.parametrize("kind", ["counting", "repeating", "high bits", "numbers"])
def test_each_lane_by_itself_is_as_good_as_chance(kind: str) -> None:
    """Values that differ little share the upper 32 bits of a lane as often as random ones would, and never all of it."""
    n = 100_000
    if kind == "numbers":
        lanes = settle(hash_words(np.arange(n, dtype=np.uint64), KEY))
    else:
        make = {
            "counting": lambda i: b"user %d" % i,
            "repeating": lambda i: b"ab" * (i % 120) + b"%d" % (i // 120),
            # Differences in the highest bits of words are what multiplication alone hands on undisturbed.
            "high bits": lambda i: bytes(0x80 * (i >> b & 1) for b in range(17)),
        }[kind]
        lanes = settle(vectorised([make(i) for i in range(n)]))
    expected = n * (n - 1) / 2 / 2**32
    for lane in lanes:
        assert len(np.unique(lane)) == n
        for half in (lane >> np.uint64(32), lane & np.uint64(2**32 - 1)):
            assert abs(n - len(np.unique(half)) - expected) < 6 * expected**0.5 + 1


def test_the_lanes_do_not_follow_each_other() -> None:
    first, second = settle(hash_words(np.arange(100_000, dtype=np.uint64), KEY))
    agreeing = np.unpackbits((first ^ second).view(np.uint8)).mean()
    assert abs(agreeing - 0.5) < 6 * 0.5 / (64 * 100_000) ** 0.5


def test_settling_loses_nothing() -> None:
    pairs = np.array([[i % 64 for i in range(4096)], [i // 64 for i in range(4096)]], dtype=np.uint64)
    assert len(np.unique(settle(pairs.copy()), axis=1).T) == 4096
