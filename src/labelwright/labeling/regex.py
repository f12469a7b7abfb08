"""Vote where a pattern occurs in a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from .declarative import DeclarativeFunction, check_field
from .examples import Example
from .patterns import PatternSearch, check_pattern
from .task_answers import Label, as_tasks

__all__ = ["RegexFunction", "regex_lf"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RegexFunction(DeclarativeFunction):
    """Votes where a pattern of Python's ``re`` occurs in a text; made by `regex_lf`.

    Parameters
    ----------
    pattern : str
        The pattern.
    flags : int
        Flags of `re.compile`.
    name, label, fields, examples, tasks
        As for `DeclarativeFunction`; ``fields`` is the one text field.
    """

    pattern: str
    flags: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern(self.pattern, self.flags, f"labeling function {self.name!r}")

    @property
    def field(self) -> str:
        """The field that holds the text."""
        assert self.fields is not None  # every declarative function names its fields
        return self.fields[0]

    def parameters(self) -> Mapping[str, Any]:
        """Return the pattern, its flags and the field."""
        return {"pattern": self.pattern, "flags": int(self.flags), "field": self.field}

    def search(self) -> PatternSearch:
        """Return the search for the pattern."""
        return PatternSearch(self.pattern, int(self.flags))

    def fires(self, x: Any) -> bool:
        """Return whether the pattern occurs in the text of one example; a missing text holds nothing."""
        text = self._text(x, self.field)
        return text is not None and self.search()(text)

    def expression(self, schema: pl.Schema) -> pl.Expr:
        """Return where the pattern occurs; see `VectorisedFunction`."""
        kind = self._column(schema, self.field, lambda kind: kind == pl.String, "text (String)")
        if kind == pl.Null:
            return pl.col(self.field).is_not_null()
        return self.search().expression(self.field)

    def slow_path(self, schema: pl.Schema) -> str | None:
        """Return what Polars' engine lacks for this pattern, or ``None``."""
        del schema
        why = self.search().slow
        if why is None:
            return None
        return (
            f"its pattern uses {why}, so Python's `re` decides on the rows that a simpler pattern lets through; that "
            "takes Python's time per row, which for some patterns grows without bound on hostile text"
        )


def regex_lf(
    name: str,
    pattern: str,
    label: Label,
    field: str = "text",
    *,
    flags: int = 0,
    task: str | None = None,
    examples: Iterable[Example] = (),
) -> RegexFunction:
    r"""Make a labeling function that votes where a pattern occurs in a text.

    Parameters
    ----------
    name : str
        Name of the source.
    pattern : str
        A pattern of Python's ``re``, which decides what it means: the function fires where ``re.search`` finds it.
    label : str or int
        The class to vote for. Over tasks also a list of classes of which one holds, or a mapping of task to either.
    field : str, default "text"
        The column that holds the text. A missing text never fires.
    flags : int, default 0
        Flags of `re.compile`, such as ``re.IGNORECASE``.
    task : str, optional
        The task it votes on, where there are several (`labelwright.core.task_graph.TaskGraph`).
    examples : sequence of (value or mapping of fields, vote), optional
        What it must vote, for ``labelwright test``: see `LabelingFunction`.

    Returns
    -------
    RegexFunction

    Raises
    ------
    FunctionError
        If the pattern is not valid (the message shows where), or another argument is wrong.

    Notes
    -----
    Columns are searched by Polars' engine in time linear in the text, with the same meaning. Look-around (beyond one
    character at either end of the pattern), back-references, atomic groups and possessive quantifiers do not exist
    there; Python's ``re`` then decides, more slowly, and ``apply`` says so with a ``SlowPathWarning``.

    Examples
    --------
    >>> import re
    >>> shouts = regex_lf("shouts", r"\bfree\b.*!", "spam", flags=re.IGNORECASE)
    >>> shouts({"text": "FREE tickets!"})
    'spam'
    >>> shouts({"text": "freedom!"}) is None
    True
    """
    fields = (check_field(field, name),)
    named = as_tasks(task, None, name)
    return RegexFunction(
        name=name,
        label=label,
        fields=fields,
        pattern=pattern,
        flags=flags,
        tasks=named,
        examples=examples,  # type: ignore[arg-type]  # made a tuple
    )
