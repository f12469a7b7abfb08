"""Names of a package that load on first use (PEP 562), so that importing it costs milliseconds."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

__all__ = ["load_on_use"]


def load_on_use(package: str, homes: Mapping[str, str], modules: Collection[str] = ()) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package: what Python calls for a name that the package does not have yet.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        Name -> the module below the package in which it is.
    modules : collection of str
        Modules below the package that stand for themselves.

    Examples
    --------
    >>> load = load_on_use("concurrent", {"Future": "futures"}, ["futures"])
    >>> load("Future").__name__, load("futures").__name__
    ('Future', 'concurrent.futures')
    >>> load("Past")
    Traceback (most recent call last):
    AttributeError: module 'concurrent' has no attribute 'Past'
    """

    def load(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
