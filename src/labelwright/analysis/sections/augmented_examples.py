"""Augmented examples side by side with their originals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labelwright.analysis.augmentation_view import AugmentedExample
from labelwright.analysis.markup import Child, Markup, tag
from labelwright.analysis.pictures import changed_words, inline_image, line_picture, same

__all__ = ["augmented_examples"]

_LONGEST_TEXT = 600
# Columns of a vector beyond these are shown only where they changed.
_COLUMNS = 12


def augmented_examples(examples: Sequence[AugmentedExample]) -> Markup | None:
    """Return originals with their augmented forms beside them; nothing without any."""
    if not examples:
        return None
    shown = {"image": _images, "text": _texts, "series": _series, "record": _record}
    cards = [
        tag("li", shown[one.kind](one, f"augmented-{i}"), _foot(one), class_=f"example of-{one.kind}")
        for i, one in enumerate(examples)
    ]
    return tag("ul", cards, class_="cards augmented")


def _foot(example: AugmentedExample) -> Markup | None:
    said = [tag("span", example.label) if example.label else None]
    said.append(tag("span", f"id {example.example_id}", class_="id") if example.example_id != "" else None)
    return tag("p", said, class_="label") if any(said) else None


def _side_by_side(original: Child, variants: Sequence[tuple[str, Child]], kind: str) -> Markup:
    shots = [("original", original), *variants]
    figures = [
        tag("figure", value, tag("figcaption", steps or "unchanged"), class_="shot first" if i == 0 else "shot")
        for i, (steps, value) in enumerate(shots)
    ]
    return tag("div", figures, class_=f"shots {kind}")


def _images(example: AugmentedExample, name: str) -> Markup:
    del name
    variants = [(v.steps, inline_image(v.value, alt=f"after {v.steps or 'nothing'}")) for v in example.variants]
    return _side_by_side(inline_image(example.original, alt="original"), variants, "images")


def _series(example: AugmentedExample, name: str) -> Markup:
    variants: list[tuple[str, Child]] = [
        (v.steps, line_picture(v.value, name=f"{name}-{i}", title=f"after {v.steps}", beside=example.original))
        for i, v in enumerate(example.variants)
    ]
    return _side_by_side(line_picture(example.original, name=f"{name}-o", title="original"), variants, "lines")


def _texts(example: AugmentedExample, name: str) -> Markup:
    del name
    original = _cut(str(example.original))
    variants: list[tuple[str, Child]] = [
        (v.steps, tag("p", changed_words(original, _cut(str(v.value))), class_="text", dir="auto"))
        for v in example.variants
    ]
    return _side_by_side(tag("p", original, class_="text", dir="auto"), variants, "texts")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _record(example: AugmentedExample, name: str) -> Markup:
    del name
    original, variants = _fields(example.original), [_fields(v.value) for v in example.variants]
    names = list(dict.fromkeys(f for record in (original, *variants) for f in record))
    moved = [f for f in names if any(not same(original.get(f), v.get(f)) for v in variants)]
    shown = names if len(names) <= _COLUMNS else moved[:_COLUMNS] or names[:_COLUMNS]
    rows = [
        tag("tr", tag("th", f, scope="row"), tag("td", _said(original.get(f))), _cells(original, variants, f))
        for f in shown
    ]
    heads = ["field", "original", *(v.steps or "unchanged" for v in example.variants)]
    head = tag("thead", tag("tr", [tag("th", one, scope="col") for one in heads]))
    left = len(names) - len(shown)
    more = tag(
        "p", f"{left:,} more fields, {len([f for f in moved if f not in shown]):,} of them changed", class_="how"
    )
    table = tag("table", head, tag("tbody", rows))
    region = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="An example and its copies")
    return tag("div", region, more if left else None)


def _cells(original: Mapping[str, Any], variants: Sequence[Mapping[str, Any]], field: str) -> list[Markup]:
    cells = []
    for variant in variants:
        before, after = original.get(field), variant.get(field)
        changed = not same(before, after)
        if changed and isinstance(before, str) and isinstance(after, str):
            inside: Child = changed_words(_cut(before), _cut(after))
        else:
            inside = tag("ins", _said(after)) if changed else _said(after)
        cells.append(tag("td", inside, class_="changed" if changed else None))
    return cells


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(name): one for name, one in value.items()}
    return {str(i): one for i, one in enumerate(np.asarray(value).ravel().tolist())}


def _said(value: Any) -> str:
    if value is None:
        return "—"
    return f"{value:.4g}" if isinstance(value, float) else _cut(str(value))
