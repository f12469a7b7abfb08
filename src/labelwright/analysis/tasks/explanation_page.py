"""An explanation of a label on one of several tasks as HTML: a fragment for notebooks, and a page that stands alone."""

from __future__ import annotations

from labelwright.analysis.explanation_html import field_list, page, share_list, styled
from labelwright.analysis.markup import Markup, tag

from .explanation_content import TaskLabelContent, TaskVote

__all__ = ["task_explanation_html", "task_explanation_page"]


def task_explanation_html(why: TaskLabelContent) -> Markup:
    """Return an explanation as a fragment of HTML that brings its own style and touches nothing else on the page.

    Examples
    --------
    >>> why = TaskLabelContent("p", 1, "c0", "r7", "train", "kind", {"text": "<b>"}, ("mass", "cyst"), (0.5, 0.5), None,
    ...     votes=(), related=())
    >>> "&lt;b&gt;" in task_explanation_html(why)
    True
    """
    order = sorted(range(len(why.states)), key=lambda s: -why.probs[s])
    answers = [(str(why.states[s]), why.probs[s], f"{why.probs[s]:.1%}") for s in order]
    split = f"Label: {why.label}, so that the labels of all tasks keep every relation."
    return styled(
        tag("h2", _headline(why)),
        tag("p", f"Example {why.called}, {why.split}, run {why.run} of {why.project}", class_="quiet"),
        field_list(why.fields, why.gold),
        tag("p", f"Slices: {', '.join(why.slices)}", class_="quiet") if why.slices else None,
        share_list(answers),
        tag("p", split) if why.label is not None and why.label != why.states[why.top] else None,
        _votes(why) if why.votes else tag("p", "No function voted on this task or a related one."),
        _related(why) if why.related else None,
    )


def task_explanation_page(why: TaskLabelContent) -> str:
    """Return an explanation as a whole HTML document in UTF-8."""
    return page(f"{why.example_id}: {_headline(why)}", task_explanation_html(why))


def _headline(why: TaskLabelContent) -> str:
    if why.label is None:
        return f"{why.task}: no label"
    return f"{why.task}: {why.label}, {why.probs[why.states.index(why.label)]:.1%}"


def _votes(why: TaskLabelContent) -> Markup:
    top = str(why.states[why.top])
    scale = max(abs(_move(why, vote)) for vote in why.votes) or 1.0
    titles = ["function", "vote", "points", f"against \u2190 \u2192 for {top}", "without it"]
    head = tag("tr", [tag("th", t, scope="col", class_="num" if t == "points" else None) for t in titles])
    note = (
        f"Points are what P({top}) loses without the function: the label model as it was learned, asked again. They "
        "need not add up."
    )
    return tag(
        "div",
        tag("h3", "What each function moves"),
        tag("div", tag("table", tag("thead", head), tag("tbody", [_row(why, v, scale) for v in why.votes]))),
        tag("p", note, class_="quiet"),
    )


def _move(why: TaskLabelContent, vote: TaskVote) -> float:
    """Return what the function adds to the probability of the most probable state, in points."""
    return 100 * (why.probs[why.top] - vote.without[why.top])


def _row(why: TaskLabelContent, vote: TaskVote, scale: float) -> Markup:
    move = _move(why, vote)
    width = 50 * abs(move) / scale
    drawn = tag(
        "span",
        class_="against" if move < 0 else None,
        style=f"left:{50 - width if move < 0 else 50:.2f}%;width:{width:.2f}%",
    )
    best = max(range(len(why.states)), key=lambda s: vote.without[s])
    without = f"{why.states[best]} {vote.without[best]:.1%}"
    flips = tag("span", f"{without} \u2260", class_="flips", title="another label")
    return tag(
        "tr",
        tag("th", vote.source, scope="row"),
        tag("td", ", ".join(f"{task} = {said}" for task, said in vote.said.items())),
        tag("td", f"{move:+.1f}".replace("-", "\N{MINUS SIGN}"), class_="num"),
        tag("td", tag("div", drawn, aria_hidden="true"), class_="axis"),
        tag("td", without if best == why.top else flips),
    )


def _related(why: TaskLabelContent) -> Markup:
    head = tag("tr", [tag("th", t, scope="col", class_="num" if t == "P" else None) for t in ("task", "label", "P")])
    rows = [
        tag(
            "tr",
            tag("th", one.task, scope="row"),
            tag("td", str(one.state)),
            tag("td", f"{one.prob:.1%}", class_="num"),
        )
        for one in why.related
    ]
    return tag("div", tag("h3", "Related tasks"), tag("table", tag("thead", head), tag("tbody", rows)))
