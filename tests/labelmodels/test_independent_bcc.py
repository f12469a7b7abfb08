from __future__ import annotations

from labelwright.labelmodels.independent_bcc import IndependentBCC
from labelwright.testing import check_label_model


def test_laws():
    check_label_model(IndependentBCC())
