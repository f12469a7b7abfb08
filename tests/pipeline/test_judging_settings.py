"""Contracts and gates in the settings."""

from __future__ import annotations

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
    contract, own = settings.contracts.of("has_link")
    assert (contract.coverage.min, contract.coverage.max, contract.never_votes) == (0.1, 0.5, ["ham", "spam"])
    assert own.silent_on == "^$"
    assert settings.contracts.of("other")[0].coverage.min == 0.01
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
        ("[gates]\nslice = ['a']", r"\[gates\] has no key 'slice'. Did you mean 'slices'"),
    ],
)  # fmt: skip
def test_mistakes_in_contracts_and_gates_are_explained(text, message):
    with pytest.raises(ProjectError, match=message):
        parse_settings(MINIMAL + text)
