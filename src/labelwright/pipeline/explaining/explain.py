"""Why an example has its label: what a run kept is gathered into a `LabelExplanation`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.analysis.explanation import LabelExplanation
from labelwright.analysis.explanation_content import DependentPair, ExplainedVote
from labelwright.core import Votes
from labelwright.core.errors import ProjectError
from labelwright.labelmodels import BaseLabelModel
from labelwright.labelmodels.contributions import Contributions
from labelwright.pipeline.kept.finding import find_place, row_in_words
from labelwright.pipeline.kept.keep import ExampleRow, KeptRun

from .closest import closest_ids
from .history import LookedUp, label_history
from .recheck import recheck_label
from .wording import said

__all__ = ["HISTORY", "explain_label", "open_run"]

# Runs to look back over.
HISTORY = 20

# What a label is made of, in the order in which it is made.
_LINEAGE = ("settings", "data", "functions", "votes", "stats", "label_model", "soft_labels")

Step = Callable[[str], None]


def explain_label(
    folder: Path,
    example_id: str | int,
    *,
    run: str | int | KeptRun = "latest",
    refit: bool = False,
    interval: bool = False,
    check: bool = False,
    history: int = HISTORY,
    step: Step | None = None,
) -> LabelExplanation:
    """Explain the label that a run gave to one example.

    Parameters
    ----------
    folder : Path
        The project.
    example_id : str or int
        Taken as text: ``7`` and ``"7"`` are one id.
    run : str, int or KeptRun
        A snapshot, a number of a run, the start of its id, ``latest`` or ``latest~1``; or a run that is open.
    refit : bool
        Also fit the label model again without each function that voted: as many fits as there are votes.
    interval : bool
        Also say how far the probabilities could be off given how well the label model knows its parameters: one fit
        for each of 32 parts of the votes.
    check : bool
        Also work the label out again: run the functions on the example, and the label model on their votes.
    history : int
        How many runs to look back over; 0 for none.
    step : callable of str, optional
        Told what is being done.

    Returns
    -------
    LabelExplanation

    Raises
    ------
    ProjectError
        If there is no such run, or no such example in it; the closest id is named.
    """
    kept = run if isinstance(run, KeptRun) else open_run(folder, run)
    place = find_example(kept, example_id)
    example = _example(kept, *place)
    looked = LookedUp(example.id, {kept.artifact("data"): place})
    votes = looked.votes(kept, *place)
    model = kept.label_model()
    [found] = model.contributions(votes)
    label = _Label(model, votes, found)
    failed = _failed(kept, *place)
    settings = kept.settings()
    gold_column, id_column = settings.task.gold, settings.data.id
    fields = {name: value for name, value in example.values.items() if name not in (gold_column, id_column)}
    deep = _deep(kept, label, refit=refit, interval=interval, step=step)
    return LabelExplanation(
        project=settings.project.name or folder.resolve().name,
        run=kept.row.number,
        run_id=kept.row.run_id,
        example_id=example.id,
        place=row_in_words(kept.kept_data, *place),
        split=example.split or "no split",
        fields=fields,
        classes=found.classes,
        prior=_floats(found.prior),
        total=_floats(found.total),
        probs=_floats(found.probs),
        votes=label.explained(looked.versions(kept), deep.refitted),
        gold=None if gold_column is None else example.values.get(gold_column),
        abstained=tuple(s for s in votes.sources if s not in {*found.sources, *failed}),
        failed=tuple(failed.items()),
        exact=found.exact,
        additive=found.additive,
        floor=found.floor,
        interval=deep.interval,
        pairs=label.pairs(),
        history=label_history(kept, example.id, most=history, looked=looked) if history else (),
        lineage=_lineage(kept, *place),
        check=recheck_label(kept, example, votes, model) if check else None,
        slices=() if kept.kept_slices is None else kept.kept_slices.of_row(*place),
    )


def open_run(folder: Path, name: str | int) -> KeptRun:
    """Return a run by its name; the last one is found without looking at the others."""
    return KeptRun.latest(folder) if name == "latest" else KeptRun.named(folder, name)


def find_example(kept: KeptRun, example_id: str | int) -> tuple[int, int]:
    """Return part and row of an example of a run.

    Raises
    ------
    ProjectError
        If the run has none of that id; the message names ids that are close.
    """
    try:
        return find_place(kept.kept_data, example_id)
    except ProjectError as error:
        close = closest_ids(kept, str(example_id))
        if not close:
            raise
        hint = f"Did you mean {' or '.join(map(repr, close))}?"
        raise ProjectError(f"{error} {hint}") from None


def _example(kept: KeptRun, part: int, row: int) -> ExampleRow:
    data = kept.kept_data
    values = data.row(part, row)
    found = data.id_at(part, row) if data.record.id is None else values[data.record.id]
    return ExampleRow(found, data.split_of(part, row), data.parts[part].digest, row, values)


@dataclass(frozen=True, slots=True)
class _Deep:
    """What costs more than a moment, where it was asked for."""

    interval: tuple[tuple[float, float], ...] | None
    refitted: dict[str, tuple[float, ...]]


def _deep(kept: KeptRun, label: _Label, *, refit: bool, interval: bool, step: Step | None) -> _Deep:
    if not refit and not interval:
        return _Deep(None, {})
    # Fitting takes a second to import; explaining what was kept takes none of it.
    from .explain_again import posterior_interval, posteriors_without

    say = step or (lambda _said: None)
    found, model, votes = label.found, label.model, label.votes
    refitted = posteriors_without(kept, model, votes, found.sources, step=say) if refit else {}
    return _Deep(posterior_interval(kept, model, votes, step=say) if interval else None, refitted)


@dataclass(frozen=True, slots=True)
class _Label:
    """One label as the label model gave it."""

    model: BaseLabelModel[Any, Any]
    votes: Votes
    found: Contributions

    def explained(self, versions: dict[str, str], refitted: dict[str, tuple[float, ...]]) -> tuple[ExplainedVote, ...]:
        """Return each vote, those that speak most for the label first."""
        found = self.found
        first, second = np.argsort(-found.probs, kind="stable")[:2]
        order = np.argsort(found.values[:, second] - found.values[:, first], kind="stable")
        return tuple(
            ExplainedVote(
                found.sources[j],
                versions.get(found.sources[j], ""),
                said(self.votes, found.sources[j], int(found.codes[j])),
                _floats(found.values[j]),
                _floats(found.errors[j]),
                _floats(found.alone[j]),
                _floats(found.last[j]),
                _floats(found.without[j]),
                refitted.get(found.sources[j]),
                self._discount(j),
            )
            for j in order
        )

    def _discount(self, at: int) -> float | None:
        """Return what part of a full vote this one counts, where the label model has such a thing."""
        params = self.model.params_
        discounts = getattr(params, "discounts", None)
        if discounts is None:
            return None
        column = params.sources.index(self.found.sources[at])
        start = int(params.frame.sizes[:column].sum())
        return float(discounts[start + int(self.found.codes[at])])

    def pairs(self) -> tuple[DependentPair, ...]:
        """Return the dependent pairs of which both voted, those that change the label most first."""
        declared: Sequence[tuple[str, str]] = getattr(self.model, "dependencies_", ())
        voted = {name: j for j, name in enumerate(self.found.sources)}
        both = [(a, b) for a, b in declared if a in voted and b in voted]
        if not both:
            return ()
        first, second = np.argsort(-self.found.probs, kind="stable")[:2]
        alone = self.found.alone[:, first] - self.found.alone[:, second]
        rows = np.full((len(both), self.votes.m), -1)
        for row, pair in enumerate(both):
            for name in pair:
                rows[row, self.votes.sources.index(name)] = self.found.codes[voted[name]]
        only = Votes(rows, classes=self.votes.classes, sources=self.votes.sources, alphabet=dict(self.votes.alphabet))
        logs = np.log(np.maximum(self.model.soft_labels(only).probs, self.found.floor))
        together = logs[:, first] - logs[:, second] - (self.found.prior[first] - self.found.prior[second])
        found = [
            DependentPair((a, b), (float(alone[voted[a]]), float(alone[voted[b]])), float(worth))
            for (a, b), worth in zip(both, together, strict=True)
        ]
        return tuple(sorted(found, key=lambda pair: -abs(pair.effect)))


def _failed(kept: KeptRun, part: int, row: int) -> dict[str, str]:
    """Return which functions raised on the example, and what they said."""
    pairs = {name: dict(found.pairs()) for name, found in kept.kept_votes.failures_of(part).items()}
    return {name: said_of[row] for name, said_of in pairs.items() if row in said_of}


def _lineage(kept: KeptRun, part: int, row: int) -> dict[str, str]:
    """Return what the label was made of: the run's artifacts, and those that hold this example and its votes."""
    found = {role: str(kept.row.artifacts[role]) for role in _LINEAGE if role in kept.row.artifacts}
    found["example"] = f"{kept.kept_data.parts[part].data}, row {row}"
    found["votes on its part"] = kept.kept_votes.record.parts[part]
    return found


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
