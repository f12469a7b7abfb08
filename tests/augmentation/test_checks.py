"""Checks on a few examples: every fault is found and named, and sound functions pass."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from labelwright.augmentation import Magnitude, TransformationFunction
from labelwright.augmentation.checks import check_functions, refuse_findings
from labelwright.core.errors import TransformationError
from labelwright.core.seeds import generator

UNIT = Magnitude(-1.0, 1.0)


def tf(function, name="f", **more):
    return TransformationFunction(name=name, function=function, **more)


def kinds(function, examples, seed=0):
    return [finding.kind for finding in check_functions([function], examples, generator(seed))]


def write_deep(x):
    x["tokens"].append("!")
    return {**x}


def write_behind_the_count(x):
    x.numpy()[0] = 7
    return x * 2


counter = iter(range(10**9))
own = np.random.default_rng()

TEXTS = ["a b", "c"]
ROWS = np.arange(12.0).reshape(4, 3)
FAULTY = {
    "shared random": (tf(lambda x: x + random.choice("ab") * 9), TEXTS, ["global chance"]),
    "shared numpy": (tf(lambda x: x + np.random.random(x.shape)), ROWS, ["global chance"]),  # noqa: NPY002
    "shared torch": (tf(lambda x: x + torch.rand(3), batched=True), torch.zeros(4, 3), ["global chance"]),
    "a state of its own": (tf(lambda x: f"{x}{next(counter)}"), TEXTS, ["not repeatable"]),
    "a generator of its own": (tf(lambda x, rng: x + own.random(3)), ROWS, ["not repeatable"]),
    "sometimes None": (tf(lambda x: None if next(counter) % 2 else x), ["a"], ["not repeatable"]),
    "a list within a record": (tf(write_deep), [{"tokens": ["a"]}], ["in place"]),
    "a tensor behind its back": (tf(write_behind_the_count), torch.zeros(4, 3), ["in place"]),
    "a batch behind its back": (tf(write_behind_the_count, batched=True), torch.zeros(4, 3), ["in place"]),
    "raises": (tf(lambda x: 1 / 0), TEXTS, ["raises"]),
    "full strength alone": (
        tf(lambda x, magnitude: x * np.sqrt(magnitude + 0.5 + 0j).real / (0 if magnitude == -1 else 1), magnitude=UNIT),
        [1.0],
        ["raises"],
    ),
    "shape": (tf(lambda x: x[:2]), ROWS, ["shape"]),
}


@pytest.mark.parametrize("case", FAULTY)
def test_faults_are_found(case):
    function, examples, expected = FAULTY[case]
    assert kinds(function, examples) == expected


def test_nothing_global_is_touched_and_examples_stay_as_they_are():
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    records = [{"tokens": ["a"]}]
    tensors = torch.zeros(4, 3)
    check_functions([tf(write_deep)], records, generator(0))
    check_functions([tf(write_behind_the_count)], tensors, generator(0))
    assert records == [{"tokens": ["a"]}]
    assert not tensors.any()
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002


def test_sound_functions_pass():
    functions = [
        tf(lambda x, rng: x + rng.random(3), "noise"),
        tf(lambda x, rng: x + rng.random(x.shape), "noise of a batch", batched=True),
        tf(lambda x, magnitude: x * magnitude, "scale", magnitude=UNIT),
        tf(lambda x: None, "nothing"),
        tf(lambda x: x, "same"),
    ]
    assert check_functions(functions, ROWS, generator(0)) == ()
    assert check_functions(functions, [], generator(0)) == ()
    shout = tf(str.upper, field="text")
    assert check_functions([shout], [{"text": "a"}], generator(0)) == ()


def test_a_finding_says_what_where_and_what_to_do():
    bad = tf(lambda x, magnitude: 1 / (magnitude - 1), "bad", magnitude=UNIT)
    findings = check_functions([bad], [5.0] * 40, generator(0), limit=3)
    assert len(findings) == 1
    said = str(findings[0])
    assert said.startswith(
        "transformation function 'bad' raised ZeroDivisionError: float division by zero (seen on exam"
    )
    assert f"example {findings[0].example}, magnitude 1)" in said
    assert "on_error='skip'" in said
    with pytest.raises(TransformationError, match="'bad' raised"):
        refuse_findings(findings)
    refuse_findings(())


def test_only_so_many_examples_are_looked_at():
    seen = []
    check_functions([tf(lambda x: seen.append(x) or x)], list(range(100)), generator(0), limit=4)
    assert len(seen) == 8
    assert len(set(seen)) == 4
