"""Fitted label models as plain dictionaries, for JSON: no pickle."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from labelwright.core.errors import ModelError

from .base import BaseLabelModel, Outcome, Params
from .dependencies.dependency import Dependencies, Dependency

__all__ = ["from_dict", "to_dict"]

# What an option may hold beside numbers, text, and lists and mappings of them.
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Dependencies, Dependency, Outcome)}


def to_dict(model: BaseLabelModel[Any, Any]) -> dict[str, Any]:
    """Return a fitted label model as a dictionary that JSON can hold; floats survive bit for bit.

    Parameters
    ----------
    model : BaseLabelModel
        Fitted. The stats it was learned from are not kept.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    ModelError
        If an option holds what JSON cannot, such as a random generator.

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
    kind = type(model)
    values = {f.name: _plain(getattr(params, f.name)) for f in dataclasses.fields(params)}
    options = {name: _option(value, name) for name, value in model.get_params().items()}
    return {"method": kind.__name__, "module": kind.__module__, "options": options, "params": values}


def from_dict(saved: dict[str, Any]) -> BaseLabelModel[Any, Any]:
    """Return the fitted label model that `to_dict` wrote; methods defined elsewhere must have been imported.

    Raises
    ------
    ModelError
        If the method is unknown, something is missing, or an array does not fit the classes and sources.
    """
    try:
        model_type = _method(saved["method"], saved.get("module"))
        values = dict(saved["params"])
        values["outcome"] = Outcome(**values["outcome"])
        values["classes"], values["sources"] = tuple(values["classes"]), tuple(values["sources"])
        values["alphabet"] = tuple((s, tuple(frozenset(c) for c in sets)) for s, sets in values["alphabet"])
        model = model_type(**{name: _restored_option(value) for name, value in saved["options"].items()})
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


def _method(name: str, module: str | None) -> type[BaseLabelModel[Any, Any]]:
    """Return the imported label model called ``name``, that of ``module`` where several are called so.

    A class that was defined again, as notebooks do, counts as what it is now.
    """
    found = [kind for kind in _methods(BaseLabelModel) if kind.__name__ == name]
    if not found:
        raise KeyError(f"no label model called {name!r} has been imported")
    return ([kind for kind in found if kind.__module__ == module] or found)[-1]


def _methods(parent: Any) -> Iterator[type[BaseLabelModel[Any, Any]]]:
    """Yield every label model that has been imported, in the order of their definition."""
    for child in parent.__subclasses__():
        yield child
        yield from _methods(child)


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


def _option(value: Any, name: str) -> Any:
    """Return the value of the option ``name`` as JSON: arrays as lists, which constructors take, and NaN as None."""
    if type(value) in _KINDS.values():
        fields = {f.name: _option(getattr(value, f.name), name) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": fields}
    if isinstance(value, Mapping):
        return {str(key): _option(one, name) for key, one in value.items()}
    if isinstance(value, (set, frozenset)):
        # Sets have no order of their own, and the same model is to be the same bytes.
        return [_option(one, name) for one in sorted(value, key=repr)]
    if isinstance(value, (list, tuple)):
        return [_option(one, name) for one in value]
    if hasattr(value, "tolist"):
        return _option(value.tolist(), name)
    if value is None or isinstance(value, (bool, int, float, str)):
        return _plain(value)
    raise ModelError(
        f"the option {name} holds {value!r}, which cannot be saved; use numbers, text, lists or mappings of them."
    )


def _restored_option(value: Any) -> Any:
    """Return the option that `_option` described."""
    if isinstance(value, list):
        return [_restored_option(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() != {"kind", "fields"} or value["kind"] not in _KINDS:
        return {key: _restored_option(one) for key, one in value.items()}
    kind = _KINDS[value["kind"]]
    fields = {name: _restored_option(one) for name, one in value["fields"].items()}
    # Their fields know no lists, and no None: both stand for what JSON has not.
    fields = {name: tuple(one) if isinstance(one, list) else one for name, one in fields.items()}
    return kind(**{name: np.nan if one is None else one for name, one in fields.items()})


def _restored(value: Any) -> Any:
    """Return the array that ``value`` describes, or ``value`` itself."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "values"}:
        values = [np.nan if v is None else v for v in value["values"]]
        return np.array(values, dtype=np.dtype(value["dtype"])).reshape(value["shape"])
    return value
