from __future__ import annotations

import pytest

from labelwright.labelmodels.dawid_skene import DawidSkene
from labelwright.testing import check_label_model

OPTIONS = [{}, {"one_coin": True}, {"shrinkage": 0.0}, {"shrinkage": 1.0, "one_coin": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_laws(options):
    check_label_model(DawidSkene(**options))
