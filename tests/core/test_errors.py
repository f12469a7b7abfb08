from __future__ import annotations

import inspect
import pickle

import pytest

from labelwright.core import errors


def drawn() -> set[str]:
    return {
        word
        for line in errors.__doc__.splitlines()
        for word in line.replace("(", " ").split()
        if word in errors.__all__
    }


def test_the_tree_at_the_top_of_the_file_is_the_tree():
    found = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert found == drawn() == set(errors.__all__)
    for name in found:
        assert issubclass(getattr(errors, name), errors.LabelwrightError | errors.LabelwrightWarning)


@pytest.mark.parametrize(
    "error",
    [
        errors.LabelingError("boom", source="f", example_id=3, fields={"text": "x"}),
        errors.LabelingTimeoutError("slow", source="f", example_id="a"),
        errors.SlicingError("boom", source="f", example_id=3, fields={"text": "x"}),
        errors.TransformationError("boom", source="f", example_id=3, step=1),
        errors.MissingExtraError("x", "torch"),
    ],
)
def test_errors_cross_process_borders_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
