"""Contracts and gates in the settings."""

from __future__ import annotations

import msgspec
import pytest

from labelwright.core.errors import ProjectError
from labelwright.pipeline.settings import parse_settings

MINIMAL = '[data]\npath = "x.csv"\n[task]\nclasses = ["ham", "spam"]\n'


def test_contracts_and_gates_are_read_and_put_together():
    settings = parse_settings(
        MINIMAL + "[contracts]\ncoverage = { min = 0.01, max = 0.5 }\nnever_votes = ['ham']\n"
        "[contracts.functions.has_link]\ncoverage = { min = 0.1 }\nnever_votes = ['spam']\nsilent_on = '^$'\n"
        "[gates]\nflips = 0.02\nslices = ['split']\n"
    )
    contract = settings.contracts.of("has_link")
    assert (contract.coverage.min, contract.coverage.max, contract.never_votes) == (0.1, 0.5, ["ham", "spam"])
    (_, general), (place, own) = settings.contracts.layers("has_link")
    assert (general.silent_on, place, own.silent_on) == (None, "contracts.functions.has_link", "^$")
    assert settings.contracts.of("other").coverage.min == 0.01
    assert settings.contracts.given
    assert settings.gates.given
    assert not parse_settings(MINIMAL).contracts.given
    assert not parse_settings(MINIMAL + "[gates]\nenforce = true\n").gates.given


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[contracts]\ncoverge = {}", r"\[contracts\] has no key 'coverge'. Did you mean 'coverage'"),
        ("[contracts.functions.f]\nsilent = 'x'", r"\[contracts.functions.f\] has no key 'silent'"),
        ("[contracts]\ncoverage = { low = 0.1 }", r"\[contracts.coverage\] has no key 'low'. .*max, min"),
        ("[contracts]\naccuracy = { min = 70 }", "contracts.accuracy: min is 70 and max is 1; shares are between 0 and 1"),
        ("[contracts.functions.f]\nconflict = { min = 0.5, max = 0.1 }", "contracts.functions.f.conflict: min is 0.5"),
        ("[contracts]\nnever_votes = ['eggs']", "contracts.never_votes names 'eggs'; the classes are ham, spam"),
        ("[contracts]\nfunctions = 3", "contracts.functions: expected object, got int"),
        ("[gates]\nflips = 2.0", "gates.flips is 2; it is a share"),
        ("[gates]\ndrift = 0.0", "gates.drift is 0; it is the chance of a false alarm"),
        ("[contracts.tasks.kind]\ncoverage = { min = 0.1 }", "contracts.tasks.kind: the project has one task"),
        ("[gates.tasks.kind]\nflips = 0.1", r"gates.tasks.kind: the project has one task.*under \[gates\]"),
        ("[gates]\nslice = ['a']", r"\[gates\] has no key 'slice'. Did you mean 'slices'"),
    ],
)  # fmt: skip
def test_mistakes_in_contracts_and_gates_are_explained(text, message):
    with pytest.raises(ProjectError, match=message):
        parse_settings(MINIMAL + text)


TASKS = """
[data]
path = "x.csv"
[tasks.finding]
classes = ["normal", "abnormal"]
[tasks.kind]
classes = ["mass", "cyst"]
refines = { task = "finding", classes = ["abnormal"] }
"""


def test_the_most_special_bound_of_a_task_counts():
    settings = parse_settings(
        TASKS + "[contracts]\ncoverage = { min = 0.1, max = 0.9 }\nsilent_on = 'a'\n"
        "[contracts.functions.f]\ncoverage = { min = 0.3 }\n"
        "[contracts.tasks.kind]\ncoverage = { min = 0.2, max = 0.8 }\nnever_votes = ['N/A']\n"
        "[contracts.tasks.kind.functions.f]\nnever_votes = ['cyst']\nsilent_on = 'b'\n"
        "[gates]\nflips = 0.1\n[gates.tasks.kind]\nslices = ['split']\n"
    )
    contracts, gates = settings.contracts, settings.gates
    bounds = {(f, task): contracts.of(f, task).coverage for f in "fg" for task in ("finding", "kind")}
    assert {key: (one.min, one.max) for key, one in bounds.items()} == {
        ("f", "finding"): (0.3, 0.9), ("g", "finding"): (0.1, 0.9), ("f", "kind"): (0.3, 0.8), ("g", "kind"): (0.2, 0.8)
    }  # fmt: skip
    assert contracts.of("f", "kind").never_votes == ["N/A", "cyst"]
    assert [one.silent_on for _, one in contracts.layers("f", "kind")] == ["a", None, None, "b"]
    assert (gates.of_task("kind").flips, gates.of_task("kind").slices, gates.of_task("finding").slices) == (
        0.1,
        ["split"],
        [],
    )
    assert parse_settings(TASKS + "[gates.tasks.kind]\nflips = 0.0\n").gates.given


def test_what_a_run_keeps_of_settings_knows_no_tables_of_tasks_that_are_not_there():
    kept = msgspec.to_builtins(parse_settings(MINIMAL + "[gates]\nflips = 0.1\n"))
    assert "tasks" not in kept["gates"]
    assert "tasks" not in kept["contracts"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[contracts.tasks.kin]\n", "contracts.tasks.kin: there is no such task. There are: finding, kind"),
        ("[gates.tasks.size]\nflips = 0.1", "gates.tasks.size: there is no such task"),
        ("[gates.tasks.kind]\nflips = 3.0", "gates.tasks.kind.flips is 3; it is a share"),
        ("[gates.tasks.kind]\ndrift = 0.1", r"\[gates.tasks.kind\] has no key 'drift'"),
        ("[contracts.tasks.kind]\nnever_votes = ['normal']", "contracts.tasks.kind.never_votes names 'normal'; the classes are mass, cyst, N/A"),
        ("[contracts.tasks.kind.functions.f]\nconflict = { max = 2.0 }", "contracts.tasks.kind.functions.f.conflict: min is 0"),
    ],
)  # fmt: skip
def test_mistakes_in_tables_of_tasks_are_explained(text, message):
    with pytest.raises(ProjectError, match=message):
        parse_settings(TASKS + text)
