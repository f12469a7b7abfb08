from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels import (
    DataProgramming,
    EnhancedBCC,
    LabelModel,
    MajorityVote,
    MatrixCompletion,
    Outcome,
    SLiMFast,
    from_dict,
    to_dict,
)
from labelwright.labelmodels.dependencies.dependency import Dependencies, Dependency
from labelwright.testing.label_models import example_votes


@pytest.mark.parametrize("model", [MajorityVote(), LabelModel(), LabelModel(class_balance=[0.2, 0.3, 0.5])])
def test_json_keeps_every_bit(model):
    votes = example_votes()
    model.fit(votes)
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict_proba(votes), model.predict_proba(votes))
    np.testing.assert_array_equal(again.accuracies_, model.accuracies_)
    assert again.outcome_ == model.outcome_
    assert again.classes_ == model.classes_


def test_a_model_that_fell_back_is_kept_too():
    with pytest.warns(FallbackWarning):
        model = LabelModel().fit([[0, 1], [1, 1]])
    again = from_dict(json.loads(json.dumps(to_dict(model))))
    assert again.predict_proba([[0, 1]]).tolist() == [[0.5, 0.5]]


def test_alphabets_are_kept():
    votes = Votes([[0], [0]], classes=3, sources=["no"], alphabet={"no": [{0, 2}]})
    again = from_dict(json.loads(json.dumps(to_dict(MajorityVote().fit(votes)))))
    assert again.predict_proba(votes).tolist() == [[0.5, 0.0, 0.5]] * 2


@pytest.mark.parametrize("saved", [{}, {"method": "no such"}, {"method": "LabelModel", "options": {}, "params": {}}])
def test_what_is_no_saved_model_is_refused(saved):
    with pytest.raises(ModelError, match="not a saved label model"):
        from_dict(saved)


@pytest.mark.parametrize("name", ["class_balance", "accuracies", "scores", "shares", "discounts"])
def test_arrays_that_do_not_fit_the_classes_and_sources_are_refused(name):
    saved = to_dict(LabelModel().fit(example_votes()))
    array = np.reshape(saved["params"][name]["values"], saved["params"][name]["shape"])[:-1]
    saved["params"][name] |= {"shape": list(array.shape), "values": array.ravel().tolist()}
    with pytest.raises(ModelError, match="not a saved label model"):
        from_dict(saved)


FOUND = Dependencies(
    (Dependency("a", "b", strength=0.4, p_value=1e-6), Dependency("c", "d", origin="declared")),
    "lasso",
    Outcome("converged", "Found two.", 7),
)


@pytest.mark.parametrize(
    "dependencies",
    [[("a", "b")], (("b", "a"), (2, 3)), {("a", "b")}, np.array([[0, 1]]), FOUND, list(FOUND), (), None],
    ids=["names", "tuples", "set", "array", "Dependencies", "Dependency", "none", "None"],
)
@pytest.mark.parametrize("method", [MatrixCompletion, DataProgramming])
def test_dependencies_are_kept(method, dependencies):
    votes = example_votes(k=2)
    model = method(dependencies=dependencies).fit(votes)
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    np.testing.assert_array_equal(again.predict_proba(votes), model.predict_proba(votes))
    np.testing.assert_array_equal(again.fit(votes).predict_proba(votes), model.predict_proba(votes))


def test_what_is_known_of_dependencies_is_kept():
    model = MatrixCompletion(dependencies=FOUND).fit(example_votes(k=2))
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False))).get_params()["dependencies"]
    assert isinstance(again, Dependencies)
    assert repr(again) == repr(FOUND)


def test_features_of_sources_are_kept():
    votes = example_votes()
    about = {s: {"kind": "ab"[j % 2], "age": np.int64(j) if j else np.nan} for j, s in enumerate(votes.sources)}
    model = SLiMFast(features=about).fit(votes)
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    np.testing.assert_array_equal(again.fit(votes).predict_proba(votes), model.predict_proba(votes))


def test_an_option_that_json_cannot_hold_is_refused():
    model = EnhancedBCC(subtypes=2, max_steps=2, random_state=np.random.default_rng(0)).fit(example_votes())
    with pytest.raises(ModelError, match="the option random_state holds Generator"):
        to_dict(model)


def test_models_of_one_name_are_told_apart_by_their_modules():
    theirs = type("MajorityVote", (MajorityVote,), {"__module__": "their.models"})
    for kind in (MajorityVote, theirs):
        saved = to_dict(kind().fit([[0, 1], [1, 1]]))
        assert type(from_dict(saved)) is kind


def test_a_model_that_was_defined_again_is_what_it_is_now():
    old, new = (type("Again", (MajorityVote,), {"__module__": "their.models"}) for _ in range(2))
    saved = to_dict(old().fit([[0, 1], [1, 1]]))
    assert type(from_dict(saved)) is new
