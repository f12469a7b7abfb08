"""What an explanation of a label holds, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labelwright.core import Class

__all__ = ["DependentPair", "ExplainedVote", "LabelCheck", "LabelContent", "PastLabel"]

Shares = tuple[float, ...]

# Probabilities that differ by less are one tie, as in `labelwright.core.break_ties`.
_TIE = 1e-9

# A vote that counts this much is written as a full one.
_FULL = 0.995


@dataclass(frozen=True, slots=True)
class ExplainedVote:
    """One vote on the example, and what it does to the label.

    Parameters
    ----------
    function : str
    version : str
        Version of the function that gave the vote; empty where the run kept none.
    vote : str
        The class, or the classes that it leaves open ("ham or eggs").
    adds : tuple of float, k values
        What it adds to the centred log-probability of each class: its share of the answer.
    errors : tuple of float, k values
        Standard errors of ``adds``; 0 where they are exact.
    alone : tuple of float, k values
        What it would add if it were the only vote.
    last : tuple of float, k values
        What it adds to all the other votes.
    without : tuple of float, k values
        P(Y) without it, with what was learned about the others kept.
    refitted : tuple of float, k values, or None
        P(Y) where the label model learned again without the function.
    discount : float or None
        What part of a full vote it counts, where the label model says that (1 repeats nobody).
    """

    function: str
    version: str
    vote: str
    adds: Shares
    errors: Shares
    alone: Shares
    last: Shares
    without: Shares
    refitted: Shares | None = None
    discount: float | None = None


@dataclass(frozen=True, slots=True)
class DependentPair:
    """Two functions that voted and that the label model takes for dependent; log-odds of the label against its rival.

    Parameters
    ----------
    functions : tuple of (str, str)
    alone : tuple of (float, float)
        What the vote of each adds on its own.
    together : float
        What both add where nobody else votes.
    """

    functions: tuple[str, str]
    alone: tuple[float, float]
    together: float

    @property
    def effect(self) -> float:
        """What their dependence does: log-odds of both, less the sum of each alone."""
        return self.together - sum(self.alone)


@dataclass(frozen=True, slots=True)
class PastLabel:
    """The label of the example over a stretch of runs in which nothing about it changed.

    Parameters
    ----------
    first, last : int
        Numbers of the runs.
    finished : str
        When the first of them ended (ISO 8601).
    snapshots : tuple of str
        Names that were given to these runs.
    label : str
        The class; empty where it is a tie, or no function voted.
    probability : float
        Of the most probable class; NaN where the run did not have the example, or cannot be read any more.
    changes : tuple of str
        What is different from the stretch before: votes and versions.
    """

    first: int
    last: int
    finished: str
    snapshots: tuple[str, ...]
    label: str
    probability: float
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """Whether the label comes out again from what it was made of.

    Parameters
    ----------
    same : bool
        Whether every vote that could be worked out again is the vote that was kept, and the label too.
    votes_again : tuple of str
        Functions that were run again on the example and voted the same.
    votes_changed : tuple of (str, str, str)
        Function, the vote that was kept, and the vote that it gives now.
    not_run : tuple of (str, str)
        Functions that could not be run again, and why.
    largest_difference : float
        Between the probabilities kept and those from votes and parameters, 0 to 1.
    """

    same: bool
    votes_again: tuple[str, ...]
    votes_changed: tuple[tuple[str, str, str], ...]
    not_run: tuple[tuple[str, str], ...]
    largest_difference: float

    def __str__(self) -> str:
        label = (
            "the label comes out again from its votes and the label model"
            if self.largest_difference <= _TIE
            else f"the label comes out otherwise (by {self.largest_difference:.2g})"
        )
        again = f"{len(self.votes_again)} functions, run again, vote the same"
        changed = "".join(f"; {name} votes {now}, not {was}" for name, was, now in self.votes_changed)
        left = "".join(f"; {name} was not run: {why}" for name, why in self.not_run)
        return f"{'Holds' if self.same else 'DOES NOT HOLD'}: {label}; {again}{changed}{left}."


def example_in_words(example_id: str | int, place: str) -> str:
    """Return what an example is called: its id, or its place in the data and the id that was made of its content.

    Examples
    --------
    >>> example_in_words("c07", ""), example_in_words("c76fd7", "row 17 of comments.csv")
    ('c07', 'row 17 of comments.csv (c76fd7)')
    """
    return f"{place} ({example_id})" if place else str(example_id)


@dataclass(frozen=True, slots=True, eq=False)
class LabelContent:
    """Why one example has its label.

    Parameters
    ----------
    project : str
    run : int
        Number of the run.
    run_id : str
    example_id : str or int
    split : str
    fields : mapping of str to object
        The example.
    gold : str or int, optional
        Its gold class, where there is one. It played no part.
    classes : tuple of (str or int), k
    prior : tuple of float, k values
        Centred log-probabilities before any vote.
    total : tuple of float, k values
        And after all of them: ``prior`` with the ``adds`` of each vote, within 1e-9.
    probs : tuple of float, k values
        P(Y | votes).
    votes : tuple of ExplainedVote
        Those that speak for the label first.
    abstained : tuple of str
        Functions that said nothing.
    failed : tuple of (str, str)
        Functions that raised on the example, and what they said; they count as abstaining.
    exact : bool
        Whether ``adds`` are exact, not sampled.
    additive : bool
        Whether each vote adds the same whatever the others say.
    floor : float
        Smaller probabilities count as this in ``prior``, ``total`` and ``adds``.
    interval : tuple of (float, float), k of them, or None
        Where each probability lies at 95%, given how well the label model knows its parameters; NaN where that cannot
        be told.
    pairs : tuple of DependentPair
    history : tuple of PastLabel
        Oldest first.
    lineage : mapping of str to str
        What the label was made of: role -> artifact id.
    check : LabelCheck, optional
    slices : tuple of str
        Those that the example belongs to.
    place : str
        Where it stands in the data, where its id is made from the content; else empty.

    Examples
    --------
    >>> vote = ExplainedVote("has_link", "3f9c", "spam", (-1.0, 1.0), (0, 0), (-1.0, 1.0), (-1.0, 1.0), (0.5, 0.5))
    >>> why = LabelContent("demo", 1, "c0ffee", "c07", "train", {"text": "see http://a.b"}, classes=("ham", "spam"),
    ...     prior=(0.0, 0.0), total=(-1.0, 1.0), probs=(0.12, 0.88), votes=(vote,))
    >>> why.label, why.rival, why.odds(vote.adds)
    ('spam', 'ham', 2.0)
    """

    project: str
    run: int
    run_id: str
    example_id: str | int
    split: str
    fields: Mapping[str, Any]
    classes: tuple[Class, ...]
    prior: Shares
    total: Shares
    probs: Shares
    votes: tuple[ExplainedVote, ...]
    gold: Class | None = None
    abstained: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    exact: bool = True
    additive: bool = True
    floor: float = 0.0
    interval: tuple[tuple[float, float], ...] | None = None
    pairs: tuple[DependentPair, ...] = ()
    history: tuple[PastLabel, ...] = ()
    lineage: Mapping[str, str] = field(default_factory=dict)
    check: LabelCheck | None = None
    slices: tuple[str, ...] = ()
    place: str = ""

    @property
    def called(self) -> str:
        """The example in the user's words; see `example_in_words`."""
        return example_in_words(self.example_id, self.place)

    @property
    def ranked(self) -> list[int]:
        """Class codes, the most probable first."""
        return sorted(range(len(self.classes)), key=lambda c: -self.probs[c])

    @property
    def label(self) -> Class | None:
        """The most probable class, or ``None`` where several are."""
        return self.label_of(self.probs)

    @property
    def discounted(self) -> list[ExplainedVote]:
        """Votes that count less than a full one, as they repeat others; those that count least first."""
        found = [v for v in self.votes if v.discount is not None and v.discount < _FULL]
        return sorted(found, key=lambda v: v.discount or 0.0)

    @property
    def rival(self) -> Class:
        """The class that comes second."""
        return self.classes[self.ranked[1]]

    def label_of(self, probs: Shares) -> Class | None:
        """Return the most probable class of other probabilities, or ``None`` where several are."""
        best = max(probs)
        tied = [c for c, p in enumerate(probs) if p >= best - _TIE]
        return self.classes[tied[0]] if len(tied) == 1 else None

    def odds(self, values: Shares) -> float:
        """Return what centred log-probabilities mean for the most probable class against the second: log-odds."""
        first, second = self.ranked[:2]
        return values[first] - values[second]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; log-odds are those of the label against its rival."""
        return {
            "project": self.project,
            "run": self.run,
            "run_id": self.run_id,
            "id": self.example_id,
            "place": self.place,
            "split": self.split,
            "fields": dict(self.fields),
            "gold": self.gold,
            "label": self.label,
            "rival": self.rival,
            "probs": self._by_class(self.probs),
            "interval": self._interval(),
            "log_odds": {"prior": self.odds(self.prior), "total": self.odds(self.total)},
            "prior": self._by_class(self.prior),
            "total": self._by_class(self.total),
            "votes": [self._voted(v) for v in self.votes],
            "abstained": list(self.abstained),
            "failed": [{"function": name, "message": message} for name, message in self.failed],
            "exact": self.exact,
            "additive": self.additive,
            "floor": self.floor,
            "dependencies": [
                {"functions": list(p.functions), "alone": list(p.alone), "together": p.together, "effect": p.effect}
                for p in self.pairs
            ],
            "history": [_past(h) for h in self.history],
            "lineage": dict(self.lineage),
            "check": None if self.check is None else _checked(self.check),
            "slices": list(self.slices),
        }

    def _by_class(self, values: Shares) -> dict[str, float]:
        return dict(zip(map(str, self.classes), values, strict=True))

    def _voted(self, vote: ExplainedVote) -> dict[str, Any]:
        return {
            "function": vote.function,
            "version": vote.version,
            "vote": vote.vote,
            "log_odds": self.odds(vote.adds),
            "adds": self._by_class(vote.adds),
            "errors": self._by_class(vote.errors),
            "alone": self._by_class(vote.alone),
            "last": self._by_class(vote.last),
            "without": self._by_class(vote.without),
            "flips": self.label_of(vote.without) != self.label,
            "refitted": None if vote.refitted is None else self._by_class(vote.refitted),
            "discount": vote.discount,
        }

    def _interval(self) -> dict[str, list[float | None]] | None:
        if self.interval is None:
            return None
        # JSON has no NaN.
        ends = [[None if math.isnan(end) else end for end in one] for one in self.interval]
        return dict(zip(map(str, self.classes), ends, strict=True))


def _past(one: PastLabel) -> dict[str, Any]:
    return {
        "first": one.first,
        "last": one.last,
        "finished": one.finished,
        "snapshots": list(one.snapshots),
        "label": one.label or None,
        "probability": None if math.isnan(one.probability) else one.probability,
        "changes": list(one.changes),
    }


def _checked(one: LabelCheck) -> dict[str, Any]:
    return {
        "same": one.same,
        "votes_again": list(one.votes_again),
        "votes_changed": [list(c) for c in one.votes_changed],
        "not_run": [list(n) for n in one.not_run],
        "largest_difference": one.largest_difference,
    }
