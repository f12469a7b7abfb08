"""How sure a run was of what its label model learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from labelwright.core.errors import ModelError
from labelwright.labelmodels.intervals import Range
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.kept.kept_intervals import ComponentIntervals
from labelwright.pipeline.refreshing.run import make_label_model
from labelwright.pipeline.refreshing.scope import database_of

__all__ = ["Ranges", "learned_ranges", "learned_task_ranges"]

_NOT_COMPUTED = "not computed: a diff reads what runs kept, and intervals take a fit; --intervals computes them"


@dataclass(frozen=True, slots=True)
class Ranges:
    """95% intervals of a run's accuracies (by function) and class balance (by class); ``None`` where there is none.

    ``method`` says how they were worked out, or why there are none.
    """

    computed: bool
    method: str
    accuracies: Mapping[str, tuple[float, float] | None]
    class_balance: Mapping[str, tuple[float, float] | None]


def learned_ranges(run: KeptRun, *, compute: bool) -> Ranges:
    """Return the intervals of what the run's label model learned, where ``compute`` asks for them.

    They take the stats that the run kept, or else those of its votes on train.
    """
    if not compute:
        return Ranges(False, _NOT_COMPUTED, {}, {})
    try:
        model = make_label_model(run.settings())
        fitted = model.fit_stats(run.stats()) if "stats" in run.row.artifacts else model.fit(run.votes("train"))
        found = fitted.intervals()
    except ModelError as error:
        return Ranges(False, f"not computed: {error}", {}, {})
    return Ranges(
        True,
        f"95% intervals of the earlier run: {found.method}",
        _by_name(found.sources, found.accuracies),
        _by_name([str(c) for c in found.classes], found.class_balance),
    )


def learned_task_ranges(run: KeptRun, *, compute: bool) -> dict[str, Ranges]:
    """Return the intervals of what a run on several tasks learned of each, where ``compute`` asks for them.

    They are worked out once, and kept with the run's label models.
    """
    if not compute:
        return dict.fromkeys(run.tasks, Ranges(False, _NOT_COMPUTED, {}, {}))
    known = ComponentIntervals(database_of(run.folder), run.row.artifacts)
    known.work_out()
    found = known.known()
    return {
        task: Ranges(
            True,
            f"95% intervals of the earlier run: {found[task].method}",
            _by_name(found[task].sources, found[task].accuracies),
            _by_name([str(c) for c in found[task].classes], found[task].class_balance),
        )
        for task in run.tasks
    }


def _by_name(names: tuple[str, ...] | list[str], found: Range) -> dict[str, tuple[float, float] | None]:
    ends = zip(found.low.tolist(), found.high.tolist(), strict=True)
    return {name: None if math.isnan(low) else (low, high) for name, (low, high) in zip(names, ends, strict=True)}
