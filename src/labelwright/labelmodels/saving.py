"""Fitted label models as plain dictionaries, for JSON: no pickle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labelwright.core.errors import ModelError

from .base import BaseLabelModel
from .multitask.model import MultiTask
from .multitask.saving import multi_task_of, plain_multi_task
from .plain_values import options_of, params_of, plain_params, restored_option

__all__ = ["from_dict", "to_dict"]


def to_dict(model: BaseLabelModel[Any, Any] | MultiTask) -> dict[str, Any]:
    """Return a fitted label model as a dictionary that JSON can hold; floats survive bit for bit.

    Parameters
    ----------
    model : BaseLabelModel or MultiTask
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
    if isinstance(model, MultiTask):
        return plain_multi_task(model)
    params = model._fitted()
    kind = type(model)
    options = options_of(model)
    return {"method": kind.__name__, "module": kind.__module__, "options": options, "params": plain_params(params)}


def from_dict(saved: dict[str, Any]) -> Any:
    """Return the fitted label model that `to_dict` wrote; methods defined elsewhere must have been imported.

    Raises
    ------
    ModelError
        If the method is unknown, something is missing, or an array does not fit the classes and sources.
    """
    try:
        if saved["method"] == MultiTask.__name__:
            return multi_task_of(saved)
        model_type = _method(saved["method"], saved.get("module"))
        model = model_type(**{name: restored_option(value) for name, value in saved["options"].items()})
        model._plant(params_of(model_type.params_type, saved["params"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"this is not a saved label model ({type(error).__name__}: {error}).") from error
    return model


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
