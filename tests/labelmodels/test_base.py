from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError, NotFittedError, VoteError
from labelwright.labelmodels import LabelModel, MajorityVote, from_dict, to_dict

MODELS = [MajorityVote, LabelModel]
VOTES = Votes([[0, 0, 1], [1, 1, 1], [0, -1, 0], [-1, -1, -1]], classes=["ham", "spam"], sources=["a", "b", "c"])


@pytest.mark.parametrize("model", MODELS)
def test_scikit_learn_can_clone_it(model):
    original = model(cardinality=3, class_balance=[0.2, 0.3, 0.5])
    copied = clone(original)
    assert copied is not original
    assert copied.get_params() == original.get_params()
    assert "cardinality=3" in repr(copied)


@pytest.mark.parametrize("model", MODELS)
def test_an_option_that_does_not_exist_is_named_with_those_that_do(model):
    with pytest.raises(ModelError, match="no option 'epochs'; it has cardinality, class_balance"):
        model().set_params(epochs=3)


@pytest.mark.parametrize("attribute", ["accuracies_", "class_balance_", "outcome_", "classes_"])
def test_nothing_is_known_before_fit(attribute):
    with pytest.raises(NotFittedError, match="call fit"):
        getattr(LabelModel(), attribute)


@pytest.mark.parametrize("model", MODELS)
def test_votes_must_agree_with_the_cardinality(model):
    with pytest.raises(ModelError, match="cardinality is 3, but the votes have 2 classes"):
        model(cardinality=3).fit(VOTES)
    with pytest.raises(VoteError, match="cardinality is 1"):
        model(cardinality=1).fit(VOTES)
    with pytest.raises(VoteError, match="voted 7; allowed: -1"):
        model(cardinality=2).fit([[0, 7]])


@pytest.mark.parametrize("balance", [[0.5, 0.6], [1.0, 0.0], [0.5, np.nan], [0.2, 0.3, 0.5], [[0.5, 0.5]], [-0.5, 1.5]])
@pytest.mark.parametrize("model", MODELS)
def test_a_class_balance_that_is_none_is_refused(model, balance):
    with pytest.raises(ModelError, match="2 positive numbers"):
        model(class_balance=balance).fit(VOTES)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("model", MODELS)
def test_data_frames_are_read_by_the_names_of_their_columns(model, frame):
    columns = dict(zip(VOTES.sources, VOTES.values.T, strict=True))
    fitted = model().fit(frame(columns))
    assert fitted.params_.sources == VOTES.sources
    expected = model().fit(VOTES.values).predict_proba(VOTES.values)
    np.testing.assert_array_equal(fitted.predict_proba(frame(columns)), expected)
    moved = frame({name: columns[name] for name in ("c", "a", "b")})
    np.testing.assert_array_equal(fitted.predict_proba(moved), expected)
    np.testing.assert_array_equal(fitted.predict_proba(VOTES.values), expected)  # without names: by position
    with pytest.raises(ModelError, match=r"Missing from the votes: c\. .* New to the model: d\."):
        fitted.predict_proba(frame({"a": columns["a"], "b": columns["b"], "d": columns["c"]}))
    by_position = model().fit(VOTES.values)
    np.testing.assert_array_equal(by_position.predict_proba(frame(columns)), expected)


@pytest.mark.parametrize("model", MODELS)
def test_new_votes_are_matched_by_the_names_of_sources(model):
    fitted = model().fit(VOTES)
    moved = VOTES.select(["c", "a", "b"])
    np.testing.assert_allclose(fitted.predict_proba(moved), fitted.predict_proba(VOTES))
    with pytest.raises(ModelError, match=r"their sources\. Missing from the votes: c\. .*fit the model again\.$"):
        fitted.predict_proba(VOTES.select(["a", "b"]))
    other = Votes(VOTES.values, sources=["a", "b", "d"], classes=VOTES.classes)
    with pytest.raises(ModelError, match=r"Missing from the votes: c\. .*New to the model: d\. .*votes\.select"):
        fitted.predict_proba(other)
    with pytest.raises(VoteError, match="2 columns of votes but 3 source names"):
        fitted.predict_proba([[0, 1]])
    with pytest.raises(ModelError, match="knows the classes"):
        fitted.predict_proba(Votes(VOTES.values, sources=VOTES.sources))


def test_ties_and_scores():
    model = MajorityVote().fit(VOTES)
    tied = [[0, 1, -1], [1, 1, 0]]
    assert model.predict(tied).tolist() == [-1, 1]
    assert MajorityVote(class_balance=[0.2, 0.8]).fit(VOTES).predict(tied, ties="prior").tolist() == [1, 1]
    assert model.score(VOTES, ["ham", "spam", "spam", "ham"]) == pytest.approx(2 / 3)
    assert model.score(VOTES, [0, -1, -1, -1]) == 1
    with pytest.raises(ModelError, match="nothing to score"):
        model.score(VOTES, [-1, -1, -1, 0])


def test_a_loaded_model_has_no_stats_to_add_to():
    model = MajorityVote().fit(VOTES)
    again = from_dict(to_dict(model))
    with pytest.raises(ModelError, match="loaded without its stats"):
        again.partial_fit(VOTES)


def test_partial_fit_starts_from_nothing():
    np.testing.assert_array_equal(
        MajorityVote().partial_fit(VOTES).predict_proba(VOTES), MajorityVote().fit(VOTES).predict_proba(VOTES)
    )


def test_falling_back_warns_where_the_user_stands():
    with pytest.warns(FallbackWarning, match="2 of 2 sources ever vote") as caught:
        LabelModel().fit(VOTES.select(["a", "b"]))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("model", MODELS)
def test_votes_of_all_abstain_say_so(model):
    with pytest.raises(ModelError, match="all sources abstain on all 4 examples"):
        model().fit(np.full((4, 3), -1))
    with pytest.raises(ModelError, match="there are no examples"):
        model().fit(np.empty((0, 3), dtype=int))
    with pytest.raises(
        ModelError, match=r"abstain on the one example, so there is nothing to learn\. Look at what each"
    ):
        model().fit(np.full((1, 3), -1))


def test_votes_without_a_source_say_so():
    with pytest.raises(ModelError, match="the votes have no sources, so there is nothing to learn; give them a column"):
        LabelModel().fit(np.empty((3, 0), dtype=int))
