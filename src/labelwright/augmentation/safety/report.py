"""What the safety report says: figures, verdicts, and the functions that may stay."""

from __future__ import annotations

import dataclasses
import html
import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from labelwright.augmentation.base import Magnitude, TransformationFunction
from labelwright.core import Class, Failure

from .measured import NOT_MEASURED, Measured

__all__ = ["HarmRow", "SafetyReport", "SafetyRow", "Verdict"]

Outcome: TypeAlias = Literal["accepted", "narrowed", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRow:
    """One function at one magnitude.

    Parameters
    ----------
    function : str
    strength, magnitude : float
        NaN where the function has none.
    departure : Measured
        Share of transformed examples farther from the data than all but 5% of held-out originals, less the share of
        their own originals that are: 0 = none leaves the data.
    alike : Measured
        Share of transformed examples that lie more than four times nearer to another one than their originals lie to
        another original: near 1 where all become one.
    auc : Measured
        How often a discriminator ranks a transformed example above an original: 0.5 = it cannot tell them apart.
    n : int
        Examples on which the function took effect.
    departs, collapses, harms : bool
        Whether departure, alike, or the harm of some class is above what is tolerated, chance excluded.
    """

    function: str
    strength: float
    magnitude: float
    departure: Measured
    alike: Measured = NOT_MEASURED
    auc: Measured = NOT_MEASURED
    n: int
    departs: bool = False
    collapses: bool = False
    harms: bool = False

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not (self.departs or self.collapses or self.harms)


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmRow:
    """One function at one magnitude, on originals of one class.

    Parameters
    ----------
    function : str
    strength, magnitude : float
    label : str or int
        Class of the originals.
    looks_other : Measured
        Share of them that a classifier of originals takes for another class after it and did not before, less the
        reverse. Part of that is mere unfamiliarity: digits that lean more than any original.
    harm : Measured
        The same, counting only examples that a classifier which was also shown transformed examples, under their own
        labels, cannot set right. This is judged: their class is lost, or they are where another class is.
    becomes : str, int or None
        The class that they look like most.
    harmful : bool
        Whether that is above what is tolerated, chance excluded.
    """

    function: str
    strength: float
    magnitude: float
    label: Class
    looks_other: Measured
    harm: Measured
    becomes: Class | None
    harmful: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may stay of one function: all of it, magnitudes within ``low`` and ``high`` (NaN = has none), or nothing."""

    function: str
    outcome: Outcome
    low: float
    high: float
    why: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SafetyReport:
    """How far each function leaves the data, at each magnitude, and what may stay of it; see `safety_report`.

    Parameters
    ----------
    functions : tuple of TransformationFunction
        As they were handed in.
    rows : tuple of SafetyRow
    harm : tuple of HarmRow
        Empty without labels.
    verdicts : tuple of Verdict
        One for each function, in their order.
    failures : tuple of Failure
        Functions that raised, or broke a rule, on some examples.
    n : int
        Examples looked at.
    tolerance, harm_tolerance : float
        Departure, and harm of a class, that are accepted.
    detectable : float
        The departure that these many examples find four times out of five.
    classifier_accuracy : float
        Share of held-out labels that the classifier behind ``harm`` gets right; NaN without labels.
    """

    functions: tuple[TransformationFunction, ...]
    rows: tuple[SafetyRow, ...]
    harm: tuple[HarmRow, ...]
    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...]
    n: int
    tolerance: float
    harm_tolerance: float
    detectable: float
    classifier_accuracy: float = math.nan

    @property
    def rejected(self) -> tuple[str, ...]:
        """Names of the functions of which nothing may stay."""
        return tuple(v.function for v in self.verdicts if v.outcome == "rejected")

    def __getitem__(self, function: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.function == function:
                return verdict
        raise KeyError(function)

    def accepted_functions(self) -> tuple[TransformationFunction, ...]:
        """Return the functions that may stay, those that were narrowed with narrower bounds; hand these to a policy."""
        kept = []
        for function, verdict in zip(self.functions, self.verdicts, strict=True):
            if verdict.outcome == "narrowed" and function.magnitude is not None:
                old = function.magnitude
                bounds = Magnitude(verdict.low, verdict.high, old.neutral, old.unit)
                kept.append(dataclasses.replace(function, magnitude=bounds))
            elif verdict.outcome == "accepted":
                kept.append(function)
        return tuple(kept)

    @property
    def note(self) -> str:
        """What the verdicts mean, in two or three sentences."""
        said = (
            f"{self.n:,} examples. A function is not accepted where it moves more than {self.tolerance:.0%} of them "
            "off the data; the chance that any function that does not is blamed is at most 5% over all "
            f"{len(self.rows):,} comparisons (Holm). A departure of {self.detectable:.0%} is found four times out of "
            "five. Staying near the data is necessary, not sufficient: "
        )
        if not self.harm:
            return said + "a function may turn one class into another on the way; labels would tell."
        return said + (
            f"so classes were compared too, by a classifier that is right on {self.classifier_accuracy:.1%} of "
            f"held-out labels; {self.harm_tolerance:.0%} of a class may change."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what was not measured is ``None``."""
        return {
            "n": self.n,
            "tolerance": self.tolerance,
            "harm_tolerance": self.harm_tolerance,
            "detectable": _plain(self.detectable),
            "classifier_accuracy": _plain(self.classifier_accuracy),
            "verdicts": [{k: _plain(v) for k, v in dataclasses.asdict(verdict).items()} for verdict in self.verdicts],
            "rows": [_plain_row(row) | {"accepted": row.accepted} for row in self.rows],
            "harm": [_plain_row(row) for row in self.harm],
            "failures": [{"function": f.source, "count": f.count} for f in self.failures],
            "note": self.note,
        }

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head, lines = _table(self)
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        shown = [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in [head, *lines]
        ]
        failed = [f"{f.source} failed on {f.count:,} examples." for f in self.failures]
        return "\n".join([*shown, "", self.note, *failed])

    def _repr_html_(self) -> str:
        head, lines = _table(self)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
        titles = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table><p>{html.escape(self.note)}</p>"


def _table(report: SafetyReport) -> tuple[list[str], list[list[str]]]:
    """One line for each function: verdict, what may stay, the strongest magnitude's figures, and why."""
    lines = []
    for function, verdict in zip(report.functions, report.verdicts, strict=True):
        mine = [r for r in report.rows if r.function == verdict.function]
        worst = max(mine, key=lambda r: -math.inf if math.isnan(r.departure.value) else r.departure.value)
        unit = "" if function.magnitude is None else function.magnitude.unit
        stays = "" if math.isnan(verdict.low) else f"{verdict.low:.3g} to {verdict.high:.3g} {unit}".rstrip()
        departure = f"{worst.departure.value:.2f} [{worst.departure.low:.2f}, {worst.departure.high:.2f}]"
        at = "" if math.isnan(worst.magnitude) else f"{worst.magnitude:.3g}"
        cells = [verdict.function, verdict.outcome, stays, departure, at, f"{worst.auc.value:.2f}", verdict.why]
        lines.append(["".join(c if c.isprintable() else "·" for c in cell) for cell in cells])
    return ["function", "verdict", "may stay", "worst departure", "at", "AUC", "why"], lines


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain_row(row: SafetyRow | HarmRow) -> dict[str, Any]:
    fields = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    return {k: v.to_dict() if isinstance(v, Measured) else _plain(v) for k, v in fields.items()}
