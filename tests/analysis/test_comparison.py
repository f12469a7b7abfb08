"""A comparison laid out as text, Markdown and HTML: complete, short, and safe whatever the data says."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from html.parser import HTMLParser

import pytest

from labelwright.analysis import Estimate
from labelwright.analysis.comparison import (
    Comparison,
    DataChange,
    FunctionChange,
    LabelFlip,
    MetricMove,
    Mover,
    ParameterMove,
    RunLabel,
    SettingChange,
    SliceChange,
)
from labelwright.analysis.comparison_html import comparison_fragment, comparison_html
from labelwright.analysis.comparison_markdown import code, comparison_markdown, escape
from labelwright.analysis.comparison_text import comparison_text

HOSTILE = "<img src=x onerror=alert(1)> @everyone `x` | [a](http://e.x) ``` \x1b[31m </details> #1"


def comparison(text: str = "see this") -> Comparison:
    """A comparison with every part, whose names and texts are ``text``."""
    flips = [LabelFlip("ham", "spam", 3), LabelFlip(None, "ham", 1)]
    value = Estimate(0.8, 0.7, 0.9, 50)
    return Comparison(
        project=text,
        before=RunLabel(1, "a" * 16, "2026-01-01 10:00 UTC", "v1"),
        after=RunLabel(2, "b" * 16, "2026-01-02 10:00 UTC"),
        splits=[SliceChange("train", 60, 4, 2, 1, flips)],
        groups=[SliceChange(text, 5, 4, 0, 0, flips)],
        group_count=7,
        movers=[Mover(text, "train", text, "ham", "spam", "spam", 0.1, 0.9, 0.8)],
        moved=59,
        functions=[
            FunctionChange(text, "changed", [text], f"--- a\n+++ b\n@@ -1 +1 @@\n-{text}\n+new\n same"),
            FunctionChange("fresh", "added", (), "+def fresh(x):"),
            FunctionChange("tidied", "rewritten", (), "+# a comment"),
        ],
        parameters=[
            ParameterMove(text, 0.8, 0.95, 0.7, 0.9, "beyond"),
            ParameterMove("fresh", None, 0.9, None, None, "new"),
            ParameterMove("still", 0.8, 0.8001, 0.7, 0.9, "within"),
        ],
        class_balance=[ParameterMove("spam", 0.4, 0.45, None, None, "no interval")],
        interval_method="95% intervals",
        metrics=[MetricMove("test", "end model", "accuracy", value, value, Estimate(0.05, 0.01, 0.09, 50))],
        data=DataChange(1, 10, 2, 20),
        settings=[SettingChange("end_model.kind", '"none"', "")],
        notes=[text],
    )


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that they are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "wbr", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close a tag."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("lay_out", [comparison_text, comparison_markdown, comparison_html])
def test_everything_is_told(lay_out):
    page = lay_out(comparison())
    plain = re.sub(r"<[^>]*>|\\", "", page)
    for said in (
        "v1 (run 1)",
        "train",
        "fresh",
        "tidied",
        "see this",
        "no label",
        "+5.0",
        "95.0%",
        "59",
        "end_model.kind",
    ):
        assert said in plain, said
    assert "1 parts of the data came (10 rows), 2 went (20 rows)" in plain
    assert "still" not in plain  # a move that no reader would see is counted and not shown


@pytest.mark.parametrize("lay_out", [comparison_text, comparison_markdown, comparison_html])
def test_what_is_empty_is_left_out(lay_out):
    nothing = Comparison("spam", RunLabel(1, "a" * 16), RunLabel(2, "b" * 16))
    page = lay_out(nothing)
    assert nothing.unchanged
    assert "0 of 0 labels flipped" in page or "0%" in page
    for word in ("Learned", "Settings", "movers", "Groups", "<details>"):
        assert word not in re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL)


def test_html_is_whole_and_hostile_data_stays_text():
    page = Tags(comparison_html(comparison(HOSTILE)))
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "img", "iframe", "link", "object"}
    assert not [a for _, a in page.seen for name in a if name.startswith("on")]
    assert not [a["href"] for _, a in page.seen if "href" in a and not a["href"].startswith("#")]
    assert "\x1b" not in comparison_html(comparison(HOSTILE))
    links = {a["href"][1:] for _, a in page.seen if "href" in a}
    assert links <= {a.get("id") for _, a in page.seen}
    Tags(comparison_fragment(comparison(HOSTILE)))


def test_markdown_stays_in_its_cells_and_folds():
    page = comparison_markdown(comparison(HOSTILE))
    outside = re.sub(r"(`+)diff\n.*?\n\1", "", page, flags=re.DOTALL)
    spans = re.sub(r"(`+) .*? \1 \|", "", outside)
    assert "\x1b" not in spans
    for mark in ("@everyone", "<img", "[a]", "#1"):
        for found in re.finditer(re.escape(mark), spans):
            assert spans[found.start() - 1] == "\\", mark
    lines = page.splitlines()
    assert lines.count("</details>") == page.count("<details>")
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert rows
    for line in rows:
        assert line.endswith("|")


def test_a_fence_is_longer_than_what_it_holds():
    page = comparison_markdown(comparison("a ```` b"))
    assert "`````diff\n" in page
    assert code("a ``` b | c").startswith("```` a")
    assert escape("a|b") == "a\\|b"


def test_text_keeps_to_lines_and_shows_no_control_characters():
    page = comparison_text(comparison(HOSTILE + "\nnext"))
    assert "\x1b" not in page
    assert all(c.isprintable() or c == "\n" for c in page)


@pytest.mark.parametrize(
    ("value", "low", "high", "metric", "verdict"),
    [
        (0.1, 0.05, 0.2, "accuracy", "better"),
        (-0.1, -0.2, -0.05, "accuracy", "worse"),
        (0.1, -0.1, 0.2, "accuracy", "no clear difference"),
        (-0.1, -0.2, -0.05, "log_loss", "better"),
        (0.0, 0.0, 0.0, "accuracy", "the same"),
        (math.nan, math.nan, math.nan, "accuracy", "not compared"),
    ],
)
def test_a_verdict_is_what_the_interval_says(value, low, high, metric, verdict):
    one = Estimate(0.8, 0.7, 0.9, 9)
    assert MetricMove("test", "m", metric, one, one, Estimate(value, low, high, 9)).verdict == verdict
    assert MetricMove("test", "m", metric, one, one, None).verdict == "not compared"


def test_json_holds_every_field():
    found = json.loads(json.dumps(comparison().to_dict(), allow_nan=False))
    assert set(found) == {field.name for field in dataclasses.fields(Comparison)} | {"headline"}
    assert found["splits"][0]["flips"][0] == {"before": "ham", "after": "spam", "count": 3}
    assert found["metrics"][0]["verdict"] == "better"
    assert found["data"]["rows_removed"] == 20
