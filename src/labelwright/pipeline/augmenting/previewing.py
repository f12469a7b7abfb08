"""Trying transformation functions while they are being written: what they do, to how many examples, where they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from labelwright.augmentation import Random, TransformationFunction
from labelwright.augmentation.batches import take
from labelwright.core import generator, hash_ids
from labelwright.pipeline.examples import Examples, Split
from labelwright.pipeline.settings import EndModelSettings

from .fields import Record, as_examples, as_frame, as_records, changed

__all__ = ["ChangedExample", "TriedTransformation", "try_transformations", "words_of"]

# Examples that each function is tried on.
_TRIED = 500


@dataclass(frozen=True, slots=True)
class ChangedExample:
    """An example before and after, and what was done, such as ``"typos(0.2)"``."""

    example_id: Any
    steps: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TriedTransformation:
    """What one transformation function did to some examples, at magnitudes drawn at random.

    Parameters
    ----------
    name : str
    field : str or None
        The field that it transforms; ``None`` = whole examples.
    magnitude : tuple of (low, high, neutral, unit), or None
    version : str
    n : int
        Examples that it was tried on.
    changed : int
        Examples that it changed.
    failures : int
        Examples on which it raised, or broke a rule.
    first_failures : tuple of str
    examples : tuple of ChangedExample
        Drawn by a hash of their ids.
    """

    name: str
    field: str | None
    magnitude: tuple[float, float, float, str] | None
    version: str
    n: int
    changed: int
    failures: int
    first_failures: tuple[str, ...]
    examples: tuple[ChangedExample, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def try_transformations(
    functions: Sequence[TransformationFunction],
    source: Examples,
    split: Split,
    end_model: EndModelSettings,
    *,
    limit: int,
    random_state: int = 0,
) -> list[TriedTransformation]:
    """Apply each function alone to some examples of a split; failures are counted, nothing is kept.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    source : Examples
    split : Split
    end_model : EndModelSettings
        Whose fields are transformed.
    limit : int
        Examples to show of each.
    random_state : int
    """
    rows = np.sort(np.argsort(hash_ids(split.example_ids), kind="stable")[:_TRIED])
    frame, ids = source.frame(split, end_model.fields)[rows], split.example_ids[rows]
    return [_tried(function, frame, end_model.kind, ids, limit, random_state) for function in functions]


def words_of(record: Record) -> str:
    """Return what an example says: its only field, or all of them with their names."""
    if len(record) == 1:
        return str(next(iter(record.values())))
    return ", ".join(
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}" for name, value in record.items()
    )


def _tried(
    function: TransformationFunction, frame: pl.DataFrame, kind: str, ids: Any, limit: int, random_state: int
) -> TriedTransformation:
    examples = as_examples(frame, kind, [function])
    made = Random([function], length=1).apply(examples, generator(random_state), on_error="skip")
    moved = [i for i, origin in enumerate(made.origins.tolist()) if changed(made.examples[i], examples[origin])]
    steps = made.sequences.words([function.name])
    shuffled = np.argsort(hash_ids(ids[made.origins[moved]]), kind="stable")[:limit]
    shown = np.array([moved[i] for i in shuffled.tolist()], dtype=np.int64)
    before = as_records(frame[made.origins[shown]], kind)
    after = as_frame(take(made.examples, shown), frame, kind).to_dicts()
    own = function.magnitude
    return TriedTransformation(
        name=function.name,
        field=function.field,
        magnitude=None if own is None else (own.low, own.high, own.neutral, own.unit),
        version=function.version,
        n=len(examples),
        changed=len(moved),
        failures=sum(f.count for f in made.failures),
        first_failures=tuple(text for f in made.failures for _, text in f.first[: max(1, limit)]),
        examples=tuple(
            ChangedExample(ids[made.origins[i]].item(), steps[i], words_of(before[place]), words_of(after[place]))
            for place, i in enumerate(shown.tolist())
        ),
    )
