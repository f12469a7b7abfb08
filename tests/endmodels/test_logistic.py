"""Logistic regression on soft labels: scikit-learn's minimiser, its rules, and no copies of rows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from labelwright.core.errors import ModelError
from labelwright.endmodels import NoiseAwareClassifier, SoftLogisticRegression


@pytest.mark.slow
@parametrize_with_checks([SoftLogisticRegression(), NoiseAwareClassifier(SoftLogisticRegression())])
def test_it_follows_scikit_learns_rules(estimator, check):
    check(estimator)


def _problem(seed, n=80, d=4, k=3):
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(n, d)) * (chance.random((n, d)) < 0.6)
    return X, softmax(X @ chance.normal(size=(d, k)) + chance.normal(size=(n, k)), axis=1), chance.uniform(0, 2, size=n)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("C", [0.1, 10.0])
@pytest.mark.parametrize("as_matrix", [np.asarray, sp.csr_matrix])
def test_it_is_the_expansions_minimiser(k, C, as_matrix):
    X, probs, weight = _problem(k, k=k)
    expanded = NoiseAwareClassifier(LogisticRegression(C=C, tol=1e-10, max_iter=9999)).fit(X, probs, weight)
    direct = NoiseAwareClassifier(SoftLogisticRegression(C=C, tol=1e-10)).fit(as_matrix(X), probs, weight)
    np.testing.assert_allclose(direct.estimator_.coef_, expanded.estimator_.coef_, rtol=0, atol=2e-6)
    np.testing.assert_allclose(direct.predict_proba(X), expanded.predict_proba(X), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.exp(direct.predict_log_proba(X)), direct.predict_proba(X))
    assert (direct.predict(X) == direct.predict_proba(X).argmax(axis=1)).all()


def test_a_weight_of_two_is_two_rows():
    X, probs, _ = _problem(1)
    doubled = SoftLogisticRegression(tol=1e-10).fit_soft(np.vstack([X, X[:9]]), np.vstack([probs, probs[:9]]))
    weighted = SoftLogisticRegression(tol=1e-10).fit_soft(X, probs, sample_weight=1.0 + (np.arange(80) < 9))
    np.testing.assert_allclose(weighted.coef_, doubled.coef_, atol=1e-6)


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_a_class_without_mass_is_left_out(empty):
    X, probs, _ = _problem(2)
    probs[:, empty] = 0
    probs /= probs.sum(axis=1, keepdims=True)
    model = NoiseAwareClassifier(SoftLogisticRegression()).fit(X, probs)
    assert model.estimator_.coef_.shape == (1, 4)
    assert (model.predict_proba(X)[:, empty] == 0).all()


def test_features_that_say_nothing_give_the_class_balance():
    _, probs, _ = _problem(3)
    model = SoftLogisticRegression().fit_soft(np.zeros((80, 2)), probs)
    np.testing.assert_allclose(model.predict_proba(np.zeros((1, 2)))[0], probs.mean(axis=0), atol=1e-6)


def test_rows_are_not_copied():
    k = 20
    X = sp.random(5000, 1000, density=0.1, format="csr", random_state=0)
    probs = np.random.default_rng(0).dirichlet(np.ones(k), size=5000)
    tracemalloc.start()
    NoiseAwareClassifier(SoftLogisticRegression(tol=1e-2)).fit(X, probs)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Beside the rows, L-BFGS holds some 25 copies of the coefficients, and a step some 5 of the answers.
    assert held < 0.5 * k * (X.data.nbytes + X.indices.nbytes)


def test_stopping_short_is_said():
    X, probs, _ = _problem(4)
    with pytest.warns(ConvergenceWarning, match=r"stopped after 2 steps.*Scale the features"):
        SoftLogisticRegression(max_iter=2, tol=1e-12).fit_soft(X, probs)


def test_what_does_not_fit_is_refused():
    X, probs, _ = _problem(5)
    with pytest.raises(ModelError, match="X has 79 rows, but there are labels for 80"):
        SoftLogisticRegression().fit_soft(X[:79], probs)
    with pytest.raises(ModelError, match="only one class has any mass, 0"):
        SoftLogisticRegression().fit_soft(X[:2], [[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ModelError, match="weight zero"):
        SoftLogisticRegression().fit_soft(X, probs, sample_weight=np.zeros(80))
