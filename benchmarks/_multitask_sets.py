"""Real data with related tasks: votes on every task, gold for scoring, and which texts nobody read."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import polars as pl

import labelwright as lw
from benchmarks import _multitask_trec as trec
from labelwright.core.task_graph import TaskGraph
from labelwright.core.task_votes import TaskVotes
from labelwright.core.tasks import Refines
from labelwright.core.votes import class_codes
from labelwright.labeling import LabelingFunction
from labelwright.labeling.task_answers import by_task, choices
from labelwright.pipeline.settings import read_settings
from labelwright.pipeline.supervision import load_functions

HERE = Path(__file__).resolve().parent
ROOT = Path(os.environ.get("LABELWRIGHT_DATA", HERE.parents[1] / "shared" / "data"))
EXAMPLES = HERE.parent / "examples"
SPLITS = ("train", "valid", "test")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TaskSet:
    """Votes on related tasks, and by task the gold state of each example (-1: unknown), shape (n,).

    ``held_out`` marks the examples whose text nobody read to write functions, shape (n,).
    """

    name: str
    votes: TaskVotes
    gold: Mapping[str, Ints]
    held_out: npt.NDArray[np.bool_]


def names() -> list[str]:
    """Return the names of the sets that are there."""
    return [name for name in LOADERS if (ROOT / name).is_dir()]


@functools.cache
def load(name: str) -> TaskSet:
    """Read a set, all splits one below the other, and apply the functions to it."""
    return LOADERS[name]()


def parents(graph: TaskGraph) -> dict[str, Refines]:
    """Return the relation by which each child task refines its parent; parents come before their children."""
    found = {r.child: r for r in graph.relations if isinstance(r, Refines)}
    order = [name for name in graph.names if name not in found]
    while len(order) < len(graph.names):
        order += [c for c, r in found.items() if c not in order and r.parent in order]
    return {name: found[name] for name in order if name in found}


def module(example: str, name: str) -> ModuleType:
    """Import ``examples/<example>/<name>.py``."""
    spec = importlib.util.spec_from_file_location(f"{example}_{name}", EXAMPLES / example / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def questions() -> TaskSet:
    """Return TREC's questions: 68 published functions for the coarse task, ours for the fine ones."""
    texts = _texts("trec", "text", "fine")
    graph = trec.graph()
    fine = answers(trec.functions(), texts, graph)
    coarse = _published("trec", trec.COARSE, texts["id"].to_numpy())
    votes = TaskVotes(graph, {"coarse": coarse, **fine.by_task})
    gold = {"coarse": _given("trec")}
    said = [None if not label else label.split(":") for label in texts["fine"]]
    for name, classes in trec.FINE.items():
        states = [-1 if s is None else classes.index(s[1]) if s[0] == name else len(classes) for s in said]
        gold[name] = np.asarray(states)
    return TaskSet("trec", votes, gold, _unread(texts))


def reports() -> TaskSet:
    """Return chest X-ray reports: 18 published functions for the finding, the example's for its urgency."""
    texts = _texts("openi_reports", "text", "rg_label")
    example = module("chest_xray", "urgency")
    graph = example.graph()
    functions = example.functions(module("chest_xray", "supervision").findings)
    urgency = answers(functions, texts, graph)
    finding = _published("openi_reports", example.TASKS["finding"], texts["id"].to_numpy())
    grades = {"Normal": 2, "Chronic": 0, "Emergent": 1}
    gold = {
        "finding": _given("openi_reports"),
        "urgency": np.asarray([grades.get(label, -1) for label in texts["rg_label"]]),
    }
    votes = TaskVotes(graph, {"finding": finding, **urgency.by_task})
    return TaskSet("openi_reports", votes, gold, _unread(texts))


def fashion() -> TaskSet:
    """Return titles of a fashion catalogue, with the example's functions."""
    example = module("fashion_crossmodal", "load")
    items = example.with_gold(example.read_local(ROOT).drop("jpg"))
    folder = EXAMPLES / "fashion_crossmodal"
    graph = read_settings(folder, several_tasks=True).graph
    votes = answers(load_functions(folder), items, graph)
    return TaskSet("fashion_xmodal", votes, {t: _coded(graph, t, items[t]) for t in graph.names}, _unread(items))


LOADERS: dict[str, Callable[[], TaskSet]] = {
    "trec": questions,
    "openi_reports": reports,
    "fashion_xmodal": fashion,
}


def answers(functions: Sequence[LabelingFunction], rows: pl.DataFrame, graph: TaskGraph) -> TaskVotes:
    """Call every function on every row, and return what they say: a column for each function and task it votes on."""
    codes: dict[str, dict[str, Ints]] = {task: {} for task in graph.names}
    means: dict[tuple[str, str], dict[frozenset[int], int]] = {}
    for position, row in enumerate(rows.iter_rows(named=True)):
        for function in functions:
            for task, answer in by_task(function(row), function.tasks or ()).items():
                states = graph.states(task)
                said = frozenset(states.index(state) for state in choices(answer))
                known = means.setdefault((task, function.name), {})
                column = codes[task].setdefault(function.name, np.full(rows.height, -1))
                column[position] = known.setdefault(said, len(known))
    return TaskVotes(
        graph,
        {
            task: lw.Votes(
                np.column_stack(list(columns.values())),
                classes=graph.states(task),
                sources=list(columns),
                example_ids=rows["id"].to_numpy(),
                alphabet={source: tuple(means[task, source]) for source in columns},
            )
            for task, columns in codes.items()
            if columns
        },
    )


def _coded(graph: TaskGraph, task: str, states: pl.Series) -> Ints:
    return class_codes(states, graph.states(task))


def _unread(rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray(rows["split"].to_numpy() != "train")


def _texts(folder: str, *columns: str) -> pl.DataFrame:
    """Return the texts of the three splits with an id each."""
    found = pl.read_parquet(ROOT / folder / "text.parquet", columns=["split", "row", *columns])
    parts = [found.filter(pl.col("split") == split).sort("row") for split in SPLITS]
    return pl.concat(parts).with_columns(id=pl.format("{}-{}", "split", "row"))


def _published(folder: str, classes: list[str], ids: npt.NDArray[np.str_]) -> lw.Votes:
    with np.load(ROOT / folder / "data.npz") as arrays:
        values = np.concatenate([arrays[f"L_{split}"] for split in SPLITS])
    sources = [f"published_{j}" for j in range(values.shape[1])]
    return lw.Votes(values, classes=classes, sources=sources, example_ids=ids)


def _given(folder: str) -> Ints:
    with np.load(ROOT / folder / "data.npz") as arrays:
        return np.concatenate([arrays[f"y_{split}"] for split in SPLITS]).astype(np.int64)
