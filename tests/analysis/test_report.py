"""The report is one well-formed page that loads nothing, runs nothing, escapes everything, and reads without charts."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from labelwright.analysis import (
    Artifact,
    Dependency,
    Difference,
    ExampleBucket,
    ModelResult,
    Note,
    ReportContent,
    ShownExample,
    Split,
    calibration,
    histogram,
    lf_summary,
    paired_difference,
    pairwise_agreement,
    pick_examples,
    render_report,
    score,
)
from labelwright.analysis.palette import BLUE, GREEN, GREY, INK, MUTED, VERMILLION, partner
from labelwright.core import Failure, SoftLabels, Votes

HOSTILE = (
    "</svg></style><script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)>\x00\x1b\ud800{{7}}"
)
VOID = {"meta", "br", "hr", "wbr"}


class Page(HTMLParser):
    """Checks nesting and collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"<{tag}> repeats an attribute"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def content(m: int = 4, n: int = 300, k: int = 2, *, name: str = "spam", hostile: str = "") -> ReportContent:
    rng = np.random.default_rng(0)
    classes = [f"class {c}{hostile}" for c in range(k)]
    gold = rng.integers(k, size=n)
    values = np.where(rng.random((n, m)) < 0.75, gold[:, None], rng.integers(k, size=(n, m)))
    values[rng.random((n, m)) > min(0.5, 4 / m)] = -1
    sources = [f"source {j}{hostile}" for j in range(m)]
    failures = [Failure(sources[0], 2, ((3, f"ValueError: {hostile}"),))]
    votes = Votes(values, classes=classes, sources=sources, failures=failures)
    counts = np.stack([(values == c).sum(axis=1) for c in range(k)], axis=1) + 0.3
    soft = SoftLabels(counts / counts.sum(axis=1, keepdims=True), votes.covered, classes=classes)
    scored = score(soft, gold)
    return ReportContent(
        project=name + hostile,
        summary=lf_summary(votes, gold, accuracies=np.full(m, 0.8), versions=["a" * 64] * m),
        when="2026-11-22",
        run_id="r1" + hostile,
        description="A task." + hostile,
        splits=[Split("train", n, 0, "everything" + hostile)],
        models=[
            ModelResult("Majority vote" + hostile, "majority vote", scored, hostile),
            ModelResult("End model", "end model", scored),
        ],
        differences=[
            Difference("End model", "Majority vote" + hostile, "accuracy", paired_difference(soft, soft, gold))
        ],
        agreement=pairwise_agreement(votes),
        soft_labels=histogram(soft),
        calibration=[calibration(soft, gold, model="End model" + hostile)],
        examples=[
            *pick_examples(votes, soft, lambda i: f"text {i} {hostile}", gold),
            ExampleBucket("Mine" + hostile, hostile, 1, [ShownExample(hostile, hostile, [(hostile, hostile)])]),
        ],
        dependencies=[Dependency(sources[0], sources[1], 0.4, hostile)],
        notes=[Note("Mind this." + hostile, "warning"), Note("Known.")],
        lineage=[Artifact("votes" + hostile, "f" * 64, hostile)],
        next_steps=[("labelwright run" + hostile, hostile)],
    )


@pytest.fixture(scope="module")
def full() -> str:
    return render_report(content())


def test_it_is_well_formed_and_answers_first(full: str) -> None:
    page = Page(full)
    text = " ".join(page.text)
    assert full.startswith("<!doctype html>")
    assert text.index("95% interval") < text.index("Data and labels")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), "a heading level is skipped"


def test_it_loads_nothing_and_runs_nothing(full: str) -> None:
    page = Page(full)
    assert not {"script", "link", "img", "iframe", "object", "embed", "use", "image", "form", "base"} & {
        tag for tag, _ in page.tags
    }
    assert "http:" not in full
    assert "https:" not in full
    assert "@import" not in full
    assert "url(" not in re.sub(r"url\(#", "", full)
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert "src" not in attributes
    policies = [m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies
    assert "default-src 'none'" in str(policies[0])
    assert "script-src" not in str(policies[0])


def test_hostile_data_stays_text(full: str) -> None:
    page = Page(render_report(content(hostile=HOSTILE)))
    # Data may add text and table cells, never an element or attribute of another kind.
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in Page(full).tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    text = "".join(page.text)
    assert "<script>alert('x')</script>" in text
    assert "\x00" not in text
    text.encode("utf-8")


def test_ids_are_unique_and_every_reference_has_a_target(full: str) -> None:
    page = Page(full)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    assert set(re.findall(r"url\(#([^)]+)\)", full)) <= set(ids)


def test_every_chart_has_a_title_a_description_and_a_table(full: str) -> None:
    figures = re.findall(r"<figure.*?</figure>", full, flags=re.DOTALL)
    assert len(figures) >= 9
    for figure in figures:
        assert len(re.findall(r'<svg [^>]*role="img"', figure)) == 1
        assert re.search(r"<title [^>]*>[^<]+</title><desc [^>]*>[^<]+</desc>", figure)
        assert "<details><summary>Show as a table</summary>" in figure
        assert "<tbody><tr>" in figure
    for region in Page(full).named("div"):
        if region.get("class") == "scroll":
            assert (region["tabindex"], region["role"]) == ("0", "region")
            assert region["aria-label"]


def test_no_figure_reads_nan(full: str) -> None:
    assert not re.search(r"\bnan\b|undefined|NaN|None", full)


def test_the_least_content_makes_a_report() -> None:
    page = Page(render_report(ReportContent(project="least", summary=lf_summary([[1, 0], [1, -1]]))))
    text = " ".join(page.text)
    assert "No gold labels were given" in text
    assert "Models" not in text
    assert [a["href"] for a in page.named("a")][1:] == ["#data", "#sources"]


@pytest.mark.parametrize("values", [np.empty((0, 2), dtype=int), np.full((5, 2), -1), np.ones((3, 1), dtype=int)])
def test_no_examples_no_votes_one_source(values: np.ndarray) -> None:
    votes = Votes(values)
    Page(
        render_report(
            ReportContent(project="edge", summary=lf_summary(votes, [1] * votes.n), agreement=pairwise_agreement(votes))
        )
    )


def test_six_classes_and_unscored_models() -> None:
    six = content(k=6)
    page = render_report(six)
    assert "Classes, by End model" in page
    empty = score([[0.5, 0.5]], [None])
    Page(render_report(replace(content(), models=[ModelResult("End model", "end model", empty)], differences=[])))


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.08, 0.04, 0.12, "+8.0 points [+4.0 to +12.0], better than"),
        (-0.08, -0.12, -0.04, "−8.0 points [−12.0 to −4.0], worse than"),
        (0.01, -0.02, 0.04, "Not clearly different from Majority vote : +1.0 points [−2.0 to +4.0]"),
    ],
)
def test_a_difference_is_said_in_words(value: float, low: float, high: float, words: str) -> None:
    base = content()
    estimate = replace(base.differences[0].estimate, value=value, low=low, high=high)
    page = Page(
        render_report(replace(base, differences=[Difference("End model", "Majority vote", "accuracy", estimate)]))
    )
    assert words in re.sub(r"\s+", " ", " ".join(page.text)).replace("points  [", "points [")


def test_same_content_same_bytes(full: str) -> None:
    assert render_report(content()) == full


def test_seventy_three_sources_stay_below_two_megabytes() -> None:
    big = content(m=73, n=2000)
    page = render_report(big)
    assert len(page.encode()) < 2_000_000
    text = "".join(Page(page).text)
    assert all(row.source in text for row in big.summary.rows), "no source is lost"


def test_real_votes_make_a_report(data_root: Path) -> None:
    arrays = np.load(data_root / "sms" / "data.npz")
    meta = json.loads((data_root / "sms" / "meta.json").read_text())
    votes = Votes(arrays["L_train"], classes=meta["classes"], sources=meta["lf_names"])
    summary = lf_summary(votes, arrays["y_train"])
    Page(render_report(ReportContent(project="sms", summary=summary, agreement=pairwise_agreement(votes))))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def _contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("colour", "least"), [(INK, 7), (MUTED, 4.5), *((c, 3) for c in (BLUE, VERMILLION, GREEN, GREY))]
)
def test_contrast_meets_wcag_aa_in_light_and_dark(colour: str, least: float, full: str) -> None:
    light, dark = re.findall(r"--page:(#\w{6});--card:#\w{3,6}", full)[:2]
    card = re.findall(r"--card:(#\w{6})", full)[0]
    assert _contrast(colour, light) >= least
    assert _contrast(colour, "#ffffff") >= least
    assert _contrast(partner(colour), dark) >= least
    assert _contrast(partner(colour), card) >= least
