"""Where code comes from: the project's own, an installed distribution, or the standard library."""

from __future__ import annotations

import builtins
import importlib.metadata
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

__all__ = ["OWN", "STANDARD", "distribution_of", "origin_of", "package_of"]

OWN = "own"
STANDARD = "standard library"
_HOUSE = "labelwright"
_MAIN = ("__main__", "__mp_main__")


def is_house(module: str) -> bool:
    """Whether a module is part of this package."""
    return module.partition(".")[0] == _HOUSE


def origin_of(obj: Any) -> str:
    """Say where a module, function or class comes from.

    Parameters
    ----------
    obj : module, function, class or other object
        What is asked about; of another object, its ``__module__`` decides, or its class.

    Returns
    -------
    str
        ``OWN``, ``STANDARD``, or the name of a top-level package that somebody else maintains. An editable
        installation is own code: its version does not change when it is edited.

    Examples
    --------
    >>> import json, numpy
    >>> origin_of(json), origin_of(numpy), origin_of(numpy.linalg.norm), origin_of(len)
    ('standard library', 'numpy', 'numpy', 'standard library')
    """
    package = package_of(obj)
    if isinstance(obj, ModuleType):
        return _origin(package, getattr(obj, "__file__", None))
    if isinstance(obj, FunctionType):
        # functools.wraps lends a wrapper the name of somebody else's module; its code tells the truth.
        return _origin(package, obj.__code__.co_filename)
    if package in _MAIN:
        return OWN  # although the program that runs it may be installed (python -m something)
    module = sys.modules.get(_module_name(obj) or "")
    return _origin(package, getattr(module, "__file__", None))


def _origin(package: str, filename: str | None) -> str:
    if package == _HOUSE and not (filename or "").startswith("<"):
        return _HOUSE
    if filename is not None and not filename.startswith("<"):
        return _origin_of_file(filename, package)
    if filename is not None and filename.startswith("<frozen"):
        return STANDARD
    if package in sys.stdlib_module_names and package not in _MAIN:
        return STANDARD
    if filename is None and package not in _MAIN and package in sys.modules:
        # A namespace package has no file of its own; an extension built into an installed package has none either.
        paths = list(getattr(sys.modules[package], "__path__", ()))
        if paths:
            return _origin_of_file(str(Path(paths[0]) / "__init__.py"), package)
    return OWN


@lru_cache(maxsize=4096)
def _origin_of_file(filename: str, package: str) -> str:
    path = Path(filename).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return _top_level(path) or package
    for name in ("stdlib", "platstdlib"):
        root = sysconfig.get_path(name)
        if root and path.is_relative_to(Path(root).resolve()):
            return STANDARD
    return OWN


def _top_level(path: Path) -> str | None:
    """Name of the package that a file under ``site-packages`` belongs to."""
    for marker in ("site-packages", "dist-packages"):
        if marker in path.parts:
            index = len(path.parts) - 1 - path.parts[::-1].index(marker)
            below = path.parts[index + 1]
            return below.partition(".")[0]
    return None


def package_of(obj: Any) -> str:
    """Name of the top-level package of an object, without the underscore of an accelerated twin.

    Examples
    --------
    >>> import functools
    >>> package_of(functools.reduce)  # really _functools.reduce
    'functools'
    """
    name = obj.__name__ if isinstance(obj, ModuleType) else _module_name(obj)
    root = (name or "").partition(".")[0]
    if root.startswith("_") and root[1:] in sys.stdlib_module_names:
        root = root[1:]
    # The operating system's face of `os` has another name on every platform.
    return {"posix": "os", "nt": "os", "posixpath": "os", "ntpath": "os"}.get(root, root)


def _module_name(obj: Any) -> str | None:
    name = getattr(obj, "__module__", None)
    if not isinstance(name, str):
        owner = getattr(obj, "__objclass__", None) or type(getattr(obj, "__self__", obj))
        name = getattr(owner, "__module__", None)
    if isinstance(obj, (BuiltinFunctionType, type)) and name is None:
        name = builtins.__name__
    return name if isinstance(name, str) else None


@lru_cache(maxsize=256)
def distribution_of(package: str) -> tuple[str, str] | None:
    """Distribution that brings a top-level package, with its version.

    Parameters
    ----------
    package : str
        Name under which it is imported.

    Returns
    -------
    tuple of str or None
        Name and version; None where no metadata and no ``__version__`` tell.

    Examples
    --------
    >>> name, version = distribution_of("sklearn")
    >>> name
    'scikit-learn'
    """
    for candidate in dict.fromkeys((package, package.replace("_", "-"))):
        try:
            found = importlib.metadata.distribution(candidate)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            continue
        # A distribution may be named like another's package (there is one called "sklearn").
        if package == _HOUSE or _brings(found, package):
            return candidate, found.version
    names = importlib.metadata.packages_distributions().get(package)
    if names:
        # A namespace package is shared by several distributions.
        together = sorted({name.lower().replace("_", "-") for name in names})
        return ", ".join(together), ", ".join(importlib.metadata.version(name) for name in together)
    version = getattr(sys.modules.get(package), "__version__", None)
    return (package, version) if isinstance(version, str) else None


def _brings(distribution: importlib.metadata.Distribution, package: str) -> bool:
    return any(path.parts and path.parts[0] in (package, f"{package}.py") for path in distribution.files or ())
