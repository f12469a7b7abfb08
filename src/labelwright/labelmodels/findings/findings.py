"""What a diagnosis says: findings with stable codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

__all__ = ["CODES", "Finding", "Findings", "Severity"]

Severity = Literal["error", "warning", "note"]

# Codes are kept for good: a finding may be retired, its code never means something else. docs/howto/how-sure.md
# explains each.
CODES: dict[str, str] = {
    "LW001": "silent source",
    "LW002": "constant source",
    "LW003": "near-duplicate sources",
    "LW004": "source no better than chance",
    "LW005": "too few sources",
    "LW006": "all sources agree",
    "LW007": "one-sided sources and an unknown class balance",
    "LW008": "sources that never vote beside another",
    "LW009": "low coverage",
    "LW010": "class without votes",
    "LW011": "known classes against unanimous votes",
    "LW012": "known classes against the class balance",
    "LW013": "dependent sources",
    "LW014": "model not identified",
    "LW015": "answer depends on a few examples",
    "LW016": "few effective sources",
    "LW017": "sample of the vote rows",
    "LW018": "nothing to gain over majority vote",
    "LW019": "accuracies not known well",
    "LW020": "source with few votes",
    "LW021": "fell back, or did not converge",
    "LW022": "source that failed",
    "LW023": "priors that were kept",
    "LW024": "contradictions across tasks",
    "LW025": "task that nobody votes on",
    "LW026": "task with too few sources",
    "LW027": "task of which nobody tells where it does not apply",
    "LW028": "class that no vote on any task speaks for",
}

_ORDER: tuple[Severity, ...] = ("error", "warning", "note")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing.

    Parameters
    ----------
    code : str
        One of `CODES`; stable.
    severity : {"error", "warning", "note"}
        Labels cannot be trusted; labels may be worse than they look; good to know.
    what : str
        What is so.
    evidence : str
        The figures behind it.
    what_to_do : str
    sources : tuple of str
        The sources it is about; () for the whole.

    Examples
    --------
    >>> print(Finding("LW001", "warning", "Source never votes.", "0 of 10", "Repair it.", ("a",)))
    LW001 warning: Source never votes. (0 of 10) [a] -> Repair it.
    """

    code: str
    severity: Severity
    what: str
    evidence: str
    what_to_do: str
    sources: tuple[str, ...] = ()

    @property
    def named(self) -> str:
        """The sources, the first five by name."""
        more = len(self.sources) - _SHOWN
        return ", ".join(self.sources[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

    def __str__(self) -> str:
        about = f" [{self.named}]" if self.sources else ""
        return f"{self.code} {self.severity}: {self.what} ({self.evidence}){about} -> {self.what_to_do}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "code": self.code,
            "title": CODES[self.code],
            "severity": self.severity,
            "what": self.what,
            "evidence": self.evidence,
            "what_to_do": self.what_to_do,
            "sources": list(self.sources),
        }


@dataclass(frozen=True, slots=True, repr=False)
class Findings:
    """What a diagnosis found, worst first; iterates over `Finding`.

    Parameters
    ----------
    found : tuple of Finding
    checked : str
        What was looked at.
    effective_sources : float
        How many equally good, independent sources those at hand amount to; NaN where no model was looked at.

    Examples
    --------
    >>> Findings((), "votes of 3 sources on 10 examples")
    Nothing found in votes of 3 sources on 10 examples.
    """

    found: tuple[Finding, ...]
    checked: str
    effective_sources: float = float("nan")

    @classmethod
    def of(cls, found: list[Finding], checked: str, effective_sources: float = float("nan")) -> Findings:
        """Return findings in order: by severity, then by code."""
        ordered = sorted(found, key=lambda one: (_ORDER.index(one.severity), one.code))
        return cls(tuple(ordered), checked, effective_sources)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in order."""
        return tuple(one.code for one in self.found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def __getitem__(self, code: str) -> Finding:
        """Return the finding of that code."""
        for one in self.found:
            if one.code == code:
                return one
        raise KeyError(f"{code} was not found; there are {', '.join(self.codes) or 'none'}.")

    def __repr__(self) -> str:
        known = self.effective_sources == self.effective_sources
        worth = [f"Effective number of sources: {self.effective_sources:.1f}."] if known else []
        if not self.found:
            return "\n".join([f"Nothing found in {self.checked}.", *worth])
        lines = [f"{len(self.found)} findings in {self.checked}:" if len(self.found) > 1 else f"In {self.checked}:"]
        for one in self.found:
            lines += [f"{one.code} {one.severity}: {one.what}", f"    {one.evidence}"]
            lines += [f"    sources: {one.named}"] if one.sources else []
            lines += [f"    -> {one.what_to_do}"]
        return "\n".join(lines + worth)

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in (o.code, o.severity, o.what, o.evidence))
            + f"<td>{escape(o.named)}</td><td>{escape(o.what_to_do)}</td></tr>"
            for o in self.found
        )
        head = "".join(f"<th>{name}</th>" for name in ("code", "", "what", "evidence", "sources", "what to do"))
        return f"<table><caption>{escape(self.checked)}</caption><tr>{head}</tr>{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        known = self.effective_sources == self.effective_sources
        return {
            "checked": self.checked,
            "effective_sources": self.effective_sources if known else None,
            "findings": [one.to_dict() for one in self.found],
        }
