from __future__ import annotations

import numpy as np
import pytest

from labelwright.labelmodels import LabelModel, MajorityVote
from labelwright.testing import LABEL_MODEL_LAWS, check_label_model


@pytest.mark.parametrize("model", [MajorityVote(), LabelModel()])
def test_our_own_models_keep_every_law(model):
    check_label_model(model)


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


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (ChangesItsOptions(), "estimators"),
        (ForgetsRows(), "partition"),
        (UsesGlobalChance(), "determinism"),
        (PrefersItsFirstSource(), "permutation"),
    ],
)
def test_a_model_that_breaks_a_law_is_told_which(model, law):
    with pytest.raises(AssertionError, match=f"breaks the law of {law}"):
        check_label_model(model)


def test_every_law_has_a_name():
    assert {"partition", "increment", "permutation", "silence", "determinism"} <= set(LABEL_MODEL_LAWS)
