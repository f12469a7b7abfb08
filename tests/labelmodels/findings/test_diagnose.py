from __future__ import annotations

import importlib
import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelwright import labelmodels
from labelwright.core import Failure, PatternCounts, Votes
from labelwright.core.errors import ModelError, NotFittedError
from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.completion.matrix_completion import MatrixCompletion
from labelwright.labelmodels.findings.diagnose import diagnose
from labelwright.labelmodels.findings.effective import effective_sources
from labelwright.labelmodels.findings.findings import CODES, Finding, Findings

from .. import worlds

ROOT = Path(__file__).resolve().parents[3]
ACCURACIES = [0.85, 0.8, 0.75, 0.7, 0.7, 0.65]


def good(seed=0, *, n=2000, **world):
    return worlds.coins(seed, ACCURACIES, n=n, **world)


def test_good_votes_have_no_findings():
    L, truth = good()
    y = np.where(np.arange(len(L)) < 100, truth, -1)
    found = diagnose(L, MatrixCompletion().fit(L), y=y)
    assert set(found.codes) <= {"LW011"}
    assert found.effective_sources > 3
    clean = diagnose(L)
    assert not len(clean)
    assert repr(clean).startswith("Nothing found in votes of 6 sources")


def bad_votes():
    """One set of votes for each code that votes alone give."""
    L, truth = good(n=400)
    silent = np.c_[L, np.full(400, -1)]
    few = np.c_[L, np.where(np.arange(400) < 5, 1, -1)]
    apart = np.where(np.arange(400)[:, None] % 6 == np.arange(6), L, -1)
    rows = np.where(np.arange(400)[:, None] < 100, L, -1)
    agreeing = np.repeat(truth[:, None], 4, axis=1)
    rng = np.random.default_rng(0)
    one_sided = np.where(np.arange(6) % 2 == L, L, -1)
    return {
        "LW001": Votes(silent),
        "LW002": Votes(np.c_[L, np.ones(400, dtype=int)]),
        "LW003": Votes(np.c_[L, L[:, 0]]),
        "LW005": Votes(L[:, :2]),
        "LW006": Votes(np.where(rng.random(agreeing.shape) < 0.7, agreeing, -1)),
        "LW007": Votes(one_sided),
        "LW008": Votes(apart),
        "LW009": Votes(rows),
        "LW010": Votes(L, classes=["a", "b", "never"]),
        "LW018": Votes(np.where(np.arange(6) < 5, truth[:, None], L)),
        "LW020": Votes(few),
        "LW022": Votes(L, failures=[Failure("2", 7, ((0, "boom"),))]),
    }


@pytest.mark.parametrize("code", bad_votes())
def test_each_trouble_of_votes_has_its_code(code):
    found = diagnose(bad_votes()[code])
    assert code in found
    finding = found[code]
    assert finding.what.endswith(".")
    assert finding.what_to_do.endswith(".")
    assert finding.evidence
    expected = {"LW001": ("6",), "LW002": ("6",), "LW003": ("0", "6"), "LW020": ("6",), "LW022": ("2",)}
    assert finding.sources == expected.get(code, finding.sources)
    assert code not in diagnose(good(n=400)[0])


def test_known_classes_against_unanimous_votes():
    L, truth = good(n=400)
    found = diagnose(L, y=1 - truth)["LW011"]
    assert found.severity == "warning"
    unanimous = (L[:, :1] == L).all(axis=1)
    assert f"of {unanimous.sum():,} examples" in found.evidence
    assert diagnose(L, y=L[:, 0]).codes == ()


def test_known_classes_against_the_balance():
    L, truth = good(n=1000)
    model = LabelModel(class_balance=[0.5, 0.5]).fit(L)
    positives = np.where((truth == 1) & (np.arange(1000) < 100), 1, -1)
    assert "0% of" in diagnose(L, model, y=positives, resample=False)["LW012"].evidence
    assert "LW012" not in diagnose(L, model, y=np.where(np.arange(1000) < 100, truth, -1), resample=False)


def test_a_source_that_is_mostly_wrong_is_found():
    L, _ = worlds.coins(0, [0.3, 0.85, 0.8, 0.75, 0.7], n=2000)
    assert diagnose(L, LabelModel().fit(L))["LW004"].sources == ("0",)


def test_dependent_pairs_are_found_unless_declared():
    L, _ = good(n=3000)
    L[:, 5] = np.where(np.random.default_rng(0).random(3000) < 0.3, L[:, 4], L[:, 5])
    votes = Votes(L, sources=list("abcdef"))
    model = MatrixCompletion().fit(votes)
    found = diagnose(votes, model)["LW013"]
    assert {"e", "f"} <= set(found.sources)
    assert "e ~ f" in found.evidence
    declared = MatrixCompletion(dependencies=[("e", "f")]).fit(votes)
    assert "LW013" not in diagnose(votes, declared, dependencies=[("e", "f")])


def test_two_cliques_do_not_identify_a_model():
    L, _ = good(n=400)
    chained = [(0, 1), (1, 2), (3, 4), (4, 5)]
    found = diagnose(L, LabelModel().fit(L), dependencies=chained, resample=False)["LW014"]
    assert found.severity == "error"
    assert "2 independent groups" in found.evidence


def test_few_examples_have_wide_intervals_and_unsteady_answers():
    L, _ = worlds.coins(0, [0.7, 0.6, 0.6, 0.6], n=80)
    found = diagnose(L, MatrixCompletion().fit(L))
    assert "LW019" in found
    assert "LW015" in found
    quick = diagnose(L, MatrixCompletion().fit(L), resample=False)
    assert not {"LW013", "LW015", "LW019"} & set(quick.codes)


def test_falling_back_is_a_finding():
    with pytest.warns(UserWarning, match="majority vote"):
        model = LabelModel().fit([[0, 1], [1, 1], [0, 0]] * 40)
    found = diagnose([[0, 1], [1, 1], [0, 0]] * 40, model)
    assert found["LW021"].evidence == str(model.outcome_)


@pytest.mark.parametrize(
    ("ended", "codes"),
    [
        ("Stopped after 5 steps of EM, as planned; 10 examples.", []),
        ("EM without a prior is not to be trusted here; 5 steps of EM with one.", [("LW023", "note")]),
        ("Stopped after 100 steps.", [("LW021", "note")]),
    ],
)
def test_stopping_as_planned_is_no_finding(ended, codes):
    L, _ = good(n=400)
    model = LabelModel().fit(L)
    model.params_ = replace(model.params_, outcome=Outcome("max_steps", ended, 5))
    found = diagnose(L, model, resample=False)
    assert [(one.code, one.severity) for one in found if one.code in ("LW021", "LW023")] == codes


def test_what_label_models_say_of_stopping_is_understood():
    one_sided = worlds.coins(0, ACCURACIES, n=400)[0]
    one_sided = np.where(np.arange(6) % 2 == one_sided, one_sided, -1)
    rare = worlds.coins(0, [0.9, 0.6, 0.5, 0.5], n=300, positive=0.05)[0]
    said = []
    for L in (one_sided, rare):
        model = LabelModel().fit(L)
        assert model.outcome_.kind == "max_steps"
        assert "LW021" not in diagnose(L, model, resample=False)
        said.append("LW023" in diagnose(L, model, resample=False))
    assert said == [False, True]


def test_a_sample_of_rows_is_a_finding():
    votes = Votes(np.random.default_rng(0).integers(-1, 2, (3000, 8)), classes=2)
    model = MajorityVote().fit(votes)
    model.stats_ = PatternCounts.of(votes, limit=500)
    assert "LW017" in diagnose(votes, model, resample=False)


def test_one_source_that_carries_all_is_a_finding():
    L, _ = worlds.coins(0, [0.98, 0.6, 0.6, 0.6], n=3000)
    found = diagnose(L, MatrixCompletion(class_balance=[0.5, 0.5]).fit(L), resample=False)
    assert "4 sources count as" in found["LW016"].evidence


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_copies_do_not_add_to_the_effective_sources(copies):
    L, truth = worlds.coins(0, [0.8] * 5, n=4000)
    copied = np.c_[L, np.repeat(L[:, :1], copies, axis=1)]
    votes = Votes(copied)
    # With the truth for a posterior, so that only the definition is tested.
    model = _Known(truth).fit(copied)
    worth = np.r_[copies + 1, np.ones(4)]
    assert effective_sources(model, PatternCounts.of(votes)) == pytest.approx(
        worth.sum() ** 2 / (worth @ worth), rel=0.03
    )


class _Known(MajorityVote):
    """Labels by the true model: five independent sources, right in 80 of 100 votes, and copies of the first."""

    def __init__(self, truth, cardinality=None, class_balance=None):
        self.truth = truth
        super().__init__(cardinality=cardinality, class_balance=class_balance)

    def solve(self, stats):
        params = super().solve(stats)
        return replace(params, accuracies=np.full(stats.frame.m, 0.8), class_balance=np.array([0.5, 0.5]))

    def posterior(self, params, votes):
        soft = super().posterior(params, votes)
        net = (np.where(self._votes_like(params, votes).values[:, :5] == 1, 1, -1)).sum(axis=1) * np.log(4)
        probs = np.stack([1 / (1 + np.exp(net)), 1 / (1 + np.exp(-net))], axis=1)
        return type(soft)(probs, soft.covered, classes=soft.classes, example_ids=soft.example_ids)


def test_nothing_to_diagnose_is_said():
    with pytest.raises(ModelError, match="no examples"):
        diagnose(np.empty((0, 3), dtype=int))
    with pytest.raises(NotFittedError):
        diagnose([[0, 1]], LabelModel())
    with pytest.raises(ModelError, match="model is 'x'; it must be a fitted label model"):
        diagnose([[0, 1]], "x")


def test_many_classes_and_sparse_votes_are_diagnosed():
    rng = np.random.default_rng(0)
    row = np.repeat(np.arange(300), 5)
    column = rng.integers(0, 120, 1500)
    row, column = np.unique(np.stack([row, column]), axis=1)
    votes = Votes.from_entries(row, column, rng.integers(0, 70, len(row)), shape=(300, 120), classes=70)
    found = diagnose(votes, MajorityVote().fit(votes))
    assert "LW020" in found
    # A source that spreads its votes over seventy classes is not one-sided.
    assert "LW007" not in found
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_findings_are_ordered_and_shown():
    note = Finding("LW009", "note", "A.", "b", "C.")
    error = Finding("LW014", "error", "D <d>.", "e", "F.", tuple("uvwxyz"))
    found = Findings.of([note, error], "votes")
    assert found.codes == ("LW014", "LW009")
    assert "u, v, w, x, y and 1 more" in repr(found)
    assert "D &lt;d&gt;." in found._repr_html_()
    assert [one["code"] for one in json.loads(json.dumps(found.to_dict()))["findings"]] == ["LW014", "LW009"]
    assert "Effective" not in repr(found)
    for some in ([note], []):
        assert repr(Findings.of(some, "votes", 3.14159)).endswith("\nEffective number of sources: 3.1.")
    with pytest.raises(KeyError, match="there are LW014, LW009"):
        found["LW001"]


def test_the_page_explains_every_code_once():
    page = (ROOT / "docs" / "howto" / "how-sure.md").read_text()
    assert re.findall(r"^\| (LW\d{3}) ", page, flags=re.MULTILINE) == list(CODES)
    for code, title in CODES.items():
        assert f"| {code} | {title} |" in page


def test_the_reference_lists_functions_named_like_their_modules():
    page = (ROOT / "docs" / "reference" / "labelmodels.md").read_text()
    room = ROOT / "src" / "labelwright"
    modules = {file.stem: file for file in (room / "labelmodels").rglob("*.py")}
    listed = re.findall(r"^::: (labelwright\.labelmodels\.\S+)$", page, flags=re.MULTILINE)
    named = {name: modules[name] for name in modules.keys() & set(labelmodels.__all__)}
    hidden = {
        f"labelwright.{'.'.join(path.relative_to(room).with_suffix('').parts)}.{name}" for name, path in named.items()
    }
    assert hidden
    assert hidden <= set(listed)
    for path in listed:
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
