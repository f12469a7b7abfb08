from __future__ import annotations

import json

import numpy as np
import pytest

from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError
from labelwright.labelmodels import LabelModel, MajorityVote, from_dict, to_dict
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
