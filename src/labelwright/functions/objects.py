"""What objects are made of, as far as Python can see: helpers of the walk."""

from __future__ import annotations

import functools
import logging
import operator
import reprlib
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from typing import Any, Generic

from .names import Package
from .origins import OWN, STANDARD, origin_of, package_of
from .sources import Source

__all__ = [
    "CONTAINERS",
    "DESCRIPTORS",
    "dispatch_table",
    "file_of_class",
    "is_importable",
    "is_object_array",
    "is_within",
    "made_of",
    "shortened",
    "state_of",
]

_VALUE_BASES = (dict, list, tuple, set, frozenset, str, bytes, int, float)
_BOUND_IN_C = (types.BuiltinFunctionType, types.MethodWrapperType)
_NAMED_IN_C = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)
DESCRIPTORS = (
    *(types.FunctionType, staticmethod, classmethod, property, functools.cached_property),
    *(types.MemberDescriptorType, types.GetSetDescriptorType),
    type(vars(namedtuple("_", "field"))["field"]),
)


CONTAINERS = frozenset(
    (
        *(list, tuple, set, frozenset, dict, slice, OrderedDict, defaultdict, Counter, deque),
        *(types.MappingProxyType, types.SimpleNamespace),
    )
)


_DISPATCHER: types.CodeType = functools.singledispatch(lambda x: x).__code__  # type: ignore[attr-defined]  # typeshed does not know it


def dispatch_table(function: types.FunctionType) -> dict[str, Any] | None:
    """The functions among which a ``functools.singledispatch`` chooses, by the name of the type; None for any other."""
    if function.__code__ is not _DISPATCHER:
        return None
    table: dict[type, Any] = function.registry  # type: ignore[attr-defined]  # typeshed does not know it
    return {f"{kind.__module__}.{kind.__qualname__}": table[kind] for kind in table}


def is_object_array(obj: Any) -> bool:
    """Whether an object is a numpy array of Python objects."""
    return type(obj).__name__ == "ndarray" and type(obj).__module__ == "numpy" and obj.dtype.hasobject


def made_of(obj: Any) -> tuple[str, str, dict[str, Any]] | None:
    """Kind, name and ingredients of an object that is no more than its ingredients."""
    if _is_of_hidden_instance(obj):
        return "builtin", f"{package_of(type(obj.__self__))}.{obj.__name__}", {}
    if isinstance(obj, types.MethodType):
        return "method", "", {"function": obj.__func__, "self": obj.__self__}
    if isinstance(obj, functools.partial):
        return "partial", "", {"function": obj.func, "arguments": obj.args, "keywords": dict(obj.keywords)}
    if isinstance(obj, (staticmethod, classmethod)):
        return type(obj).__name__, "", {"function": obj.__func__}
    if isinstance(obj, property):
        return "property", "", {"get": obj.fget}
    if isinstance(obj, (operator.itemgetter, operator.attrgetter, operator.methodcaller)):
        return "operator", type(obj).__name__, {"arguments": list(obj.__reduce__()[1:])}
    if isinstance(obj, types.UnionType):
        return "union", "", {"types": list(obj.__args__)}
    if isinstance(obj, logging.Logger):
        return "logger", "", {}  # what is logged is no part of the answer
    if isinstance(obj, types.GenericAlias) or type(obj).__module__ == "typing":
        return "type hint", "", {}
    if isinstance(obj, _NAMED_IN_C):
        return "builtin", f"{obj.__objclass__.__qualname__}.{obj.__name__}", {}
    if isinstance(obj, _BOUND_IN_C) and not isinstance(obj.__self__, (types.ModuleType, type(None))):
        return "method", obj.__name__, {"self": obj.__self__}
    whose = origin_of(type(obj))
    if whose != OWN and callable(obj) and isinstance(getattr(obj, "__wrapped__", None), types.FunctionType):
        made = {"function": obj.__wrapped__} | ({} if whose == STANDARD else {"package": Package(whose)})
        return "wrapper", f"{package_of(type(obj))}.{type(obj).__name__}", made
    if callable(obj) and isinstance(getattr(obj, "__name__", None), str):
        origin = origin_of(obj)
        if origin != OWN and is_importable(obj, origin):
            package = "" if origin == STANDARD else origin
            return "builtin", f"{package_of(obj)}.{obj.__name__}", {"package": Package(package)} if package else {}
    return None


def _is_of_hidden_instance(obj: Any) -> bool:
    """Whether an object is a function of the standard library that is really a method: ``random.choice``."""
    if not isinstance(obj, (types.MethodType, types.BuiltinMethodType)) or obj.__self__ is None:
        return False
    kind = type(obj.__self__)
    named = getattr(sys.modules.get(kind.__module__), obj.__name__, None)
    return kind is not types.ModuleType and named == obj and origin_of(kind) == STANDARD


def is_importable(obj: Any, origin: str) -> bool:
    """Whether an object is what its name says in the installed module that it names."""
    module = sys.modules.get(getattr(obj, "__module__", None) or "")
    if module is None:
        # Builtins of C modules that name no module: found by their owner.
        owner = getattr(obj, "__self__", None)
        module = owner if isinstance(owner, types.ModuleType) else None
    if module is None or origin_of(module) != origin:
        return False
    value: Any = module
    for name in getattr(obj, "__qualname__", obj.__name__).split("."):
        value = getattr(value, name, None)
    return value is obj


def is_within(function: types.FunctionType, source: Source, filename: str) -> bool:
    """Whether a function is written within a definition."""
    code = function.__code__
    return code.co_filename == filename and 0 <= code.co_firstlineno - source.line <= source.text.count("\n")


def file_of_class(kind: type) -> str | None:
    """File that a class was written in, told by its methods where its module has none (notebooks, doctests)."""
    for value in vars(kind).values():
        method = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if not isinstance(method, types.FunctionType) or method.__module__ != kind.__module__:
            continue  # borrowed from elsewhere
        # What a decorator wrote comes from the decorator's file, or from none at all.
        if origin_of(method) == OWN and method.__code__.co_filename != "<string>":
            return method.__code__.co_filename
    return getattr(sys.modules.get(kind.__module__), "__file__", None)


def state_of(obj: Any) -> dict[str, Any] | None:
    """What an instance holds, or None where some of it is out of Python's sight."""
    state: dict[str, Any] = {}
    for kind in type(obj).__mro__:
        if kind in _VALUE_BASES:
            state["value"] = kind(obj)
        elif _is_made_in_c(kind):
            return None
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                state[name] = getattr(obj, name)
    state |= getattr(obj, "__dict__", {})
    # functools.update_wrapper lends an object the name and the text of what it wraps.
    kept = {name: value for name, value in state.items() if name not in _LENT}
    # What a cached property has worked out so far says nothing new.
    return {n: v for n, v in kept.items() if not isinstance(getattr(type(obj), n, None), functools.cached_property)}


_LENT = frozenset(("__module__", "__name__", "__qualname__", "__doc__", "__annotations__", "__type_params__"))


def _is_made_in_c(kind: type) -> bool:
    """Whether instances may hold memory that no attribute shows."""
    if kind in (object, Generic):
        return False
    named = vars(kind).values()
    return any(isinstance(value, (types.MethodDescriptorType, types.WrapperDescriptorType)) for value in named)


def shortened(value: Any) -> str:
    """A value in a few words, for people."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{type(value).__name__} of shape {shape}"
    if type(value).__module__ not in ("builtins", "re", "pathlib", "datetime", "decimal", "pathlib._local"):
        return type(value).__name__
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 80
    shortener.maxset = shortener.maxlist = shortener.maxdict = 8
    return shortener.repr(value)
