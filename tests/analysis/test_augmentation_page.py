"""What is said of augmentation: every part from plain values, nothing unescaped, nothing loaded, nothing where nothing is."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from labelwright.analysis import Estimate, ReportContent, lf_summary, render_report
from labelwright.analysis.augmentation_page import render_augmentation
from labelwright.analysis.augmentation_view import (
    AugmentationView,
    AugmentedExample,
    ConsistencyRow,
    CurvePoint,
    DrawnSequences,
    HarmRow,
    SafetyRow,
    TunableFunction,
    Variant,
)

HOSTILE = "</svg></style><script>alert('x')</script><img src=https://evil.example/x onerror=alert(1)>\x00\ud800{{7}}"


class Page(HTMLParser):
    """Checks nesting; collects tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "hr", "wbr", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def view(said: str = "") -> AugmentationView:
    rng = np.random.default_rng(0)
    functions = [
        TunableFunction(f"rotate{said}", -30, 30, 0, f"degrees{said}", "narrowed", f"leaves at 25{said}"),
        TunableFunction(f"flip{said}", verdict="rejected", why=f"turns{said}"),
        TunableFunction(f"noise{said}", 0, 0.2, 0, verdict="accepted"),
    ]
    codes = rng.integers(-1, 3, size=(500, 3))
    magnitudes = np.where(codes == 0, rng.uniform(-30, 30, codes.shape), np.nan)
    magnitudes = np.where(codes == 2, rng.uniform(0, 0.2, codes.shape), magnitudes)
    e = Estimate(0.3, 0.2, 0.4, 100)
    return AugmentationView(
        policy=f"Random{said}",
        outcome=f"Stopped{said}",
        functions=functions,
        drawn=DrawnSequences(codes, magnitudes),
        examples=[
            AugmentedExample(kind="image", original=np.eye(8), variants=[Variant(f"a{said}", np.ones((3, 8, 8)))]),
            AugmentedExample(
                kind="text",
                original=f"one two{said}",
                variants=[Variant(said, f"one three{said}")],
                label=f"spam{said}",
            ),
            AugmentedExample(kind="series", original=np.arange(9.0), variants=[Variant("warp", np.zeros((2, 9)))]),
            AugmentedExample(
                kind="record",
                original={f"age{said}": 1.0, "job": f"a b{said}", "left": None},
                variants=[Variant("j", {f"age{said}": 2.0, "job": f"a c{said}", "left": None})],
                example_id=said or 7,
            ),
        ],
        curve=[CurvePoint(i, 1 - i / 1000, i / 1000) for i in range(500)],
        chosen_step=400,
        safety=[
            SafetyRow(f"rotate{said}", m, e, m < 20, Estimate(0.9, 0.8, 0.95, 100), f"leaves{said}")
            for m in (10.0, 30.0)
        ]
        + [SafetyRow(f"flip{said}", math.nan, e, False)],
        threshold=0.1,
        safety_note=f"On 100 examples{said}",
        harm=[
            HarmRow(f"flip{said}", math.nan, f"{c}{said}", Estimate(h, h - 0.1, h + 0.1, 50), h > 0.5, "9", e)
            for c, h in ((6, 0.9), (0, 0.0))
        ],
        harm_note=f"By a classifier{said}",
        consistency=[
            ConsistencyRow(f"flip{said}", f"lf{said}", e, 7, 8, 9, True, f"look{said}"),
            ConsistencyRow("noise", "lf", Estimate(math.nan, math.nan, math.nan, 0), 0, 0, 0),
        ],
        consistency_note=f"Of 100{said}",
    )


def report(shown: AugmentationView | None) -> str:
    return render_report(ReportContent(project="digits", summary=lf_summary([[1, 0], [1, -1]]), augmentation=shown))


@pytest.mark.parametrize("render", [render_augmentation, report])
def test_a_hostile_view_is_data_and_nothing_is_loaded(render) -> None:  # type: ignore[no-untyped-def]
    text = render(view(HOSTILE))
    page = Page(text)
    text.encode("utf-8")
    names = {name for name, _ in page.tags}
    assert not names & {"script", "iframe", "link", "object"}
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    for name, attributes in page.tags:
        for key in ("src", "href", "xlink:href"):
            address = attributes.get(key)
            assert address is None or address.startswith("#" if name != "img" else "data:image/png;base64,"), address
    assert "evil.example" in "".join(page.text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_says_what_the_view_holds() -> None:
    text = " ".join("".join(Page(render_augmentation(view(), title="Digits")).text).split())
    for said in (
        "Digits", "Random", "Stopped", "Augmented examples", "How often each function is used", "Most frequent sequences",
        "What is done when", "How strongly it is done", "What the discriminator thinks", "The policy of step 400 is used",
        "How far each function leaves the data", "What happens to each class", "Votes before and after a transformation",
        "✕ rejected", "◐ narrowed", "-30 to 30 degrees", "▲ look", "On 100 examples",
        "By a classifier", "Of 100",
    ):  # fmt: skip
        assert said in text, said


def test_every_drawing_says_what_it_is_and_every_chart_has_a_table() -> None:
    text = render_augmentation(view())
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawings) >= 9
    assert all('role="img"' in one and "<title" in one for one in drawings)
    assert all("alt=" in one for one in re.findall(r"<img[^>]*>", text))
    assert all(
        "<details><summary>Show as a table" in card for card in re.findall(r'<figure class="card.*?</figure>', text)
    )


def test_uses_are_counted_from_what_was_drawn() -> None:
    shown = view()
    assert shown.drawn is not None
    text = "".join(Page(render_augmentation(shown)).text)
    for code, name in enumerate(("rotate", "flip", "noise")):
        count = int((shown.drawn.functions == code).sum())
        assert f"{name}{count / 1500:.1%}" in text
        assert f"{count:,} of 1,500" in text
    nothing = (shown.drawn.functions == -1).mean()
    assert f"At {nothing:.1%} of the steps nothing is done" in text


def test_sequences_that_never_recur_are_shown_as_pairs() -> None:
    codes = np.array([[i // 3, i % 3, (i * 7) % 3] for i in range(9)] * 1)
    shown = replace(view(), drawn=DrawnSequences(codes, np.full(codes.shape, np.nan)))
    assert "Most frequent pairs" in render_augmentation(shown)
    again = replace(view(), drawn=DrawnSequences(np.repeat(codes, 6, axis=0), np.full((54, 3), np.nan)))
    text = render_augmentation(again)
    assert "Most frequent sequences" in text
    assert "6 · 11.1%" in text


def test_a_long_text_a_wide_record_and_many_rows_stay_readable() -> None:
    wide = {f"field {i}": float(i) for i in range(300)}
    examples = [
        AugmentedExample(kind="text", original="word " * 5000, variants=[Variant("s", "other " * 5000)]),
        AugmentedExample(kind="record", original=wide, variants=[Variant("j", wide | {"field 250": -1.0})]),
        AugmentedExample(kind="record", original=np.arange(3.0), variants=[Variant("j", np.array([0.0, 9.0, 2.0]))]),
    ]
    many = [ConsistencyRow(f"f{i}", "lf", Estimate(0.9, 0.8, 1, 10), 0, 0, 0) for i in range(90)]
    text = render_augmentation(AugmentationView(policy="p", examples=examples, consistency=many))
    said = "".join(Page(text).text)
    assert "field 250" in said
    assert "299 more fields, 0 of them changed" in said
    assert "field 12" not in said
    assert "70 more pairs" in said
    assert len(text) < 60_000


def test_what_there_is_nothing_of_is_left_out() -> None:
    text = render_augmentation(AugmentationView(policy="ApplyOne"))
    page = Page(text)
    assert not [one for one in page.tags if one[0] in ("svg", "section", "table")]
    assert 'id="augmentation"' not in report(None)
    assert 'id="augmentation"' in report(view())
    # A policy drawn from once, functions without magnitudes.
    small = replace(
        view(),
        functions=[TunableFunction("flip")],
        drawn=DrawnSequences(np.array([[0], [-1]]), np.full((2, 1), np.nan)),
        curve=[CurvePoint(0, 0.5, 0.5)],
        safety=(),
        harm=(),
    )
    said = "".join(Page(render_augmentation(small)).text)
    for absent in ("What is done when", "How strongly", "discriminator", "leaves the data", "each class"):
        assert absent not in said
