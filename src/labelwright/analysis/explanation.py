"""Why an example has its label: the votes with their weights, what changes without them, and how it came to be."""

from __future__ import annotations

from dataclasses import dataclass

from .explanation_content import LabelContent
from .explanation_html import explanation_html, explanation_page
from .explanation_text import explanation_text

__all__ = ["LabelExplanation"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelExplanation(LabelContent):
    """Why one example has its label; prints as a table, shows as one in a notebook.

    Parameters are those of `labelwright.analysis.explanation_content.LabelContent`.

    Examples
    --------
    >>> why = LabelExplanation("demo", 1, "c0ffee", "c07", "train", {"text": "nice"}, classes=("ham", "spam"),
    ...     prior=(0.0, 0.0), total=(0.0, 0.0), probs=(0.5, 0.5), votes=())
    >>> print(why)
    Example c07, train, run 1 of demo
      text  nice
    <BLANKLINE>
    A tie: ham 50.0%, spam 50.0%
    <BLANKLINE>
    No function voted: this is the class balance.
    """

    def to_text(self, *, width: int = 100, plain: bool = False) -> str:
        """Return it for a terminal of that width; ``plain`` uses ASCII only."""
        return explanation_text(self, width=width, plain=plain)

    def to_page(self) -> str:
        """Return a whole HTML document."""
        return explanation_page(self)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return explanation_html(self)
