"""Where the result comes from, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from labelwright.analysis.content import Artifact, ReportContent
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.tables import Column

from .blocks import section, table

__all__ = ["lineage", "lineage_of"]


def lineage(content: ReportContent) -> Markup | None:
    """Return the section with lineage and next steps; nothing where both lack."""
    return lineage_of(content.lineage, content.next_steps)


def lineage_of(artifacts: Sequence[Artifact], next_steps: Sequence[tuple[str, str]]) -> Markup | None:
    """Return the section of these artifacts and next steps; nothing where both lack."""
    if not artifacts and not next_steps:
        return None
    columns: list[Column[Artifact]] = [
        Column("artifact", lambda a: a.name, numeric=False),
        Column("address", lambda a: a.address, numeric=False),
        Column("made from", lambda a: a.made_from, numeric=False),
    ]
    steps = [tag("div", tag("dt", tag("code", command)), tag("dd", what)) for command, what in next_steps]
    return section(
        "lineage",
        "Lineage and next steps",
        tag("div", table(artifacts, columns, caption="What was made, and from what"), class_="mono")
        if artifacts
        else None,
        tag("dl", steps, class_="steps") if steps else None,
    )
