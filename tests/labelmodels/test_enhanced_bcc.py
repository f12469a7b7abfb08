from __future__ import annotations

from labelwright.labelmodels.enhanced_bcc import EnhancedBCC
from labelwright.testing import check_label_model


def test_laws():
    check_label_model(EnhancedBCC(subtypes=3, max_steps=20))
