"""Findings that votes alone give."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from labelwright.core import PatternCounts, Votes
from labelwright.labelmodels.base import BaseLabelModel
from labelwright.labelmodels.features import Features

from .advantage import advantage_bound, meaning_matrix
from .findings import Finding

__all__ = ["VoteFacts", "vote_findings"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Two sources that surely differ less than this share of what chance would make them are one source twice.
_SAME = 0.05
_RULE_OF_THREE = 3
# An accuracy from fewer votes than this is off by ten points more often than not one time in three.
_FEW_VOTES = 30
_LOW_COVERAGE = 0.5
_NOTHING_TO_GAIN = 0.01
_CONTRADICTED = 0.05
_POLE = 0.05
# A table of all pairs of more (source, code) features would not fit in memory.
_MOST_FEATURES = 8_192
# Numbers held at once.
_CELLS = 4_000_000


class VoteFacts:
    """Counts that several checks need, from distinct vote rows.

    Parameters
    ----------
    votes : Votes
    patterns : PatternCounts
        Of the votes and known classes.
    gold : bool
        Whether known classes were given.
    """

    def __init__(self, votes: Votes, patterns: PatternCounts, gold: bool) -> None:
        self.votes, self.patterns, self.gold = votes, patterns, gold
        self.frame = patterns.frame
        self.features = Features.of(self.frame)
        self.x = self.features.matrix(patterns.patterns)
        self.meaning = meaning_matrix(self.features)
        self.weights = patterns.weights.astype(np.float64)
        self.scale = votes.n / max(1.0, self.weights.sum())
        self.totals = patterns.counts.votes.sum(axis=0).astype(np.float64)

    def named(self, flags: Flags) -> tuple[str, ...]:
        """Return the names of the sources (m,) that ``flags`` marks."""
        return tuple(self.frame.sources[j] for j in np.flatnonzero(flags))

    @cached_property
    def cast(self) -> Floats:
        """Votes of each source, shape (m,)."""
        return np.bincount(self.features.source, weights=self.totals, minlength=self.frame.m).astype(np.float64)

    @cached_property
    def voiced(self) -> Flags:
        """Whether each source ever votes, shape (m,)."""
        return np.asarray(self.cast > 0)

    @cached_property
    def per_row(self) -> Floats:
        """Votes on each distinct row, shape (p,)."""
        return np.diff(self.patterns.patterns.indptr).astype(np.float64)

    def allowing(self, rows: npt.NDArray[np.int64]) -> Floats:
        """Return how many votes on the distinct rows numbered ``rows`` allow each class, shape (rows, k)."""
        return np.asarray((self.x[rows] @ self.meaning).toarray())

    @cached_property
    def conflict(self) -> Flags:
        """Whether the votes on each distinct row have no class in common, shape (p,)."""
        p, block = len(self.per_row), max(1, _CELLS // self.frame.k)
        most = [self.allowing(np.arange(at, min(at + block, p))).max(axis=1) for at in range(0, p, block)]
        return np.asarray(np.concatenate(most) < self.per_row) if most else np.zeros(0, dtype=bool)

    @cached_property
    def several_sided(self) -> Flags:
        """Whether each source takes more than one side, shape (m,); a stray vote is no second side."""
        most = np.zeros(self.frame.m)
        np.maximum.at(most, self.features.source, self.totals)
        return np.asarray((self.cast > 0) & (most < (1 - _POLE) * self.cast))

    @cached_property
    def together(self) -> Floats | None:
        """How often each two (source, code) features go together, shape (f, f); None where they are too many."""
        if len(self.totals) > _MOST_FEATURES:
            return None
        weighted = self.x.multiply(self.weights[:, None]).tocsr()
        return np.asarray((self.x.T @ weighted).toarray() * self.scale)


def vote_findings(facts: VoteFacts, model: BaseLabelModel[Any, Any] | None) -> list[Finding]:
    """Return what the votes alone show; ``model`` only tells whether the class balance was given."""
    checks = (
        _silent(facts),
        _constant(facts),
        _duplicates(facts),
        _few_sources(facts),
        _all_agree(facts),
        _one_sided(facts, model),
        _alone(facts),
        _coverage(facts),
        _classes_without_votes(facts),
        _gold_against_votes(facts),
        _nothing_to_gain(facts),
        _few_votes(facts),
        _failures(facts),
    )
    return [one for one in checks if one is not None]


def _silent(facts: VoteFacts) -> Finding | None:
    silent = facts.named(~facts.voiced)
    if not silent:
        return None
    what = "Source never votes." if len(silent) == 1 else f"{len(silent)} sources never vote."
    seen = f"0 votes on {facts.votes.n:,} examples"
    return Finding("LW001", "warning", what, seen, "Check what it looks for, or drop it; it changes nothing.", silent)


def _constant(facts: VoteFacts) -> Finding | None:
    n = facts.votes.n
    often = np.zeros(facts.frame.m)
    np.maximum.at(often, facts.features.source, facts.totals)
    found = facts.named((often == n) & (facts.cast == n))
    if not found or n < 2:
        return None
    seen = f"the same vote on all {n:,} examples"
    todo = "Let it abstain where it does not know; a vote that never changes says nothing about an example."
    return Finding("LW002", "warning", "Source says the same on every example.", seen, todo, found)


def _duplicates(facts: VoteFacts) -> Finding | None:
    if facts.together is None:
        return None
    source, n = facts.features.source, facts.votes.n
    meaning = np.unique(facts.features.meaning, axis=0, return_inverse=True)[1].ravel()
    m = facts.frame.m
    agree, chance = np.zeros((m, m)), np.zeros((m, m))
    for one in range(int(meaning.max(initial=-1)) + 1):
        of_kind = np.flatnonzero(meaning == one)
        # The codes of one source mean different classes as a rule, so that each source is here once at most.
        agree[np.ix_(source[of_kind], source[of_kind])] += facts.together[np.ix_(of_kind, of_kind)]
        rate = np.bincount(source[of_kind], weights=facts.totals[of_kind], minlength=m)
        chance += np.outer(rate, rate) / n
    # Votes that the other source does not give too, and as many as chance would make.
    either = facts.cast[:, None] + facts.cast[None, :]
    differ, by_chance = either - 2 * agree, either - 2 * chance
    pairs = np.argwhere(np.triu((agree > 0) & (differ + _RULE_OF_THREE <= _SAME * by_chance), 1))
    if not len(pairs):
        return None
    shown = [f"{facts.frame.sources[i]} = {facts.frame.sources[j]}" for i, j in pairs[:3]]
    seen = "; ".join(shown) + (f" and {len(pairs) - 3} more pairs" if len(pairs) > 3 else "")
    flags = np.zeros(m, dtype=bool)
    flags[pairs.ravel()] = True
    todo = "Keep one of them, or declare the dependency, so that it does not count twice."
    return Finding("LW003", "warning", "Sources vote all but alike.", seen, todo, facts.named(flags))


def _few_sources(facts: VoteFacts) -> Finding | None:
    m = int(facts.voiced.sum())
    if m >= 3:
        return None
    what = f"{m} source{'s vote' if m != 1 else ' votes'}; accuracies can be learned from three or more."
    todo = "Write more functions; until then labels are a majority vote."
    return Finding("LW005", "error", what, f"{m} of {facts.frame.m} sources", todo)


def _all_agree(facts: VoteFacts) -> Finding | None:
    overlap = facts.per_row >= 2
    if not overlap.any() or facts.conflict.any():
        return None
    rows = facts.weights[overlap].sum() * facts.scale
    todo = "Nothing tells good sources from bad ones; write functions that look at something else."
    return Finding("LW006", "error", "No two sources ever disagree.", f"{rows:,.0f} examples with two votes", todo)


def _one_sided(facts: VoteFacts, model: BaseLabelModel[Any, Any] | None) -> Finding | None:
    known = getattr(model, "class_balance", None) is not None or facts.patterns.counts.gold.any()
    if known or not facts.voiced.any() or facts.cast[facts.several_sided].sum() > facts.cast.sum() / 2:
        return None
    one = facts.named(facts.voiced & ~facts.several_sided)
    seen = f"{len(one)} of {int(facts.voiced.sum())} sources vote for one class only"
    todo = "If your classes are unbalanced, pass class_balance, or hand in some known classes of random examples."
    what = "Sources take one side each, and nothing tells the class balance."
    return Finding("LW007", "warning", what, seen, todo, one)


def _alone(facts: VoteFacts) -> Finding | None:
    beside = np.asarray((facts.x[facts.per_row >= 2] > 0).sum(axis=0)).ravel()
    meets = np.bincount(facts.features.source, weights=beside, minlength=facts.frame.m) > 0
    # Where rows are a sample, what was not seen there may be elsewhere.
    found = facts.named(facts.voiced & ~meets) if facts.patterns.level == 0 else ()
    if not found:
        return None
    everyone = len(found) == int(facts.voiced.sum())
    what = "No two sources vote on the same example." if everyone else "Source never votes beside another."
    todo = "How good it is cannot be learned: write functions that overlap with it, or hand in known classes."
    return Finding("LW008", "error" if everyone else "warning", what, "no example with two votes", todo, found)


def _coverage(facts: VoteFacts) -> Finding | None:
    covered = int(facts.patterns.counts.covered.sum())
    share = covered / facts.votes.n
    if share >= _LOW_COVERAGE:
        return None
    seen = f"{covered:,} of {facts.votes.n:,} examples ({share:.1%}) have a vote"
    todo = "The rest get the class balance; write functions for what is not covered, or train on what is."
    return Finding("LW009", "note", "Most examples have no vote.", seen, todo)


def _classes_without_votes(facts: VoteFacts) -> Finding | None:
    votes = facts.totals @ facts.meaning
    missing = [str(facts.frame.classes[c]) for c in np.flatnonzero(votes == 0)]
    if not missing or not facts.voiced.any():
        return None
    shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    todo = "Write functions for it, or leave it out of the classes; without votes no example is labelled so."
    return Finding("LW010", "warning", "No source votes for a class that was declared.", f"class {shown}", todo)


def _gold_against_votes(facts: VoteFacts) -> Finding | None:
    pattern, gold = facts.patterns.cells[:, 0], facts.patterns.cells[:, 1] - 1
    count = facts.patterns.cell_counts
    sure = (gold >= 0) & (facts.per_row[pattern] >= 3) & ~facts.conflict[pattern]
    if not sure.any():
        return None
    rows, of_row = np.unique(pattern[sure], return_inverse=True)
    against = facts.allowing(rows)[of_row, gold[sure]] == 0
    wrong, of = int(count[sure][against].sum()), int(count[sure].sum())
    if not wrong:
        return None
    seen = f"{wrong:,} of {of:,} examples of known class on which three or more sources agree ({wrong / of:.1%})"
    todo = "Read these examples: the known class is wrong, or the sources share an error."
    severity: Any = "warning" if wrong / of > _CONTRADICTED else "note"
    return Finding("LW011", severity, "Unanimous votes contradict known classes.", seen, todo)


def _nothing_to_gain(facts: VoteFacts) -> Finding | None:
    if not facts.weights.sum() or facts.voiced.sum() < 3:
        return None
    bound = advantage_bound(facts.patterns)
    if bound >= _NOTHING_TO_GAIN:
        return None
    seen = f"at most {bound:.2%} of the labels could improve (modelling advantage)"
    todo = "Majority vote will do; functions that overlap and disagree more would make weights worth learning."
    return Finding("LW018", "note", "Weighing sources cannot gain much over majority vote.", seen, todo)


def _few_votes(facts: VoteFacts) -> Finding | None:
    found = facts.named(facts.voiced & (facts.cast < _FEW_VOTES))
    if not found:
        return None
    fewest = int(facts.cast[facts.voiced].min())
    seen = f"fewer than {_FEW_VOTES} votes; the fewest: {fewest}"
    todo = "Its accuracy is a guess; widen what it looks for, or run it on more examples."
    return Finding("LW020", "note", "Source has few votes.", seen, todo, found)


def _failures(facts: VoteFacts) -> Finding | None:
    failed = facts.votes.failures
    if not failed:
        return None
    worst = max(failed, key=lambda one: one.count)
    seen = f"{sum(one.count for one in failed):,} failures, most in {worst.source} ({worst.count:,})"
    todo = "Repair the function: where it failed it abstained."
    names = tuple(one.source for one in failed)
    return Finding("LW022", "warning", "Source raised errors, which count as abstains.", seen, todo, names)
