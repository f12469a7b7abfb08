"""Differences of runs: they compose exactly, survive JSON, and say what was edited."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.core import SoftLabels
from labelwright.core.errors import DataError
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.settings import parse_settings
from labelwright.pipeline.versions.diff import Diff, diff_runs
from labelwright.store import RunRow

CLASSES = ("ham", "spam")


class SyntheticRun:
    """What a kept run answers, made of a few plain values."""

    def __init__(
        self, number: int, labels: dict[str, dict[str, float]], functions: dict[str, str], metrics: dict, end: str
    ) -> None:
        self.row = RunRow(number, f"{number:016x}", datetime.now(UTC), 1.0, {})
        self._labels, self._functions, self._metrics, self._end = labels, functions, metrics, end
        self.splits = list(labels)

    def soft_labels(self, split: str) -> SoftLabels:
        """P(spam) of each id; an id without votes has 0.5."""
        found = self._labels[split]
        p = np.array(list(found.values()), dtype=float)
        ids = np.array(list(found), dtype=np.str_)
        return SoftLabels(np.stack([1 - p, p], axis=1), p != 0.5, classes=CLASSES, example_ids=ids)

    def function_records(self) -> list[dict[str, Any]]:
        """A record for each function; its place in the file is no part of what it is."""
        return [
            {
                "name": name,
                "kind": "PythonFunction",
                "labels": None,
                "fields": None,
                "version": version,
                "source": f"return {version}",
                "explanation": {
                    "version": version,
                    "parts": [{"kind": "function", "name": name, "where": f"supervision.py:{self.row.number}"}],
                },
            }
            for name, version in self._functions.items()
        ]

    def slicing_records(self) -> list[dict[str, Any]]:
        """It has no slices."""
        return []

    def transformation_records(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def label_model(self) -> Any:
        """Accuracies that follow from the versions."""
        accuracies = np.array([np.nan if v == "0" else 0.5 + int(v) / 10 for v in self._functions.values()])
        return SimpleNamespace(
            params_=SimpleNamespace(sources=tuple(self._functions)),
            accuracies_=accuracies,
            classes_=CLASSES,
            class_balance_=np.array([0.5, 0.5]),
        )

    def metrics(self) -> dict[str, Any]:
        """One metric on test."""
        return {"test": {"models": {"label model": {"name": "Label model", "accuracy": self._metrics}}}}

    def settings(self) -> Any:
        """Settings with another end model now and then."""
        return parse_settings(f'[data]\npath = "a.csv"\n[task]\nclasses = ["ham", "spam"]\n{self._end}\n')


IDS = st.dictionaries(st.sampled_from("abcdefg"), st.sampled_from([0.1, 0.4, 0.5, 0.9]), max_size=6)
METRIC = st.sampled_from([0.7, 0.8, None]).map(lambda v: {"value": v, "low": v, "high": v, "n": 9})


@st.composite
def run(draw: st.DrawFn, number: int) -> SyntheticRun:
    """A run of a few examples and functions."""
    labels = {"train": draw(IDS)} | ({"test": draw(IDS)} if draw(st.booleans()) else {})
    functions = draw(st.dictionaries(st.sampled_from(["f", "g", "h"]), st.sampled_from("012"), min_size=1))
    end = draw(st.sampled_from(["", '[end_model]\nkind = "none"', '[end_model]\nkind = "text"\nfields = ["t"]']))
    return SyntheticRun(number, labels, functions, draw(METRIC), end)


@settings(max_examples=60)
@given(run(1), run(2), run(3))
def test_two_steps_are_one(a, b, c):
    composed = diff_runs(a, b).then(diff_runs(b, c))
    assert composed == diff_runs(a, c)
    assert Diff.from_dict(json.loads(json.dumps(composed.to_dict()))) == composed
    assert diff_runs(a, b).then(diff_runs(b, a)).unchanged


@settings(max_examples=30)
@given(run(1), run(2))
def test_what_differs_is_held(a, b):
    diff = diff_runs(a, b)
    versions = [{f["name"]: f["version"] for f in one.function_records()} for one in (a, b)]
    assert set(diff.functions.changed) == {
        name for name in versions[0].keys() & versions[1].keys() if versions[0][name] != versions[1][name]
    }
    assert set(diff.functions.added) == versions[1].keys() - versions[0].keys()
    for split in diff.splits:
        assert diff.stayed(split) == len(a._labels.get(split, {}).keys() & b._labels.get(split, {}).keys())


def test_only_diffs_that_meet_compose():
    a, b, c = (SyntheticRun(n, {"train": {"x": 0.9}}, {"f": "1"}, {"value": None}, "") for n in (1, 2, 3))
    with pytest.raises(DataError, match=r"ends at run 0+2 and the next begins at run 0+1"):
        diff_runs(a, b).then(diff_runs(a, c))


def test_real_runs_compose_too(edited):
    functions = edited.folder / "supervision.py"
    functions.write_text(functions.read_text().replace('"song" in x.text', '"best song" in x.text'))
    edited.run()
    one, two, three = (KeptRun.named(edited.folder, number) for number in (1, 2, 3))
    composed = diff_runs(one, two).then(diff_runs(two, three))
    assert composed == diff_runs(one, three)
    assert composed.comparison is None
    assert len(composed.examples)
    assert set(composed.functions.items) == {"subscribe", "song", "best", "love"}


def test_lines_above_a_function_are_no_change_of_it(project):
    source = (project.folder / "supervision.py").read_text()
    (project.folder / "supervision.py").write_text("# one\n# two\n" + source)
    project.run()
    assert project.diff().unchanged
