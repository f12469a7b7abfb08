"""A page on augmentation alone, for a policy that is looked at before anything is trained on it."""

from __future__ import annotations

from .augmentation_view import AugmentationView
from .markup import Markup, tag
from .page import sectioned_page
from .sections.augmentation import augmentation_parts
from .sections.blocks import section

__all__ = ["render_augmentation"]


def render_augmentation(view: AugmentationView, *, title: str = "Augmentation") -> str:
    """Lay out what is known of an augmentation policy as one self-contained HTML page.

    Parameters
    ----------
    view : AugmentationView
        Plain values. Parts without content are left out.
    title : str

    Returns
    -------
    str
        A whole HTML document in UTF-8, as `render_report` returns: no script, nothing loaded, all data escaped.

    Examples
    --------
    >>> from labelwright.analysis.augmentation_view import AugmentationView, AugmentedExample, Variant
    >>> shown = AugmentedExample(kind="text", original="a good film", variants=[Variant("swap", "a fine film")])
    >>> page = render_augmentation(AugmentationView(policy="Random", examples=[shown]))
    >>> "<del>good</del> <ins>fine</ins>" in page, "<script" in page
    (True, False)
    """
    parts = {name: (said, part) for name, (said, part) in augmentation_parts(view).items() if part}
    body: dict[str, Markup | None] = {name: section(name, said, part) for name, (said, part) in parts.items()}
    return sectioned_page(title, _answer(view, title), body, {name: said for name, (said, _) in parts.items()})


def _answer(view: AugmentationView, title: str) -> Markup:
    kinds = ("accepted", "narrowed", "rejected")
    facts = [("functions", len(view.functions)), *((kind, _count(view, kind)) for kind in kinds)]
    drawn = 0 if view.drawn is None else len(view.drawn.functions)
    facts.append(("sequences drawn", drawn))
    shown = tag("dl", [tag("div", tag("dt", name), tag("dd", f"{n:,}")) for name, n in facts if n], class_="facts")
    said = [tag("p", text, class_="what") for text in (view.policy, view.outcome) if text]
    return tag(
        "header",
        tag("div", tag("p", "Labelwright", class_="stamp"), tag("h1", title), said),
        shown,
        id="answer",
        class_="plain",
    )


def _count(view: AugmentationView, verdict: str) -> int:
    return sum(f.verdict == verdict for f in view.functions)
