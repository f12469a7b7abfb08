"""What differs between two runs, for readers: plain values that the terminal, Markdown and HTML lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from labelwright.core import Class

from .base import Estimate

__all__ = [
    "Comparison",
    "DataChange",
    "FunctionChange",
    "LabelFlip",
    "MetricMove",
    "Mover",
    "ParameterMove",
    "RunLabel",
    "SettingChange",
    "SliceChange",
    "named_functions",
]

Verdict: TypeAlias = Literal["beyond", "within", "not computed", "no interval", "new", "gone"]


@dataclass(frozen=True, slots=True)
class RunLabel:
    """How a run is called: its number and id, when it ended, and the name that was asked for ("" for none)."""

    number: int
    run_id: str
    when: str = ""
    name: str = ""

    def __str__(self) -> str:
        called = f"{self.name} (run {self.number})" if self.name else f"run {self.number}"
        return f"{called}, {self.run_id[:8]}"


@dataclass(frozen=True, slots=True)
class LabelFlip:
    """How many labels went from one class to another; ``None`` is no label."""

    before: Class | None
    after: Class | None
    count: int

    def __str__(self) -> str:
        before, after = ("no label" if c is None else str(c) for c in (self.before, self.after))
        return f"{before} → {after}"


@dataclass(frozen=True, slots=True)
class SliceChange:
    """What changed in one slice: a split, or the examples of one group.

    Parameters
    ----------
    name : str
    stayed : int
        Examples that both runs have.
    flipped : int
        How many of these have another label.
    added, removed : int
    flips : sequence of LabelFlip
        Most first.
    """

    name: str
    stayed: int
    flipped: int
    added: int
    removed: int
    flips: Sequence[LabelFlip]

    @property
    def share(self) -> float:
        """Share of labels that flipped; 0 where nothing stayed."""
        return self.flipped / self.stayed if self.stayed else 0.0


@dataclass(frozen=True, slots=True)
class Mover:
    """An example whose label flipped or whose probabilities moved far.

    Parameters
    ----------
    example_id : str
    split : str
    text : str
        What it says.
    before, after : Class or None
        Its labels.
    class_shown : Class
        Whose probability is shown: its class after, or the one whose probability rose most.
    probability_before, probability_after : float
        P(``class_shown``).
    shift : float
        Total variation distance between P(Y) before and after, 0 to 1.
    """

    example_id: str
    split: str
    text: str
    before: Class | None
    after: Class | None
    class_shown: Class
    probability_before: float
    probability_after: float
    shift: float


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """A function that was added, removed, changed, or written otherwise without doing anything else.

    Parameters
    ----------
    name : str
    what : {"added", "removed", "changed", "rewritten"}
    reasons : sequence of str
        Why its version is another one.
    source : str
        Unified difference of its source.
    """

    name: str
    what: Literal["added", "removed", "changed", "rewritten"]
    reasons: Sequence[str]
    source: str


@dataclass(frozen=True, slots=True)
class ParameterMove:
    """A learned figure (a function's accuracy, a class's share) before and after.

    Parameters
    ----------
    name : str
    before, after : float or None
        ``None`` where it is unknown or there is no such thing.
    low, high : float or None
        The 95% interval of ``before``.
    verdict : {"beyond", "within", "not computed", "no interval", "new", "gone"}
        ``"beyond"``: after lies outside the interval of before.
    """

    name: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    verdict: Verdict

    @property
    def distance(self) -> float:
        """How far it moved; 0 where one side is unknown."""
        return 0.0 if self.before is None or self.after is None else abs(self.after - self.before)


@dataclass(frozen=True, slots=True)
class MetricMove:
    """A score of one model before and after, and the paired difference on the same gold rows.

    Parameters
    ----------
    split, model, metric : str
    before, after : Estimate
    difference : Estimate or None
        After minus before; ``None`` where the two cannot be paired, and ``note`` says why.
    note : str
    """

    split: str
    model: str
    metric: str
    before: Estimate
    after: Estimate
    difference: Estimate | None
    note: str = ""

    @property
    def verdict(self) -> Literal["better", "worse", "no clear difference", "the same", "not compared"]:
        """What the interval of the difference says."""
        if self.difference is None or not self.difference.known:
            return "not compared"
        if self.difference.low == self.difference.value == self.difference.high == 0:
            return "the same"
        if self.difference.low <= 0 <= self.difference.high:
            return "no clear difference"
        return "better" if (self.difference.value > 0) != (self.metric in ("log_loss", "brier")) else "worse"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "split": self.split,
            "model": self.model,
            "metric": self.metric,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "difference": None if self.difference is None else self.difference.to_dict(),
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class DataChange:
    """Parts of the data that came and went, and their rows."""

    parts_added: int
    rows_added: int
    parts_removed: int
    rows_removed: int


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting before and after, as text; "" where it was not set."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a reader is told of two runs; empty parts are left out when it is laid out.

    Parameters
    ----------
    project : str
    before, after : RunLabel
    splits : sequence of SliceChange
    groups : sequence of SliceChange
        The groups with most flips.
    group_count : int
        How many groups have flips.
    movers : sequence of Mover
    moved : int
        How many examples moved or flipped in all.
    functions : sequence of FunctionChange
    parameters : sequence of ParameterMove
        Accuracies of functions.
    class_balance : sequence of ParameterMove
    interval_method : str
        How intervals of parameters were worked out, or why they were not.
    metrics : sequence of MetricMove
    data : DataChange, optional
    settings : sequence of SettingChange
    notes : sequence of str
    """

    project: str
    before: RunLabel
    after: RunLabel
    splits: Sequence[SliceChange] = ()
    groups: Sequence[SliceChange] = ()
    group_count: int = 0
    movers: Sequence[Mover] = ()
    moved: int = 0
    functions: Sequence[FunctionChange] = ()
    parameters: Sequence[ParameterMove] = ()
    class_balance: Sequence[ParameterMove] = ()
    interval_method: str = ""
    metrics: Sequence[MetricMove] = ()
    data: DataChange | None = None
    settings: Sequence[SettingChange] = ()
    notes: Sequence[str] = ()

    @property
    def flipped(self) -> int:
        """Labels that flipped, over all splits."""
        return sum(one.flipped for one in self.splits)

    @property
    def unchanged(self) -> bool:
        """Whether there is nothing to tell."""
        quiet = not any((s.flipped, s.added, s.removed) != (0, 0, 0) for s in self.splits) and not self.moved
        return quiet and not (self.functions or self.parameters or self.settings or self.data)

    def headline(self) -> list[str]:
        """Say in a few short phrases what changed."""
        stayed = sum(one.stayed for one in self.splits)
        share = f" ({100 * self.flipped / stayed:.2g}%)" if self.flipped else ""
        said = [f"{self.flipped:,} of {stayed:,} labels flipped{share}"]
        counts = [(what, sum(getattr(one, what) for one in self.splits)) for what in ("added", "removed")]
        said += [f"{count:,} example{'s' * (count != 1)} {what}" for what, count in counts if count]
        return said + named_functions(self.functions)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        found: dict[str, Any] = {
            name: _plain(getattr(self, name)) for name in self.__slots__ if name not in ("metrics", "splits", "groups")
        }
        for name in ("splits", "groups"):
            found[name] = [{**asdict(one), "share": one.share} for one in getattr(self, name)]
        return found | {"metrics": [one.to_dict() for one in self.metrics], "headline": self.headline()}


def named_functions(functions: Sequence[FunctionChange]) -> list[str]:
    """Say in short phrases which functions were added, removed and changed, three of each by name."""
    said = []
    for what in ("added", "removed", "changed"):
        names = [f.name for f in functions if f.what == what]
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            said.append(f"{what}: {shown}")
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int)) or value is None:
        return value
    if isinstance(value, Sequence):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else asdict(value)
