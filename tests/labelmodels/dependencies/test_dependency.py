"""What dependencies look like when they are printed."""

from __future__ import annotations

from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.dependencies.dependency import Dependencies, Dependency


def test_the_pairs_that_move_labels_most_come_first_and_twenty_are_shown() -> None:
    effects = [float("nan"), *(i / 1000 for i in range(30))]
    pairs = tuple(Dependency(f"a{i}", "b", strength=0.5, effect=effect) for i, effect in enumerate(effects))
    found = Dependencies(pairs, "m", Outcome("closed_form", "Found."))
    lines = repr(found).splitlines()
    assert str(found) == repr(found)
    assert lines[0] == "Found."
    assert [line.split(" ~ ")[0].strip() for line in lines[1:21]] == [f"a{i}" for i in range(30, 10, -1)]
    assert lines[21:] == ["  and 11 more"]
    assert found.found == pairs
    few = Dependencies(pairs[:2], "m", found.outcome)
    assert [line.split(" ~ ")[0].strip() for line in repr(few).splitlines()[1:]] == ["a1", "a0"]
