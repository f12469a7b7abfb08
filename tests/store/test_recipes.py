"""Recipes: equal ones have equal digests whatever the order of keys, and any difference is named."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.store import ArtifactId, Recipe

KEYS = st.sampled_from([ArtifactId("part", d * 64) for d in "012"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["function", "part", "seed"])
RECIPES = st.builds(
    Recipe, st.sampled_from(["votes", "stats"]), st.dictionaries(NAMES, KEYS), st.dictionaries(NAMES, JSON)
)


@given(RECIPES)
def test_a_recipe_comes_back_from_its_text_and_the_order_of_keys_is_nothing(recipe):
    assert Recipe.parse(recipe.text) == recipe
    again = Recipe(recipe.kind, dict(reversed(recipe.inputs.items())), dict(reversed(recipe.parameters.items())))
    assert again.digest == recipe.digest == hashlib.sha256(recipe.text.encode()).hexdigest()
    assert again.changes_from(recipe) == ()


@given(RECIPES, RECIPES)
def test_recipes_differ_exactly_where_their_digests_do(one, other):
    assert (one.text == other.text) == (one.digest == other.digest)
    if one.kind == other.kind:
        assert (one.digest == other.digest) == (one.changes_from(other) == ())


def test_the_digest_is_the_same_for_ever():
    recipe = Recipe("votes", {"part": ArtifactId("part", "ab" * 32)}, {"function": "é", "options": [1, None, 0.1]})
    assert recipe.digest == "e87764b2ac0b3c8cce8b6759e5f5c272c6e3068e58f43e91323d11314fbc12ec"


def test_changes_are_named():
    part, other = ArtifactId("part", "ab" * 32), ArtifactId("part", "cd" * 32)
    old = Recipe("votes", {"part": part}, {"function": "v1", "seed": 0})
    assert Recipe("votes", {"part": other}, {"function": "v2", "more": 1}).changes_from(old) == (
        "function",
        "more",
        "part",
        "seed",
    )
    assert Recipe("stats", {"part": part}).changes_from(old) == ("kind",)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_only_json_is_a_parameter(value):
    with pytest.raises((ValueError, TypeError)):
        Recipe("votes", {}, {"a": value}).digest  # noqa: B018
