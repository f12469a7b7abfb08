"""``lw.report``: the report for people who have votes and no project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.analysis import (
    ModelResult,
    ReportContent,
    Split,
    calibration,
    histogram,
    lf_summary,
    pairwise_agreement,
    pick_examples,
    render_report,
    score,
)
from labelwright.analysis.content import Role
from labelwright.core import SoftLabels, Votes, atomic_write, class_codes
from labelwright.core.errors import DataError

from .refreshing.gather import timestamp

__all__ = ["report"]


def report(
    votes: Votes | npt.ArrayLike,
    soft_labels: SoftLabels | None = None,
    gold: Iterable[Any] | None = None,
    *,
    path: str | os.PathLike[str] = "report.html",
    title: str = "Labels",
    texts: Sequence[str] | None = None,
    accuracies: Mapping[str, float] | Sequence[float] | None = None,
    end_model: SoftLabels | None = None,
) -> Path:
    """Write one self-contained HTML page about votes and what was made of them.

    Parameters
    ----------
    votes : Votes, or array_like of int, shape (n, m)
        -1 marks an abstain.
    soft_labels : SoftLabels, n rows, optional
        What the label model made of the votes.
    gold : iterable of (class, code or None), shape (n,), optional
        For scoring only.
    path : path-like, default "report.html"
        Written whole or not at all.
    title : str
    texts : sequence of str, length n, optional
        What the examples say; without it no examples are shown.
    accuracies : mapping or sequence of float, optional
        What the label model learned about each source (``model.accuracies_``).
    end_model : SoftLabels, n rows, optional
        Predictions of an end model on the same examples.

    Returns
    -------
    Path
        Where the page is.

    Raises
    ------
    DataError, VoteError
        If the arguments do not have the same n examples, or ``path`` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> import labelwright as lw
    >>> votes = lw.Votes([[0, 0, -1], [1, 1, 1], [-1, 1, 0]], classes=["ham", "spam"], sources=["a", "b", "c"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(votes, gold=["ham", "spam", "spam"], path=Path(folder) / "report.html")
    ...     page.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    target = Path(path)
    if target.is_dir():
        raise DataError(f"{target} is a folder; name a file to write the report to, such as {target / 'report.html'}.")
    table = votes if isinstance(votes, Votes) else Votes(votes)
    for what, value in (("soft_labels", soft_labels), ("end_model", end_model), ("texts", texts)):
        if value is not None and len(value) != table.n:
            raise DataError(f"{what} has {len(value)} rows, but there are {table.n} examples in votes.")
    truth = np.full(table.n, -1) if gold is None else class_codes(gold, table.classes)
    known = truth >= 0
    given: list[tuple[Role, SoftLabels | None]] = [("label model", soft_labels), ("end model", end_model)]
    scored = [(role, found) for role, found in given if found is not None and known.any()]
    content = ReportContent(
        project=title,
        summary=lf_summary(table, None if gold is None else truth, accuracies=accuracies),
        summary_split="all",
        when=timestamp(),
        splits=[Split("all", table.n, int(known.sum()))],
        models=[
            ModelResult(role.capitalize(), role, score(found, truth, groups=table.groups)) for role, found in scored
        ],
        score_split="all",
        agreement=pairwise_agreement(table),
        soft_labels=None if soft_labels is None else histogram(soft_labels),
        soft_split="all",
        calibration=[calibration(found, truth, model=role.capitalize(), groups=table.groups) for role, found in scored],
        examples=()
        if soft_labels is None or texts is None
        else pick_examples(table, soft_labels, texts, None if gold is None else truth),
    )
    atomic_write(target, render_report(content))
    return target
