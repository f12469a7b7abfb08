"""A comparison of two runs as Markdown for a pull request: short, and the rest folded away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from .comparison import Comparison, FunctionChange
from .comparison_rows import (
    FLIPS,
    METRICS,
    MOVERS,
    SETTINGS,
    SLICES,
    data_sentence,
    parameter_columns,
    told_parameters,
)
from .tables import Column

__all__ = ["comparison_markdown", "escape", "folded", "function_block", "markdown_table", "movers_table"]

R = TypeVar("R")

_PARAMETERS_SHOWN = 20
_WIDEST = 160

# What a forge would read as mark-up, a mention (@), an issue (#) or HTML.
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~@$&:])")


def comparison_markdown(content: Comparison) -> str:
    """Lay out a comparison as Markdown, as forges read it (tables, ``<details>``, ``diff`` blocks).

    Parameters
    ----------
    content : Comparison

    Returns
    -------
    str
        Ends with a newline. Names of functions, classes and settings are escaped, and texts of examples stand in code
        spans, so that data can neither mention anybody nor load anything.

    Examples
    --------
    >>> from labelwright.analysis.comparison import Comparison, LabelFlip, RunLabel, SliceChange
    >>> split = SliceChange("train", 60, 3, 0, 0, [LabelFlip("ham", "spam", 3)])
    >>> page = comparison_markdown(Comparison("comments", RunLabel(1, "a" * 16), RunLabel(2, "b" * 16), [split]))
    >>> print(page.splitlines()[2])
    **3 of 60 labels flipped (5%)**
    """
    head, *rest = content.headline()
    parameters, left_out = told_parameters(content.parameters, _PARAMETERS_SHOWN)
    flips = [(one.name, flip) for one in content.splits for flip in one.flips]
    blocks = [
        f"### Training set of {escape(content.project)}: {escape(str(content.before))} → {escape(str(content.after))}",
        " · ".join([f"**{escape(head)}**", *map(escape, rest)]),
        markdown_table(content.metrics, METRICS),
        *(f"> {escape(note)}" for note in content.notes),
        folded(
            f"Flips by class ({content.flipped:,})",
            markdown_table(content.splits, SLICES),
            markdown_table(flips, FLIPS),
        )
        if flips or any(s.added or s.removed for s in content.splits)
        else "",
        folded(f"Groups with most flips ({content.group_count:,})", markdown_table(content.groups, SLICES)),
        folded(f"Functions ({len(content.functions)})", *map(function_block, content.functions)),
        folded(
            f"Learned accuracies ({len(content.parameters)})",
            markdown_table(parameters, parameter_columns("function", parameters)),
            escape(content.interval_method + (f"; {left_out} smaller moves are not shown" if left_out else "")),
        )
        if parameters
        else "",
        folded(
            "Class balance", markdown_table(content.class_balance, parameter_columns("class", content.class_balance))
        ),
        folded(f"Settings ({len(content.settings)})", markdown_table(content.settings, SETTINGS)),
        escape(data_sentence(content)),
        folded(f"Largest movers ({len(content.movers)} of {content.moved:,})", movers_table(content.movers, MOVERS)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escape(text: str) -> str:
    r"""Return text that Markdown shows as it is, on one line.

    Examples
    --------
    >>> print(escape("a_b <img> @all"))
    a\_b \<img\> \@all
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _MARKUP.sub(r"\\\1", flat)


def code(text: str) -> str:
    r"""Return text as a code span in a cell of a table, cut at 160 characters.

    Examples
    --------
    >>> print(code("see `this` | @all"))
    `` see `this` \| @all ``
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    flat = flat if len(flat) <= _WIDEST else flat[: _WIDEST - 1] + "…"
    if not flat:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    space = " " if "`" in flat else ""
    # In a table even a code span must not hold a bare bar.
    return f"{fence}{space}{flat.replace('|', chr(92) + '|')}{space}{fence}"


def markdown_table(rows: Sequence[R], columns: Sequence[Column[R]]) -> str:
    """Return a table with one line per row, its cells escaped; "" without rows."""
    if not rows:
        return ""
    head = [
        f"| {' | '.join(c.title for c in columns)} |",
        f"|{'|'.join('--:' if c.numeric else '---' for c in columns)}|",
    ]
    return "\n".join(head + [f"| {' | '.join(escape(c.cell(row)) for c in columns)} |" for row in rows])


def movers_table(movers: Sequence[R], columns: Sequence[Column[R]]) -> str:
    """Return a table of movers; what they say, the last column, stands in code spans."""
    if not movers:
        return ""
    *others, text = columns
    lines = markdown_table(movers, others).splitlines()
    texts = [f" {text.title} |", "---|", *(f" {code(text.cell(one))} |" for one in movers)]
    return "\n".join(line + more for line, more in zip(lines, texts, strict=True))


def function_block(function: FunctionChange) -> str:
    """Return what became of a function: why its version is another one, and the difference of its source."""
    what = "written otherwise, does the same" if function.what == "rewritten" else function.what
    reasons = "".join(f"\n- {escape(reason)}" for reason in function.reasons)
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", function.source)), default=0) + 1)
    source = f"\n\n{fence}diff\n{function.source}\n{fence}" if function.source else ""
    return f"**{escape(function.name)}**: {what}{reasons}{source}"


def folded(title: str, *children: str) -> str:
    """Return blocks that are shown when a reader asks for them; "" where all are empty."""
    inside = [child for child in children if child]
    if not inside:
        return ""
    return "\n\n".join([f"<details><summary>{title}</summary>", *inside, "</details>"])
