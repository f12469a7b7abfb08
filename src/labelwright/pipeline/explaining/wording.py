"""Votes and examples in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.core import ABSTAIN, Votes
from labelwright.pipeline.examples import SHOWN_FIELDS
from labelwright.pipeline.settings import Settings

__all__ = ["said", "shown_text"]


def said(votes: Votes, source: str, code: int) -> str:
    """Return what a vote means: its class, the classes that it leaves open, or that the source abstained.

    Examples
    --------
    >>> votes = Votes([[0]], classes=["a", "b", "c"], sources=["x"], alphabet={"x": [{0, 2}]})
    >>> said(votes, "x", 0), said(votes, "x", -1)
    ('a or c', 'abstains')
    """
    if code == ABSTAIN:
        return "abstains"
    sets = votes.alphabet.get(source)
    open_ = [code] if sets is None else sorted(sets[code])
    return " or ".join(str(votes.classes[c]) for c in open_)


def shown_text(settings: Settings, values: Mapping[str, Any]) -> str:
    """Return what an example says in one text: its first text field, or else its fields with their names.

    Examples
    --------
    >>> from labelwright.pipeline.demo import write_demo
    >>> from labelwright.pipeline import read_settings
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     settings = read_settings(write_demo(pathlib.Path(folder) / "biopsies").folder)
    >>> shown_text(settings, {"biopsy": "b1", "text": "hello"}), shown_text(settings, {"width": 3, "height": 4})
    ('hello', 'width = 3, height = 4')
    """
    hidden = {name for one in settings.sets.values() for name in (one.id, one.group, one.splits.column)}
    hidden |= set(settings.gold_columns.values())
    shown = {name: value for name, value in values.items() if name not in hidden}
    for name in (*settings.end_model.fields, *shown):
        if isinstance(shown.get(name), str):
            return str(shown[name])
    return ", ".join(f"{name} = {value}" for name, value in list(shown.items())[:SHOWN_FIELDS])
