from __future__ import annotations

from labelwright.labelmodels.hierarchical_dawid_skene import HierarchicalDawidSkene
from labelwright.testing import check_label_model


def test_laws():
    check_label_model(HierarchicalDawidSkene())
