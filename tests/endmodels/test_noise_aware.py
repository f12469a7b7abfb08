"""The noise-aware classifier: an exact expectation, every class a column, scikit-learn's own rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.core import SoftLabels
from labelwright.core.errors import ModelError, NotFittedError, VoteError
from labelwright.endmodels import NoiseAwareClassifier


@pytest.mark.slow
@parametrize_with_checks(
    [
        NoiseAwareClassifier(LogisticRegression()),
        NoiseAwareClassifier(GaussianNB(), uncovered="keep"),
        NoiseAwareClassifier(make_pipeline(LogisticRegression()), uncovered=0.5),
    ]
)
def test_it_follows_scikit_learns_rules(estimator, check):
    check(estimator)


def _problem(seed, n=80, d=3, k=3):
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, d))
    probs = softmax(X @ chance.normal(size=(d, k)) + chance.normal(size=(n, k)), axis=1)
    return X, probs, chance.uniform(0.1, 2.0, size=n)


def _direct(X, probs, weight, C=1.0):
    """Minimise the weighted soft cross-entropy plus the ridge penalty, with no rows expanded."""
    n, d = X.shape
    k = probs.shape[1]
    design = np.column_stack([X, np.ones(n)])
    target = weight[:, None] * probs

    def objective(flat):
        w = flat.reshape(d + 1, k)
        logits = design @ w
        gradient = design.T @ (weight[:, None] * softmax(logits, axis=1) - target)
        gradient[:d] += w[:d] / C
        return -(target * log_softmax(logits, axis=1)).sum() + (w[:d] ** 2).sum() / (2 * C), gradient.ravel()

    start = np.zeros((d + 1) * k)
    w = minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-11, "maxiter": 9999})
    return w.x.reshape(d + 1, k)[:d].T


@pytest.mark.parametrize("seed", range(4))
def test_the_expansion_is_the_soft_cross_entropy(seed):
    X, probs, weight = _problem(seed)
    model = NoiseAwareClassifier(LogisticRegression(tol=1e-11, max_iter=9999)).fit(X, probs, sample_weight=weight)
    np.testing.assert_allclose(model.estimator_.coef_, _direct(X, probs, weight), rtol=0, atol=5e-8)


def test_the_expansion_is_not_training_on_the_most_probable_class():
    X, probs, _ = _problem(0)
    soft = NoiseAwareClassifier(LogisticRegression()).fit(X, probs)
    hard = NoiseAwareClassifier(LogisticRegression()).fit(X, probs.argmax(axis=1))
    assert np.abs(soft.estimator_.coef_ - hard.estimator_.coef_).max() > 0.1


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_gaussian_moments_are_the_expected_ones(seed, k):
    X, probs, weight = _problem(seed, n=20, k=k)
    model = NoiseAwareClassifier(GaussianNB(var_smoothing=0)).fit(X, probs, sample_weight=weight)
    mass = weight[:, None] * probs
    np.testing.assert_allclose(model.estimator_.theta_, mass.T @ X / mass.sum(axis=0)[:, None], atol=1e-9)
    np.testing.assert_allclose(model.estimator_.class_prior_, mass.sum(axis=0) / mass.sum(), atol=1e-9)


def test_hard_labels_give_the_estimators_own_fit():
    X, probs, _ = _problem(1)
    names = np.array(["low", "mid", "top"])[probs.argmax(axis=1)]
    ours = NoiseAwareClassifier(LogisticRegression()).fit(X, names)
    theirs = LogisticRegression().fit(X, names)
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12)
    assert ours.score(X, names) == theirs.score(X, names)


def test_one_hot_rows_equal_hard_labels():
    X, probs, _ = _problem(2)
    y = probs.argmax(axis=1)
    a = NoiseAwareClassifier(LogisticRegression()).fit(X, np.eye(3)[y])
    b = NoiseAwareClassifier(LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize(("uncovered", "weight"), [("drop", 0.0), ("keep", 1.0), (0.25, 0.25)])
def test_uncovered_rows_follow_the_stated_policy(uncovered, weight):
    X, probs, _ = _problem(3)
    covered = np.arange(len(X)) % 3 > 0
    ours = NoiseAwareClassifier(LogisticRegression(), uncovered=uncovered).fit(X, SoftLabels(probs, covered))
    by_hand = NoiseAwareClassifier(LogisticRegression()).fit(X, probs, sample_weight=np.where(covered, 1.0, weight))
    np.testing.assert_array_equal(ours.predict_proba(X), by_hand.predict_proba(X))


def test_dropped_rows_are_as_if_they_had_never_been():
    X, probs, _ = _problem(3)
    covered = np.arange(len(X)) % 3 > 0
    ours = NoiseAwareClassifier(LogisticRegression()).fit(X, SoftLabels(probs, covered))
    without = NoiseAwareClassifier(LogisticRegression()).fit(X[covered], probs[covered])
    np.testing.assert_array_equal(ours.predict_proba(X), without.predict_proba(X))


def test_named_classes_keep_their_order_and_come_back_from_predict():
    X, probs, _ = _problem(4)
    soft = SoftLabels(probs, classes=["zebra", "ape", "mole"])
    model = NoiseAwareClassifier(LogisticRegression()).fit(X, soft)
    numbered = NoiseAwareClassifier(LogisticRegression()).fit(X, probs)
    assert model.classes_.tolist() == ["zebra", "ape", "mole"]
    np.testing.assert_array_equal(model.predict_proba(X), numbered.predict_proba(X))
    assert model.predict(X).tolist() == [soft.classes[c] for c in numbered.predict(X)]


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_a_class_without_mass_still_has_a_column(empty):
    X, probs, _ = _problem(5)
    probs[:, empty] = 0
    probs /= probs.sum(axis=1, keepdims=True)
    model = NoiseAwareClassifier(LogisticRegression()).fit(X, probs)
    answer = model.predict_proba(X)
    assert answer.shape == (len(X), 3)
    assert (answer[:, empty] == 0).all()
    np.testing.assert_allclose(answer.sum(axis=1), 1)
    assert (answer.argmax(axis=1) == model.predict(X)).all()
    assert np.isneginf(model.predict_log_proba(X)[:, empty]).all()
    scores = model.decision_function(X)
    assert scores.shape == (len(X), 3)
    assert (scores.argmax(axis=1) == model.predict(X)).all()


def test_every_kind_of_table_is_taken():
    X, probs, _ = _problem(6)
    soft = SoftLabels(probs, np.arange(len(X)) % 4 > 0)
    expected = NoiseAwareClassifier(LogisticRegression()).fit(X, soft).predict_proba(X)
    columns = {name: X[:, j] for j, name in enumerate("abc")}
    for table in (X.tolist(), sp.csr_matrix(X), pd.DataFrame(columns), pl.DataFrame(columns)):
        model = NoiseAwareClassifier(LogisticRegression()).fit(table, soft)
        np.testing.assert_allclose(model.predict_proba(table), expected, rtol=0, atol=1e-6)
    assert NoiseAwareClassifier(LogisticRegression()).fit(pd.DataFrame(columns), soft).feature_names_in_.tolist() == [
        *"abc"
    ]


def test_a_pipeline_reads_each_text_once():
    seen = []

    def analyser(text):
        seen.append(text)
        return text.split()

    texts = ["buy now", "buy it", "a song", "my song"]
    soft = SoftLabels([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.5, 0.5]], classes=["ham", "spam"])
    pipeline = make_pipeline(CountVectorizer(analyzer=analyser), MultinomialNB())
    model = NoiseAwareClassifier(pipeline).fit(texts, soft)
    assert seen == texts
    assert model.predict(["buy", "song"]).tolist() == ["spam", "ham"]
    assert not hasattr(pipeline.steps[0][1], "vocabulary_"), "the estimator that was passed in must stay unfitted"


def test_pipelines_may_hold_supervised_steps_and_pipelines():
    X, probs, _ = _problem(7, d=6)
    inner = make_pipeline(SelectKBest(f_classif, k=2), LogisticRegression())
    model = NoiseAwareClassifier(make_pipeline(StandardScaler(), inner)).fit(X, probs)
    assert model.predict_proba(X).shape == (80, 3)
    assert model.n_features_in_ == 6


def test_the_pipelines_cache_is_kept(tmp_path):
    X, probs, _ = _problem(7)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(), memory=str(tmp_path))
    cached = NoiseAwareClassifier(pipeline).fit(X, probs)
    plain = NoiseAwareClassifier(make_pipeline(StandardScaler(), LogisticRegression())).fit(X, probs)
    np.testing.assert_array_equal(cached.predict_proba(X), plain.predict_proba(X))


def test_losses_other_than_the_log_loss_work_and_hide_what_they_lack():
    X, probs, _ = _problem(8, k=2)
    for estimator in (LinearSVC(), RidgeClassifier(), SGDClassifier(random_state=0)):
        model = NoiseAwareClassifier(estimator).fit(X, probs)
        assert not hasattr(model, "predict_proba")
        assert model.decision_function(X).shape == (80,)
        assert (model.predict(X) == probs.argmax(axis=1)).mean() > 0.7


def test_an_estimator_without_sample_weight_is_refused_with_alternatives():
    X, probs, _ = _problem(9)
    with pytest.raises(ModelError, match=r"KNeighborsClassifier.fit takes no sample_weight.*LogisticRegression.*torch"):
        NoiseAwareClassifier(KNeighborsClassifier()).fit(X, probs)
    with pytest.raises(ModelError, match="KNeighborsClassifier"):
        NoiseAwareClassifier(make_pipeline(StandardScaler(), KNeighborsClassifier())).fit(X, probs)


def test_the_expected_accuracy_is_the_mean_probability_of_what_is_predicted():
    X, probs, weight = _problem(10)
    model = NoiseAwareClassifier(LogisticRegression()).fit(X, probs)
    expected = np.average(probs[np.arange(80), model.predict(X)], weights=weight)
    assert model.score(X, probs, sample_weight=weight) == pytest.approx(expected)
    assert model.score(X, SoftLabels(probs), sample_weight=weight) == pytest.approx(expected)


def test_grid_search_chooses_by_expected_accuracy():
    X, probs, _ = _problem(11)
    search = GridSearchCV(NoiseAwareClassifier(LogisticRegression()), {"estimator__C": [1e-6, 1.0]}, cv=3)
    assert search.fit(X, probs).best_params_ == {"estimator__C": 1.0}


def test_refusals_say_what_is_wrong():
    X, probs, _ = _problem(12)
    model = NoiseAwareClassifier(LogisticRegression())
    with pytest.raises(ModelError, match=r"X has 79 rows, but there are labels for 80"):
        model.fit(X[:-1], probs)
    with pytest.raises(ModelError, match=r"uncovered='keep'"):
        model.fit(X, SoftLabels(probs, np.zeros(80)))
    with pytest.raises(ModelError, match=r"one class, spam"):
        model.fit(X[:2], SoftLabels([[0, 1], [0, 1]], classes=["ham", "spam"]))
    with pytest.raises(ModelError, match=r"allowed: 'drop', 'keep', or a weight in \[0, 1\]"):
        clone(model).set_params(uncovered="ignore").fit(X, probs)
    with pytest.raises(ModelError, match="allowed"):
        clone(model).set_params(uncovered=-1.0).fit(X, probs)
    with pytest.raises(VoteError, match="row 3 of the soft labels"):
        model.fit(X, np.where(np.arange(80)[:, None] == 3, np.nan, probs))
    with pytest.raises(ModelError, match="negative"):
        model.fit(X, probs, sample_weight=-np.ones(80))


def test_unfitted_is_ours_and_scikit_learns_error():
    with pytest.raises(NotFittedError, match="call fit"):
        NoiseAwareClassifier(LogisticRegression()).predict([[0.0]])
    with pytest.raises(SklearnNotFittedError):
        NoiseAwareClassifier(LogisticRegression()).predict_proba([[0.0]])


def test_trees_see_the_same_weights():
    X, probs, _ = _problem(13, k=2)
    model = NoiseAwareClassifier(DecisionTreeClassifier(max_depth=1, random_state=0)).fit(X, probs)
    leaf = model.estimator_.apply(X)
    for one in np.unique(leaf):
        np.testing.assert_allclose(model.predict_proba(X)[leaf == one][0], probs[leaf == one].mean(axis=0), atol=1e-9)
