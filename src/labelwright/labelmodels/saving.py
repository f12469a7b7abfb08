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
    return {"method": method, "options": {k: _plain(v) for k, v in model.get_params().items()}, "params": values}


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
        arrays = {name: _array(v) for name, v in values.items() if isinstance(v, list)}
        if "scores" in arrays:
            # A list of no experts has lost the shape of its tables.
            arrays["scores"] = arrays["scores"].reshape(-1, len(arrays["discounts"]), len(values["classes"]))
        model = model_type(**saved["options"])
        params = model_type.params_type(**(values | arrays))
        _check_shapes(params)
        model._plant(params)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"this is not a saved label model ({type(error).__name__}: {error}).") from error
    return model


def _check_shapes(params: Params) -> None:
    """Raise ModelError unless the arrays of ``params`` have the shapes that its classes and sources give."""
    frame = params.frame
    features, experts = int(frame.sizes.sum()), len(getattr(params, "scores", ()))
    shapes = {
        "class_balance": (frame.k,),
        "accuracies": (frame.m,),
        "scores": (experts, features, frame.k),
        "shares": (experts + 1,),
        "discounts": (features,),
    }
    for name in sorted(shapes.keys() & {f.name for f in dataclasses.fields(params)}):
        shape = np.shape(getattr(params, name))
        if shape != shapes[name]:
            raise ModelError(
                f"this is not a saved label model: {name} has the shape {shape}, but {frame.m} sources and {frame.k} "
                f"classes need {shapes[name]}. Save the model again."
            )


def _methods(parent: Any) -> dict[str, type[BaseLabelModel[Any, Any]]]:
    """Return every label model that has been imported, by name."""
    found = {c.__name__: c for c in parent.__subclasses__()}
    for child in list(found.values()):
        found |= _methods(child)
    return found


def _plain(value: Any) -> Any:
    """Return arrays as lists, NaN as None (JSON has no NaN), sets as sorted lists."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return None if isinstance(value, float) and np.isnan(value) else value


def _array(value: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(value, dtype=np.float64)
