"""Charts are plain data with no address in them, and names come out of the drawing as they went in."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

import numpy as np
import pytest
import vl_convert

from labelwright.analysis import Estimate, calibration, histogram
from labelwright.analysis.charts import (
    Spec,
    bars,
    calibration_chart,
    columns_chart,
    confusion_chart,
    estimates_chart,
    heatmap,
    histogram_chart,
    sources_chart,
)
from labelwright.analysis.svg import inline_svg
from labelwright.core import SoftLabels

TRICKY = ["'];alert(1)//", "\\u0027 \\", "日本語 🙂", "<b>&amp;</b>", 'id="x"', "${a} {{b}}"]
KNOWN, UNKNOWN = Estimate(0.8, 0.7, 0.9, 50), Estimate(math.nan, math.nan, math.nan, 0)
PROBS = [[0.9, 0.1], [0.3, 0.7]]

SPECS = {
    "estimates": estimates_chart([("a", "end model", KNOWN, "80%"), ("b", "label model", UNKNOWN, "")], title="t"),
    "no estimates": estimates_chart([], title="t"),
    "bars": bars([("a", 4, "4"), ("b", 0, "0")]),
    "nothing to reach": bars([("a", 0, "0")]),
    "columns": columns_chart(["0", "1+"], [3, 0], title="votes"),
    "histogram": histogram_chart(histogram(SoftLabels(PROBS))),
    "calibration": calibration_chart(calibration(PROBS, [0, 1]), "label model"),
    "confusion": confusion_chart(np.array([[3, 0], [1, 2]]), ["a", "b"]),
    "heatmap": heatmap(np.array([[np.nan, 0.2], [0.2, np.nan]]), ["a", "b"], [1, 2]),
    "blank heatmap": heatmap(np.full((2, 2), np.nan), ["a", "b"], [1, 2]),
    "sources": sources_chart([("a", KNOWN, 0.7), ("b", UNKNOWN, math.nan)]),
}


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | set().union(*map(keys, value.values()), set())
    return set().union(*map(keys, value), set()) if isinstance(value, list) else set()


@pytest.fixture(autouse=True)
def _drawn_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library draws is looked at here, so that no drawing may be taken from before."""
    monkeypatch.setattr(vl_convert, "vegalite_to_svg", vl_convert.vegalite_to_svg.__wrapped__)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_plain_data_without_addresses_draws(spec: Spec) -> None:
    assert "url" not in keys(spec)
    assert "://" not in json.dumps(spec, allow_nan=True)
    drawn = inline_svg(spec, name="x", title="t", description="d")
    assert "NaN" not in drawn
    assert "Infinity" not in drawn
    assert "xmlns" not in drawn


def drawn_texts(spec: Spec) -> list[str]:
    drawn = inline_svg(spec, name="x", title="t", description="d")
    return [html.unescape(t) for t in re.findall(r"<text[^>]*>([^<]*)</text>", drawn)]


@pytest.mark.parametrize("name", TRICKY)
def test_names_come_out_as_they_went_in(name: str) -> None:
    if name != 'id="x"':
        assert any(name in text for text in drawn_texts(heatmap(np.full((1, 1), 0.5), [name], [1])))
        confusion = confusion_chart(np.array([[1, 0], [0, 1]]), [name, "other"])
        assert any(text.startswith(name[:11]) for text in drawn_texts(confusion))
        assert name in drawn_texts(bars([(name, 1, "1")]))
    assert "alert" not in re.sub(
        r">[^<]*<", "><", inline_svg(bars([(name, 1, "1")]), name="x", title="t", description="d")
    )


def test_two_long_names_that_begin_alike_stay_two_rows() -> None:
    names = ["a very long name that ends in one", "a very long name that ends in two"]
    cut = [text for text in drawn_texts(sources_chart([(n, KNOWN, 0.5) for n in names])) if text.endswith("…")]
    assert len(cut) == 2


def test_ids_carry_the_name_of_the_chart_and_do_not_depend_on_what_was_drawn_before() -> None:
    first = inline_svg(SPECS["bars"], name="one", title="t", description="d")
    again = inline_svg(SPECS["bars"], name="one", title="t", description="d")
    assert first == again
    assert all(i.startswith("one-") for i in re.findall(r'id="([^"]+)"', first))
