"""The thin layer over an example that takes a preprocessor's writes."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from labelwright.core.errors import FunctionError

__all__ = ["Layer", "hashable_value"]


class Layer:
    """An example with attributes added on top; the example below is never written to.

    Reading falls through to the example; writing stays in the layer. A list, dict, set or array is copied when it is
    first read, so that changing it in place stays in the layer as well.

    Parameters
    ----------
    example : object
        What lies below: anything with attributes, or a mapping.
    added : mapping of str to object, optional
        Attributes to start with.

    Examples
    --------
    >>> row = {"text": "HELLO", "tags": []}
    >>> x = Layer(row)
    >>> x.lower = x.text.lower()
    >>> x.tags.append("loud")
    >>> x["lower"], x.tags, row
    ('hello', ['loud'], {'text': 'HELLO', 'tags': []})
    """

    __slots__ = ("__dict__", "_example")

    _example: Any

    def __init__(self, example: Any, added: Mapping[str, Any] | None = None) -> None:
        if isinstance(example, Layer):
            # Layers do not pile up: a chain of ten preprocessors still reads the example in one step.
            object.__setattr__(self, "_example", example._example)
            self.__dict__.update(example.__dict__)
        else:
            object.__setattr__(self, "_example", example)
        if added:
            self.__dict__.update(added)

    def __getattr__(self, name: str) -> Any:
        # Only reached when the layer itself has no such attribute.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = _read(object.__getattribute__(self, "_example"), name)
        if _is_mutable(value):
            value = copy.deepcopy(value)
            self.__dict__[name] = value
        return value

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def get(self, name: str, default: Any = None) -> Any:
        """Value of a field, or ``default`` where there is none."""
        return getattr(self, name, default)

    def keys(self) -> tuple[str, ...]:
        """Names of the fields, the example's first, then the added ones."""
        return tuple(dict.fromkeys((*_names(self._example), *self.__dict__)))

    def __repr__(self) -> str:
        return f"Layer({self._example!r}, added={sorted(self.__dict__)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Layer, (self._example, dict(self.__dict__))


def _read(example: Any, name: str) -> Any:
    if isinstance(example, Mapping):
        if name in example:
            return example[name]
        raise AttributeError(f"the example has no field {name!r}; it has {', '.join(map(repr, _names(example)))}")
    return getattr(example, name)


def _names(example: Any) -> tuple[str, ...]:
    """Names of the fields of any example: records, mappings, named tuples, pandas rows, plain objects."""
    keys = getattr(example, "keys", None)
    if callable(keys):
        return tuple(keys())
    named = getattr(example, "_fields", None)
    if isinstance(named, tuple):
        return named
    return tuple(getattr(example, "__dict__", ()))


def _is_mutable(value: Any) -> bool:
    # Arrays are recognised by name: numpy's cost on import is not this module's to decide.
    return isinstance(value, (list, dict, set, bytearray)) or type(value).__name__ == "ndarray"


def hashable_value(value: Any, field: str, name: str) -> Hashable:
    """Turn the value of a field into part of a memo's key.

    Parameters
    ----------
    value : object
        The value.
    field, name : str
        The field and the preprocessor, for the message.

    Returns
    -------
    hashable
        Equal for equal values of the same type.

    Raises
    ------
    FunctionError
        The value has no hash.
    """
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(hashable_value(item, field, name) for item in value)
    if isinstance(value, dict):
        return "dict", frozenset((key, hashable_value(item, field, name)) for key, item in value.items())
    if isinstance(value, (set, frozenset)):
        return "set", frozenset(value)
    if type(value).__name__ == "ndarray" and value.dtype != object:
        return "ndarray", value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
    except TypeError:
        raise FunctionError(
            f"preprocessor {name!r} cannot remember results by field {field!r}: a {type(value).__name__} has no hash; "
            "give memoize_key=, or fields= without it"
        ) from None
    # 1, 1.0 and True are equal keys in Python but not equal inputs.
    return type(value).__name__, value
