"""Fitted label models as plain dictionaries, for JSON: no pickle."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params

__all__ = ["from_dict", "to_dict"]


def to_dict(model: BaseLabelModel[Any, Any]) -> dict[str, Any]:
    """Return a fitted label model as a dictionary that JSON can hold; floats survive bit for bit.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted. The stats it was learned from are not kept.

    Examples
    --------
    >>> import json
    >>> from labelwright.labelmodels import MajorityVote
    >>> model = MajorityVote().fit([[0, 1], [1, 1]])
    >>> again = from_dict(json.loads(json.dumps(to_dict(model))))
    >>> again.predict_proba([[0, 1]]).tolist()
    [[0.5, 0.5]]
    """
    params = model._fitted()
    method = type(model).__name__
    values = {f.name: _plain(getattr(params, f.name)) for f in dataclasses.fields(params)}
    return {"method": method, "options": {k: _option(v) for k, v in model.get_params().items()}, "params": values}


def from_dict(saved: dict[str, Any]) -> BaseLabelModel[Any, Any]:
    """Return the fitted label model that `to_dict` wrote; methods defined elsewhere must have been imported.

    Raises
    ------
    ModelError
        If the method is unknown, something is missing, or an array does not fit the classes and sources.
    """
    try:
        model_type = _methods(BaseLabelModel)[saved["method"]]
        values = dict(saved["params"])
        values["outcome"] = Outcome(**values["outcome"])
        values["classes"], values["sources"] = tuple(values["classes"]), tuple(values["sources"])
        values["alphabet"] = tuple((s, tuple(frozenset(c) for c in sets)) for s, sets in values["alphabet"])
        model = model_type(**saved["options"])
        params = model_type.params_type(**{name: _restored(value) for name, value in values.items()})
        _check_shapes(params)
        model._plant(params)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"this is not a saved label model ({type(error).__name__}: {error}).") from error
    return model


def _check_shapes(params: Params) -> None:
    """Raise ModelError unless the arrays of ``params`` have the shapes that its classes and sources give."""
    for name, expected in params.shapes().items():
        shape = np.shape(getattr(params, name))
        if shape != expected:
            raise ModelError(
                f"this is not a saved label model: {name} has the shape {shape}, but {len(params.sources)} sources and "
                f"{len(params.classes)} classes need {expected}. Save the model again."
            )


def _methods(parent: Any) -> dict[str, type[BaseLabelModel[Any, Any]]]:
    """Return every label model that has been imported, by name."""
    found = {c.__name__: c for c in parent.__subclasses__()}
    for child in list(found.values()):
        found |= _methods(child)
    return found


def _plain(value: Any) -> Any:
    """Return arrays with their shape and type, NaN as None (JSON has no NaN), sets as sorted lists."""
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": _plain(value.ravel().tolist())}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and np.isnan(value) else value


def _option(value: Any) -> Any:
    """Return an option as JSON: arrays as lists, which constructors take as well."""
    return _plain(value.tolist() if isinstance(value, np.ndarray) else value)


def _restored(value: Any) -> Any:
    """Return the array that ``value`` describes, or ``value`` itself."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "values"}:
        values = [np.nan if v is None else v for v in value["values"]]
        return np.array(values, dtype=np.dtype(value["dtype"])).reshape(value["shape"])
    return value
