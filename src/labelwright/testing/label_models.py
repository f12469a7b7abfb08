"""The laws that every label model keeps, as checks that raise AssertionError and say which law broke."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import Votes, generator
from labelwright.core.errors import FallbackWarning, ModelError, NotFittedError, VoteError
from labelwright.labelmodels import BaseLabelModel, from_dict, to_dict

__all__ = ["LABEL_MODEL_LAWS", "check_label_model", "check_repetition", "example_votes"]

Model = BaseLabelModel[Any, Any]

# How far, on average, repetition may move P(Y | votes): three points of probability, as copies are found by estimates.
_MOVED = 0.03


def example_votes(random_state: int = 0, *, n: int = 300, k: int = 3, unipolar: bool = False) -> Votes:
    """Return votes of seven named sources, one of them nearly a copy of another, on examples with ids and groups.

    Parameters
    ----------
    random_state : int
    n, k : int
        Number of examples and classes.
    unipolar : bool
        Whether each source keeps to one class.
    """
    rng = generator(random_state)
    truth = rng.integers(k, size=n)
    right = rng.random((n, 7)) < np.linspace(0.85, 0.55, 7)
    L = np.where(right, truth[:, None], rng.integers(k, size=(n, 7)))
    L[:, 1] = np.where(rng.random(n) < 0.8, L[:, 0], L[:, 1])
    if unipolar:
        L = np.where(np.arange(7) % k == L, L, -1)
    L = np.where(rng.random((n, 7)) < 0.6, L, -1)
    ids = [f"example-{i}" for i in range(n)]
    return Votes(L, classes=k, sources=list("abcdefg"), example_ids=ids, groups=np.arange(n) // 3)


def check_label_model(model: Model) -> None:
    """Check that ``model`` keeps every law in `LABEL_MODEL_LAWS`.

    Parameters
    ----------
    model : BaseLabelModel
        Not fitted, with options that suit any cardinality; it is not changed.

    Raises
    ------
    AssertionError
        Naming the law that broke.

    Examples
    --------
    >>> from labelwright.labelmodels import MajorityVote
    >>> check_label_model(MajorityVote())
    """
    for name, law in LABEL_MODEL_LAWS.items():
        for unipolar in (False, True):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FallbackWarning)
                    law(copy.deepcopy(model), example_votes(unipolar=unipolar))
            except AssertionError as error:
                kind = "one-sided" if unipolar else "several-sided"
                raise AssertionError(
                    f"{type(model).__name__} breaks the law of {name} on {kind} sources: {error}"
                ) from error


def check_repetition(model: Model, *, declared: bool = False) -> None:
    """Check that three exact copies of a source hardly move the labels: the law of repetition.

    Few methods keep it, as most take sources to be independent given the class; so it is not among
    `LABEL_MODEL_LAWS`, and a model claims it by this call.

    Parameters
    ----------
    model : BaseLabelModel
        Not fitted, with options that suit any cardinality; it is not changed.
    declared : bool
        Whether the copies are declared in the option ``dependencies``, which the model then must have. By default it
        has to find them.

    Raises
    ------
    AssertionError
        If P(Y | votes) moves by more than three points (total variation, mean over the examples with votes).

    Examples
    --------
    >>> from labelwright.labelmodels import MajorityVote
    >>> check_repetition(MajorityVote())
    Traceback (most recent call last):
    AssertionError: MajorityVote breaks the law of repetition on several-sided sources of 2 classes: copies of ...
    """
    for k in (2, 3):
        for unipolar in (False, True):
            votes = example_votes(n=1000, k=k, unipolar=unipolar)
            before = _quietly(type(model)(**model.get_params()), votes)
            for source in ("c", "g"):
                copies = [f"{source} again {i}" for i in range(3)]
                options = {"dependencies": [(source, copy) for copy in copies]} if declared else {}
                more = _with_copies(votes, source, copies)
                after = _quietly(type(model)(**model.get_params()).set_params(**options), more)
                moved = float(np.abs(after - before).sum(axis=1)[votes.covered].mean()) / 2
                kind = "one-sided" if unipolar else "several-sided"
                assert moved <= _MOVED, (
                    f"{type(model).__name__} breaks the law of repetition on {kind} sources of {k} classes: copies of "
                    f"source {source!r} move P(Y | votes) by {100 * moved:.1f} points on average"
                )


def _quietly(model: Model, votes: Votes) -> npt.NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        return model.fit(votes).predict_proba(votes)


def _with_copies(votes: Votes, source: str, copies: list[str]) -> Votes:
    column = votes.values[:, [votes.sources.index(source)]]
    return Votes(
        np.hstack([votes.values, *[column] * len(copies)]),
        classes=votes.classes,
        sources=[*votes.sources, *copies],
        example_ids=votes.example_ids,
        groups=votes.groups,
    )


def _estimator(model: Model, votes: Votes) -> None:
    options = model.get_params()
    again = type(model)(**options)
    assert again.get_params() == options, "the constructor must only store its options"
    assert again.set_params(**options) is again, "set_params must return self"
    assert not [a for a in vars(again) if a.endswith("_")], "nothing may be learned before fit"
    try:
        again.predict_proba(votes)
    except NotFittedError:
        pass
    else:
        raise AssertionError("predict_proba before fit must raise NotFittedError")
    before = votes.values.copy()
    assert again.fit(votes) is again, "fit must return self"
    assert again.get_params() == options, "fit must not change options"
    assert np.array_equal(votes.values, before), "fit must not touch its input"


def _soft_labels(model: Model, votes: Votes) -> None:
    soft = model.fit(votes).soft_labels(votes)
    assert soft.probs.shape == (votes.n, votes.k), "soft labels must have shape (n, k)"
    assert np.isfinite(soft.probs).all(), "probabilities must be finite"
    assert np.array_equal(soft.covered, votes.covered), "covered must say whether anybody voted"
    assert np.allclose(soft.probs[~soft.covered], model.class_balance_), "examples without votes get the class balance"
    assert np.array_equal(soft.example_ids, votes.example_ids), "example ids must travel with their rows"
    _close(model.predict_proba(votes), soft.probs, "predict_proba and soft_labels differ")
    _close(
        type(model)(**model.get_params()).fit(votes.values).predict_proba(votes.values),
        soft.probs,
        "plain arrays differ",
    )


def _partition(model: Model, votes: Votes) -> None:
    whole = model.summarize(votes)
    rng = generator(1)
    for pieces in (2, 5):
        order = rng.permutation(votes.n)
        parts = [model.summarize(votes.take(piece)) for piece in np.array_split(order, pieces)]
        merged = parts[-1]
        for part in parts[:-1]:
            merged = merged + part
        assert merged == whole, "stats depend on the partition or the order of rows"
    probs = model.fit_stats(whole).predict_proba(votes)
    assert np.array_equal(model.fit(votes).predict_proba(votes), probs), "fit must equal solve(summarize(votes))"


def _increment(model: Model, votes: Votes) -> None:
    old, new = votes.take(slice(0, 200)), votes.take(slice(200, None))
    stats = model.summarize(old) + model.summarize(new)
    assert stats - model.summarize(old) == model.summarize(new), "sum - old must equal new, bit for bit"
    probs = type(model)(**model.get_params()).fit(old).partial_fit(new).predict_proba(votes)
    assert np.array_equal(probs, model.fit(votes).predict_proba(votes)), "partial_fit must equal one fit on all rows"


def _permutation(model: Model, votes: Votes) -> None:
    probs, accuracies = model.fit(votes).predict_proba(votes), model.accuracies_
    order = generator(2).permutation(votes.m)
    moved = votes.select([votes.sources[j] for j in order])
    other = type(model)(**model.get_params()).fit(moved)
    _close(other.predict_proba(moved), probs, "reordering sources changes the answer")
    _close(other.accuracies_, accuracies[order], "reordering sources must permute accuracies")
    _close(other.predict_proba(votes), probs, "a model must find its sources by name")
    rows = generator(3).permutation(votes.n)
    _close(model.predict_proba(votes.take(rows)), probs[rows], "reordering rows must permute the answer")


def _silence(model: Model, votes: Votes) -> None:
    probs = model.fit(votes).predict_proba(votes)
    mute = np.full((votes.n, 1), -1)
    more = Votes(
        np.concatenate([votes.values[:, :3], mute, votes.values[:, 3:]], axis=1),
        classes=votes.classes,
        sources=[*votes.sources[:3], "mute", *votes.sources[3:]],
        example_ids=votes.example_ids,
        groups=votes.groups,
    )
    _close(model.fit(more).predict_proba(more), probs, "a source that never votes changes the answer")
    assert np.isnan(model.accuracies_[3]), "the accuracy of a source that never votes is unknown (NaN)"


def _determinism(model: Model, votes: Votes) -> None:
    state = _global_chance()
    first = model.fit(votes).predict_proba(votes)
    second = type(model)(**model.get_params()).fit(votes).predict_proba(votes)
    assert np.array_equal(first, second), "two fits on the same votes must give the same bytes"
    assert state == _global_chance(), "fit must not use global chance"


def _global_chance() -> tuple[bytes, int]:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - this is what must not move
    return state["key"].tobytes(), int(state["pos"])


def _saving(model: Model, votes: Votes) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(model.fit(votes)), allow_nan=False)))
    assert np.array_equal(again.predict_proba(votes), model.predict_proba(votes)), "a saved model must answer the same"
    assert str(again.outcome_) == str(model.outcome_), "a saved model must remember its outcome"


def _few_sources(model: Model, votes: Votes) -> None:
    for m in (1, 2):
        few = votes.select(votes.sources[:m])
        assert np.isfinite(model.fit(few).predict_proba(few)).all(), f"probabilities with {m} sources must be finite"
        assert str(model.outcome_), "outcome_ must say what happened"


def _known_classes(model: Model, votes: Votes) -> None:
    probs = model.fit(votes).predict_proba(votes)
    nobody = np.full(votes.n, -1)
    again = type(model)(**model.get_params()).fit(votes, nobody).predict_proba(votes)
    assert np.array_equal(again, probs), "y of -1 alone must change nothing"
    codes = np.where(np.arange(votes.n) % 7 == 0, np.arange(votes.n) % votes.k, -1)
    numbered, named = (
        Votes(votes.rows, classes=classes, sources=votes.sources)
        for classes in (votes.k, [f"class {c}" for c in range(votes.k)])
    )
    told = model.fit(numbered, codes).predict_proba(numbered)
    assert np.isfinite(told).all(), "probabilities with known classes must be finite"
    names = np.array([None if c < 0 else f"class {c}" for c in codes.tolist()], dtype=object)
    _close(model.fit(named, names).predict_proba(named), told, "known classes by name and by code differ")


def _groups(model: Model, votes: Votes) -> None:
    probs = model.fit(votes).predict_proba(votes)
    alone = Votes(votes.rows, classes=votes.classes, sources=votes.sources, example_ids=votes.example_ids)
    _close(model.fit(alone).predict_proba(alone), probs, "groups change the answer; they only keep rows together")
    stats = model.summarize(votes)
    if not hasattr(stats, "without"):
        return
    for bucket in np.unique(votes.bucket)[:3].tolist():
        rest = model.summarize(votes.take(votes.bucket != bucket))
        assert stats.without(bucket) == rest, "without(bucket) must equal the stats of all other groups"


def _bad_input(model: Model, votes: Votes) -> None:
    wrong: list[tuple[str, Callable[[], object], type[Exception]]] = [
        ("all abstain", lambda: model.fit(np.full((5, 3), -1)), ModelError),
        ("no examples", lambda: model.fit(np.empty((0, 3), dtype=int)), ModelError),
        ("gold of another length", lambda: model.fit(votes, [0]), VoteError),
        ("gold outside the classes", lambda: model.fit(votes, np.full(votes.n, votes.k)), VoteError),
        ("an unknown option", lambda: model.set_params(no_such_option=1), ModelError),
    ]
    for what, call, error in wrong:
        try:
            call()
        except error:
            continue
        raise AssertionError(f"{what} must raise {error.__name__}")


def _close(left: npt.ArrayLike, right: npt.ArrayLike, message: str) -> None:
    assert np.allclose(left, right, rtol=0, atol=1e-9, equal_nan=True), message


LABEL_MODEL_LAWS: dict[str, Callable[[Model, Votes], None]] = {
    "estimators": _estimator,
    "soft labels": _soft_labels,
    "partition": _partition,
    "increment": _increment,
    "permutation": _permutation,
    "silence": _silence,
    "determinism": _determinism,
    "saving": _saving,
    "few sources": _few_sources,
    "known classes": _known_classes,
    "groups": _groups,
    "bad input": _bad_input,
}
"""Law -> check; each check takes a model of its own and votes."""
