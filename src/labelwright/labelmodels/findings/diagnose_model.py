"""Findings about a fitted model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.special import gammaincc

from labelwright.labelmodels.base import BaseLabelModel, Outcome, Params
from labelwright.labelmodels.identifiability import identifiability
from labelwright.labelmodels.intervals import UNVARYING, Intervals, can_leave_out, intervals, replicates

from .diagnose_votes import VoteFacts
from .effective import effective_sources
from .findings import Finding
from .fit_test import fit_test, known_cliques

__all__ = ["learned_findings", "model_findings", "outcome_finding"]

# Half an interval wider than this (in points of accuracy) hardly tells sources apart.
_WIDE = 0.1
_JUMP = 0.1
_FEW_EFFECTIVE = 3.0
_RARE = 0.01


def model_findings(
    facts: VoteFacts, model: BaseLabelModel[Any, Any], dependencies: Iterable[Any] | None, resample: bool
) -> tuple[list[Finding], float]:
    """Return what the fitted model shows, and its effective number of sources."""
    params = model._fitted()
    pairs = None if dependencies is None else list(dependencies)
    effective = effective_sources(model, facts.patterns)
    checks = [
        _gold_against_balance(facts, params),
        _identified(facts, params, pairs),
        _effective(facts, effective),
        _sample(model, facts),
        outcome_finding(params.outcome),
    ]
    found: Intervals | None = None
    if resample and hasattr(model, "stats_") and can_leave_out(model.stats_):
        left_out = replicates(model)
        found = intervals(model, left_out=left_out)
        checks += [_dependent(facts, model, pairs, left_out), _jumps(params, left_out), _wide(params, found)]
    checks.append(_chance(facts, params, found))
    return [one for one in checks if one is not None], effective


def learned_findings(facts: VoteFacts, params: Params, found: Intervals | None) -> list[Finding]:
    """Return what accuracies show, of which intervals may be known."""
    checks = (_chance(facts, params, found), None if found is None else _wide(params, found))
    return [one for one in checks if one is not None]


def _chance(facts: VoteFacts, params: Params, found: Intervals | None) -> Finding | None:
    """Compare accuracies with what the class balance alone gives votes like these."""
    luck = facts.totals * (facts.features.meaning @ params.class_balance)
    chance = np.bincount(facts.features.source, weights=luck, minlength=facts.frame.m) / np.maximum(facts.cast, 1)
    high = params.accuracies
    if found is not None:
        # What is the same whatever is left out has no interval, and is not in doubt by chance.
        high = np.where(np.isin(found.accuracies.reasons, UNVARYING), high, found.accuracies.high)
    with np.errstate(invalid="ignore"):
        below = high < chance
    names = facts.named(below)
    if not names:
        return None
    worst = int(np.nanargmin(np.where(below, params.accuracies - chance, np.nan)))
    seen = f"{facts.frame.sources[worst]}: {params.accuracies[worst]:.0%} right, chance {chance[worst]:.0%}"
    todo = "Check that it does not vote for the wrong class; the model reads it backwards where it can."
    return Finding("LW004", "warning", "Source is right less often than chance.", seen, todo, names)


def _gold_against_balance(facts: VoteFacts, params: Params) -> Finding | None:
    known = facts.patterns.counts.gold.sum(axis=0).astype(np.float64)
    expected = known.sum() * params.class_balance
    if known.sum() < 10:
        return None
    chi2 = float(((known - expected) ** 2 / np.maximum(expected, 0.5)).sum())
    p = float(gammaincc((len(known) - 1) / 2, chi2 / 2))
    if p >= _RARE:
        return None
    worst = int(np.abs(known / known.sum() - params.class_balance).argmax())
    seen = f"class {params.classes[worst]}: {known[worst] / known.sum():.0%} of {known.sum():,.0f} known classes, "
    seen += f"{params.class_balance[worst]:.0%} in the model (p {p:.1g})"
    todo = "Known classes should be a random sample of the examples; if they are, pass class_balance."
    return Finding("LW012", "warning", "Known classes and the class balance disagree.", seen, todo)


def _dependent(
    facts: VoteFacts, model: BaseLabelModel[Any, Any], pairs: list[Any] | None, left_out: list[Params]
) -> Finding | None:
    test = fit_test(model, facts.patterns, dependencies=pairs, left_out=left_out)
    if not test.pairs:
        return None
    shown = "; ".join(str(pair) for pair in test.pairs[:3])
    names = dict.fromkeys(name for pair in test.pairs for name in (pair.first, pair.second))
    todo = "Declare the pairs as dependencies, or let them be learned; or look for what the sources share."
    seen = f"{len(test.pairs)} of {test.tested} pairs: {shown}"
    return Finding("LW013", "warning", "Sources depend on each other beyond the class.", seen, todo, tuple(names))


def _identified(facts: VoteFacts, params: Params, pairs: list[Any] | None) -> Finding | None:
    """Ask whether second moments could determine the model, for two classes."""
    if facts.frame.k != 2:
        return None
    cliques = known_cliques(params, pairs)
    used = np.bincount(facts.features.source, weights=facts.totals > 0, minlength=facts.frame.m)
    # A source that never abstains has one indicator less: they sum to 1.
    own = np.maximum(used - (facts.cast == facts.votes.n), 0)
    found = identifiability([int(s) for s in np.bincount(cliques, weights=own)])
    if found.identified:
        return None
    todo = "Add sources that vote independently of these; the answer rests on assumptions alone."
    return Finding("LW014", "error", "The votes do not determine the model.", found.sentence, todo)


def _jumps(params: Params, left_out: list[Params]) -> Finding | None:
    moved = np.abs(np.stack([p.accuracies for p in left_out]) - params.accuracies)
    with np.errstate(invalid="ignore"):
        most = np.where(np.isfinite(moved), moved, 0.0).max(axis=0, initial=0.0)
    if not most.max(initial=0.0) > _JUMP:
        return None
    flags = most > _JUMP
    seen = f"without one 32nd of the examples an accuracy moves by {100 * most.max():.0f} points"
    todo = "More than one answer fits the votes: add sources or examples, or hand in some known classes."
    names = tuple(s for s, flag in zip(params.sources, flags.tolist(), strict=True) if flag)
    return Finding("LW015", "warning", "The answer depends on a few examples.", seen, todo, names)


def _effective(facts: VoteFacts, effective: float) -> Finding | None:
    voiced = int(facts.voiced.sum())
    if np.isnan(effective) or effective >= _FEW_EFFECTIVE or voiced < 3:
        return None
    seen = f"{voiced} sources count as {effective:.1f} equally good, independent ones"
    todo = "Labels hang on few sources: write functions that look at something else."
    return Finding("LW016", "note", "Few sources carry the labels.", seen, todo)


def _sample(model: BaseLabelModel[Any, Any], facts: VoteFacts) -> Finding | None:
    level = int(getattr(getattr(model, "stats_", facts.patterns), "level", 0))
    if not level:
        return None
    seen = f"one example in {2**level}, as the votes make more than {facts.patterns.limit:,} distinct rows"
    todo = "Nothing, as a rule: intervals allow for it. A method that needs pairs of votes only uses all examples."
    return Finding("LW017", "note", "The model learned from a sample of the vote rows.", seen, todo)


def _wide(params: Params, found: Intervals) -> Finding | None:
    with np.errstate(invalid="ignore"):
        half = (found.accuracies.high - found.accuracies.low) / 2
        flags = half > _WIDE
    if not flags.any():
        return None
    worst = int(np.nanargmax(half))
    seen = f"{params.sources[worst]}: between {found.accuracies.low[worst]:.0%} and {found.accuracies.high[worst]:.0%}"
    todo = "More examples, or more overlap with other sources, would tell."
    names = tuple(s for s, flag in zip(params.sources, flags.tolist(), strict=True) if flag)
    return Finding("LW019", "note", "Accuracy is known to ten points at best.", seen, todo, names)


def outcome_finding(outcome: Outcome) -> Finding | None:
    """Return what there is to say about how solving ended."""
    kind = outcome.kind
    if kind in ("converged", "closed_form"):
        return None
    if "as planned" in outcome.sentence:
        return None
    if "not to be trusted" in outcome.sentence:
        todo = "Nothing, as a rule: labels are averaged over priors. More examples, or some known classes, would tell."
        return Finding("LW023", "note", "The model kept its priors.", outcome.sentence, todo)
    severity: Any = "warning" if kind == "fell_back" else "note"
    what = "The model fell back to a simpler one." if kind == "fell_back" else "Solving stopped before it converged."
    todo = "Read the outcome; it says what is missing."
    return Finding("LW021", severity, what, outcome.sentence, todo)
