"""Recipes and the end model that carries its fields: text, tables, missing values, refusals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from labelwright.core import SoftLabels
from labelwright.core.errors import DataError, ModelError
from labelwright.endmodels import fit_end_model, recipe, text_classifier
from labelwright.endmodels.text_features import TextFeatures

TEXTS = ["check out my channel", "subscribe to my channel", "i love this song", "what a song", None, "buy it"] * 4
SPAM = SoftLabels([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.3, 0.7]] * 4, classes=["ham", "spam"])


def test_a_text_model_generalises_beyond_the_words_it_saw():
    model = fit_end_model("text", ["text"], {"text": TEXTS, "unused": [1] * 24}, SPAM)
    answer = model.soft_labels({"text": ["subscribing to channels", "songs i loved"]}, example_ids=["a", "b"])
    assert answer.classes == ("ham", "spam")
    assert answer.predict().tolist() == [1, 0]
    assert answer.example_ids.tolist() == ["a", "b"]


def test_a_missing_text_is_an_empty_one():
    model = fit_end_model("text", ["text"], {"text": TEXTS}, SPAM)
    a, b, c = model.predict_proba({"text": [None, "", float("nan")]})
    assert a.tolist() == b.tolist() == c.tolist()


def test_several_text_fields_are_read_in_their_order():
    columns = {"title": TEXTS, "body": [None] * 24}
    both = fit_end_model("text", ["title", "body"], columns, SPAM)
    alone = fit_end_model("text", ["title"], columns, SPAM)
    np.testing.assert_array_equal(both.predict_proba(columns), alone.predict_proba(columns))


def test_frames_columns_and_lists_read_the_same():
    numbers = {"a": [1.0, None, 3.0, 9.0] * 6, "b": [True, False, True, None] * 6, "c": [1, 2, 3, 4] * 6}
    from_lists = fit_end_model("tabular", list(numbers), numbers, SPAM).predict_proba(numbers)
    frame = pl.DataFrame(numbers)
    series = {name: frame[name] for name in frame.columns}
    arrays = {name: frame[name].to_numpy() for name in frame.columns}
    for columns in (series, arrays):
        model = fit_end_model("tabular", list(numbers), columns, SPAM)
        np.testing.assert_array_equal(model.predict_proba(columns), from_lists)


def test_a_missing_number_is_the_median_and_being_missing_may_matter():
    chance = np.random.default_rng(0)
    a = chance.normal(size=200)
    missing = chance.random(200) < 0.3
    soft = SoftLabels(np.where(missing[:, None], [[0.1, 0.9]], [[0.9, 0.1]]))
    model = fit_end_model("tabular", ["a"], {"a": np.where(missing, np.nan, a)}, soft)
    answer = model.predict_proba({"a": [None, 0.0, np.median(a[~missing])]})[:, 1]
    assert answer[0] > 0.7 > 0.3 > answer[1:].max()


def test_a_number_field_that_is_always_missing_does_no_harm():
    columns = {"a": [1.0, 2.0, 8.0, 9.0] * 6, "b": [None] * 24}
    with_it = fit_end_model("tabular", ["a", "b"], columns, SPAM).predict_proba(columns)
    without = fit_end_model("tabular", ["a"], columns, SPAM).predict_proba(columns)
    np.testing.assert_allclose(with_it, without, atol=1e-6)


def test_no_examples_give_no_rows():
    model = fit_end_model("text", ["text"], {"text": TEXTS}, SPAM)
    assert model.predict_proba({"text": []}).shape == (0, 2)


def test_fitting_is_deterministic():
    first, second = (fit_end_model("text", ["text"], {"text": TEXTS}, SPAM) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba({"text": TEXTS}), second.predict_proba({"text": TEXTS}))


def test_one_may_bring_ones_own_estimator():
    own = make_pipeline(TextFeatures(), SGDClassifier(loss="log_loss", random_state=0))
    model = fit_end_model("text", ["text"], {"text": TEXTS}, SPAM, estimator=own)
    assert model.predict_proba({"text": ["channel", "song"]}).argmax(axis=1).tolist() == [1, 0]


@pytest.mark.parametrize("texts", [[None] * 24, [f"{i}" for i in range(24)], ["\n \t"] * 24])
def test_texts_without_a_common_term_still_give_the_class_balance(texts):
    model = fit_end_model("text", ["text"], {"text": texts}, SPAM)
    np.testing.assert_allclose(model.predict_proba({"text": [""]})[0], SPAM.probs.mean(axis=0), atol=1e-3)


def test_each_half_of_a_texts_features_has_unit_length():
    features = TextFeatures().fit(TEXTS[:4]).transform(["my channel", "zzz"])
    np.testing.assert_allclose(np.asarray(features.multiply(features).sum(axis=1)).ravel(), [2.0, 0.0])


def test_fitting_and_transforming_at_once_is_the_same():
    texts = [text or "" for text in TEXTS]
    at_once = TextFeatures().fit_transform(texts)
    np.testing.assert_allclose(at_once.toarray(), TextFeatures().fit(texts).transform(texts).toarray(), rtol=1e-13)


def test_features_have_names():
    names = TextFeatures().fit(["buy now"]).get_feature_names_out().tolist()
    assert names[:3] == ["word: buy", "word: buy now", "word: now"]
    assert "chars:  bu" in names


@pytest.mark.parametrize(
    ("kind", "fields", "columns", "message"),
    [
        ("text", ["body"], {"text": ["a", "b"]}, r"reads the field 'body', which is not among \['text'\]"),
        ("text", ["n"], {"n": [1, 2]}, r"field 'n', row 0 holds 1 \(int\).*'tabular'"),
        ("tabular", ["text"], {"text": ["a", "b"]}, r"field 'text' holds .* values, but this end model reads numbers"),
        ("tabular", ["x"], {"x": ["1", None]}, r"field 'x' holds object values"),
        ("tabular", ["x"], {"x": [1.0, float("inf")]}, r"field 'x', row 1 is infinite"),
        ("tabular", ["x", "y"], {"x": [1.0, 2.0], "y": [1.0]}, r"differ in length: \{'x': 2, 'y': 1\}"),
    ],
)
def test_fields_that_do_not_fit_are_named(kind, fields, columns, message):
    with pytest.raises(DataError, match=message):
        fit_end_model(kind, fields, columns, SoftLabels([[0.1, 0.9], [0.9, 0.1]]))


def test_unknown_recipes_and_parameters_are_refused():
    with pytest.raises(ModelError, match="no end model called 'image'; allowed: 'text', 'tabular'"):
        recipe("image")
    with pytest.raises(ModelError, match=r"end model 'text'.*depth"):
        recipe("text", depth=3)
    with pytest.raises(ModelError, match="at least one field"):
        fit_end_model("text", [], {}, SPAM)
    with pytest.raises(ModelError, match="in a list"):
        fit_end_model("text", "text", {"text": TEXTS}, SPAM)


def test_the_default_prior_lets_a_text_be_near_certain():
    # Prior variance of the logit of a text is C times its squared length, 2: one standard deviation reaches 99 %.
    logit = np.sqrt(text_classifier().named_steps["classify"].C * 2)
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(0.99)
