"""Slices in a report: a section that is there where slices are, with a bar for each figure that is known."""

from __future__ import annotations

import numpy as np

import labelwright as lw
from labelwright.analysis import ReportContent, lf_summary, render_report
from labelwright.analysis.slice_charts import slices_chart
from labelwright.analysis.slices import SplitSlices, slice_table
from labelwright.core.slices import Slices

VOTES = lw.Votes(np.tile([[0, 0], [0, 1], [1, -1], [-1, -1]], (10, 1)), classes=["ham", "spam"], sources=["a", "b"])
GOLD = np.tile([0, 0, 1, -1], 10)
SLICES = Slices(np.column_stack([np.arange(40) < 12, np.zeros(40, bool)]), ["long <names>", "nobody"])
SOFT = lw.SoftLabels(np.tile([[0.9, 0.1], [0.2, 0.8]], (20, 1)), classes=["ham", "spam"])


def content(**fields) -> ReportContent:
    return ReportContent(project="p", summary=lf_summary(VOTES), **fields)


def splits() -> list[SplitSlices]:
    scored = slice_table(SOFT, SLICES, GOLD, votes=VOTES)
    tables = {"label model": scored, "end model": scored}
    return [SplitSlices("test", tables), SplitSlices("train", {"label model": slice_table(SOFT, SLICES, votes=VOTES)})]


def test_a_report_without_slices_has_no_section_on_them():
    page = render_report(content())
    assert "Slices" not in page
    assert page == render_report(content(slices=[]))


def test_the_section_scores_the_splits_with_gold_and_shows_votes_on_the_others():
    page = render_report(content(slices=splits()))
    assert 'href="#slices"' in page
    assert "How 2 slices of the examples" in page
    assert "long &lt;names&gt;" in page
    assert "long <names>" not in page
    of_test, of_train = (
        page.partition(f"<span>Slices of {split}")[2].partition("</table>")[0] for split in ("test", "train")
    )
    assert "end model: accuracy" in of_test
    assert "with gold" in of_test
    assert "accuracy" not in of_train
    assert "30.0% of train" in of_train


def test_there_is_a_bar_for_each_known_figure():
    table = splits()[0].tables["label model"]
    rows = [(row.name, [("label model", row.accuracy)]) for row in (table.everything, *table.rows)]
    spec = slices_chart(rows)
    assert [bar["value"] for bar in spec["data"]["values"]] == [
        r.accuracy.value for r in (table.everything, table.rows[0])
    ]
    assert all(0 <= bar["low"] <= bar["value"] <= bar["high"] <= 1 for bar in spec["data"]["values"])
    names = spec["layer"][-1]["data"]["values"]
    assert [(one["name"], one["missing"]) for one in names] == [
        ("everything", ""),
        ("long <names>", ""),
        ("nobody", "no gold"),
    ]
