"""Contracts: facts are compared as they are, estimates with what chance allows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from labelwright.core import SoftLabels, Votes
from labelwright.core.errors import ProjectError
from labelwright.labeling import batch_lf, keyword_lf, threshold_lf
from labelwright.labelmodels import LabelModel
from labelwright.pipeline.judging.contracts import CHANCE, judge_contracts
from labelwright.pipeline.judging.state import LabelledState, StateSplit
from labelwright.pipeline.settings import Settings, parse_settings

from ..states import split, state

BASE = '[data]\npath = "x.csv"\n[task]\nclasses = ["ham", "spam"]\n'
LINK = keyword_lf("link", ["http"], "spam")
SONG = keyword_lf("song", ["song"], "ham")
FUNCTIONS = [LINK, SONG]
NAMES = ["link", "song"]


def contracts(text: str) -> Settings:
    return parse_settings(f"{BASE}{text}")


def judged(text, made, functions=FUNCTIONS):
    return {(r.function, r.contract): r for r in judge_contracts(contracts(text), functions, {"": made})}


def test_coverage_and_conflict_are_facts_of_train():
    votes = [[1, -1]] * 5 + [[1, 0]] * 2 + [[-1, -1]] * 3
    made = state(train=split(votes, sources=NAMES))
    found = judged(
        "[contracts]\ncoverage = { min = 0.2, max = 0.7 }\n[contracts.functions.link]\nconflict = { max = 0.1 }\n", made
    )
    assert (found["link", "coverage"].status, found["link", "coverage"].value) == ("kept", 0.7)
    assert (found["song", "coverage"].status, found["song", "coverage"].value) == ("kept", 0.2)
    assert (found["link", "conflict"].status, found["link", "conflict"].value) == ("broken", 0.2)
    assert ("song", "conflict") not in found
    assert str(found["link", "conflict"]) == ("broken: link, conflict at most 10.0%: 20.0% of 10 (examples of train)")
    found = judged(
        "[contracts]\ncoverage = { min = 0.3 }\n[contracts.functions.song]\ncoverage = { min = 0.2 }\n", made
    )
    assert [r.status for r in found.values()] == ["kept", "kept"]


def valid(right: int, wrong: int, groups=None):
    """A split on which link is right and wrong so often."""
    n = right + wrong
    votes = np.full((n, 2), -1)
    votes[:, 0] = 1
    gold = np.array([1] * right + [0] * wrong)
    return split(votes, gold=gold, groups=groups, sources=NAMES)


TRAIN = split([[1, -1]] * 4 + [[-1, 0]] * 4, sources=NAMES)
AT_LEAST = "[contracts.functions.link]\naccuracy = { min = 0.8 }\n"


def test_accuracy_is_judged_on_the_gold_of_valid_with_an_interval():
    found = judged(AT_LEAST, state(train=TRAIN, valid=valid(30, 10)))["link", "accuracy"]
    assert (found.status, found.value, found.n) == ("kept", 0.75, 40)  # below, but chance may do that
    assert found.low < 0.75 < 0.8 < found.high
    found = judged(AT_LEAST, state(train=TRAIN, valid=valid(300, 100)))["link", "accuracy"]
    assert found.status == "broken"
    assert found.high < 0.8
    assert found.basis == "votes on the gold of valid"
    most = AT_LEAST.replace("min", "max")
    assert judged(most, state(train=TRAIN, valid=valid(400, 10)))["link", "accuracy"].status == "broken"


def test_a_function_just_as_good_as_asked_seldom_fails():
    rng = np.random.default_rng(0)
    broken = 0
    for right in rng.binomial(150, 0.8, size=300):
        broken += (
            judged(AT_LEAST, state(train=TRAIN, valid=valid(right, 150 - right)))["link", "accuracy"].status == "broken"
        )
    assert broken <= 8  # binomial(300, 0.01) is above with a chance of 0.004
    assert CHANCE == 0.01


def test_groups_are_worth_less_than_their_examples():
    # Ten groups of thirty, each wholly right or wholly wrong: three wrong of ten say little.
    groups = np.repeat(np.arange(10), 30)
    found = judged(AT_LEAST, state(train=TRAIN, valid=valid(210, 90, groups)))["link", "accuracy"]
    assert found.status == "kept"
    assert found.basis == "votes on the gold of valid, in 10 groups"
    assert judged(AT_LEAST, state(train=TRAIN, valid=valid(210, 90)))["link", "accuracy"].status == "broken"


def test_without_gold_the_learned_accuracy_is_judged_and_said():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=4000)
    right = rng.random((4000, 4)) < [0.9, 0.6, 0.75, 0.8]
    votes = np.where(right, truth[:, None], 1 - truth[:, None])
    names = ["link", "song", "c", "d"]
    train = split(votes, sources=names)
    model = LabelModel(class_balance=[0.5, 0.5]).fit(train.votes)
    made = LabelledState("now", {}, {"train": train}, model.intervals)
    functions = [keyword_lf(name, ["a"], "spam") for name in names]
    found = judged("[contracts]\naccuracy = { min = 0.7 }\n", made, functions)
    assert [r.status for r in found.values()] == ["kept", "broken", "kept", "kept"]
    assert found["song", "accuracy"].high < 0.7
    assert all("learned from votes on train" in r.basis for r in found.values())


def test_what_cannot_be_told_is_not_judged():
    votes = split([[1, 0]] * 4, gold=[1] * 4, sources=NAMES).votes
    silent = split([[1, -1]] * 4, gold=[1] * 4, sources=NAMES)
    text = "[contracts]\naccuracy = { min = 0.7 }\n"
    found = judged(text, state(train=TRAIN, valid=silent))
    assert (found["song", "accuracy"].status, found["song", "accuracy"].value) == ("not judged", None)
    assert "votes on no example of valid" in str(found["song", "accuracy"])
    found = judged(text, state(train=split(votes.values, sources=NAMES)))
    assert found["link", "accuracy"].status == "not judged"
    assert "no gold in valid, and" in found["link", "accuracy"].basis


def test_a_vote_for_several_classes_is_right_where_gold_is_among_them():
    codes, gold = [[2], [2], [0], [-1]], np.array([0, 2, 1, 0])
    classes, sets = ["a", "b", "c"], {"link": [{0}, {1}, {0, 2}]}
    votes = Votes(codes, classes=classes, sources=["link"], alphabet=sets)
    soft = SoftLabels(np.full((4, 3), 1 / 3), classes=classes)
    part = StateSplit(votes, soft, gold, None, lambda _: pl.DataFrame())
    made = LabelledState("now", {}, {"train": part, "valid": part}, lambda level: pytest.fail(f"asked at {level}"))
    settings = parse_settings(
        '[data]\npath = "x.csv"\n[tasks.t]\nclasses = ["a", "b", "c"]\n[contracts]\naccuracy = { min = 0.1 }\n'
    )
    (found,) = judge_contracts(settings, [LINK], {"t": made})
    assert (found.who, found.value, found.n) == ("link on t", 2 / 3, 3)


def test_a_class_may_be_forbidden():
    made = state(
        train=split([[1, -1], [1, 0]], ids=["a", "b"], sources=NAMES),
        test=split([[1, 0]], ids=["c"], sources=NAMES),
    )
    found = judged("[contracts.functions.link]\nnever_votes = ['spam']\n[contracts]\nnever_votes = ['ham']\n", made)
    assert found["link", "never_votes"].value == 3
    assert (found["song", "never_votes"].value, found["song", "never_votes"].n) == (2, 3)
    assert found["song", "never_votes"].examples == ("b", "c")
    assert found["song", "never_votes"].figures == "2 of 3, such as b, c"
    kept = judge_contracts(contracts("[contracts]\nnever_votes = ['ham']\n"), [LINK], {"": made})
    assert [r.status for r in kept] == ["kept"]


def test_places_may_be_forbidden():
    frame = {"text": ["http a", "http song", None, "song"], "likes": [1, 9, 9, None]}
    made = state(train=split([[1, -1], [1, -1], [1, -1], [-1, 0]], frame=frame, sources=NAMES))
    text = "[contracts.functions.link]\nsilent_where = 'likes > 5'\nsilent_on = 'song'\n"
    found = judged(text, made)
    assert (found["link", "silent_where"].value, found["link", "silent_where"].n) == (2, 2)
    assert (found["link", "silent_on"].value, found["link", "silent_on"].n) == (1, 2)
    assert {r.status for r in found.values()} == {"broken"}
    general = judged("[contracts]\nsilent_where = 'is_null(likes)'\n", made)
    assert [(r.function, r.status, r.value) for r in general.values()] == [("link", "kept", 0), ("song", "broken", 1)]
    assert general["song", "silent_where"].examples == (3,)


def test_patterns_look_at_the_texts_that_a_function_reads():
    frame = {"text": ["a song", "b"], "title": ["b", "a song"], "likes": [1, 2]}
    by_title = keyword_lf("link", ["b"], "spam", field="title")
    by_likes = threshold_lf("song", "likes", ">", 0, "ham")
    made = state(train=split([[1, 0], [1, 0]], frame=frame, sources=NAMES))
    found = judged("[contracts]\nsilent_on = 'song'\n", made, [by_title, by_likes])
    assert found["link", "silent_on"].examples == (1,)
    assert (found["song", "silent_on"].status, found["song", "silent_on"].n) == ("kept", 0)
    anything = batch_lf("link")(lambda part: [1] * part.height)
    assert judged("[contracts]\nsilent_on = 'song'\n", made, [anything])["link", "silent_on"].n == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[contracts.functions.lnk]\n", "contracts.functions.lnk: there is no such function. Did you mean 'link'"),
        ("[contracts]\nsilent_where = 'likes >'\n", "labelwright.toml: contracts.silent_where"),
        (
            "[contracts.functions.link]\nsilent_where = 'length > 3'\n",
            "contracts.functions.link.silent_where.*length",
        ),
        ("[contracts]\nsilent_on = '('\n", "contracts.silent_on"),
    ],
)
def test_mistakes_are_explained(text, message):
    with pytest.raises(ProjectError, match=message):
        judge_contracts(contracts(text), FUNCTIONS, {"": state(train=TRAIN)})
