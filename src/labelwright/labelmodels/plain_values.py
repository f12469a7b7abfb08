"""What label models are made of as JSON, and back: arrays, options, parameters. No pickle; floats bit for bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from labelwright.core.errors import ModelError

from .base import Outcome, Params
from .dependencies.dependency import Dependencies, Dependency

__all__ = ["option", "options_of", "params_of", "plain", "plain_params", "restored", "restored_option"]

P = TypeVar("P", bound=Params)

# What an option may hold beside numbers, text, and lists and mappings of them.
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Dependencies, Dependency, Outcome)}


def plain_params(params: Params) -> dict[str, Any]:
    """Return what a label model of one task learned, as JSON."""
    return {f.name: plain(getattr(params, f.name)) for f in dataclasses.fields(params)}


def params_of(params_type: type[P], saved: Mapping[str, Any]) -> P:
    """Return the parameters that `plain_params` wrote, their shapes checked."""
    values = dict(saved)
    values["outcome"] = Outcome(**values["outcome"])
    values["classes"], values["sources"] = tuple(values["classes"]), tuple(values["sources"])
    values["alphabet"] = tuple((s, tuple(frozenset(c) for c in sets)) for s, sets in values["alphabet"])
    params = params_type(**{name: restored(value) for name, value in values.items()})
    _check_shapes(params)
    return params


def options_of(model: Any) -> dict[str, Any]:
    """Return the options of a model, as JSON."""
    return {name: option(value, name) for name, value in model.get_params().items()}


def _check_shapes(params: Params) -> None:
    """Raise ModelError unless the arrays of ``params`` have the shapes that its classes and sources give."""
    for name, expected in params.shapes().items():
        shape = np.shape(getattr(params, name))
        if shape != expected:
            raise ModelError(
                f"this is not a saved label model: {name} has the shape {shape}, but {len(params.sources)} sources and "
                f"{len(params.classes)} classes need {expected}. Save the model again."
            )


def plain(value: Any) -> Any:
    """Return arrays with their shape and type, NaN as None (JSON has no NaN), sets as sorted lists."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": plain(value.ravel().tolist())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and np.isnan(value) else value


def option(value: Any, name: str) -> Any:
    """Return the value of the option ``name`` as JSON: arrays as lists, which constructors take, and NaN as None."""
    if type(value) in _KINDS.values():
        fields = {f.name: option(getattr(value, f.name), name) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": fields}
    if isinstance(value, Mapping):
        return {str(key): option(one, name) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        # Sets have no order of their own, and the same model is to be the same bytes.
        return [option(one, name) for one in sorted(value, key=repr)]
    if isinstance(value, (list, tuple)):
        return [option(one, name) for one in value]
    if hasattr(value, "tolist"):
        return option(value.tolist(), name)
    if value is None or isinstance(value, (bool, int, float, str)):
        return plain(value)
    raise ModelError(
        f"the option {name} holds {value!r}, which cannot be saved; use numbers, text, lists or mappings of them."
    )


def restored_option(value: Any) -> Any:
    """Return the option that `option` described."""
    if isinstance(value, list):
        return [restored_option(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"kind", "fields"} or not isinstance(value["kind"], str) or value["kind"] not in _KINDS:
        return {key: restored_option(one) for key, one in value.items()}
    kind = _KINDS[value["kind"]]
    fields = {name: restored_option(one) for name, one in value["fields"].items()}
    # Their fields know no lists, and no None: both stand for what JSON has not.
    fields = {name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()}
    return kind(**{name: np.nan if one is None else one for name, one in fields.items()})


def restored(value: Any) -> Any:
    """Return the array that ``value`` describes, or ``value`` itself."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "values"}:
        values = [np.nan if v is None else v for v in value["values"]]
        return np.array(values, dtype=np.dtype(value["dtype"])).reshape(value["shape"])
    return value
