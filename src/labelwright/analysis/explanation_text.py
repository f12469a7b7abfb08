"""An explanation for the terminal: a small table with bars that need no colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from labelwright.core import Class

from .explanation_content import LabelContent, PastLabel

__all__ = ["bar", "explanation_text", "flat"]

_BAR = 10
_MOST_FIELDS = 12
_MOST_CLASSES = 5

# A floor below this is about what numbers can hold, and not about what the label model says.
_UNDERFLOW = 1e-300


def explanation_text(why: LabelContent, *, width: int = 100, plain: bool = False) -> str:
    """Lay out an explanation as lines of text.

    Parameters
    ----------
    why : LabelContent
    width : int
        Columns of the terminal; longer texts are cut, figures never.
    plain : bool
        Use ASCII only, for terminals that have no block characters.

    Examples
    --------
    >>> from labelwright.analysis.explanation_content import ExplainedVote
    >>> vote = ExplainedVote("has_link", "3f9c", "spam", (-1.0, 1.0), (0, 0), (-1.0, 1.0), (-1.0, 1.0), (0.5, 0.5))
    >>> why = LabelContent("demo", 1, "c0ffee", "c07", "train", {"text": "see http://a.b"}, classes=("ham", "spam"),
    ...     prior=(0.0, 0.0), total=(-1.0, 1.0), probs=(0.12, 0.88), votes=(vote,))
    >>> print(explanation_text(why))
    Example c07, train, run 1 of demo
      text  see http://a.b
    <BLANKLINE>
    spam 88.0%, ham 12.0%
    <BLANKLINE>
                    vote  log-odds spam : ham            without it   version
    before votes           +0.00            |
    has_link        spam   +2.00            |██████████  tie 50.0% !  3f9c
    after votes            +2.00            |██████████
    <BLANKLINE>
    ! the label would be another without this function
    """
    lines = [f"Example {flat(why.called)}, {why.split}, run {why.run} of {flat(why.project)}"]
    lines += _fields(why, width)
    lines += [f"  in slices: {', '.join(map(flat, why.slices))}"] if why.slices else []
    lines += ["", _answer(why)]
    lines += ["", *_table(why, plain=plain)] if why.votes else ["", "No function voted: this is the class balance."]
    lines += _remarks(why)
    lines += _pairs(why)
    lines += _history(why, width)
    if why.check is not None:
        lines += ["", f"Checked: {flat(str(why.check))}"]
    return "\n".join(line.rstrip() for line in lines)


def flat(value: Any, width: int | None = None) -> str:
    """Return a value as one line without control characters, cut to ``width``.

    Examples
    --------
    >>> flat("two" + chr(10) + "lines" + chr(27), 6)
    'two l…'
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if width is None or len(text) <= width else text[: max(1, width - 1)] + "…"


def bar(value: float, scale: float, *, plain: bool = False) -> str:
    """Return a bar to the right of an axis for a positive value, and a hatched one to its left for a negative one.

    Examples
    --------
    >>> bar(1.0, 2.0), bar(-2.0, 2.0)
    ('          |█████     ', '▒▒▒▒▒▒▒▒▒▒|          ')
    """
    length = round(_BAR * min(1.0, abs(value) / scale)) if scale > 0 else 0
    full, hatched = ("#", "=") if plain else ("█", "▒")
    left, right = (hatched * length, "") if value < 0 else ("", full * length)
    return f"{left:>{_BAR}}|{right:<{_BAR}}"


def _fields(why: LabelContent, width: int) -> list[str]:
    shown = list(why.fields.items())[:_MOST_FIELDS]
    room = max((len(flat(name)) for name, _ in shown), default=0)
    lines = [f"  {flat(name):<{room}}  {flat(value, max(20, width - room - 4))}" for name, value in shown]
    left = len(why.fields) - len(shown)
    return [*lines, f"  and {left} more fields"] if left else lines


def _answer(why: LabelContent) -> str:
    parts = []
    for code in why.ranked[:_MOST_CLASSES]:
        text = f"{flat(why.classes[code])} {why.probs[code]:.1%}"
        if why.interval is not None and not math.isnan(why.interval[code][0]):
            low, high = why.interval[code]
            text += f" [{100 * low:.1f} to {100 * high:.1f}]"
        parts.append(text)
    left = len(why.classes) - len(parts)
    said = ", ".join(parts) + (f", and {left} more classes" if left else "")
    said = said if why.label is not None else f"A tie: {said}"
    return said if why.gold is None else f"{said}; gold says {flat(why.gold)}"


def _table(why: LabelContent, *, plain: bool) -> list[str]:
    scale = max(abs(why.odds(x)) for x in (why.prior, why.total, *(v.adds for v in why.votes)))
    names = [flat(v.function, 40) for v in why.votes]
    name_room = max(len("before votes"), *map(len, names)) + 2
    votes = [flat(v.vote, 24) for v in why.votes]
    vote_room = max(4, *map(len, votes)) + 2
    withouts = [_without(why, v.without) for v in why.votes]
    refits = [_without(why, v.refitted) for v in why.votes]
    rooms = [max(len(title), *map(len, cells)) + 2 for title, cells in (("without it", withouts), ("refitted", refits))]
    refit = any(refits)

    def line(name: str, vote: str, values: Sequence[float] | None, rest: Sequence[str]) -> str:
        odds = 0.0 if values is None else why.odds(tuple(values))
        drawn = "" if values is None else f"{odds:>+8.2f}  {bar(odds, scale, plain=plain)}"
        tail = f"{rest[0]:<{rooms[0]}}" + (f"{rest[1]:<{rooms[1]}}" if refit else "") + rest[2] if rest else ""
        return f"{name:<{name_room}}{vote:>{vote_room}}{drawn:<31}  {tail}"

    first, second = (flat(why.classes[c], 16) for c in why.ranked[:2])
    title = f"  log-odds {first} : {second}"
    head = f"{'':<{name_room}}{'vote':>{vote_room}}{title:<31}  {'without it':<{rooms[0]}}"
    head += (f"{'refitted':<{rooms[1]}}" if refit else "") + "version"
    body = [
        line(name, vote, v.adds, (out, again, flat(v.version[:8])))
        for name, vote, v, out, again in zip(names, votes, why.votes, withouts, refits, strict=True)
    ]
    return [head, line("before votes", "", why.prior, ()), *body, line("after votes", "", why.total, ())]


def _without(why: LabelContent, probs: tuple[float, ...] | None) -> str:
    """Return label and probability without a function; "!" where the label is another."""
    if probs is None:
        return ""
    label: Class | None = why.label_of(probs)
    said = f"{'tie' if label is None else flat(label, 16)} {max(probs):.1%}"
    return said if label == why.label else f"{said} !"


def _remarks(why: LabelContent) -> list[str]:
    lines = []
    if any(why.label_of(v.without) != why.label for v in why.votes):
        lines.append("! the label would be another without this function")
    if not why.exact:
        worst = max((e for v in why.votes for e in v.errors), default=0.0)
        lines.append(f"Log-odds are sampled ({len(why.votes)} votes): standard errors up to {worst:.3f}.")
    if why.discounted:
        counts = ", ".join(f"{flat(v.function)} {v.discount:.2f}" for v in why.discounted)
        lines.append(f"Counted as less than a full vote, as they repeat others: {counts}")
    if why.votes and why.floor > _UNDERFLOW:
        lines.append(f"Probabilities of 0 count as {why.floor:g}, so that log-odds are finite.")
    if why.abstained:
        shown = ", ".join(flat(name) for name in why.abstained[:6])
        left = len(why.abstained) - 6
        lines.append(f"Abstained: {shown}" + (f" and {left} more" if left > 0 else ""))
    lines += [f"FAILED, and so without a vote: {flat(name)} ({flat(message, 120)})" for name, message in why.failed]
    return ["", *lines] if lines else []


def _pairs(why: LabelContent) -> list[str]:
    if not why.pairs:
        return []
    lines = ["", "Votes that depend on one another:"]
    for pair in why.pairs:
        one, other = map(flat, pair.functions)
        lines.append(
            f"  {one} {pair.alone[0]:+.2f} and {other} {pair.alone[1]:+.2f} alone; {pair.together:+.2f} together"
            f" ({pair.effect:+.2f})"
        )
    return lines


def _history(why: LabelContent, width: int) -> list[str]:
    if len(why.history) < 2 and not any(h.snapshots for h in why.history):
        return []
    return ["", "History:", *(line for one in why.history for line in _stretch(one, width))]


def _stretch(one: PastLabel, width: int) -> list[str]:
    runs = f"run {one.first}" if one.first == one.last else f"runs {one.first} to {one.last}"
    named = f" ({', '.join(map(flat, one.snapshots))})" if one.snapshots else ""
    if math.isnan(one.probability):
        return [f"  {runs}{named}: {'; '.join(one.changes) or 'not there'}"]
    said = f"  {runs}{named}: {flat(one.label) or 'no label'} {one.probability:.1%}"
    return [said, *(f"    {flat(change, max(20, width - 4))}" for change in one.changes)]
