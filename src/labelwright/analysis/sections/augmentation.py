"""Augmentation: what the policy does to examples, what it uses, and how safe that is."""

from __future__ import annotations

from labelwright.analysis.augmentation_view import AugmentationView
from labelwright.analysis.markup import Markup, tag

from .augmentation_safety import consistency_table, harm_figure, safety_figure, verdicts_table
from .augmentation_use import by_magnitude_figure, by_step_figure, curve_figure, sequences_figure, uses_figure
from .augmented_examples import augmented_examples
from .blocks import figures, section

__all__ = ["augmentation", "augmentation_parts"]


def augmentation(view: AugmentationView | None) -> Markup | None:
    """Return the section on augmentation; nothing where there was none."""
    if view is None:
        return None
    parts = [[tag("h3", title), part] for title, part in augmentation_parts(view).values() if part]
    return section("augmentation", "Augmentation", parts, intro=_intro(view))


def augmentation_parts(view: AugmentationView) -> dict[str, tuple[str, Markup | None]]:
    """Return the parts by their ids, each with its title."""
    use = [f(view) for f in (uses_figure, sequences_figure, by_step_figure, by_magnitude_figure, curve_figure)]
    checks = [verdicts_table(view), safety_figure(view), harm_figure(view)]
    return {
        "augmented": ("Augmented examples", _examples(view)),
        "policy": ("What the policy does", figures(*use)),
        "safety": ("Safety", tag("div", checks, class_="stack") if any(checks) else None),
        "consistency": ("Votes before and after", consistency_table(view)),
    }


def _examples(view: AugmentationView) -> Markup | None:
    shown = augmented_examples(view.examples)
    if shown is None:
        return None
    return tag("div", tag("p", "Originals and what became of them; labels carry over.", class_="how"), shown)


def _intro(view: AugmentationView) -> str:
    return " ".join(x for x in (f"Policy: {view.policy}.", view.outcome, _verdict_counts(view)) if x)


def _verdict_counts(view: AugmentationView) -> str:
    """Return how many functions were accepted, narrowed and rejected, in words; empty where none was checked."""
    kinds = ("accepted", "narrowed", "rejected")
    counts = [(sum(f.verdict == kind for f in view.functions), kind) for kind in kinds]
    said = ", ".join(f"{n} {kind}" for n, kind in counts if n)
    return f"Of {len(view.functions)} transformation functions: {said}." if said else ""
