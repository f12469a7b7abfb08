"""Votes before and after transformation functions: a check on these and on labeling functions at once.

A transformation function keeps the class, and a labeling function votes for the class. So where a vote changes, one of
the two is wrong; which of them, the rest of the table tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labelwright.core import ABSTAIN, Votes
from labelwright.core.errors import FunctionError, VoteError

from .base import TransformationFunction
from .sequences import NOTHING, Sequences
from .significance import Share, benjamini_hochberg, binomial_tail, hypergeometric_tail, share_of

__all__ = ["ConsistencyFinding", "ConsistencyReport", "ConsistencyRow", "vote_consistency"]

Kind: TypeAlias = Literal["changes", "contradicts", "loses"]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyRow:
    """The votes of one labeling function before and after one transformation function.

    Parameters
    ----------
    source : str
        The labeling function.
    function : str
        The transformation function.
    kept, changed, lost : Share
        Of the augmented examples on whose original it voted: it votes the same; another code; not at all.
    gained : Share
        Of those on whose original it did not vote: it votes.
    contradicted : Share
        Of its new votes (changed or gained), where most of the other sources agreed on a class of the original:
        votes for another class.
    expected : Share
        The same of its votes on originals: how often it contradicts the others anyway.
    """

    source: str
    function: str
    kept: Share
    changed: Share
    lost: Share
    gained: Share
    contradicted: Share
    expected: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyFinding:
    """Something that one of the two should be looked at for.

    Parameters
    ----------
    source, function : str
        The labeling function and the transformation function.
    kind : {"changes", "contradicts", "loses"}
        Its votes change; its new votes contradict the other sources; its votes are lost.
    p_value : float
        How likely so many are, if nothing were wrong.
    suspect : {"function", "source", "either"}
        Which of the two stands out in the whole table: the transformation function with many labeling functions, or
        the labeling function under many transformation functions.
    sentence : str
    """

    source: str
    function: str
    kind: Kind
    p_value: float
    suspect: Literal["function", "source", "either"]
    sentence: str


@dataclass(frozen=True, slots=True)
class ConsistencyReport:
    """What `vote_consistency` found.

    Parameters
    ----------
    rows : tuple of ConsistencyRow
        By transformation function, then by labeling function.
    findings : tuple of ConsistencyFinding
        The most certain first.
    counted, mixed : int
        Augmented examples to which one function alone was applied, and those left out because several were: whose
        doing it is cannot be told there.
    """

    rows: tuple[ConsistencyRow, ...]
    findings: tuple[ConsistencyFinding, ...]
    counted: int
    mixed: int

    def row(self, source: str, function: str) -> ConsistencyRow:
        """Return the row of a labeling function and a transformation function; KeyError where there is none."""
        for row in self.rows:
            if (row.source, row.function) == (source, function):
                return row
        raise KeyError((source, function))

    def __str__(self) -> str:
        said = [finding.sentence for finding in self.findings] or ["No vote changes more often than it may."]
        left_out = f"; {self.mixed:,} with several functions left out" if self.mixed else ""
        return "\n".join([f"{self.counted:,} augmented examples{left_out}.", *said])


def vote_consistency(
    before: Votes,
    after: Votes,
    sequences: Sequences,
    functions: Sequence[TransformationFunction | str],
    *,
    applied: npt.ArrayLike | None = None,
    changes: float = 0.05,
    losses: float = 0.5,
    false_discovery_rate: float = 0.1,
) -> ConsistencyReport:
    """Compare what labeling functions say before and after transformation functions.

    Only augmented examples to which one function alone was applied count, so draw them with a policy such as
    `ApplyEach`. Copies of one example, or of one group of ``before``, count together as one.

    Parameters
    ----------
    before : Votes
        Of the m sources on the n original examples.
    after : Votes
        Of the same sources on the s augmented examples.
    sequences : Sequences
        What was done; s rows.
    functions : sequence of TransformationFunction or str
        What the codes of ``sequences`` mean.
    applied : array_like of bool, shape (s, length), optional
        Which steps took effect, as in `Augmented.applied`. Default: all.
    changes, losses : float
        Shares of votes that may change, or be lost, without a finding. Losses are let pass more easily: a function
        that looks for one word goes silent where that word is left out.
    false_discovery_rate : float
        About this share of the findings may be chance.

    Returns
    -------
    ConsistencyReport

    Raises
    ------
    VoteError
        If the two votes differ in sources or classes, or do not fit ``sequences``.
    FunctionError
        If a code of ``sequences`` has no function, or a share is not one.

    Notes
    -----
    Whether too many votes change, or are lost, is a one-sided exact binomial test against ``changes`` and ``losses``;
    whether new votes contradict the other sources more often than old ones do is Fisher's exact test (where no old vote
    met the others: more often than not, a binomial one). The tests of the whole table together are cut by Benjamini &
    Hochberg (1995). A source with an alphabet of sets takes no part in what others agree on.

    Examples
    --------
    >>> before = Votes([[1], [1], [0], [0]] * 10, classes=["ham", "spam"], sources=["urgency"])
    >>> after = Votes([[1], [0], [0], [1]] * 10, classes=["ham", "spam"], sources=["urgency"])
    >>> done = Sequences(range(40), [[0]] * 40, [[0.1]] * 40)
    >>> report = vote_consistency(before, after, done, ["typos"])
    >>> print(report.rows[0].changed)
    50% (35% to 65%)
    >>> report.findings[0].kind, report.findings[0].suspect
    ('changes', 'either')
    """
    names = [function if isinstance(function, str) else function.name for function in functions]
    for what, share in (("changes", changes), ("losses", losses), ("false_discovery_rate", false_discovery_rate)):
        if not 0 < share < 1:
            raise FunctionError(f"{what} is {share!r}; it is a share, between 0 and 1.")
    took = np.ones(sequences.functions.shape, dtype=bool) if applied is None else np.asarray(applied, dtype=bool)
    _check(before, after, sequences, names, took)
    alone, mixed = _alone(sequences.functions, took)
    table = _Table(before, after, sequences.origins)
    rows = [
        table.row(source, name, np.flatnonzero(alone == code))
        for code, name in enumerate(names)
        for source in range(before.m)
    ]
    findings = _findings(rows, changes, losses, false_discovery_rate)
    return ConsistencyReport(tuple(rows), findings, int((alone != NOTHING).sum()), mixed)


def _check(before: Votes, after: Votes, sequences: Sequences, names: list[str], took: npt.NDArray[np.bool_]) -> None:
    for what in ("sources", "classes", "alphabet"):
        if getattr(before, what) != getattr(after, what):
            raise VoteError(
                f"votes before and after differ in their {what}: {getattr(before, what)} and {getattr(after, what)}."
            )
    if after.n != len(sequences) or sequences.origins.max(initial=-1) >= before.n:
        raise VoteError(
            f"there are {len(sequences)} sequences from {int(sequences.origins.max(initial=-1)) + 1} examples or more, "
            f"but votes on {before.n} examples before and {after.n} after."
        )
    if took.shape != sequences.functions.shape:
        raise VoteError(f"applied has shape {took.shape}; the sequences have {sequences.functions.shape}.")
    if sequences.functions.max(initial=NOTHING) >= len(names):
        raise FunctionError(f"the sequences name function {int(sequences.functions.max())}; there are {len(names)}.")


def _alone(codes: Integers, took: npt.NDArray[np.bool_]) -> tuple[Integers, int]:
    """Return the one function applied to each augmented example, -1 where it is none or several, and the several."""
    done = np.where(took, codes, NOTHING)
    last = done.max(axis=1, initial=NOTHING)
    several = ((done != NOTHING) & (done != last[:, None])).any(axis=1)
    return np.where(several, NOTHING, last), int(several.sum())


class _Table:
    """Votes before and after, side by side, and what most other sources said before."""

    def __init__(self, before: Votes, after: Votes, origins: Integers) -> None:
        self.sources = before.sources
        self.voting = [source not in before.alphabet for source in before.sources]
        self.origins = origins
        self.old = before.values.astype(np.int64)
        self.new = after.values
        groups = np.arange(before.n) if before.groups is None else before.groups
        self.clusters = np.unique(groups, return_inverse=True)[1].reshape(-1)
        self.counts = np.zeros((before.n, before.k), dtype=np.int64)
        for source in np.flatnonzero(self.voting).tolist():
            voted = np.flatnonzero(self.old[:, source] != ABSTAIN)
            self.counts[voted, self.old[voted, source]] += 1
        self.expected = [self._anyway(source) for source in range(before.m)]

    def row(self, source: int, function: str, rows: Integers) -> ConsistencyRow:
        """Compare the votes of a source on the augmented examples ``rows``."""
        origins = self.origins[rows]
        old, new, clusters = self.old[origins, source], self.new[rows, source], self.clusters[origins]
        voted, votes = old != ABSTAIN, new != ABSTAIN
        fresh = np.flatnonzero(votes & (old != new))
        against, decided = self._against(source, origins[fresh], new[fresh])
        return ConsistencyRow(
            source=self.sources[source],
            function=function,
            kept=share_of((new == old)[voted], clusters[voted]),
            changed=share_of((votes & (new != old))[voted], clusters[voted]),
            lost=share_of(~votes[voted], clusters[voted]),
            gained=share_of(votes[~voted], clusters[~voted]),
            contradicted=share_of(against[decided], clusters[fresh][decided]),
            expected=self.expected[source],
        )

    def _anyway(self, source: int) -> Share:
        voted = np.flatnonzero(self.old[:, source] != ABSTAIN)
        against, decided = self._against(source, voted, self.old[voted, source])
        return share_of(against[decided], self.clusters[voted][decided])

    def _against(
        self, source: int, origins: Integers, votes: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Whether votes go against what most other sources said of the originals, and whether most did agree."""
        if not self.voting[source] or not len(origins):
            return np.zeros(len(origins), dtype=bool), np.zeros(len(origins), dtype=bool)
        counts = self.counts[origins]
        own = self.old[origins, source]
        own_rows = np.flatnonzero(own != ABSTAIN)
        counts[own_rows, own[own_rows]] -= 1
        ordered = np.sort(counts, axis=1)
        return counts.argmax(axis=1) != votes, ordered[:, -1] > ordered[:, -2]


def _findings(rows: list[ConsistencyRow], changes: float, losses: float, rate: float) -> tuple[ConsistencyFinding, ...]:
    tests: list[tuple[ConsistencyRow, Kind, float]] = []
    for row in rows:
        if row.changed.of:
            tests.append((row, "changes", binomial_tail(row.changed, changes)))
            tests.append((row, "loses", binomial_tail(row.lost, losses)))
        if row.contradicted.of:
            # A source that never met the others before has to contradict them more often than not.
            met = row.expected.of > 0
            p = hypergeometric_tail(row.contradicted, row.expected) if met else binomial_tail(row.contradicted, 0.5)
            tests.append((row, "contradicts", p))
    passed = benjamini_hochberg([p for _, _, p in tests], rate)
    found = sorted((t for t, ok in zip(tests, passed, strict=True) if ok), key=lambda test: test[2])
    pairs = {(row.source, row.function) for row, _, _ in found}
    tested = {(row.source, row.function) for row, _, _ in tests}
    return tuple(_finding(row, kind, p, pairs, tested, changes, losses) for row, kind, p in found)


def _finding(
    row: ConsistencyRow,
    kind: Kind,
    p: float,
    pairs: set[tuple[str, str]],
    tested: set[tuple[str, str]],
    changes: float,
    losses: float,
) -> ConsistencyFinding:
    with_source = sum(source == row.source for source, _ in pairs), sum(source == row.source for source, _ in tested)
    with_function = sum(f == row.function for _, f in pairs), sum(f == row.function for _, f in tested)
    blames_source, blames_function = _stands_out(*with_source), _stands_out(*with_function)
    what = {
        "changes": f"{row.source!r} votes otherwise on {row.changed} of {row.changed.of:,} examples after "
        f"{row.function!r}, where {changes:.0%} may",
        "loses": f"{row.source!r} goes silent on {row.lost} of {row.lost.of:,} examples after {row.function!r}, where "
        f"{losses:.0%} may",
        "contradicts": f"{row.source!r} contradicts the other sources with {row.contradicted} of its "
        f"{row.contradicted.of:,} new votes after {row.function!r}, against {row.expected} of its old ones",
    }[kind]
    if blames_function and not blames_source:
        why = (
            f"{row.function!r} does so to {with_function[0]} of {with_function[1]} labeling functions: look at it first"
        )
        return _found(row, kind, p, "function", f"{what}; {why}.")
    if blames_source and not blames_function:
        why = f"it does so under {with_source[0]} of {with_source[1]} transformation functions: look at it first"
        return _found(row, kind, p, "source", f"{what}; {why}.")
    return _found(
        row, kind, p, "either", f"{what}: either {row.function!r} changes the class, or {row.source!r} is brittle."
    )


def _stands_out(found: int, of: int) -> bool:
    return found >= 2 and 2 * found >= of


def _found(
    row: ConsistencyRow, kind: Kind, p: float, suspect: Literal["function", "source", "either"], sentence: str
) -> ConsistencyFinding:
    return ConsistencyFinding(
        source=row.source, function=row.function, kind=kind, p_value=p, suspect=suspect, sentence=sentence
    )
