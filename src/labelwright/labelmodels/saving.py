"""Fitted label models as plain dictionaries, for JSON: no pickle."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params
from .label_model import LabelModel, LabelModelParams
from .majority_vote import MajorityVote

__all__ = ["from_dict", "to_dict"]

_METHODS: dict[str, tuple[type[BaseLabelModel[Any, Any]], type[Params]]] = {
    "LabelModel": (LabelModel, LabelModelParams),
    "MajorityVote": (MajorityVote, Params),
}


def to_dict(model: BaseLabelModel[Any, Any]) -> dict[str, Any]:
    """Return a fitted label model as a dictionary that JSON can hold; floats survive bit for bit.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted. The stats it was learned from are not kept.

    Examples
    --------
    >>> import json
    >>> model = MajorityVote().fit([[0, 1], [1, 1]])
    >>> again = from_dict(json.loads(json.dumps(to_dict(model))))
    >>> again.predict_proba([[0, 1]]).tolist()
    [[0.5, 0.5]]
    """
    params = model._fitted()
    method = type(model).__name__
    if method not in _METHODS:
        raise ModelError(f"{method} is not among the methods that can be saved: {', '.join(_METHODS)}.")
    values = {f.name: _plain(getattr(params, f.name)) for f in dataclasses.fields(params)}
    return {"method": method, "options": {k: _plain(v) for k, v in model.get_params().items()}, "params": values}


def from_dict(saved: dict[str, Any]) -> BaseLabelModel[Any, Any]:
    """Return the fitted label model that :func:`to_dict` wrote.

    Raises
    ------
    ModelError
        If the method is unknown or something is missing.
    """
    try:
        model_type, params_type = _METHODS[saved["method"]]
        values = dict(saved["params"])
        values["outcome"] = Outcome(**values["outcome"])
        values["classes"], values["sources"] = tuple(values["classes"]), tuple(values["sources"])
        values["alphabet"] = tuple((s, tuple(frozenset(c) for c in sets)) for s, sets in values["alphabet"])
        arrays = {name: _array(v) for name, v in values.items() if isinstance(v, list)}
        if "scores" in arrays:
            # A list of no experts has lost the shape of its tables.
            arrays["scores"] = arrays["scores"].reshape(-1, len(arrays["discounts"]), len(values["classes"]))
        model = model_type(**saved["options"])
        model._plant(params_type(**(values | arrays)))
    except (KeyError, TypeError) as error:
        raise ModelError(f"this is not a saved label model ({type(error).__name__}: {error}).") from error
    return model


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
