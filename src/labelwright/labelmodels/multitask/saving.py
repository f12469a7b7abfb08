"""A fitted joint label model as a plain dictionary, for JSON: its graph, and each component by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelwright.core import Task, TaskGraph, VoteFrame
from labelwright.core.errors import ModelError
from labelwright.core.tasks import Equal, Excludes, Feasible, Implies, Refines, Relation
from labelwright.labelmodels.base import Outcome
from labelwright.labelmodels.default.label_model import LabelModelParams
from labelwright.labelmodels.plain_values import (
    options_of,
    params_of,
    plain,
    plain_params,
    restored,
    restored_option,
)

from .components import ComponentParams
from .model import MultiTask
from .params import MultiTaskParams
from .readers import Reader

__all__ = ["component_of", "graph_of", "multi_task_of", "plain_component", "plain_graph", "plain_multi_task"]

_RELATIONS: dict[str, type[Relation]] = {kind.__name__: kind for kind in (Refines, Implies, Excludes, Equal, Feasible)}


def plain_multi_task(model: MultiTask) -> dict[str, Any]:
    """Return a fitted joint label model as JSON; see `labelwright.labelmodels.to_dict`."""
    params = model._fitted()
    return {
        "method": MultiTask.__name__,
        "module": MultiTask.__module__,
        "options": options_of(model),
        "graph": plain_graph(params.graph),
        "components": [plain_component(one) for one in params.components],
    }


def multi_task_of(saved: dict[str, Any]) -> MultiTask:
    """Return the model that `plain_multi_task` wrote."""
    model = MultiTask(**{name: restored_option(value) for name, value in saved["options"].items()})
    graph = graph_of(saved["graph"])
    components = tuple(component_of(one) for one in saved["components"])
    if sorted(one.graph.names for one in components) != sorted(part.names for part in graph.parts):
        raise ValueError(f"the components are not those of the graph over {', '.join(graph.names)}")
    model.params_ = MultiTaskParams(graph, components)
    return model


def plain_graph(graph: TaskGraph) -> dict[str, Any]:
    """Return a task graph as JSON.

    Examples
    --------
    >>> graph = TaskGraph.multi_label(["dog", "pet"], [Implies(("dog", "yes"), ("pet", "yes"))])
    >>> graph_of(plain_graph(graph)).relations == graph.relations
    True
    """
    return {
        "tasks": [{"name": task.name, "classes": list(task.classes)} for task in graph.tasks],
        "relations": [
            {"kind": type(one).__name__} | {f.name: _listed(getattr(one, f.name)) for f in dataclasses.fields(one)}
            for one in graph.relations
        ],
        "most_states": graph.most_states,
    }


def graph_of(saved: dict[str, Any]) -> TaskGraph:
    """Return the graph that `plain_graph` wrote."""
    relations = [_relation(**one) for one in saved["relations"]]
    tasks = [Task(one["name"], one["classes"]) for one in saved["tasks"]]
    return TaskGraph(tasks, relations, most_states=saved["most_states"])


def _relation(kind: str, **fields: Any) -> Relation:
    values = {name: _nested(value) for name, value in fields.items()}
    # It takes its pairs one by one.
    return Excludes(*values["pairs"]) if kind == Excludes.__name__ else _RELATIONS[kind](**values)


def plain_component(component: ComponentParams) -> dict[str, Any]:
    """Return what is learned about one component as JSON."""
    return {
        "graph": plain_graph(component.graph),
        "sources": {task: list(names) for task, names in component.sources.items()},
        "alphabets": {task: {s: plain(sets) for s, sets in own.items()} for task, own in component.alphabets.items()},
        "single": None if component.single is None else plain_params(component.single),
        "readers": {task: _plain_reader(one) for task, one in component.readers.items()},
        "rates": {task: plain(one) for task, one in component.rates.items()},
        "weights": [plain(one) for one in component.weights],
        "outcome": dataclasses.asdict(component.outcome),
        "handed_up": component.handed_up,
    }


def component_of(saved: dict[str, Any]) -> ComponentParams:
    """Return the component that `plain_component` wrote, its shapes checked."""
    single = saved["single"]
    component = ComponentParams(
        graph_of(saved["graph"]),
        {task: tuple(names) for task, names in saved["sources"].items()},
        {
            task: {source: tuple(map(frozenset, sets)) for source, sets in own.items()}
            for task, own in saved["alphabets"].items()
        },
        None if single is None else params_of(LabelModelParams, single),
        {task: _reader_of(one) for task, one in saved["readers"].items()},
        {task: restored(one) for task, one in saved["rates"].items()},
        tuple(restored(one) for one in saved["weights"]),
        Outcome(**saved["outcome"]),
        # Models that were saved before votes were handed up lack the word.
        handed_up=bool(saved.get("handed_up", False)),
    )
    _check_fits(component)
    return component


def _plain_reader(reader: Reader) -> dict[str, Any]:
    return {
        "classes": list(reader.frame.classes),
        "sources": list(reader.frame.sources),
        "alphabet": plain(reader.frame.alphabet),
        "params": None if reader.params is None else plain_params(reader.params),
        "balance": plain(reader.balance),
        "accuracies": plain(reader.accuracies),
        "discounts": plain(reader.discounts),
        "sharpness": reader.sharpness,
    }


def _reader_of(saved: dict[str, Any]) -> Reader:
    alphabet = tuple((source, tuple(frozenset(one) for one in sets)) for source, sets in saved["alphabet"])
    frame = VoteFrame(tuple(saved["classes"]), tuple(saved["sources"]), alphabet)
    params = None if saved["params"] is None else params_of(LabelModelParams, saved["params"])
    balance, accuracies, discounts = (restored(saved[name]) for name in ("balance", "accuracies", "discounts"))
    # Models that were saved before readers were sharpened lack the word.
    return Reader(frame, params, balance, accuracies, discounts, float(saved.get("sharpness", 1.0)))


def _check_fits(component: ComponentParams) -> None:
    """Raise ModelError unless arrays have the shapes that the graph and the sources give."""
    graph = component.graph
    for c, (clique, weights) in enumerate(zip(graph.tree.cliques, component.weights, strict=True)):
        _check_shape(f"the weights of clique {c}", weights, (len(clique.states),))
    for task, reader in component.readers.items():
        m = len(reader.frame.sources if component.handed_up else component.sources[task])
        k = len(graph.tasks[graph.names.index(task)].classes)
        _check_shape(f"the accuracies of task {task!r}", reader.accuracies, (m,))
        _check_shape(f"the discounts of task {task!r}", reader.discounts, (m,))
        _check_shape(f"the balance of task {task!r}", reader.balance, (k,))
        if task in component.rates:
            _check_shape(f"the rates of task {task!r}", component.rates[task], (m, 2, 3))


def _check_shape(name: str, array: Any, shape: tuple[int, ...]) -> None:
    if np.shape(array) != shape:
        raise ModelError(
            f"this is not a saved label model: {name} have the shape {np.shape(array)}, but the graph and the sources "
            f"need {shape}. Save the model again."
        )


def _listed(value: Any) -> Any:
    """Return tuples as lists, and sets as lists in an order of their own."""
    if isinstance(value, frozenset):
        return [_listed(one) for one in sorted(value, key=repr)]
    return [_listed(one) for one in value] if isinstance(value, tuple) else value


def _nested(value: Any) -> Any:
    """Return lists as tuples."""
    return tuple(_nested(one) for one in value) if isinstance(value, list) else value
