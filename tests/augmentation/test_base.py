"""Magnitudes, the functions that have them, and the versions of functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.augmentation import Magnitude, TransformationFunction, transformation_function
from labelwright.core.errors import FunctionError, VersionError

NAN = float("nan")
bounds = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1)).map(
    lambda t: Magnitude(t[0], t[0] + t[1], neutral=min(max(t[0] + t[2] * t[1], t[0]), t[0] + t[1]))
)


@given(bounds, st.lists(st.floats(-1, 1), min_size=1, max_size=5))
def test_strengths_and_magnitudes_are_each_others_inverse(magnitude, strengths):
    strengths = np.array([s for s in strengths if np.sign(s) in (0, *magnitude.sides)] or [0.0])
    found = magnitude.at(strengths)
    room = 1e-9 * max(1, abs(magnitude.low), abs(magnitude.high))
    assert (found >= magnitude.low - room).all()
    assert (found <= magnitude.high + room).all()
    smallest = min(abs(end - magnitude.neutral) for end in (magnitude.low, magnitude.high) if end != magnitude.neutral)
    if smallest > 1e-3:
        assert np.allclose(magnitude.strength(found), strengths, atol=1e-4)
    assert np.all(np.diff(magnitude.at(np.linspace(-1, 1, 9))) >= 0)


@given(bounds)
def test_the_ends_of_strength_are_the_bounds(magnitude):
    assert magnitude.at(0.0) == magnitude.neutral
    assert np.allclose(magnitude.at([-1.0, 1.0]), [magnitude.low, magnitude.high])


@given(bounds, st.integers(1, 12))
def test_levels_are_evenly_spaced_on_the_sides_there_are(magnitude, count):
    levels = magnitude.levels(count)
    assert levels.shape == (count,)
    assert (np.diff(levels) > 0).all()
    assert np.allclose(np.diff(levels, 2), 0)
    assert set(np.sign(levels)) <= {0, *magnitude.sides}
    assert magnitude.sides[-1] in levels or -1 in levels


def test_whole_numbers_and_zeros_of_either_sign_are_one_bound_and_one_version():
    versions = {make(WORDS, low, high).version for low, high in ((0, 1), (0.0, 1.0), (-0.0, True))}
    assert len(versions) == 1


def test_neutral_is_zero_where_it_can_be():
    assert Magnitude(-1, 1).neutral == 0
    assert Magnitude(0.5, 2).neutral == 0.5
    assert Magnitude(-2, -1).neutral == -2
    assert Magnitude(0, 1).sides == (1,)
    assert Magnitude(-1, 0).sides == (-1,)


@pytest.mark.parametrize(("low", "high", "neutral"), [(1, 1, NAN), (2, 1, NAN), (0, float("inf"), NAN), (NAN, 1, NAN)])
def test_bounds_are_checked(low, high, neutral):
    with pytest.raises(FunctionError, match="finite bounds"):
        Magnitude(low, high, neutral)


def test_neutral_lies_within_the_bounds():
    with pytest.raises(FunctionError, match="neutral is 3"):
        Magnitude(0, 1, neutral=3)


def test_a_function_checks_itself():
    with pytest.raises(FunctionError, match="needs a name"):
        TransformationFunction(name="", function=len)
    with pytest.raises(FunctionError, match="cannot be called"):
        TransformationFunction(name="f", function=3)
    with pytest.raises(
        FunctionError, match=r"holds \['colour'\]; it may hold \['dtype', 'missing', 'range', 'shape'\]"
    ):
        TransformationFunction(name="f", function=len, may_change={"colour"})


def test_what_a_function_takes_is_read_from_its_signature_once():
    unit = Magnitude(0, 1)
    takes = TransformationFunction(name="f", function=lambda x, rng, magnitude=1: x, magnitude=unit).takes
    assert takes == {"rng", "magnitude"}
    # A magnitude without bounds is the function's own affair.
    assert TransformationFunction(name="f", function=lambda x, magnitude=1: x).takes == set()
    assert TransformationFunction(name="f", function=dict).takes == set()  # no signature to read


def test_a_function_can_be_called_to_look_at_what_it_does():
    @transformation_function("add", {"times": 2}, magnitude=(0.0, 4.0))
    def add(x, magnitude, rng, times):
        return x + times * magnitude + rng.integers(1)

    assert add(1) == 5
    assert add(1, magnitude=1, rng=np.random.default_rng(3)) == 3
    batched = TransformationFunction(
        name="f", function=lambda x, magnitude: x + magnitude, magnitude=Magnitude(0, 1), batched=True
    )
    assert batched(np.zeros(2)).tolist() == [0.5, 0.5]
    assert batched(np.zeros(2), magnitude=[0.25, 1]).tolist() == [0.25, 1]


# Versions: what matters counts, what does not, does not.

WORDS = {"good": "fine"}


def make(words, low=0.0, high=1.0, **more):
    """A factory, as those of the library: its functions close over what it was given."""

    def replace(text, magnitude, rng):
        return " ".join(words.get(word, word) if rng.random() < magnitude else word for word in text.split())

    return TransformationFunction(name="replace", function=replace, magnitude=Magnitude(low, high), **more)


def test_a_lexicon_a_bound_and_a_resource_count():
    version = make(WORDS).version
    assert version == make(dict(WORDS)).version
    others = [
        make({"good": "nice"}),
        make({}),
        make(WORDS, high=0.9),
        make(WORDS, low=0.1),
        make(WORDS, batched=True),
        make(WORDS, field="text"),
        make(WORDS, resources={"k": 1}),
        make(WORDS, resources={"k": 2}),
        make(WORDS, depends_on=("v2",)),
    ]
    assert len({version, *(other.version for other in others)}) == len(others) + 1
    # What it is called, what it is excused from and the words for its unit do not.
    assert (
        TransformationFunction(
            name="another", function=make(WORDS).function, magnitude=Magnitude(0, 1, unit="share"), may_change={"shape"}
        ).version
        == version
    )


SOURCE = '''
def function(text, rng):
    """Say it."""
    limit = {limit}  # {comment}
    return text * limit
'''


def version_of_source(folder, monkeypatch, limit, comment):
    name = f"supervision_{limit}_{len(comment)}"
    (folder / f"{name}.py").write_text(SOURCE.format(limit=limit, comment=comment))
    monkeypatch.syspath_prepend(str(folder))
    module = __import__(name)
    return transformation_function(module.function).version


def test_code_counts_and_comments_do_not(tmp_path, monkeypatch):
    one = version_of_source(tmp_path, monkeypatch, 2, "once")
    cosmetic = version_of_source(tmp_path, monkeypatch, 2, "and again, at length")
    other = version_of_source(tmp_path, monkeypatch, 3, "once")
    assert one == cosmetic != other


def test_what_cannot_be_hashed_is_named_and_may_be_declared():
    with pytest.raises(VersionError, match="depends_on"):
        make(object()).version  # noqa: B018
    declared = [make(object(), depends_on=(version,)).version for version in ("1", "1", "2")]
    assert declared[0] == declared[1] != declared[2]
