from __future__ import annotations

from labelwright.labelmodels.weighted_vote import WeightedVote
from labelwright.testing import check_label_model


def test_laws():
    check_label_model(WeightedVote())
