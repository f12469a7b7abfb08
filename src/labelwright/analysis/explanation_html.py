"""An explanation as HTML: a fragment for notebooks, and a page that stands alone. Nothing is loaded, nothing runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from labelwright.core import Class

from .explanation_content import DependentPair, LabelContent, PastLabel
from .markup import Child, Markup, tag
from .page import html_document

__all__ = ["explanation_html", "explanation_page", "field_list", "page", "share_list", "signed", "styled"]

_PAGE_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;padding:clamp(1rem,4vw,3rem);background:#f7f7f4;color:#1d2329}"
    "@media (prefers-color-scheme:dark){body{background:#14171a;color:#e9ecef}}"
)
# A text longer than this is shown as a paragraph, in full; shorter fields stand in a list.
_SHORT = 60
_MOST_CLASSES = 6
_UNDERFLOW = 1e-300


def explanation_html(why: LabelContent) -> Markup:
    """Return an explanation as a fragment of HTML that brings its own style and touches nothing else on the page.

    Examples
    --------
    >>> why = LabelContent("demo", 1, "c0ffee", "c07", "train", {"text": "<b>"}, classes=("ham", "spam"),
    ...     prior=(0.0, 0.0), total=(0.0, 0.0), probs=(0.5, 0.5), votes=())
    >>> "&lt;b&gt;" in explanation_html(why)
    True
    """
    return styled(
        tag("h2", _headline(why)),
        tag("p", f"Example {why.called}, {why.split}, run {why.run} of {why.project}", class_="quiet"),
        field_list(why.fields, why.gold),
        tag("p", f"Slices: {', '.join(why.slices)}", class_="quiet") if why.slices else None,
        _shares(why),
        _votes(why),
        [tag("p", tag("strong", f"{name} failed"), f" and so gave no vote: {said}") for name, said in why.failed],
        _pairs(why.pairs),
        _history(why.history),
        _lineage(why),
    )


def explanation_page(why: LabelContent) -> str:
    """Return an explanation as a whole HTML document in UTF-8."""
    return page(f"{why.example_id}: {_headline(why)}", explanation_html(why))


def styled(*children: Child) -> Markup:
    """Return children in the style of an explanation, which the fragment brings along."""
    style = resources.files(__package__).joinpath("explanation.css").read_text(encoding="utf-8")
    return tag("div", tag("style", Markup(style)), *children, class_="lw-explanation")


def page(title: str, fragment: Markup) -> str:
    """Return a fragment as a whole document that loads nothing and runs nothing."""
    body = tag("body", tag("main", fragment), class_="lw-explanation-page")
    return html_document(title, body, _PAGE_STYLE)


def signed(value: float) -> str:
    """Return log-odds with their sign.

    Examples
    --------
    >>> signed(-0.5)
    '−0.50'
    """
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _headline(why: LabelContent) -> str:
    best = max(why.probs)
    return f"A tie at {best:.1%}" if why.label is None else f"{why.label}, {best:.1%}"


def field_list(fields: Mapping[str, Any], gold: Class | None) -> list[Markup]:
    """Return the fields of an example, long texts as paragraphs, and the gold class where it is known."""
    texts = {n: str(v) for n, v in fields.items() if isinstance(v, str) and len(v) > _SHORT}
    short = {n: str(v) for n, v in fields.items() if n not in texts}
    if gold is not None:
        short["gold (played no part)"] = str(gold)
    out = [tag("p", text, class_="text", dir="auto", title=name) for name, text in texts.items()]
    listed = [(tag("dt", name), tag("dd", value, dir="auto")) for name, value in short.items()]
    return [*out, tag("dl", listed)] if listed else out


def _shares(why: LabelContent) -> Markup:
    answers = []
    for code in why.ranked:
        said = f"{why.probs[code]:.1%}"
        if why.interval is not None and not math.isnan(why.interval[code][0]):
            low, high = why.interval[code]
            said += f" [{100 * low:.1f} to {100 * high:.1f}]"
        answers.append((str(why.classes[code]), why.probs[code], said))
    return share_list(answers)


def share_list(answers: Sequence[tuple[str, float, str]]) -> Markup:
    """Return classes, the most probable first, with their probabilities drawn and in words; the rest are counted."""
    rows = []
    for name, part, said in answers[:_MOST_CLASSES]:
        drawn = tag("span", class_="share", style=f"--part:{100 * part:.1f}%", aria_hidden="true")
        rows.append(tag("li", tag("span", name), drawn, tag("span", said, class_="num")))
    left = len(answers) - len(rows)
    more = tag("p", f"and {left} more classes", class_="quiet") if left > 0 else None
    return tag("div", tag("ul", rows, class_="shares"), more)


def _votes(why: LabelContent) -> Markup:
    if not why.votes:
        return tag("p", "No function voted: this is the class balance.")
    first, second = (str(why.classes[c]) for c in why.ranked[:2])
    refit = any(v.refitted is not None for v in why.votes)
    scale = max(abs(why.odds(x)) for x in (why.prior, why.total, *(v.adds for v in why.votes))) or 1.0
    titles = ["function", "vote", "log-odds", f"{second} \u2190 \u2192 {first}", "without it", *["refitted"] * refit]
    head = tag("tr", [tag("th", t, scope="col", class_="num" if t == "log-odds" else None) for t in titles])
    rows = [_row(why, "before votes", "", why.prior, scale, refit=refit)]
    for vote in why.votes:
        version = tag("code", vote.version[:8], class_="quiet", title=vote.version) if vote.version else None
        name: Child = [vote.function, " ", version]
        error = f" \u00b1 {abs(why.odds(vote.errors)):.2f}" if not why.exact else ""
        rest = [_without(why, probs) for probs in (vote.without, *[vote.refitted] * refit)]
        rows.append(_row(why, name, vote.vote, vote.adds, scale, refit=refit, rest=rest, error=error))
    rows.append(_row(why, "after votes", "", why.total, scale, refit=refit, ends=True))
    return tag(
        "div",
        tag("h3", "What each vote adds"),
        tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll"),
        [tag("p", note, class_="quiet") for note in _notes(why)],
    )


def _row(
    why: LabelContent,
    name: Child,
    vote: str,
    values: tuple[float, ...],
    scale: float,
    *,
    refit: bool,
    rest: Iterable[Markup] = (),
    error: str = "",
    ends: bool = False,
) -> Markup:
    odds = why.odds(values)
    width = 50 * abs(odds) / scale
    left = 50 - width if odds < 0 else 50.0
    drawn = tag("span", class_="against" if odds < 0 else None, style=f"left:{left:.2f}%;width:{width:.2f}%")
    tail = list(rest) or [tag("td") for _ in range(1 + refit)]
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", vote),
        tag("td", signed(odds) + error, class_="num"),
        tag("td", tag("div", drawn, aria_hidden="true"), class_="axis"),
        tail,
        class_="end" if ends else None,
    )


def _without(why: LabelContent, probs: tuple[float, ...] | None) -> Markup:
    if probs is None:
        return tag("td")
    label = why.label_of(probs)
    said = f"{'tie' if label is None else label} {max(probs):.1%}"
    if label == why.label:
        return tag("td", said)
    return tag("td", tag("span", f"{said} \u2260", class_="flips", title="another label"))


def _notes(why: LabelContent) -> list[str]:
    notes = [
        "Log-odds of the label against the class that comes second; before votes and all that votes add are the sum."
    ]
    if not why.exact:
        notes.append(f"Sampled, as {len(why.votes)} functions voted: \u00b1 is the standard error.")
    if why.discounted:
        counts = ", ".join(f"{v.function} {v.discount:.2f}" for v in why.discounted)
        notes.append(f"Counted as less than a full vote, as they repeat others: {counts}")
    if why.floor > _UNDERFLOW:
        notes.append(f"Probabilities of 0 count as {why.floor:g}, so that log-odds are finite.")
    if why.abstained:
        notes.append(f"Abstained: {', '.join(why.abstained)}")
    return notes


def _pairs(pairs: tuple[DependentPair, ...]) -> Markup | None:
    if not pairs:
        return None
    head = ["functions", "alone", "alone", "together", "effect"]
    rows = [
        tag(
            "tr",
            tag("th", " and ".join(p.functions), scope="row"),
            [tag("td", signed(x), class_="num") for x in (*p.alone, p.together, p.effect)],
        )
        for p in pairs
    ]
    titles = tag("tr", [tag("th", t, scope="col", class_="num" if i else None) for i, t in enumerate(head)])
    return tag(
        "div", tag("h3", "Votes that depend on one another"), tag("table", tag("thead", titles), tag("tbody", rows))
    )


def _history(history: tuple[PastLabel, ...]) -> Markup | None:
    if len(history) < 2 and not any(h.snapshots for h in history):
        return None
    rows = []
    for one in history:
        runs = f"{one.first}" if one.first == one.last else f"{one.first}\u2013{one.last}"
        label = "" if math.isnan(one.probability) else f"{one.label or 'no label'} {one.probability:.1%}"
        changes = tag("ul", [tag("li", c) for c in one.changes], class_="plain") if one.changes else None
        cells = [tag("td", one.finished[:16].replace("T", " ")), tag("td", ", ".join(one.snapshots))]
        rows.append(tag("tr", tag("th", runs, scope="row"), cells, tag("td", label), tag("td", changes)))
    titles = ["runs", "since", "snapshots", "label", "what changed"]
    head = tag("tr", [tag("th", t, scope="col") for t in titles])
    return tag(
        "div",
        tag("h3", "History"),
        tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll"),
    )


def _lineage(why: LabelContent) -> Markup | None:
    if not why.lineage and why.check is None:
        return None
    made = [(tag("dt", role), tag("dd", tag("code", key))) for role, key in why.lineage.items()]
    check = None if why.check is None else tag("p", str(why.check))
    return tag("details", tag("summary", "Lineage"), check, tag("dl", made), open=why.check is not None)
