"""Every label model keeps the laws, and survives what it should not have been given."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from labelwright import labelmodels
from labelwright.core import Votes
from labelwright.core.errors import FallbackWarning, ModelError, VoteError
from labelwright.labelmodels import (
    GLAD,
    MACE,
    BaseLabelModel,
    DataProgramming,
    DawidSkene,
    EnhancedBCC,
    Fusion,
    HierarchicalDawidSkene,
    IndependentBCC,
    LabelModel,
    MajorityVote,
    MatrixCompletion,
    SLiMFast,
    Spectral,
    Triplets,
    WeightedVote,
    diagnose,
    from_dict,
    to_dict,
)
from labelwright.testing import check_label_model

from .worlds import several_sided

# Few steps and subtypes where more would only take longer: laws and bad input ask for no precision.
MODELS = {
    "majority vote": MajorityVote(),
    "weighted vote": WeightedVote(),
    "default": LabelModel(),
    "Dawid-Skene": DawidSkene(),
    "Dawid-Skene, fixed shrinkage": DawidSkene(shrinkage=1.0),
    "Dawid-Skene, one coin": DawidSkene(one_coin=True),
    "hierarchical": HierarchicalDawidSkene(max_steps=30),
    "independent BCC": IndependentBCC(),
    "enhanced BCC": EnhancedBCC(subtypes=3, max_steps=20),
    "matrix completion": MatrixCompletion(),
    "triplets, median": Triplets(average="median"),
    "triplets, mean": Triplets(average="mean"),
    "spectral": Spectral(),
    "data programming": DataProgramming(),
    "GLAD": GLAD(),
    "MACE": MACE(),
    "fusion": Fusion(),
    "SLiMFast": SLiMFast(),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
each_k = pytest.mark.parametrize("k", [2, 3])


def renewed(model):
    return type(model)(**model.get_params())


def fitted(model, votes, y=None):
    """Return ``model``, not touched itself, fitted; falling back is an answer here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        return renewed(model).fit(votes, y)


def voted(k, n=120, m=5):
    """Return votes of sources of which the first is best, as a plain array, and the truth."""
    return several_sided(0, np.linspace(0.85, 0.6, m), balance=np.full(k, 1 / k), n=n, coverage=0.7)


def replaced(L, column, values):
    out = L.copy()
    out[:, column] = values
    return out


def scattered(truth):
    """Return votes of six sources that never speak on the same example."""
    L = np.full((len(truth), 6), -1)
    L[np.arange(len(truth)), np.arange(len(truth)) % 6] = truth
    return L


def odd_votes(k):
    """Return arrays that no method was made for, by what is odd about them."""
    L, truth = voted(k)
    spoken = L >= 0
    return {
        "a source always says the same": replaced(L, 2, 1),
        "every source always says the same": np.tile([0, 1, 0, 1, 1], (60, 1)),
        "a source never speaks": replaced(L, 2, -1),
        "all agree": np.tile(truth[:, None], (1, 5)),
        "all who speak agree": np.where(spoken, truth[:, None], -1),
        "one class only": np.where(spoken, 1, -1),
        "one class on every example": np.ones((50, 5), dtype=int),
        "one source": L[:, :1],
        "two sources": L[:, :2],
        "one example": np.array([[0, 1, 1, -1, 0]]),
        "one vote": np.array([[0, -1, -1, -1, -1]]),
        "two examples": np.array([[0, 1, 1, -1, 0], [1, 1, 1, 0, -1]]),
        "two distinct rows": np.repeat([[0, 1, 0, 1, 1], [1, 0, 1, 0, -1]], 50, axis=0),
        "a source four times more": np.hstack([L, *[L[:, :1]] * 4]),
        "one source six times": np.tile(L[:, :1], (1, 6)),
        "each source and its opposite": np.hstack([L, np.where(spoken, (L + 1) % k, -1)]),
        "all worse than chance": np.where(spoken, (truth[:, None] + (truth[:, None] == L)) % k, -1),
        "noise": np.random.default_rng(4).integers(-1, k, size=(120, 6)),
        "no two sources meet": scattered(truth),
        "each source keeps to one class": np.where(np.arange(5) % k == L, L, -1),
        "some sources are always right": np.hstack([np.tile(truth[:, None], (1, 3)), L]),
    }


def alphabets(k):
    """Return votes whose codes mean sets of classes, by what the sets are."""
    L, _ = voted(k)
    names = list("vwxyz")
    every, not_0 = set(range(k)), set(range(1, k))
    not_spam = np.where(L[:, 4] > 0, 0, -1)
    either = np.where(L[:, 3] >= 0, L[:, 3] == 0, -1)
    return {
        "one code": Votes(replaced(L, 4, not_spam), classes=k, sources=names, alphabet={"z": [not_0]}),
        "two codes": Votes(replaced(L, 3, either), classes=k, sources=names, alphabet={"y": [not_0, {0}]}),
        "a code that says nothing": Votes(np.minimum(L, 0), classes=k, sources=names, alphabet={"y": [every]}),
        "only what is not": Votes(
            L, classes=k, sources=names, alphabet={s: [every - {c} for c in range(k)] for s in names}
        ),
    }


def check_answers(model, votes, y=None):
    """Fit and predict: probabilities, parameters in their ranges, a sentence, and the same after saving."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        probs = model.fit(votes, y).predict_proba(votes)
    assert probs.shape == (votes.n, votes.k)
    assert np.isfinite(probs).all()
    assert (probs >= 0).all()
    np.testing.assert_allclose(probs.sum(axis=1), 1, rtol=0, atol=1e-9)
    assert np.isfinite(model.class_balance_).all()
    np.testing.assert_allclose(model.class_balance_.sum(), 1, rtol=0, atol=1e-9)
    accuracies = model.accuracies_[~np.isnan(model.accuracies_)]
    assert ((accuracies >= 0) & (accuracies <= 1)).all()
    sentence = str(model.outcome_)
    assert len(sentence.split()) > 3
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    for ties in ("abstain", "random", "prior"):
        assert set(model.predict(votes, ties=ties)) <= set(range(-1, votes.k))
    again = from_dict(json.loads(json.dumps(to_dict(model), allow_nan=False)))
    np.testing.assert_array_equal(again.predict_proba(votes), probs)
    return probs


def test_no_model_is_forgotten():
    ours = {kind for kind in vars(labelmodels).values() if isinstance(kind, type)}
    ours = {kind for kind in ours if issubclass(kind, BaseLabelModel) and kind is not BaseLabelModel}
    assert ours == {type(model) for model in MODELS.values()}


@each_model
def test_the_answer_to_an_example_does_not_depend_on_those_beside_it(model):
    votes = Votes(voted(3)[0])
    found = fitted(model, votes)
    probs = found.predict_proba(votes)
    alone = np.concatenate([found.predict_proba(votes.take([row])) for row in range(0, votes.n, 5)])
    assert np.array_equal(alone, probs[::5])


@pytest.mark.slow
@each_model
def test_the_laws_are_kept(model):
    check_label_model(model)


@pytest.mark.slow
@each_k
@each_model
def test_odd_votes_get_finite_answers(model, k):
    for what, L in odd_votes(k).items():
        try:
            check_answers(renewed(model), Votes(L, classes=k))
        except Exception as error:
            error.add_note(f"the votes: {what}")
            raise


@each_k
@each_model
def test_alphabets_get_finite_answers(model, k):
    for what, votes in alphabets(k).items():
        try:
            check_answers(renewed(model), votes)
        except Exception as error:
            error.add_note(f"the alphabet: {what}")
            raise


@pytest.mark.slow
@each_k
@each_model
def test_known_classes_that_cannot_be_right_get_finite_answers(model, k):
    L, truth = voted(k)
    silence = np.full((5, L.shape[1]), -1)
    few = np.arange(len(truth)) < 30
    for what, y in {
        "contradict all": (truth + 1) % k,
        "say one class": np.where(few & (truth == 0), 0, -1),
        "say nothing": np.full(len(truth), -1),
        "are the votes": np.where(few, truth, -1),
    }.items():
        try:
            check_answers(renewed(model), Votes(L, classes=k), y)
        except Exception as error:
            error.add_note(f"the known classes {what}")
            raise
    # Only on examples on which nobody votes, and of one class but for one.
    check_answers(renewed(model), Votes(np.vstack([L, silence]), classes=k), np.r_[np.full(len(L), -1), 0, 0, 0, 0, 1])


@each_k
@each_model
def test_classes_that_nobody_votes_for_are_possible(model, k):
    L, _ = voted(k)
    probs = check_answers(renewed(model), Votes(L, classes=k + 2))
    # Where silence is evidence, who abstains may speak for a class that nobody votes for.
    if not isinstance(model, (DataProgramming, MatrixCompletion, Spectral)):
        assert (probs.mean(axis=0)[:k] > probs.mean(axis=0)[k:].max()).all()


@each_k
@each_model
def test_sparse_votes_and_names_change_nothing(model, k):
    L, _ = voted(k)
    rows, columns = np.nonzero(L >= 0)
    probs = check_answers(renewed(model), Votes(L, classes=k))
    thin = Votes.from_entries(rows, columns, L[rows, columns], shape=L.shape, classes=k)
    np.testing.assert_allclose(check_answers(renewed(model), thin), probs, rtol=0, atol=1e-9)
    named = Votes(L, classes=["ham", "spam", "eggs"][:k], sources=["v", "w", "x", "y", "z"])
    np.testing.assert_allclose(check_answers(renewed(model), named), probs, rtol=0, atol=1e-9)


@pytest.mark.slow
@each_k
@each_model
def test_so_many_votes_on_one_example(model, k):
    """No product of probabilities may underflow; and where so many sources are better than chance, there is no doubt."""
    # Neither the likelihood of so many votes, 10^-340 with two classes and less with three, nor the odds, 10^410 and
    # more, is a number that a float holds. Fewer votes, or of worse sources, would be.
    L, truth = several_sided(6, np.full(1450, 0.77), balance=np.full(k, 1 / k), n=6, coverage=1)
    probs = check_answers(renewed(model), Votes(L, classes=k))
    np.testing.assert_array_equal(probs.argmax(axis=1), truth)


@each_model
def test_copies_of_a_source_leave_labels_of_use(model):
    L, truth = voted(2, n=300)
    votes = Votes(np.hstack([L, L[:, :1], L[:, :1]]))
    probs = check_answers(renewed(model), votes)
    covered = votes.covered
    assert ((probs.argmax(axis=1) == truth) | ~covered).mean() > 0.75


@pytest.mark.slow
@each_k
@each_model
def test_adding_votes_equals_one_fit(model, k):
    L, truth = voted(k)
    y = np.where(np.arange(len(L)) % 5 == 0, truth, -1)
    whole = fitted(model, Votes(L, classes=k), y)
    parts = renewed(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for part in np.array_split(np.arange(len(L)), 2):
            parts.partial_fit(Votes(L[part], classes=k, example_ids=part), y[part])
    np.testing.assert_array_equal(parts.predict_proba(L), whole.predict_proba(L))


WRONG_BALANCES = {
    "NaN": [np.nan, 0.5],
    "all NaN": [np.nan, np.nan],
    "short": [1.0],
    "long": [0.2, 0.3, 0.5],
    "negative": [-0.5, 1.5],
    "infinite": [np.inf, 0.5],
    "not 1 together": [0.5, 0.9],
    "0": [0.0, 1.0],
    "text": "abc",
    "a mapping": {"ham": 0.5},
    "a table": [[0.5, 0.5]],
    "ragged": [[0.5], [0.5, 0.1]],
}


@each_model
def test_a_class_balance_that_is_none_is_refused(model):
    L, _ = voted(2)
    for what, balance in WRONG_BALANCES.items():
        with pytest.raises(ModelError, match="must be 2 positive numbers"):
            renewed(model).set_params(class_balance=balance).fit(L)
            pytest.fail(f"a class balance that is {what} was taken")


@each_model
def test_a_cardinality_that_is_none_is_refused(model):
    L, _ = voted(2)
    for cardinality in (0, 1, -3, 2.5, "two", True):
        with pytest.raises((ModelError, VoteError), match="cardinality"):
            renewed(model).set_params(cardinality=cardinality).fit(L)
    with pytest.raises(VoteError, match="voted 2"):
        renewed(model).set_params(cardinality=2).fit([[0, 2], [1, 1]])
    with pytest.raises(ModelError, match="cardinality is 2"):
        renewed(model).set_params(cardinality=2).fit(Votes(L, classes=3))


@each_model
def test_votes_that_are_none_are_refused(model):
    L, truth = voted(2)
    nothing = {
        "nobody speaks": np.full((5, 3), -1),
        "no examples": np.empty((0, 3), dtype=int),
        "no sources": np.empty((3, 0), dtype=int),
        "NaN": np.where(L < 0, np.nan, L),
        "text": L.astype(str),
        "one dimension": L[:, 0],
        "ragged": [[0, 1], [1]],
    }
    for what, votes in nothing.items():
        with pytest.raises((ModelError, VoteError)):
            renewed(model).fit(votes)
            pytest.fail(f"votes were taken: {what}")
    for y in (truth[1:], truth[:, None], np.full(len(L), 7), np.full(len(L), -2), np.full(len(L), 0.5)):
        with pytest.raises(VoteError):
            renewed(model).fit(L, y)


@each_model
def test_strange_votes_are_refused_when_labels_are_asked_for(model):
    votes = Votes(voted(2)[0], sources=list("abcde"))
    model = fitted(model, votes)
    for strange in (
        votes.select(list("abcd")),
        Votes(votes.values, sources=list("abcdf")),
        Votes(votes.values, sources=list("abcde"), classes=3),
        Votes(votes.values, sources=list("abcde"), alphabet={"e": [{0}, {0, 1}]}),
        votes.values[:, :4],
    ):
        with pytest.raises((ModelError, VoteError)):
            model.predict_proba(strange)
    assert model.predict_proba(votes.take([])).shape == (0, 2)


@pytest.mark.slow
@each_model
def test_every_model_has_intervals(model):
    L, _ = voted(2, n=400)
    found = fitted(model, L).intervals()
    for values in (found.accuracies, found.class_balance):
        known = np.isfinite(values.low)
        assert (values.low[known] <= values.estimate[known]).all()
        assert (values.estimate[known] <= values.high[known]).all()
        assert all(reason for reason, one in zip(values.reasons, known, strict=True) if not one)
    few = fitted(model, L[:3]).intervals()
    assert np.isnan(few.accuracies.low).all()
    assert all(few.accuracies.reasons)


@pytest.mark.slow
@each_k
@pytest.mark.parametrize("model", [MODELS["majority vote"], MODELS["matrix completion"]], ids=["vote", "completion"])
def test_odd_votes_get_findings(model, k):
    """What the votes alone give away is said; the rest is looked at without a complaint of its own."""
    shown = {"a source always says the same", "every source always says the same", "a source never speaks", "all agree"}
    shown |= {"all who speak agree", "one class only", "one class on every example", "one source", "two sources"}
    shown |= {"one example", "one vote", "two examples", "one source six times", "no two sources meet"}
    for what, L in odd_votes(k).items():
        votes = Votes(L, classes=k)
        found = diagnose(votes, fitted(model, votes), resample=len(L) < 10)
        assert what not in shown or len(found), what
