"""What differs between two runs: a frozen value that composes, so that two steps are one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from labelwright.core.errors import DataError
from labelwright.pipeline.kept.both_labels import LabelsBySplit, labels_of_both
from labelwright.pipeline.kept.keep import KeptRun

from .changes import ExampleChanges, NamedChanges

if TYPE_CHECKING:
    from labelwright.analysis.comparison import Comparison

__all__ = ["Diff", "RunEnd", "changed_functions", "changed_settings", "diff_runs", "every_function"]


@dataclass(frozen=True, slots=True)
class RunEnd:
    """One end of a comparison: a run.

    Parameters
    ----------
    run_id : str
    number : int
    sizes : mapping of str to int
        Number of examples of each split.
    covered : mapping of str to int
        How many of them have at least one vote.
    """

    run_id: str
    number: int
    sizes: Mapping[str, int]
    covered: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "run_id": self.run_id,
            "number": self.number,
            "sizes": dict(self.sizes),
            "covered": dict(self.covered),
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two runs.

    Parameters
    ----------
    before, after : RunEnd
    examples : ExampleChanges
        Every example that came, went, or whose label or P(Y) changed, with both states.
    functions : NamedChanges
        By name: kind, labels, fields, version, source and what the version is made of. A transformation function is
        called "transformation" and its name.
    parameters : NamedChanges
        By function: ``accuracy``, what the label model learned of it; ``None`` where it is unknown.
    class_balance : NamedChanges
        By class: P(Y).
    metrics : NamedChanges
        By ``split/model/metric``: value, low, high and n, as each run scored itself.
    data : NamedChanges
        By source and digest of a part of the data: its number of rows.
    settings : NamedChanges
        By key, as ``labelwright.toml`` writes it.
    comparison : Comparison, optional
        The same for readers, with what only the runs themselves can give: texts, groups, paired intervals. It takes no
        part in equality, and a composed diff has none.

    Notes
    -----
    Composition is exact: ``diff(A, B).then(diff(B, C)) == diff(A, C)``. Each change is a key with its value before and
    after, and keys whose values are equal are not held. An example's key is its split and id, and its value the label
    and P(Y) in whole millionths.
    """

    before: RunEnd
    after: RunEnd
    examples: ExampleChanges
    functions: NamedChanges
    parameters: NamedChanges
    class_balance: NamedChanges
    metrics: NamedChanges
    data: NamedChanges
    settings: NamedChanges
    comparison: Comparison | None = field(default=None, compare=False, repr=False)

    def then(self, other: Diff) -> Diff:
        """Return this diff and then ``other`` as one.

        Raises
        ------
        DataError
            If ``other`` does not begin with the run where this one ends.
        """
        if self.after.run_id != other.before.run_id:
            raise DataError(
                f"this diff ends at run {self.after.run_id} and the next begins at run {other.before.run_id}; only "
                "diffs that meet in one run compose."
            )
        parts = {name: getattr(self, name).then(getattr(other, name)) for name in ("examples", *_NAMED)}
        return Diff(self.before, other.after, **parts, comparison=None)

    @property
    def unchanged(self) -> bool:
        """Whether nothing differs at all."""
        return not any(len(getattr(self, name)) for name in ("examples", *_NAMED))

    def flipped(self, split: str) -> int:
        """Count the examples of a split that stayed and whose label is another one."""
        return sum(self.examples.flips(split).values())

    def stayed(self, split: str) -> int:
        """Count the examples that the split has in both runs."""
        return self.after.sizes.get(split, 0) - self.examples.added(split)

    @property
    def splits(self) -> list[str]:
        """The splits of either run, in the order of the later."""
        return list(dict.fromkeys((*self.after.sizes, *self.before.sizes)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: all of it, with every changed example."""
        parts = {name: getattr(self, name).to_dict() for name in ("examples", *_NAMED)}
        return {"before": self.before.to_dict(), "after": self.after.to_dict(), **parts}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Diff:
        """Undo `to_dict`."""
        named = {name: NamedChanges.from_dict(saved[name]) for name in _NAMED}
        examples = ExampleChanges.from_dict(saved["examples"])
        return cls(RunEnd(**saved["before"]), RunEnd(**saved["after"]), examples, **named, comparison=None)

    def _repr_html_(self) -> str | None:
        """Return the comparison as a fragment of HTML, for notebooks."""
        if self.comparison is None:
            return None
        from labelwright.analysis.comparison_html import comparison_fragment

        return comparison_fragment(self.comparison)


_NAMED = ("functions", "parameters", "class_balance", "metrics", "data", "settings")


def diff_runs(before: KeptRun, after: KeptRun, *, labels: tuple[LabelsBySplit, LabelsBySplit] | None = None) -> Diff:
    """Compare two kept runs; reads their soft labels and what they say of themselves, no data.

    Parameters
    ----------
    before, after : KeptRun
    labels : (mapping of str to SoftLabels, mapping of str to SoftLabels), optional
        Their soft labels by split, where these have been read.
    """
    soft = labels or labels_of_both(before, after)
    named = {
        name: NamedChanges.between(state(before), state(after))
        for name, state in (
            ("functions", _functions),
            ("metrics", _metrics),
            ("data", _data),
            ("settings", _settings),
        )
    }
    learned = [_learned(run) for run in (before, after)]
    ends = [
        RunEnd(
            run.row.run_id,
            run.row.number,
            {split: one.n for split, one in found.items()},
            {split: int(one.covered.sum()) for split, one in found.items()},
        )
        for run, found in zip((before, after), soft, strict=True)
    ]
    return Diff(
        ends[0],
        ends[1],
        ExampleChanges.between(*soft),
        parameters=NamedChanges.between(learned[0][0], learned[1][0]),
        class_balance=NamedChanges.between(learned[0][1], learned[1][1]),
        **named,
        comparison=None,
    )


def changed_functions(before: KeptRun, after: KeptRun) -> NamedChanges:
    """Return which functions differ, as `Diff.functions` has them."""
    return NamedChanges.between(_functions(before), _functions(after))


def changed_settings(before: KeptRun, after: KeptRun) -> NamedChanges:
    """Return which settings differ, as `Diff.settings` has them."""
    return NamedChanges.between(_settings(before), _settings(after))


def every_function(run: KeptRun) -> list[dict[str, Any]]:
    """Return what a run kept of its functions, and of other kinds of functions under names that say so."""
    transformations = [{**one, "name": f"transformation {one['name']}"} for one in run.transformation_records()]
    slices = [{**one, "name": f"slice {one['name']}"} for one in run.slicing_records()]
    return [*run.function_records(), *transformations, *slices]


def _functions(run: KeptRun) -> dict[str, Any]:
    """Return what a function is, by name, without its place in the file: lines above it are no change of it."""
    found = {}
    for record in every_function(run):
        parts = [
            {**part, "where": _file_of(part.get("where", ""))}
            for part in record.get("explanation", {}).get("parts", [])
        ]
        kept = {key: record.get(key) for key in ("kind", "labels", "fields", "version", "source")}
        kept |= {key: record[key] for key in ("field", "magnitude", "batched") if key in record}
        found[record["name"]] = kept | {"parts": parts}
    return found


def _file_of(where: str) -> str:
    """Return a place as the first line of its file: lines are then counted from where the function begins."""
    file, _, _line = where.rpartition(":")
    return f"{file}:1" if file else ""


def _learned(run: KeptRun) -> tuple[dict[str, Any], dict[str, Any]]:
    model = run.label_model()
    accuracies = {
        source: {"accuracy": None if math.isnan(value) else value}
        for source, value in zip(model.params_.sources, model.accuracies_.tolist(), strict=True)
    }
    balance = {str(c): value for c, value in zip(model.classes_, model.class_balance_.tolist(), strict=True)}
    return accuracies, balance


def _metrics(run: KeptRun) -> dict[str, Any]:
    return {
        f"{split}/{role}/{metric}": value
        for split, board in run.metrics().items()
        for role, scores in board["models"].items()
        for metric, value in scores.items()
        if isinstance(value, dict) and value.get("value") is not None and set(value) == {"value", "low", "high", "n"}
    }


def _data(run: KeptRun) -> dict[str, Any]:
    """Return the parts of the data, by digest; nothing where the run is older than data was kept."""
    if "data" not in run.row.artifacts:
        return {}
    return {f"{source}:{part.digest}": {"rows": part.rows} for source, part in run.kept_data.record.parts()}


def _settings(run: KeptRun) -> dict[str, Any]:
    return _flat(msgspec.to_builtins(run.settings()))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
