"""Examples to read, bucket by bucket."""

from __future__ import annotations

from labelwright.analysis.content import ExampleBucket, ReportContent, ShownExample
from labelwright.analysis.markup import Markup, tag

from .blocks import section

__all__ = ["examples"]

_LONGEST_TEXT = 600


def examples(content: ReportContent) -> Markup | None:
    """Return the section with examples; nothing without any."""
    if not content.examples:
        return None
    classes = [str(c) for c in content.summary.classes]
    buckets = [_bucket(bucket, classes, open_=i == 0) for i, bucket in enumerate(content.examples)]
    few = f"A few {content.examples_split} examples" if content.examples_split else "A few"
    return section("examples", "Examples", buckets, intro=f"{few} of each kind: read them before the next function.")


def _bucket(bucket: ExampleBucket, classes: list[str], *, open_: bool) -> Markup:
    heading = tag("summary", tag("h3", bucket.title), tag("span", f"{bucket.n:,}", class_="count"))
    shown = f"{bucket.description} Showing {len(bucket.examples):,} of {bucket.n:,}."
    cards = [_example(e, classes) for e in bucket.examples]
    return tag(
        "details", heading, tag("p", shown, class_="how"), tag("ul", cards, class_="cards"), class_="bucket", open=open_
    )


def _example(example: ShownExample, classes: list[str]) -> Markup:
    text = example.text if len(example.text) <= _LONGEST_TEXT else example.text[: _LONGEST_TEXT - 1] + "…"
    votes = [tag("li", name, tag("b", str(said))) for name, said in example.votes]
    return tag(
        "li",
        tag("p", text, class_="text", dir="auto"),
        tag("ul", votes, class_="chips", aria_label="Votes") if votes else tag("p", "No votes", class_="how"),
        tag("p", _label(example, classes), class_="label"),
        class_="example",
    )


def _label(example: ShownExample, classes: list[str]) -> list[Markup | str]:
    """Say the soft label, the gold label where known, and the id."""
    out: list[Markup | str] = []
    if len(example.probs) == len(classes):
        best = sorted(range(len(classes)), key=lambda c: -example.probs[c])[:2]
        shown = ", ".join(f"{classes[c]} {example.probs[c]:.2f}" for c in best)
        top = f"--share:{100 * example.probs[best[0]]:.0f}%"
        out += [tag("span", class_="meter", style=top, aria_hidden="true"), tag("span", shown)]
    if example.gold is not None:
        out.append(tag("span", "gold ", tag("b", str(example.gold)), class_="gold"))
    out.append(tag("span", f"id {example.example_id}", class_="id"))
    return out
