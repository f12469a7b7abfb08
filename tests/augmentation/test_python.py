"""The decorator: what it makes, and declarations that do not fit the signature."""

from __future__ import annotations

import pytest

from labelwright.augmentation import Magnitude, TransformationFunction, transformation_function
from labelwright.core.errors import FunctionError


def test_with_and_without_parentheses():
    @transformation_function
    def shout(text):
        return text.upper()

    @transformation_function()
    def ask(text):
        return text + "?"

    @transformation_function("other", magnitude=(0.0, 2.0), field="text", may_change="shape")
    def named(text, magnitude):
        return text

    assert [f.name for f in (shout, ask, named)] == ["shout", "ask", "other"]
    assert shout("a") == "A"
    assert named.magnitude == Magnitude(0.0, 2.0)
    assert (named.field, named.may_change) == ("text", {"shape"})


def test_names_and_resources_in_snorkels_order():
    @transformation_function("swap", {"words": {"a": "b"}})
    def swap(text, words):
        return words.get(text)

    assert swap("a") == "b"
    assert swap("c") is None


def test_a_callable_object_is_called_by_its_class():
    class Shout:
        def __call__(self, text):
            return text.upper()

    assert transformation_function(Shout()).name == "Shout"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: transformation_function()(3), "decorates a function, not a int"),
        (lambda: transformation_function(transformation_function(lambda x: x)), "is a transformation function already"),
        (lambda: transformation_function(lambda x, magnitude: x), r"no bounds are given: magnitude=\(low, high\)"),
        (lambda: transformation_function(magnitude=(0, 1))(lambda x: x), "bounds of a magnitude that it does not take"),
        (lambda: transformation_function("f", {"b": 1})(lambda x, a=1: x), r"no parameters for its resources \['b'\]"),
        (lambda: transformation_function(magnitude=(1, 0))(lambda x, magnitude: x), "low < high"),
        (lambda: transformation_function(may_change="colour")(lambda x: x), "may_change"),
    ],
)
def test_declarations_that_do_not_fit_are_refused(make, said):
    with pytest.raises(FunctionError, match=said):
        make()


def test_a_signature_that_takes_anything_or_cannot_be_read_passes():
    anything = transformation_function("f", {"b": 1}, magnitude=(0, 1))(lambda x, magnitude, **more: more)
    assert anything("a") == {"b": 1}
    assert isinstance(transformation_function("f")(dict), TransformationFunction)
