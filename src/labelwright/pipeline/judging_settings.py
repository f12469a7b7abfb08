"""What ``labelwright.toml`` may say of contracts and gates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from labelwright.core import Class

__all__ = ["Bounds", "ContractsSettings", "FunctionContract", "GatesSettings", "SettingsTable", "judging_faults"]


class SettingsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: read-only, and a key that it does not know is a mistake."""


class Bounds(SettingsTable, frozen=True):
    """A share must be at least ``min`` and at most ``max``; either may be left out."""

    min: float | None = None
    max: float | None = None

    def within(self, other: Bounds) -> Bounds:
        """Return these bounds, with those of ``other`` where there is none."""
        return Bounds(min=other.min if self.min is None else self.min, max=other.max if self.max is None else self.max)

    def __str__(self) -> str:
        ends = [
            f"{word} {value:.1%}"
            for word, value in (("at least", self.min), ("at most", self.max))
            if value is not None
        ]
        return " and ".join(ends)


class FunctionContract(SettingsTable, frozen=True):
    """``[contracts.functions.NAME]``: what one function keeps to.

    ``coverage`` and ``conflict`` are shares of the examples of train on which it votes, and is contradicted;
    ``accuracy`` is the share of its votes that are right. ``never_votes`` lists classes. It must not vote where the
    expression ``silent_where`` holds, nor where the pattern ``silent_on`` occurs in a text that it reads.
    """

    coverage: Bounds = Bounds()
    conflict: Bounds = Bounds()
    accuracy: Bounds = Bounds()
    never_votes: list[Class] = []
    silent_where: str | None = None
    silent_on: str | None = None


class ContractsSettings(FunctionContract, frozen=True):
    """``[contracts]``: what every function keeps to; ``[contracts.functions.NAME]`` says more of one, or otherwise."""

    functions: dict[str, FunctionContract] = {}

    def of(self, name: str) -> tuple[FunctionContract, ...]:
        """Return the contracts of a function: the bounds and classes in one, and what it must be silent on in each."""
        own = self.functions.get(name, FunctionContract())
        first = FunctionContract(
            coverage=own.coverage.within(self.coverage),
            conflict=own.conflict.within(self.conflict),
            accuracy=own.accuracy.within(self.accuracy),
            never_votes=[*dict.fromkeys([*self.never_votes, *own.never_votes])],
            silent_where=self.silent_where,
            silent_on=self.silent_on,
        )
        return first, FunctionContract(silent_where=own.silent_where, silent_on=own.silent_on)

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return self != ContractsSettings()


class GatesSettings(SettingsTable, frozen=True):
    """``[gates]``: how far labels and votes may move from those of a reference.

    ``against`` names it: a snapshot, or a run as on the command line; default: the newest snapshot, or else the run
    before. ``flips`` is the largest share of labels that may flip. ``slices`` are columns (or ``"split"``, ``"group"``)
    on no value of which labels may get worse. ``drift`` is the chance of a false alarm that the test of new examples
    may have; shares that moved by ``drift_tolerance`` or less are no drift. With ``enforce``, ``labelwright run`` exits
    with 1 where a gate or contract fails, and does not only warn.
    """

    against: str | None = None
    flips: float | None = None
    slices: list[str] = []
    drift: float | None = None
    drift_tolerance: float = 0.0
    enforce: bool = False

    @property
    def given(self) -> bool:
        """Whether there is any gate."""
        return self.flips is not None or bool(self.slices) or self.drift is not None


def judging_faults(contracts: ContractsSettings, gates: GatesSettings, classes: tuple[Class, ...]) -> Iterator[str]:
    """Yield what types cannot say is wrong with contracts and gates, as the end of a message.

    Examples
    --------
    >>> wrong = ContractsSettings(coverage=Bounds(min=0.5, max=0.1))
    >>> list(judging_faults(wrong, GatesSettings(), ("ham", "spam")))
    ['contracts.coverage: min is 0.5 and max is 0.1; shares are between 0 and 1, and min is at most max.']
    """
    tables: list[tuple[str, FunctionContract]] = [("contracts", contracts)]
    tables += [(f"contracts.functions.{name}", table) for name, table in contracts.functions.items()]
    for place, table in tables:
        for key in ("coverage", "conflict", "accuracy"):
            bounds: Bounds = getattr(table, key)
            low, high = (default if end is None else end for end, default in ((bounds.min, 0.0), (bounds.max, 1.0)))
            if not 0 <= low <= high <= 1:
                yield (
                    f"{place}.{key}: min is {low:g} and max is {high:g}; shares are between 0 and 1, and min is at "
                    "most max."
                )
        for unknown in [c for c in table.never_votes if c not in classes]:
            yield f"{place}.never_votes names {unknown!r}; the classes are {', '.join(map(str, classes))}."
    numbers: dict[str, Any] = {"flips": gates.flips, "drift_tolerance": gates.drift_tolerance}
    for key, value in numbers.items():
        if value is not None and not 0 <= value <= 1:
            yield f"gates.{key} is {value:g}; it is a share, between 0 and 1."
    if gates.drift is not None and not 0 < gates.drift < 1:
        yield f"gates.drift is {gates.drift:g}; it is the chance of a false alarm, such as 0.01."
