"""Where the result comes from, and what to do next."""

from __future__ import annotations

from labelwright.analysis.content import Artifact, ReportContent
from labelwright.analysis.markup import Markup, tag
from labelwright.analysis.tables import Column

from .blocks import section, table

__all__ = ["lineage"]


def lineage(content: ReportContent) -> Markup | None:
    """Return the section with lineage and next steps; nothing where both lack."""
    if not content.lineage and not content.next_steps:
        return None
    columns: list[Column[Artifact]] = [
        Column("artifact", lambda a: a.name, numeric=False),
        Column("address", lambda a: a.address, numeric=False),
        Column("made from", lambda a: a.made_from, numeric=False),
    ]
    steps = [tag("div", tag("dt", tag("code", command)), tag("dd", what)) for command, what in content.next_steps]
    return section(
        "lineage",
        "Lineage and next steps",
        tag("div", table(content.lineage, columns, caption="What was made, and from what"), class_="mono")
        if content.lineage
        else None,
        tag("dl", steps, class_="steps") if steps else None,
    )
