from __future__ import annotations

import numpy as np
import pytest

from labelwright.labelmodels import DataProgramming, LabelModel, MajorityVote, MatrixCompletion
from labelwright.testing import LABEL_MODEL_LAWS, check_label_model, check_repetition
from labelwright.testing.label_models import example_votes


def test_majority_vote_keeps_every_law():
    """The others are asked in tests/labelmodels."""
    check_label_model(MajorityVote())


class ChangesItsOptions(MajorityVote):
    def fit_stats(self, stats):
        super().fit_stats(stats)
        self.cardinality = 3
        return self


class ForgetsRows(MajorityVote):
    def summarize(self, votes, *, gold=None):
        return super().summarize(self._votes(votes).take(slice(1, None)), gold=None)


class UsesGlobalChance(MajorityVote):
    def solve(self, stats):
        np.random.random()  # noqa: NPY002
        return super().solve(stats)


class PrefersItsFirstSource(MajorityVote):
    def posterior(self, params, votes):
        soft = super().posterior(params, votes)
        first = self._votes_like(params, votes).values[:, 0]
        probs = soft.probs.copy()
        probs[first >= 0] = np.eye(soft.k)[first[first >= 0]]
        return type(soft)(probs, soft.covered, example_ids=soft.example_ids)


class TakesUnknownForAClass(MajorityVote):
    def fit(self, votes, y=None):
        super().fit(votes)
        return self if y is None else self.set_balance(np.asarray(y))

    def set_balance(self, y):
        self.params_.class_balance[:] = np.eye(len(self.params_.class_balance))[1 if y.dtype == object else y[0]]
        return self


class HearsGroups(MajorityVote):
    def posterior(self, params, votes):
        soft = super().posterior(params, votes)
        if getattr(votes, "groups", None) is None:
            return type(soft)(soft.probs[:, ::-1].copy(), soft.covered, example_ids=soft.example_ids)
        return soft


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (ChangesItsOptions(), "estimators"),
        (ForgetsRows(), "partition"),
        (UsesGlobalChance(), "determinism"),
        (PrefersItsFirstSource(), "permutation"),
        (TakesUnknownForAClass(), "known classes"),
    ],
)
def test_a_model_that_breaks_a_law_is_told_which(model, law):
    with pytest.raises(AssertionError, match=f"breaks the law of {law}"):
        check_label_model(model)


def test_every_law_has_a_name():
    assert {"partition", "increment", "permutation", "silence", "determinism"} <= set(LABEL_MODEL_LAWS)


def test_groups_only_keep_rows_together():
    votes = example_votes()
    with pytest.raises(AssertionError, match="groups change the answer"):
        LABEL_MODEL_LAWS["groups"](HearsGroups(), votes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "declared"),
    [(LabelModel(), False), (MatrixCompletion(), False), (MatrixCompletion(), True), (DataProgramming(), True)],
)
def test_models_that_claim_it_count_copies_once(model, declared):
    check_repetition(model, declared=declared)


@pytest.mark.parametrize("model", [MajorityVote(), DataProgramming()])
def test_models_that_count_copies_again_are_told(model):
    with pytest.raises(AssertionError, match="breaks the law of repetition on several-sided sources of 2 classes"):
        check_repetition(model)
