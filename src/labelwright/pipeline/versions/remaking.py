"""Making what a run kept once more, and comparing: bit for bit, or within 1e-9."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labelwright import endmodels
from labelwright.core import SoftLabels, Votes
from labelwright.core.errors import LabelwrightError
from labelwright.core.stats_arrays import arrays_of_stats
from labelwright.data import read
from labelwright.labeling import LabelingFunction
from labelwright.labelmodels import to_dict
from labelwright.pipeline.augmenting.copies import KeptCopies
from labelwright.pipeline.examples import field_values
from labelwright.pipeline.kept.keep import KeptRun
from labelwright.pipeline.refreshing.run import apply_functions, make_label_model
from labelwright.pipeline.refreshing.scoring import LabelledSplit
from labelwright.pipeline.refreshing.training import (
    label_splits,
    predict_splits,
    predicted,
    score_splits,
    train_ceiling,
    train_end_model,
)
from labelwright.pipeline.source_files import read_source, write_source
from labelwright.pipeline.supervision import load_functions

__all__ = [
    "Remade",
    "differences_of",
    "far_rows",
    "judge_differences",
    "loaded_functions",
    "remake_labels",
    "remake_models",
    "remake_scores",
    "remake_stats",
    "remake_votes",
]

# Sums in another order (another processor, another version of a library) differ by less than this.
_CLOSE = 1e-9
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Remade:
    """How something that was made again compares with what was kept."""

    status: Literal["equal", "close", "differs", "not checked"]
    detail: str


def remake_votes(run: KeptRun) -> Remade:
    """Apply the functions to the kept examples again; those whose version is not the run's cannot be."""
    versions = run.functions()
    today, reason = loaded_functions(run.folder)
    faults: list[str] = []
    made = _compare_votes(run, [f for f in today if versions.get(f.name) == f.version], faults)
    rest = set(versions) - made
    if rest and "source" in run.row.artifacts:
        with tempfile.TemporaryDirectory() as temporary:
            write_source(read_source(run.store, run.artifact("source")), Path(temporary))
            kept, _ = loaded_functions(Path(temporary))
            made |= _compare_votes(run, [f for f in kept if f.name in rest and versions[f.name] == f.version], faults)
    n = run.kept_data.n
    if faults:
        return Remade("differs", "; ".join(faults[:_NAMES_SHOWN]))
    left = sorted(set(versions) - made)
    if not made:
        why = reason or "none of today's functions has the version that the run applied"
        return Remade("not checked", f"no function could be applied again: {why}")
    done = f"{len(made)} of {len(versions)} functions applied to {n:,} examples again"
    if left:
        shown = ", ".join(left[:_NAMES_SHOWN]) + (f" and {len(left) - _NAMES_SHOWN} more" if len(left) > 5 else "")
        return Remade("equal", f"{done}; not {shown}, whose version is another today")
    return Remade("equal", done)


def remake_stats(run: KeptRun) -> Remade:
    """Sum the kept votes of train again."""
    if "stats" not in run.row.artifacts:
        return Remade("not checked", "this label model has no stats that can be kept")
    votes = run.votes("train")
    kept, made = (arrays_of_stats(s) for s in (run.stats(), make_label_model(run.settings()).summarize(votes)))
    assert kept is not None
    assert made is not None
    wrong = [name for name in kept.keys() | made.keys() if not _same_array(kept.get(name), made.get(name))]
    if wrong:
        return Remade("differs", f"the sums {', '.join(sorted(wrong)[:_NAMES_SHOWN])} are others")
    return Remade("equal", f"sums of the votes on {votes.n:,} examples of train")


def remake_models(run: KeptRun) -> Remade:
    """Solve the label model from the kept stats again."""
    model = make_label_model(run.settings())
    if "stats" in run.row.artifacts:
        model.fit_stats(run.stats())
    else:
        model.fit(run.votes("train"))
    kept = run.store.get_json(run.artifact("label_model"))
    differences = dict(differences_of(kept["params"], to_dict(model)["params"]))
    return judge_differences(differences, f"{len(model.params_.sources)} accuracies and the other parameters")


def remake_labels(run: KeptRun) -> Remade:
    """Label the kept votes with the kept label model again."""
    model, n = run.label_model(), 0
    far: dict[str, float] = {}
    # By parts, as a run does it: then not even the rounding differs.
    for part in range(len(run.kept_data.parts)):
        made, kept = model.soft_labels(run.kept_votes.of_part(part)), run.kept_labels.part(part)
        n += made.n
        labels = SoftLabels(kept["probs"], kept["covered"], classes=made.classes, example_ids=made.example_ids)
        far |= far_rows(f"part {part + 1}", labels, made)
    tolerance = run.settings().refresh.tolerance
    if far and tolerance and max(far.values()) <= tolerance:
        return Remade("close", f"{n:,} examples, within refresh.tolerance = {tolerance:g}")
    return judge_differences(far, f"{n:,} examples")


def remake_scores(run: KeptRun) -> tuple[Remade | None, Remade]:
    """Train the end model on the kept soft labels again, compare what it predicts, and score again."""
    settings = run.settings()
    parts = label_splits(run.kept_votes, run.kept_labels, run.label_model())
    train = next(p for p in parts if p.split.name == "train")
    end, plain = (_end_model(run, role) for role in ("end_model", "end_model_plain"))
    found = None if end is None else _remake_end_model(run, train, end)
    ceiling = train_ceiling(settings, train) if settings.score.supervised else None
    models = {"end model": end, "plain end model": plain, "supervised": ceiling}
    says = {role: None if model is None else partial(predicted, model) for role, model in models.items()}
    boards = score_splits(predict_splits(parts, says))
    scores = dict(differences_of(run.metrics(), {board.split: board.to_dict() for board in boards}))
    return found, judge_differences(scores, f"{len(boards)} split{'s' * (len(boards) != 1)} with gold")


def _end_model(run: KeptRun, role: str) -> endmodels.EndModel | None:
    return endmodels.load(run.store.get_folder(run.artifact(role))) if role in run.row.artifacts else None


def _remake_end_model(run: KeptRun, train: LabelledSplit, kept: endmodels.EndModel) -> Remade:
    if run.row.operations.get("end_models_stale"):
        return Remade("not checked", "it is of an earlier run: end_model.refresh is keep")
    key = run.row.artifacts.get("augmentation")
    made = train_end_model(run.settings(), train, copies=None if key is None else KeptCopies.read(run.store, key))
    far: dict[str, float] = {}
    n = 0
    for split in run.splits:
        columns = field_values(run.frame(split, kept.fields), kept.fields)
        ids = run.kept_data.ids(split)
        n += len(ids)
        far |= far_rows(split, *(one.soft_labels(columns, example_ids=ids) for one in (kept, made)))
    return judge_differences(far, f"trained again; its predictions of {n:,} examples")


def loaded_functions(folder: Path) -> tuple[list[LabelingFunction], str]:
    """Return the functions of a folder, or none and why."""
    try:
        return load_functions(folder), ""
    except LabelwrightError as error:
        return [], str(error)


def _compare_votes(run: KeptRun, functions: Sequence[LabelingFunction], faults: list[str]) -> set[str]:
    """Apply functions to every kept part; tell of votes that are others, and return the names of what was applied."""
    if not functions:
        return set()
    data, settings = run.kept_data, run.settings()
    for part in range(len(data.parts)):
        dataset = read(data.part_frame(part), id=data.record.id, group=data.record.group)
        votes = apply_functions(functions, dataset, settings)
        for source, column in _columns(votes):
            kept = run.kept_votes.column(part, source)
            wrong = np.flatnonzero(kept != column)
            if len(wrong):
                row = int(wrong[0])
                was, says = (_vote(votes, one[row]) for one in (kept, column))
                faults.append(
                    f"{source} votes otherwise on {len(wrong):,} examples of part {data.parts[part].digest[:12]}: of "
                    f"{data.id_at(part, row)} it says {says}, and {was} was kept"
                )
    return {f.name for f in functions}


def _columns(votes: Votes) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    values = votes.values
    for position, source in enumerate(votes.sources):
        yield source, values[:, position]


def _vote(votes: Votes, code: Any) -> str:
    return "abstain" if code < 0 else str(votes.classes[int(code)]) if int(code) < votes.k else f"code {code}"


def _same_array(one: npt.NDArray[Any] | None, other: npt.NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other)


def far_rows(split: str, kept: SoftLabels, made: SoftLabels) -> dict[str, float]:
    """Return the largest difference of a split, under the example that has it; nothing where all is equal."""
    if kept.classes != made.classes or kept.n != made.n or not np.array_equal(kept.covered, made.covered):
        return {f"{split}: which examples have votes": math.inf}
    if np.array_equal(kept.probs, made.probs):
        return {}
    apart = np.abs(kept.probs - made.probs).max(axis=1)
    row = int(np.argmax(apart))
    return {f"example {kept.example_ids[row]} of {split}": float(apart[row])}


def differences_of(kept: Any, made: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield where two values of JSON differ, and by how much: a number's distance, or infinity for all else."""
    if isinstance(kept, Mapping) and isinstance(made, Mapping) and kept.keys() == made.keys():
        for key in kept:
            yield from differences_of(kept[key], made[key], f"{path}.{key}".lstrip("."))
    elif isinstance(kept, (list, tuple)) and isinstance(made, (list, tuple)) and len(kept) == len(made):
        for i, (one, other) in enumerate(zip(kept, made, strict=True)):
            yield from differences_of(one, other, f"{path}[{i}]")
    elif _is_number(kept) and _is_number(made):
        if kept != made and not (math.isnan(kept) and math.isnan(made)):
            yield path, abs(kept - made) if math.isfinite(kept - made) else math.inf
    elif kept != made and not (path.endswith("outcome.sentence")):  # a sentence may round what is close
        yield path, math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def judge_differences(differences: Mapping[str, float], what: str) -> Remade:
    """Judge differences by place: none is equal, all within 1e-9 is close."""
    if not differences:
        return Remade("equal", f"{what}: bit for bit")
    place = max(differences, key=lambda name: differences[name])
    size = differences[place]
    if size <= _CLOSE:
        why = "as another processor or another version of a library makes it"
        return Remade("close", f"{what}: within {_CLOSE:g}, {why} (at most {size:.1e}, at {place})")
    shown = "" if math.isinf(size) else f" by {size:.3g}"
    return Remade("differs", f"{what}: {place} differs{shown}; {len(differences):,} places in all")
