"""SLiMFast: its laws, accuracies of sources that were never heard, and the choice between ERM and EM."""

import json

import numpy as np
import pytest
from scipy.special import expit

from labelwright.core import Votes
from labelwright.core.claims import Claims
from labelwright.core.errors import ModelError, NotFittedError
from labelwright.labelmodels import from_dict, to_dict
from labelwright.labelmodels.fusion.slimfast import SLiMFast
from labelwright.testing import check_label_model


def world(seed, *, m=60, n=1500, k=3, coverage=0.2):
    """Sources whose age and kind tell how accurate they are, but for a little of their own."""
    rng = np.random.default_rng(seed)
    age, kind = rng.uniform(0, 10, m), rng.choice(["llm", "regex", "kb"], m)
    odds = 0.8 - 0.12 * (age - 5) + np.select([kind == "llm", kind == "regex"], [0.8, -0.6], 0) + rng.normal(0, 0.2, m)
    accuracies = expit(odds)
    truth = rng.integers(k, size=n)
    L = np.where(rng.random((n, m)) < accuracies, truth[:, None], (truth[:, None] + rng.integers(1, k, (n, m))) % k)
    L = np.where(rng.random((n, m)) < coverage, L, -1)
    about = {f"s{j}": {"age": float(age[j]), "kind": str(kind[j])} for j in range(m)}
    return Votes(L, classes=k, sources=list(about)), truth, accuracies, about


def as_claims(votes):
    rows, columns = np.nonzero(votes.values >= 0)
    names = np.array(votes.sources)
    return Claims(names[columns], rows, votes.values[rows, columns].astype(np.int64))


def test_keeps_the_laws():
    check_label_model(
        SLiMFast(learning="em", features={"a": {"age": 1}, "b": {"age": 2}, "0": {"age": 1}, "1": {"age": 2}})
    )


@pytest.mark.parametrize("door", ["votes", "claims"])
def test_predicts_the_accuracy_of_sources_held_out(door):
    errors, blind = [], []
    for seed in range(3):
        votes, _, accuracies, about = world(seed)
        heard = votes.select(votes.sources[:40])
        model = SLiMFast(features={s: about[s] for s in heard.sources})
        model = model.fit(heard) if door == "votes" else model.fit_claims(as_claims(heard))
        expected = model.expected_accuracies({s: about[s] for s in votes.sources[40:]})
        errors.append(np.abs(expected - accuracies[40:]).mean())
        blind.append(np.abs(accuracies[:40].mean() - accuracies[40:]).mean())
    assert np.mean(errors) < 0.045
    assert np.mean(blind) > 0.1


def test_features_help_sources_with_few_claims():
    votes, _, accuracies, about = world(3, n=60, coverage=0.1)
    with_features = SLiMFast(features=about, copying=False).fit(votes)
    without = SLiMFast(copying=False).fit(votes)
    spoke = np.isfinite(without.accuracies_)
    near, far = (np.abs(m.accuracies_ - accuracies)[spoke].mean() for m in (with_features, without))
    assert near < far - 0.02


def test_a_source_not_heard_counts_as_its_features_say():
    votes, _, _, about = world(4)
    heard = votes.select(votes.sources[:40])
    model = SLiMFast(features=about).fit_claims(as_claims(heard))
    best, worst = {"kind": "llm", "age": 0.0}, {"kind": "regex", "age": 10.0}
    model.set_params(features={**about, "good": best, "bad": worst})
    fused = model.predict_claims(Claims(["good", "bad"], [1, 1], ["x", "y"]))
    probs = dict(zip(fused.candidates.tolist(), fused.probs.tolist(), strict=True))
    assert probs["x"] > 2 * probs["y"]


def test_known_answers_are_used_alone_where_they_tell_more():
    votes, truth, accuracies, _ = world(5, n=800)
    none, few, all_ = np.full(800, -1), np.where(np.arange(800) < 5, truth, -1), truth
    assert "Learned" not in str(SLiMFast().fit(votes, none).outcome_)
    assert "from all claims" in str(SLiMFast().fit(votes, few).outcome_)
    model = SLiMFast().fit(votes, all_)
    assert "from the known answers alone" in str(model.outcome_)
    assert np.abs(model.accuracies_ - accuracies).max() < 0.1


def test_claims_with_known_answers():
    votes, truth, _, _ = world(6, n=400)
    claims = as_claims(votes)
    gold = dict(enumerate(truth.tolist()))
    part = {i: gold[i] for i in range(300)}
    model = SLiMFast(learning="erm").fit_claims(claims, part)
    assert "from the known answers alone" in str(model.claim_params_.outcome)
    assert model.predict_claims(claims).score({i: gold[i] for i in range(300, 400)}) > 0.85


def test_a_saved_model_still_expects():
    votes, _, _, about = world(7, n=200)
    model = SLiMFast(features=about).fit(votes)
    again = from_dict(json.loads(json.dumps(to_dict(model))))
    asked = {"new": {"kind": "llm", "age": 2.0}}
    assert again.expected_accuracies(asked) == pytest.approx(model.expected_accuracies(asked))
    assert np.array_equal(again.predict_proba(votes), model.predict_proba(votes))


def test_refusals():
    votes, *_ = world(8, n=50)
    with pytest.raises(NotFittedError, match="fit_claims"):
        SLiMFast().expected_accuracies({"a": {}})
    with pytest.raises(ModelError, match="learning is 'best'; allowed: 'auto', 'erm', 'em'"):
        SLiMFast(learning="best").fit(votes)
    with pytest.raises(ModelError, match="none is known"):
        SLiMFast(learning="erm").fit(votes)
    with pytest.raises(ModelError, match="describe none of the sources"):
        SLiMFast(features={"x": {"age": 1}}).fit(votes)
