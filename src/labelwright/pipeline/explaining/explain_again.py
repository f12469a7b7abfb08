"""What takes fits of the label model: labels without each function, and how far a label could be off."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import labelwright
from labelwright.core import Votes
from labelwright.core.errors import LabelwrightError
from labelwright.labelmodels import BaseLabelModel
from labelwright.labelmodels.findings.counterfactuals import learn_without
from labelwright.labelmodels.findings.label_intervals import LeaveOneOut
from labelwright.labelmodels.intervals import bucket_rows
from labelwright.pipeline.kept.keep import KeptRun, open_store
from labelwright.store import Derivation, Recipe

__all__ = ["posterior_interval", "posteriors_without"]

Step = Callable[[str], None]


def posteriors_without(
    kept: KeptRun, model: BaseLabelModel[Any, Any], votes: Votes, sources: Sequence[str], *, step: Step
) -> dict[str, tuple[float, ...]]:
    """Return P(Y) of the example for each source: the label model learned again, without it.

    Parameters
    ----------
    kept : KeptRun
    model : BaseLabelModel
        The run's label model.
    votes : Votes
        Those on the example, n = 1.
    sources : sequence of str
        To leave out, one at a time.
    step : callable of str
        Told what is being done.
    """
    train, out = kept.votes("train"), {}
    for number, source in enumerate(sources, 1):
        step(f"fitting without {source} ({number} of {len(sources)})")
        try:
            other = learn_without(model, train, source)
        except LabelwrightError:  # nobody else ever votes
            continue
        codes = votes.values.copy()
        codes[:, votes.sources.index(source)] = -1
        rest = Votes(codes, classes=votes.classes, sources=votes.sources, alphabet=dict(votes.alphabet))
        out[source] = tuple(float(p) for p in other.soft_labels(rest).probs[0])
    return out


def posterior_interval(
    kept: KeptRun, model: BaseLabelModel[Any, Any], votes: Votes, *, step: Step
) -> tuple[tuple[float, float], ...]:
    """Return where each probability of the example lies at 95%, given how well the model knows its parameters.

    The fits that this takes, one for each of 32 parts of the votes, are kept: the next example of the run costs none.
    """
    low, high = _left_out(kept, model, step).intervals(model, votes)
    return tuple((float(a), float(b)) for a, b in zip(low[0], high[0], strict=True))


def _left_out(kept: KeptRun, model: BaseLabelModel[Any, Any], step: Step) -> LeaveOneOut:
    store, catalog = open_store(kept.folder)
    recipe = Recipe(
        "label_models_left_out",
        {"label_model": kept.artifact("label_model")},
        {"labelwright": labelwright.__version__},
    )
    known = catalog.find([recipe.digest]).get(recipe.digest)
    if known is not None:
        with contextlib.suppress(LabelwrightError, OSError):  # collected since: it is made again
            return LeaveOneOut.from_dict(store.get_json(known))
    started = time.perf_counter()
    model.stats_ = kept.stats()
    found = LeaveOneOut.of(model, progress=lambda done, of: step(f"fitting without part {done} of {of} of the votes"))
    with contextlib.suppress(
        LabelwrightError, OSError
    ):  # a project that cannot be written to is explained all the same
        output = store.put_json("label_models_left_out", found.to_dict())
        seconds = time.perf_counter() - started
        catalog.add_derivations(
            [Derivation(recipe, output, seconds=seconds, rows=int(bucket_rows(model.stats_).sum()))]
        )
    return found
